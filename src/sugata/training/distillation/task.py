"""A task with a teacher: the same data and scores, and a loss that a teacher has a share in."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sugata.errors import RecipeError
from sugata.nn import LanguageModel
from sugata.space import Signature
from sugata.tasks import CodeLanguageModelling
from sugata.tasks.base import Batch, Generator, Say, Task, silent
from sugata.training.distillation import losses
from sugata.training.distillation.observe import Seen, device_of, observe
from sugata.training.distillation.stored import MANIFEST, StoredLogits
from sugata.training.distillation.teachers import FIELD, Teacher, open_teacher
from sugata.training.distillation.texts import (
    IGNORED,
    CompletionTokens,
    completion_batches,
    read_completions,
)
from sugata.training.settings import DistillationSettings
from sugata.trial import Fidelity, Value

_PURPOSE = 2  # tells the draws of projections and completions from those of the data


class Distilled(Task):
    """A language modelling task whose loss is ``(1 - weight)`` of its own and ``weight`` of a teacher's.

    Data, splits and scores are those of the task. `companion` holds the projections, which learn with the
    student and are thrown away with this task.
    """

    def __init__(self, task: CodeLanguageModelling, settings: DistillationSettings) -> None:
        self.task, self.distillation = task, settings
        self.name, self.metrics, self.primary = task.name, task.metrics, task.primary
        self.targets, self.likelihood = task.targets, task.likelihood

    def signature(self, architecture: Mapping[str, Value], fidelity: Fidelity | None = None) -> Signature:
        """The task's."""
        return self.task.signature(architecture, fidelity)

    def prepare(self, options: Mapping[str, Sequence[Value]] | None = None, *, say: Say = silent) -> None:
        """Prepare the task's data."""
        self.task.prepare(options, say=say)

    def fingerprint(self) -> str:
        """The task's and the teacher's settings."""
        return f"{self.task.fingerprint()}-{self.distillation}"

    def epoch_size(self, architecture: Mapping[str, Value], fidelity: Fidelity | None = None) -> int:
        """The task's."""
        return self.task.epoch_size(architecture, fidelity)

    def batches(
        self,
        architecture: Mapping[str, Value],
        *,
        batch_size: int,
        length: int | None = None,
        generator: Generator,
        split: str = "train",
        fidelity: Fidelity | None = None,
    ) -> Iterator[Batch]:
        """The task's."""
        return self.task.batches(
            architecture,
            batch_size=batch_size,
            length=length,
            generator=generator,
            split=split,
            fidelity=fidelity,
        )

    def evaluate(
        self,
        model: nn.Module,
        architecture: Mapping[str, Value],
        *,
        split: str = "validation",
        limit: int | None = None,
        batch_size: int | None = None,
        length: int | None = None,
        fidelity: Fidelity | None = None,
    ) -> dict[str, float]:
        """The task's: a teacher has no part in scores."""
        return self.task.evaluate(
            model,
            architecture,
            split=split,
            limit=limit,
            batch_size=batch_size,
            length=length,
            fidelity=fidelity,
        )


class TaughtByNetwork(Distilled):
    """Soft targets of a network that reads the same tokens; states and attention where they have a weight."""

    def __init__(
        self,
        task: CodeLanguageModelling,
        settings: DistillationSettings,
        teacher: Teacher,
        student: LanguageModel,
        seed: int,
    ) -> None:
        super().__init__(task, settings)
        self.teacher = teacher
        self.hidden, self.attention = settings.hidden > 0, settings.attention > 0
        if self.hidden or self.attention:
            self.companion = self._projections(student, torch.Generator().manual_seed(seed + _PURPOSE))

    def _projections(self, student: LanguageModel, generator: torch.Generator) -> nn.ModuleDict:
        """A matrix for every pair of layers, from the shapes of a pass over two tokens."""
        tokens = torch.zeros(1, 2, dtype=torch.int64, device=device_of(student))
        asked = {"hidden": self.hidden, "attention": self.attention}
        with torch.no_grad():
            ours, theirs = observe(student, tokens, **asked), self.teacher.see(tokens, **asked)
        if self.attention and not (ours.attention and theirs.attention):
            who = "the student" if not ours.attention else self.teacher.name
            raise RecipeError(f"training.distill.attention: {who} has no softmax attention; set it to 0")
        made = nn.ModuleDict()
        for name, axis in (("hidden", 2), ("attention", 1)):
            first, second = getattr(ours, name), getattr(theirs, name)
            made[name] = nn.ModuleList(
                losses.projection(first[i].shape[axis], second[j].shape[axis], generator)
                for i, j in losses.layer_pairs(len(first), len(second))
            )
        return made.to(tokens.device)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy and soft targets, shared out by `weight`; matching is added."""
        assert isinstance(model, LanguageModel)
        asked = {"hidden": self.hidden, "attention": self.attention}
        theirs = self.teacher.see(batch.inputs, **asked)
        ours = observe(model, batch.inputs, **asked)
        settings = self.distillation
        loss = (1 - settings.weight) * _cross_entropy(ours.logits, batch.targets)
        loss = loss + settings.weight * losses.soft_targets(ours.logits, theirs.logits, settings.temperature)
        return loss + self._matching(ours, theirs)

    def _matching(self, ours: Seen, theirs: Seen) -> Tensor:
        loss = ours.logits.new_zeros(())
        if self.companion is None:
            return loss
        assert isinstance(self.companion, nn.ModuleDict)
        for name, weight in (
            ("hidden", self.distillation.hidden),
            ("attention", self.distillation.attention),
        ):
            if not weight:
                continue
            first, second = getattr(ours, name), getattr(theirs, name)
            pairs = losses.layer_pairs(len(first), len(second))
            matrices = cast(nn.ModuleList, self.companion[name])
            for project, (i, j) in zip(matrices, pairs, strict=True):
                if name == "hidden":
                    part = losses.hidden_states(project(first[i]), second[j])
                else:
                    mixed = project(first[i].movedim(1, -1)).movedim(-1, 1)
                    part = losses.attention_weights(mixed, second[j])
                loss = loss + weight / len(pairs) * part
        return loss


class TaughtByLogits(Distilled):
    """Soft targets that were stored: the training windows are those that the teacher has read."""

    def __init__(
        self, task: CodeLanguageModelling, settings: DistillationSettings, stored: StoredLogits
    ) -> None:
        super().__init__(task, settings)
        self.stored = stored

    def batches(
        self,
        architecture: Mapping[str, Value],
        *,
        batch_size: int,
        length: int | None = None,
        generator: Generator,
        split: str = "train",
        fidelity: Fidelity | None = None,
    ) -> Iterator[Batch]:
        """The stored windows; inputs ``(batch, length + 1)`` begin with a window's number."""
        length = length or int(self.stored.facts["length"])
        self.stored.require(self.task.tokenizer(architecture), length)
        return self.stored.batches(batch_size, length, _numpy(generator))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy and stored soft targets, shared out by `weight`."""
        numbers, inputs = batch.inputs[:, 0], batch.inputs[:, 1:]
        indices, theirs = self.stored.taught(numbers, inputs.shape[1])
        logits, settings = model(inputs), self.distillation
        taught = losses.stored_soft_targets(logits, indices, theirs, settings.temperature)
        return (1 - settings.weight) * _cross_entropy(logits, batch.targets) + settings.weight * taught


class TaughtByTexts(Distilled):
    """Texts of a teacher, of any tokenizer, as a part of every batch."""

    def __init__(
        self, task: CodeLanguageModelling, settings: DistillationSettings, texts: list[tuple[str, str]]
    ) -> None:
        super().__init__(task, settings)
        self.texts = texts

    def batches(
        self,
        architecture: Mapping[str, Value],
        *,
        batch_size: int,
        length: int | None = None,
        generator: Generator,
        split: str = "train",
        fidelity: Fidelity | None = None,
    ) -> Iterator[Batch]:
        """The task's, with completions in the first `weight` of their rows."""
        length, rng = length or self.task.length, _numpy(generator)
        corpus = self.task.batches(
            architecture, batch_size=batch_size, length=length, generator=rng, split=split
        )
        tokens = CompletionTokens(self.texts, self.task.tokenizer(architecture))
        return completion_batches(tokens, corpus, self.distillation.weight, length, rng)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy of all targets, the teacher's texts and the task's alike."""
        return _cross_entropy(model(batch.inputs), batch.targets)


def distilled(
    task: Task,
    settings: DistillationSettings,
    student: nn.Module,
    architecture: Mapping[str, Value],
    *,
    seed: int = 0,
) -> Distilled:
    """The task with the teacher that the settings name.

    Raises:
        RecipeError: the task or the student is of another kind, the tokenizer is another, or a weight asks
            for what such a teacher does not have.
        SugataError: the teacher is missing, damaged or without weights.
    """
    if not isinstance(task, CodeLanguageModelling) or not isinstance(student, LanguageModel):
        raise RecipeError(
            "training.distill: only language models of task.kind code have teachers; leave it out"
        )
    found = find_teacher(settings)
    if isinstance(found, list):
        return TaughtByTexts(task, settings, found)
    tokenizer = task.tokenizer(architecture)
    if isinstance(found, StoredLogits):
        found.require(tokenizer, None)
        return TaughtByLogits(task, settings, found)
    found.require_tokenizer(tokenizer)
    size = found.see(torch.zeros(1, 1, dtype=torch.int64)).logits.shape[-1]
    if size != student.config.vocabulary_size:
        raise RecipeError(
            f"{FIELD}: {found.name} has {size:,} tokens, the student {student.config.vocabulary_size:,}; give"
            " one of the same vocabulary"
        )
    return TaughtByNetwork(task, settings, found, student, seed)


def find_teacher(settings: DistillationSettings) -> Teacher | StoredLogits | list[tuple[str, str]]:
    """What the settings name: a network, a folder of logits, or texts.

    Raises:
        RecipeError: a weight asks for what such a teacher does not have.
        SugataError: it is missing, damaged or without weights.
    """
    path = Path(settings.teacher).expanduser()
    texts = path.name.lower().endswith((".jsonl", ".jsonl.gz"))
    stored = (path / MANIFEST).is_file()
    if (texts or stored) and (settings.hidden or settings.attention):
        name = "hidden" if settings.hidden else "attention"
        what = "texts" if texts else "stored logits"
        raise RecipeError(f"training.distill.{name}: {path} holds {what} only; set it to 0")
    if texts:
        return read_completions(path)
    return StoredLogits(path) if stored else open_teacher(path)


def check_teacher(settings: DistillationSettings, task: CodeLanguageModelling, sizes: Sequence[int]) -> None:
    """Refuse a teacher that students of some of these vocabulary sizes could not learn from.

    Raises:
        SugataError: as `distilled`.
    """
    found = find_teacher(settings)
    if isinstance(found, list):
        return
    for size in sizes:
        tokenizer = task.tokenizer({"vocab_size": size})
        if isinstance(found, StoredLogits):
            found.require(tokenizer, None)
        else:
            found.require_tokenizer(tokenizer)


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED)


def _numpy(generator: Generator) -> np.random.Generator:
    if isinstance(generator, np.random.Generator):
        return generator
    return np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
