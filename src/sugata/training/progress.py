"""How far a training has come: everything that a checkpoint records besides tensors."""

import dataclasses
import json
from dataclasses import dataclass, field

from sugata.errors import RecipeError

UNITS = ("seconds", "steps", "tokens", "epochs")


@dataclass
class Progress:
    """Counters of one training, from its first step over all budgets that it was given.

    Attributes:
        amount: the present budget, counted from the first step, in `unit`.
        unit: seconds, steps, tokens or epochs.
        start: how much was already spent when the present budget was given.
        start_step: the step at which it was given.
        epoch_tokens: targets of one pass over the training data; only for budgets in epochs.
        step: optimizer steps taken.
        tokens: targets seen.
        seconds: time in training steps, without validations and checkpoints, by `training_clock`.
        curve: (tokens, mean training loss in bits since the point before).
        validation: (tokens, value of the primary metric).
        losses: sum of the training losses since the last point of the curve, in nats, and how many.
        points: hundredths of the present budget that are on the curve.
        evaluations: validations made in the present budget.
        best: least cost of the primary metric so far; None before the first validation.
        waiting: validations since then.
        finished: the present budget is spent, or training ended before.
    """

    amount: float
    unit: str
    start: float = 0.0
    start_step: int = 0
    epoch_tokens: int = 0
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    curve: list[tuple[float, float]] = field(default_factory=list)
    validation: list[tuple[float, float]] = field(default_factory=list)
    losses: tuple[float, int] = (0.0, 0)
    points: int = 0
    evaluations: int = 0
    best: float | None = None
    waiting: int = 0
    finished: bool = False

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise RecipeError(f"the unit of a budget is {self.unit!r}; choose one of {', '.join(UNITS)}")

    @property
    def spent(self) -> float:
        """What was spent since the first step, in `unit`."""
        if self.unit == "steps":
            return self.step
        if self.unit == "tokens":
            return self.tokens
        if self.unit == "epochs":
            return self.tokens / self.epoch_tokens
        return self.seconds

    @property
    def share(self) -> float:
        """Spent share of the present budget, from 0 to 1 (a last step may pass 1 a little)."""
        added = self.amount - self.start
        return (self.spent - self.start) / added if added > 0 else 1.0

    def extend(self, amount: float, unit: str, epoch_tokens: int) -> None:
        """Give a new budget to a training that spent an earlier one."""
        self.amount, self.unit, self.epoch_tokens = amount, unit, epoch_tokens
        self.start, self.start_step = self.spent, self.step
        self.losses, self.points, self.evaluations, self.finished = (0.0, 0), 0, 0, False

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Progress":
        """What `to_json` wrote."""
        values = json.loads(text)
        for name in ("curve", "validation"):
            values[name] = [(float(x), float(y)) for x, y in values[name]]
        return cls(**{**values, "losses": tuple(values["losses"])})
