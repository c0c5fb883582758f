"""The contract of what is trained: the part of training, measuring and exporting that depends on its kind."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from torch import nn

from sugata.space import SearchSpace
from sugata.tasks import Task
from sugata.training import AfterStep, TrainingSettings
from sugata.trial import Fidelity, Metric, Trial, Value


class Networks(ABC):
    """The networks of a space, for a task: how they are built, what ships of them, and what that costs.

    Training itself, its checkpoints and its budgets are the same for all kinds (`TrainingEvaluator`).

    Attributes:
        space: what architectures are of.
        task: what the networks are for.
        metrics: what is measured besides the task's own metrics.
    """

    space: SearchSpace
    task: Task
    metrics: tuple[Metric, ...]

    def prepare(self, options: Mapping[str, Sequence[Value]], *, say: Callable[[str], None]) -> None:
        """Do what is done once before a search: prepare the task's data.

        Args:
            options: the values that each choice may take, by the choice's name.
            say: receives one line a step.

        Raises:
            DataError: the data are missing, empty or unreadable.
        """
        self.task.prepare(options, say=say)

    @abstractmethod
    def settings(self) -> list[Any]:
        """What results depend on besides architecture, task and training: JSON values, for fingerprints."""

    @abstractmethod
    def build(
        self, architecture: Mapping[str, Value], fidelity: Fidelity, seed: int | None = None
    ) -> nn.Module:
        """The network that a fidelity trains.

        Args:
            seed: of its initial weights; None leaves them undefined.
        """

    def training_settings(
        self, architecture: Mapping[str, Value], settings: TrainingSettings
    ) -> TrainingSettings:
        """How this architecture is trained: the run's settings, where the space does not choose some."""
        return settings

    def while_training(self, model: nn.Module, architecture: Mapping[str, Value]) -> AfterStep | None:
        """What the training calls as its `after_step`: pruning that happens meanwhile; None for nothing."""
        return None

    @abstractmethod
    def measure(
        self,
        model: nn.Module,
        architecture: Mapping[str, Value],
        fidelity: Fidelity,
        exclusive: AbstractContextManager[None],
    ) -> dict[str, float]:
        """The task's metrics on validation data, and the costs, of a trained network as it ships.

        Args:
            exclusive: held while something is timed.
        """

    @abstractmethod
    def costs(
        self,
        architecture: Mapping[str, Value],
        names: Collection[str],
        exclusive: AbstractContextManager[None],
    ) -> dict[str, float]:
        """Those of the named metrics that do not depend on the values of weights: known before training."""

    @abstractmethod
    def export(self, folder: Path, model: nn.Module, trial: Trial, name: str) -> None:
        """Write the trained network of a trial as a folder that runs elsewhere.

        Args:
            name: title of its card.
        """

    @abstractmethod
    def score(self, folder: Path, architecture: Mapping[str, Value]) -> dict[str, Any]:
        """Test metrics of an exported network, from its stored weights in torch and from its ONNX file.

        Returns:
            ``test`` and ``test_exported``, mappings of metrics, and whatever else the report shows.
        """
