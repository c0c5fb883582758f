"""From trained checkpoints to exported models."""

from pathlib import Path

from sugata.errors import RunFolderError
from sugata.run.assembly import Assembly, assemble
from sugata.run.folder import BEST, FIRST_FINAL
from sugata.run.result import Result
from sugata.training import CHECKPOINT, load_weights
from sugata.trial import Trial


def export_trial(assembly: Assembly, trial: Trial, trained: Path, target: Path) -> Path:
    """Export a trained trial: weights as they ship, ONNX, model card.

    Args:
        trained: the folder with the trial's checkpoint.
        target: the folder to write.

    Raises:
        RunFolderError: the checkpoint is gone.
    """
    trainer = assembly.final if trial.proposal.number >= FIRST_FINAL else None
    networks = assembly.networks if trainer is None else trainer.networks
    assert networks is not None
    architecture = networks.space.architecture(trial.proposal.architecture)
    if not (trained / CHECKPOINT).is_file():
        (trained / "architecture.json").write_text(architecture.to_json() + "\n")
        raise RunFolderError(
            f"{trained}: its weights are not kept, only those of the highest rung; "
            f"train it again: sugata train {trained / 'architecture.json'} --to FOLDER"
        )
    model = networks.build(architecture, trial.proposal.fidelity)
    load_weights(trained / CHECKPOINT, model)
    networks.export(target, model.eval(), trial, f"sugata-{assembly.recipe.name}")
    return target


def export_finals(assembly: Assembly, result: Result) -> list[str]:
    """Export the fully trained winners: the best to ``best``, others to ``best-2`` and so on."""
    folders = []
    for place, trial in enumerate(result.finals[: assembly.recipe.final.top or None], start=1):
        target = result.folder / (BEST if place == 1 else f"{BEST}-{place}")
        exported = export_trial(assembly, trial, result.weights_folder(trial), target)
        folders.append(str(exported.relative_to(result.folder)))
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
        return export_trial(assembly, winner, result.weights_folder(winner), target or folder / BEST)
    chosen = next((trial for trial in result.record.trials if trial.number == number), None)
    if chosen is None:
        raise RunFolderError(f"{folder}: it has no trial {number}; see history.csv in it")
    target = target or folder / f"export-{number}"
    return export_trial(assembly, chosen, result.weights_folder(chosen), target)
