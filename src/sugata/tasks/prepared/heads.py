"""What a task does with each output of a network, by the kind of its target: loss and metrics."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from sugata.errors import TaskError
from sugata.tasks.prepared import metrics as measured
from sugata.tasks.prepared.adapters import TargetAdapter
from sugata.tasks.prepared.class_target import ClassAdapter
from sugata.tasks.prepared.labels_target import LabelsAdapter
from sugata.tasks.prepared.value_target import ValueAdapter
from sugata.trial import Metric

#: Weights of classes, or labels, by their name; balanced: inverse to how often they occur in training.
ClassWeight = Literal["balanced"] | Mapping[str, float]


@dataclass(frozen=True)
class Head(ABC):
    """One output.

    Attributes:
        metrics: what ``score`` gives.
        likelihood: whether the loss is in nats.
    """

    metrics: ClassVar[tuple[Metric, ...]] = measured.CLASSIFICATION
    likelihood: ClassVar[bool] = True

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss, a scalar.

        Args:
            outputs: ``(batch, outputs)``.
            targets: as the adapter stores them.
        """

    @abstractmethod
    def score(self, outputs: NDArray[np.float64], targets: NDArray[Any]) -> dict[str, float]:
        """The metrics over all rows."""


@dataclass(frozen=True)
class ClassHead(Head):
    """One class a row.

    Attributes:
        weights: of the classes; their losses are multiplied by these.
        smoothing: probability that is spread over all classes (Szegedy et al. 2016, section 7).
    """

    weights: tuple[float, ...] | None = None
    smoothing: float = 0.0

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy."""
        if self.weights is None:
            return F.cross_entropy(outputs, targets, label_smoothing=self.smoothing)
        losses = F.cross_entropy(outputs, targets, reduction="none", label_smoothing=self.smoothing)
        return (losses * outputs.new_tensor(self.weights)[targets]).mean()

    def score(self, outputs: NDArray[np.float64], targets: NDArray[Any]) -> dict[str, float]:
        """Accuracy, cross-entropy, area under the ROC curve, F1."""
        return measured.of_classes(outputs, targets)


@dataclass(frozen=True)
class LabelsHead(Head):
    """Any number of labels a row.

    Attributes:
        weights: of the labels; the losses of rows that have them are multiplied by these.
    """

    weights: tuple[float, ...] | None = None

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Binary cross-entropy of each label, the mean."""
        positive = None if self.weights is None else outputs.new_tensor(self.weights)
        return F.binary_cross_entropy_with_logits(outputs, targets, pos_weight=positive)

    def score(self, outputs: NDArray[np.float64], targets: NDArray[Any]) -> dict[str, float]:
        """Accuracy of whole rows, cross-entropy, area under the ROC curve, F1."""
        return measured.of_labels(outputs, targets)


@dataclass(frozen=True)
class ValueHead(Head):
    """Values.

    Attributes:
        adapter: knows their unit.
    """

    adapter: ValueAdapter
    metrics: ClassVar[tuple[Metric, ...]] = measured.REGRESSION
    likelihood: ClassVar[bool] = False

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean squared error of standardized values."""
        return F.mse_loss(outputs, targets)

    def score(self, outputs: NDArray[np.float64], targets: NDArray[Any]) -> dict[str, float]:
        """R2, and errors in the values' own unit."""
        mean, std = np.array(self.adapter.mean), np.array(self.adapter.std)
        return measured.of_values(outputs * std + mean, targets * std + mean)


def head_of(
    name: str,
    adapter: TargetAdapter,
    counts: list[int] | None,
    weight: ClassWeight | None,
    smoothing: float,
) -> Head:
    """The head of a target.

    Args:
        counts: training rows of each class, where it has classes.

    Raises:
        TaskError: class weights of what has no classes, or of one that is not known.
    """
    if isinstance(adapter, ClassAdapter):
        return ClassHead(_weights(name, adapter.labels, counts, weight), smoothing)
    if isinstance(adapter, LabelsAdapter):
        if weight == "balanced":
            raise TaskError(
                f"class_weight.{name}: several labels a row are weighted by a mapping, not balanced"
            )
        return LabelsHead(_weights(name, adapter.labels, counts, weight))
    if weight is not None:
        raise TaskError(f"class_weight.{name}: values have no classes; leave it out")
    assert isinstance(adapter, ValueAdapter)
    return ValueHead(adapter)


def _weights(
    name: str, labels: tuple[Any, ...], counts: list[int] | None, weight: ClassWeight | None
) -> tuple[float, ...] | None:
    if weight is None:
        return None
    if weight == "balanced":
        rows = sum(counts or [])
        return tuple(rows / (len(labels) * max(count, 1)) for count in counts or [])
    by_name = {str(label): number for number, label in enumerate(labels)}
    # 1, 1.0 and True are one label in Python, whose names differ.
    by_name |= {str(int(label)): by_name[str(label)] for label in labels if _is_whole(label)}
    found = [1.0] * len(labels)
    for label, value in weight.items():
        if str(label) not in by_name:
            known = ", ".join(map(str, labels))
            raise TaskError(f"class_weight.{name}: {label!r} is no class; they are {known}")
        if not 0 <= value < float("inf"):
            raise TaskError(f"class_weight.{name}.{label}: {value} is no weight; give 0 or more")
        found[by_name[str(label)]] = float(value)
    return tuple(found)


def _is_whole(label: Any) -> bool:
    return isinstance(label, bool) or (isinstance(label, float) and label.is_integer())


def combined(heads: Mapping[str, Head]) -> tuple[Metric, ...]:
    """The metrics of a task: a single head's own, or each head's with its name before, and the loss."""
    if len(heads) == 1:
        return next(iter(heads.values())).metrics
    named = [
        Metric(f"{name}.{metric.name}", metric.unit, metric.direction, f"{name}: {metric.description}")
        for name, head in heads.items()
        for metric in head.metrics
    ]
    return (measured.LOSS, *named)


def split_outputs(outputs: Tensor | tuple[Tensor, ...], count: int) -> tuple[Tensor, ...]:
    """The outputs of a network as a tuple of float32.

    Raises:
        TaskError: there are more or fewer.
    """
    found = outputs if isinstance(outputs, tuple) else (outputs,)
    if len(found) != count:
        raise TaskError(
            f"the network gives {len(found)} outputs, the task has {count}; build it for this task"
        )
    return tuple(one if one.dtype == torch.float32 else one.float() for one in found)
