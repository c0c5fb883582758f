"""The contract of an evaluator: how good an architecture is, at a given fidelity."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sugata.trial import Fidelity, Metric, Proposal, Status, Value


@dataclass(frozen=True)
class Evaluation:
    """What came out of evaluating a proposal.

    Attributes:
        details: further facts for the report, JSON values only.
    """

    status: Status
    metrics: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    curve: tuple[tuple[float, float], ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


class Context(Protocol):
    """What the engine gives an evaluation besides the proposal.

    Attributes:
        seed: for every draw of this trial.
        source: folder of the trial whose training is continued, or whose trained weights are shared.
        trained: the source already has this training at this fidelity; only compress and measure.
    """

    seed: int
    source: Path | None
    trained: bool

    @property
    def folder(self) -> Path:
        """Folder of the trial, ``trials/0007``, for its log, curve and checkpoint."""

    def report(self, step: float, value: float) -> bool:
        """Report progress of the primary metric; False asks the evaluation to stop early."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Hold the machine alone while timing: other workers are paused."""


class Evaluator(ABC):
    """Evaluates proposals; picklable, since it is sent to worker processes once.

    Attributes:
        metrics: what it measures.
        ladder: the rungs it knows, cheapest first.
    """

    metrics: tuple[Metric, ...]
    ladder: tuple[Fidelity, ...] = (Fidelity(),)

    @abstractmethod
    def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
        """Evaluate one proposal. Exceptions become a failed trial with the reason."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Changes when results could: task data, training settings, versions."""

    def prepare(self) -> None:  # noqa: B027 - most have nothing to prepare
        """Do what is done once on a machine before the first evaluation there, such as preparing the data.

        Called by engines that evaluate on other machines than this one; what is done already stays as it is.
        """

    def quick_metrics(
        self,
        architecture: Mapping[str, Value],
        names: Collection[str],
        exclusive: AbstractContextManager[None] | None = None,
    ) -> dict[str, float]:
        """Those of the named metrics that can be known before training, to apply hard limits.

        Args:
            names: metrics such as ``size_bytes``; latencies are those of the untrained network.
            exclusive: held while something is timed.
        """
        return {}
