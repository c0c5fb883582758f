"""From trained checkpoints to exported models, and the one look at test data."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import torch
from torch import Tensor, nn

from sugata.compression import compress
from sugata.errors import DataError, RunFolderError
from sugata.evaluators.training import compression_of
from sugata.export import export_folder, load_folder
from sugata.measure import onnx_session
from sugata.nn import LanguageModel
from sugata.reuse import trial_folder
from sugata.run.assembly import Assembly, assemble
from sugata.run.folder import BEST, FINAL, FIRST_FINAL
from sugata.run.result import Result
from sugata.spaces.language import LanguageSpace
from sugata.tasks import CodeLanguageModelling, generate
from sugata.training import CHECKPOINT, load_weights
from sugata.trial import Trial, Value

_SAMPLE_TOKENS = 120
_PROMPT = "def "


def export_trial(assembly: Assembly, trial: Trial, trained: Path, target: Path) -> Path:
    """Export a trained trial: compressed weights, tokenizer, ONNX, model card.

    Args:
        trained: the folder with the trial's checkpoint.
        target: the folder to write.

    Raises:
        RunFolderError: the checkpoint is gone.
    """
    space, task = assembly.space, assembly.task
    assert isinstance(space, LanguageSpace)
    assert isinstance(task, CodeLanguageModelling)
    architecture = space.architecture(trial.proposal.architecture)
    if not (trained / CHECKPOINT).is_file():
        (trained / "architecture.json").write_text(architecture.to_json() + "\n")
        raise RunFolderError(
            f"{trained}: its weights are not kept, only those of the highest rung; "
            f"train it again: sugata train {trained / 'architecture.json'} --to FOLDER"
        )
    model = LanguageModel(space.config(architecture))
    load_weights(trained / CHECKPOINT, model)
    compressed = compress(model, **vars(compression_of(architecture)))
    with NamedTemporaryFile("w", suffix=".json") as tokenizer:
        tokenizer.write(task.tokenizer(architecture).to_str())
        tokenizer.flush()
        name = f"sugata-{assembly.recipe.name}"
        facts = json.loads(architecture.to_json())
        export_folder(target, compressed, facts, tokenizer.name, dict(trial.metrics), name=name)
    return target


def export_finals(assembly: Assembly, result: Result) -> list[str]:
    """Export the fully trained winners: the best to ``best``, others to ``best-2`` and so on."""
    folders = []
    for place, trial in enumerate(result.finals[: assembly.recipe.final.top or None], start=1):
        target = result.folder / (BEST if place == 1 else f"{BEST}-{place}")
        trained = trial_folder(result.folder / FINAL, trial.number - FIRST_FINAL)
        folders.append(str(export_trial(assembly, trial, trained, target).relative_to(result.folder)))
    return folders


def export_again(folder: Path, number: int | None = None, target: Path | None = None) -> Path:
    """Export the winner, or a trial of the highest rung, from a run folder.

    Args:
        number: the trial; the winner when None.
        target: the folder to write; ``best``, or ``export-NUMBER`` within the run.

    Raises:
        RunFolderError: no such trial, or its weights are not kept.
    """
    result = Result(folder)
    assembly = assemble(result.recipe)
    if number is None:
        if not result.finals:
            raise RunFolderError(f"{folder}: no winner is trained yet; go on with: sugata resume {folder}")
        winner = result.finals[0]
        trained = trial_folder(folder / FINAL, winner.number - FIRST_FINAL)
        return export_trial(assembly, winner, trained, target or folder / BEST)
    chosen = next((trial for trial in result.record.trials if trial.number == number), None)
    if chosen is None:
        raise RunFolderError(f"{folder}: it has no trial {number}; see history.csv in it")
    trained = trial_folder(folder / "trials", int(chosen.details.get("same_as", number)))
    return export_trial(assembly, chosen, trained, target or folder / f"export-{number}")


def score_once(assembly: Assembly, values: Mapping[str, Value], folder: Path) -> dict[str, Any]:
    """Test metrics of an exported model, from its stored weights in torch and from its ONNX file.

    Args:
        values: the architecture's choices.
        folder: the exported model.

    Returns:
        ``test``, ``test_exported``, ``parse_rate``, and a ``sample`` of what it writes after ``prompt``.
    """
    task, section = assembly.task, assembly.recipe.task
    assert isinstance(task, CodeLanguageModelling)
    assert section is not None
    model, tokenizer = load_folder(folder)
    exported = _Exported(folder / "model.onnx")
    limit = int(section.test_bytes)
    with torch.inference_mode():
        return {
            "test": task.evaluate(model, values, split="test", limit_bytes=limit),
            "test_exported": task.evaluate(exported, values, split="test", limit_bytes=limit),
            **_parse_rate(task, model, values),
            "prompt": _PROMPT,
            "sample": "".join(
                generate(model, tokenizer, _PROMPT, max_new_tokens=_SAMPLE_TOKENS, temperature=0.5)
            ),
        }


def _parse_rate(
    task: CodeLanguageModelling, model: nn.Module, values: Mapping[str, Value]
) -> dict[str, float]:
    try:
        return task.parse_rate(model, values)
    except DataError:
        return {}  # a corpus without Python functions


class _Exported(nn.Module):
    """The ONNX file behind the interface that tasks evaluate."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._session = onnx_session(path)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits ``(batch, length, vocabulary)`` of tokens ``(batch, length)``."""
        return torch.from_numpy(self._session.run(["logits"], {"tokens": tokens.numpy()})[0])
