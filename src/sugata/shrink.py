"""An exported language model made smaller without a search: pruned, tuned, quantized, exported again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from sugata.compression import (
    Calibration,
    CompressedModel,
    GradualPruning,
    KeepZeros,
    Record,
    Step,
    calibration_windows,
    prune_magnitude,
    prune_structured,
    quantize,
)
from sugata.compression.steps import METHODS
from sugata.compression.structured import Unit
from sugata.errors import SugataError
from sugata.export import export_folder, load_folder
from sugata.nn import LanguageModel
from sugata.tasks import CodeLanguageModelling
from sugata.training import DistillationSettings, TrainingSettings, train
from sugata.trial import Fidelity, Status

#: Kinds of pruning that make a smaller dense model, and what goes.
UNITS: dict[str, Unit] = {"structured": "channels", "heads": "heads", "layers": "layers"}
PRUNINGS = ("magnitude", "global", "gradual", *UNITS)
Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What to do.

    Attributes:
        storage: fp16, int8 or int4.
        method: rtn, gptq or awq.
        activations: "int8": round them too, token by token.
        prunings: (kind of `PRUNINGS`, ratio), taken in this order.
        taylor: structured pruning by first-order importance instead of magnitudes.
        steps: of fine-tuning after each pruning, and of pruning gradually; 0: none.
        teacher: whom these trainings learn from; None: the text alone.
        windows: of calibration.
        length: tokens of a window, in calibration and training.
        batch_size: windows of a training step.
        rate: base learning rate of these trainings.
        evaluation_bytes: validation text that scores the model before and after.
        seed: of all draws.
    """

    storage: str = "int4"
    method: str = "gptq"
    activations: str = "float"
    prunings: tuple[tuple[str, float], ...] = ()
    taylor: bool = False
    steps: int = 0
    teacher: str | None = None
    windows: int = 32
    length: int = 256
    batch_size: int = 8
    rate: float = 0.001
    evaluation_bytes: int = 65_536
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("to", self.storage, ("fp16", "int8", "int4")),
            ("method", self.method, METHODS),
        ):
            if value not in allowed:
                raise SugataError(f"{name}: '{value}' is not one of {', '.join(allowed)}")
        if self.teacher is not None and not self.steps:
            raise SugataError("distill: a teacher needs training to teach in; give --finetune STEPS")
        if any(kind == "gradual" for kind, _ in self.prunings) and not self.steps:
            raise SugataError("prune: gradual pruning happens while training; give --finetune STEPS")


@dataclass(frozen=True)
class Tuning:
    """The steps of a compression that train, on one text: they replay as `others` of `compression.replay`.

    Attributes:
        task: gives text in the model's own tokens.
    """

    task: CodeLanguageModelling

    def fine_tune(
        self, model: LanguageModel, record: Record, **settings: Any
    ) -> tuple[LanguageModel, Record]:
        """Train on; weights of linear layers that are zero stay zero.

        Args:
            model: not changed.
            record: what was done to it.
            settings: `steps`, `length`, `batch_size`, `rate`, `teacher` (or None), `data` (fingerprint; the
                task's when left out), `seed`.
        """
        return self._train("fine_tune", model, record, settings)

    def prune_gradually(
        self, model: LanguageModel, record: Record, **settings: Any
    ) -> tuple[LanguageModel, Record]:
        """Train on, and prune by magnitude meanwhile, with a teacher: distillation-aware pruning.

        Args:
            model: not changed.
            record: what was done to it.
            settings: those of `fine_tune`, and `ratio`.
        """
        return self._train("prune_gradually", model, record, settings)

    def _train(
        self, kind: str, model: LanguageModel, record: Record, settings: dict[str, Any]
    ) -> tuple[LanguageModel, Record]:
        settings = dict(settings)
        seed, ratio = settings.pop("seed", 0), settings.get("ratio", 0.0)
        data = settings.setdefault("data", self.task.fingerprint())
        if data != self.task.fingerprint():
            raise SugataError(f"data: step {kind} trained on {data}, this text is {self.task.fingerprint()}")
        tuned = LanguageModel(model.config)
        tuned.load_state_dict(model.state_dict())
        teacher = settings.get("teacher")
        training = TrainingSettings(
            learning_rate=settings["rate"],
            batch_size=settings["batch_size"],
            length=settings["length"],
            precision="fp32",
            distill=None if teacher is None else DistillationSettings(teacher),
        )
        result = train(
            tuned,
            self.task,
            {"vocab_size": model.config.vocabulary_size},
            training,
            budget=Fidelity(amount=settings["steps"], unit="steps"),
            seed=seed,
            after_step=GradualPruning(tuned, ratio) if kind == "prune_gradually" else KeepZeros(tuned),
        )
        if result.status is not Status.COMPLETED:
            raise SugataError(f"{kind}: {result.reason}; try a smaller rate than {settings['rate']}")
        return tuned, record.then(Step(kind, settings, seed))


def pruning(text: str) -> tuple[str, float]:
    """A kind of pruning and its ratio, from a text such as ``structured:0.4``.

    Raises:
        SugataError: it is none.
    """
    kind, _, ratio = text.partition(":")
    try:
        share = float(ratio)
    except ValueError:
        share = -1.0
    if kind not in PRUNINGS or not 0 < share < 1:
        raise SugataError(
            f"prune: '{text}' is not KIND:RATIO such as structured:0.4; kinds are {', '.join(PRUNINGS)}"
        )
    return kind, share


def shrink(
    folder: Path, to: Path, task: CodeLanguageModelling, wanted: Wanted, say: Say = lambda _: None
) -> dict[str, float]:
    """Compress the language model of an exported folder, and export it to another.

    Args:
        folder: an exported folder.
        to: where the compressed model goes.
        task: text to calibrate, train and score on, in any tokenizer: the model's own is used.
        wanted: what to do.
        say: told what happens.

    Returns:
        Bits per byte and stored bytes, before and after.

    Raises:
        SugataError: the folder holds no language model, or the text is too short.
    """
    if to.resolve() == folder.resolve():
        raise SugataError(f"out: {to} is the model itself; give another folder")
    model, _ = load_folder(folder)
    task = task.with_tokenizer(folder / "tokenizer.json")
    facts = {"vocab_size": model.config.vocabulary_size}
    calibration = calibrated(task, model.config.vocabulary_size, wanted)
    limit = wanted.evaluation_bytes
    before = task.evaluate(model, facts, limit=limit)["bits_per_byte"]
    compressed, record = compressed_as(model, task, wanted, calibration, say)
    say("scoring")
    after = task.evaluate(compressed.restore(), facts, limit=limit)["bits_per_byte"]
    say("exporting")
    architecture = json.loads((folder / "architecture.json").read_text("utf-8"))
    sizes = (folder / "model.safetensors").stat().st_size, compressed.stored_bytes()
    info = {
        "compressed from": f"{folder.name} of {sizes[0] / 1e6:.3f} MB",
        "compression": record.describe(),
        "bits per byte before": before,
        "bits per byte after": after,
    }
    export_folder(to, compressed, architecture, folder / "tokenizer.json", info, name=to.name)
    return {"before": before, "after": after, "bytes_before": sizes[0], "bytes_after": sizes[1]}


def calibrated(task: CodeLanguageModelling, vocabulary_size: int, wanted: Wanted) -> Calibration:
    """Windows of the task's training text."""
    tokens = np.asarray(task.vocabulary(vocabulary_size).tokens("train"))
    return calibration_windows(tokens, windows=wanted.windows, length=wanted.length, seed=wanted.seed)


def compressed_as(
    model: LanguageModel,
    task: CodeLanguageModelling,
    wanted: Wanted,
    calibration: Calibration,
    say: Say = lambda _: None,
) -> tuple[CompressedModel, Record]:
    """All steps that are wanted: each pruning, fine-tuned if asked, then quantization."""
    tuning, record = Tuning(task), Record()
    settings = {
        "steps": wanted.steps,
        "length": wanted.length,
        "batch_size": wanted.batch_size,
        "rate": wanted.rate,
        "teacher": wanted.teacher,
        "seed": wanted.seed,
    }
    for kind, ratio in wanted.prunings:
        say(f"pruning {kind} {ratio:.0%}")
        if kind == "gradual":
            model, record = tuning.prune_gradually(model, record, **settings, ratio=ratio)
            continue
        if kind in UNITS:
            model, record = prune_structured(
                model, record, ratio=ratio, unit=UNITS[kind],
                importance="taylor" if wanted.taylor else "magnitude", calibration=calibration,
            )  # fmt: skip
        else:
            model, record = prune_magnitude(
                model, record, ratio=ratio, scope="global" if kind == "global" else "layer"
            )
        if wanted.steps:
            say(f"fine-tuning for {wanted.steps} steps")
            model, record = tuning.fine_tune(model, record, **settings)
    if not wanted.prunings and wanted.steps:
        say(f"fine-tuning for {wanted.steps} steps")
        model, record = tuning.fine_tune(model, record, **settings)
    method = "rtn" if wanted.storage == "fp16" else wanted.method
    say(f"quantizing to {wanted.storage} by {method}")
    return quantize(
        model, record, storage=cast(Any, wanted.storage), method=cast(Any, method),
        activations=cast(Any, wanted.activations), calibration=calibration,
    )  # fmt: skip
