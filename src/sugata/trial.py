"""The nouns of a search: metrics, fidelities, proposals and trials, all frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

Value = str | int | float | bool
Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class Metric:
    """What is measured of an architecture: its name, unit and which direction is better.

    Attributes:
        rung: the lowest rung on which it is measured; what is expensive begins higher up.
    """

    name: str
    unit: str = ""
    direction: Direction = "minimize"
    description: str = ""
    rung: int = 0

    def cost(self, value: float) -> float:
        """The value as something to minimize."""
        return value if self.direction == "minimize" else -value


@dataclass(frozen=True)
class Fidelity:
    """One rung of an evaluator's ladder: how much training an evaluation may spend, and on what.

    The last four make a cheaper proxy of a task, or a larger network of its winner, where a task and a space
    know them: those of images do.

    Attributes:
        rung: position on the ladder, 0 is the cheapest.
        name: what a person calls it, such as ``small``.
        amount: how much, in ``unit``, counted from the start of the architecture's training.
        unit: ``seconds``, ``steps``, ``tokens`` or ``epochs``; ``supernet`` where shared weights score; empty
            where there is nothing to spend.
        samples: of the training data: a share up to 1, above it a number of samples; None is all of them.
        channels: the network's width as a multiple of the space's own.
        cells: its depth, likewise.
        resolution: height and width of the images as a share of the data's own.
    """

    rung: int = 0
    name: str = "full"
    amount: float = 1.0
    unit: str = ""
    samples: float | None = None
    channels: float = 1.0
    cells: float = 1.0
    resolution: float = 1.0


#: The unit of a fidelity at which nothing is trained: an architecture's path of a supernet is scored.
SHARED = "supernet"

#: Metrics of a deployed network that are timed or sampled on a machine: no two measurements are equal.
TIMED = frozenset({"latency_ms", "latency_ms_p90", "decode_ms", "peak_memory_bytes"})


class Status(StrEnum):
    """How a trial ended. Only the metrics of ``completed`` trials can be compared."""

    COMPLETED = "completed"
    STOPPED = "stopped"  # ended early on purpose: its curve was hopeless
    REFUSED = "refused"  # breaks a hard limit; never evaluated, costs no budget
    FAILED = "failed"
    DIVERGED = "diverged"  # NaN or infinity
    OUT_OF_MEMORY = "out_of_memory"
    TIMEOUT = "timeout"
    KILLED = "killed"  # the worker died


@dataclass(frozen=True)
class Proposal:
    """An evaluation that a strategy asks for.

    Attributes:
        number: the trial's number, counted from 0 in the order of asking.
        architecture: the active choices and their values.
        fidelity: the rung to evaluate at.
        continues: number of an earlier trial of the same architecture whose training goes on.
        origin: how it came about (``random``, ``baseline``, ``mutation``, ``crossover``, ``promotion``...).
        parents: numbers of the trials it descends from.
    """

    number: int
    architecture: Mapping[str, Value]
    fidelity: Fidelity = field(default_factory=Fidelity)
    continues: int | None = None
    origin: str = ""
    parents: tuple[int, ...] = ()


@dataclass(frozen=True)
class Trial:
    """A finished evaluation: the proposal, how it ended and what was measured.

    Attributes:
        curve: (step, value) pairs reported while training.
        seconds: how long the evaluation took, wall clock.
        cached: answered from an earlier trial without an evaluation.
        details: further facts for the report, JSON values only.
    """

    proposal: Proposal
    status: Status
    metrics: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    seconds: float = 0.0
    curve: tuple[tuple[float, float], ...] = ()
    cached: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def architecture(self) -> Mapping[str, Value]:
        """What was evaluated."""
        return self.proposal.architecture

    @property
    def ok(self) -> bool:
        """Whether the trial's metrics can be compared with those of other trials on its rung."""
        return self.status is Status.COMPLETED

    @property
    def number(self) -> int:
        """The trial's number."""
        return self.proposal.number
