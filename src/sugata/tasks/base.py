"""The contract of a task: what a network is for, how it is fed and how its quality is measured."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sugata.errors import TaskError
from sugata.space import Signature
from sugata.trial import Fidelity, Metric, Value

Generator = torch.Generator | np.random.Generator
Say = Callable[[str], None]


def silent(message: str) -> None:
    """Report progress to nobody."""


#: One tensor, or a tuple of them in the order of the task's signature: a task knows which its batches have.
Tensors = Any


@dataclass(frozen=True)
class Batch:
    """Inputs of a network and the targets of its outputs.

    For sequences both are ``(batch, length)``; images are ``(batch, channels, height, width)`` with targets
    ``(batch,)`` (classes) or ``(batch, outputs)`` (values). A network of several inputs or outputs has tuples
    of such tensors, in the order of its signature.
    """

    inputs: Tensors
    targets: Tensors

    @property
    def arguments(self) -> tuple[Tensor, ...]:
        """The inputs as the arguments of a network."""
        return _each(self.inputs)

    @property
    def size(self) -> int:
        """How many targets there are, of all outputs together."""
        return sum(targets.numel() for targets in _each(self.targets))

    def part(self, rows: slice) -> "Batch":
        """Some of the rows."""
        return Batch(_apply(lambda one: one[rows], self.inputs), _apply(lambda one: one[rows], self.targets))

    def to(
        self, device: torch.device | str, memory_format: torch.memory_format = torch.preserve_format
    ) -> "Batch":
        """The same batch on another device, inputs that are images in another memory format."""

        def moved(one: Tensor) -> Tensor:
            layout = memory_format if one.ndim == 4 else torch.preserve_format
            return one.to(device, non_blocking=True, memory_format=layout)

        return Batch(
            _apply(moved, self.inputs),
            _apply(lambda one: one.to(device, non_blocking=True), self.targets),
        )


def _each(tensors: Tensors) -> tuple[Tensor, ...]:
    return tensors if isinstance(tensors, tuple) else (tensors,)


def _apply(change: Callable[[Tensor], Tensor], tensors: Tensors) -> Tensors:
    return tuple(map(change, tensors)) if isinstance(tensors, tuple) else change(tensors)


class Task(ABC):
    """What a network is searched for: data, loss and quality.

    A task is picklable, because it is sent to worker processes: it carries settings, and opens
    its data from a cache folder when it first needs them.

    Attributes:
        name: what a person calls it.
        metrics: what ``evaluate`` measures.
        primary: the metric that a search compares candidates by; one of ``metrics``.
        targets: what the loss is the mean over, in the plural; budgets in tokens count them.
        likelihood: whether the loss is in nats; curves show it in bits then.
        tested: whether there are test data; a run without ends with validation scores.
        companion: parameters that the loss has besides the model's, trained with them and not kept.
    """

    name: str
    metrics: tuple[Metric, ...]
    primary: Metric
    targets: str = "tokens"
    likelihood: bool = True
    tested: bool = True
    companion: nn.Module | None = None

    @abstractmethod
    def signature(self, architecture: Mapping[str, Value], fidelity: Fidelity | None = None) -> Signature:
        """The named inputs and outputs that a network of this architecture must have."""

    @abstractmethod
    def prepare(self, options: Mapping[str, Sequence[Value]] | None = None, *, say: Say = silent) -> None:
        """Do everything that is done once before a search, so that workers only open the results.

        Args:
            options: the values that each choice of the search space may take, by the choice's name.
            say: receives one line a step.

        Raises:
            DataError: the data are missing, empty or unreadable.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """A name for the data and settings: equal data give equal text; a part of cache keys."""

    @abstractmethod
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
        """Endless batches, the same ones from a generator in the same state.

        Args:
            length: tokens of a sequence, where the task has sequences.
            fidelity: its share of the data and its resolution, where the task knows them.
        """

    @abstractmethod
    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The mean loss per target, a scalar to minimize, in nats where it is a likelihood."""

    @abstractmethod
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
        """The value of every metric on a split, the same data for every architecture.

        Args:
            limit: how much of the split to use at most, in bytes of text or in images; None: all of it.
            length: tokens of a sequence, where the task has sequences.
            fidelity: its resolution, where the task knows it.
        """

    def epoch_size(self, architecture: Mapping[str, Value], fidelity: Fidelity | None = None) -> int:
        """How many targets one pass over the training data has.

        Raises:
            TaskError: the task does not say.
        """
        raise TaskError(
            f"task {self.name}: a budget in epochs needs a method epoch_size(architecture, fidelity); "
            "give the budget in steps, tokens or seconds"
        )
