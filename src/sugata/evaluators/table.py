"""Looking results up instead of training: a table of a whole search space, or of a part of it."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sugata.errors import DataError, InvalidArchitecture
from sugata.evaluators.base import Context, Evaluation, Evaluator
from sugata.space import SearchSpace
from sugata.trial import Direction, Fidelity, Metric, Proposal, Status, Value

_LARGE = re.compile(r"acc|auc|score|f1|bleu|psnr|reward|fitness|quality|r2|map\b", re.IGNORECASE)
_SMALL = re.compile(
    r"loss|err|regret|perplexity|bits|param|mac|flop|lat|_ms|time|seconds|size|bytes|memory|energy",
    re.IGNORECASE,
)
_EPOCHS = re.compile(r"_(\d+)(?:_mean)?$")


@dataclass(frozen=True)
class Table:
    """What is known of the architectures of a space, a row for each that differs when deployed.

    Attributes:
        name: what it is, such as ``nasbench201 cifar10``.
        space: the candidates; where the table has gaps, only the listed ones.
        keys: deployment keys, in the order of the columns' values.
        columns: ``(distinct,)`` values by name, each the mean over the file's rows of one key.
        multiplicity: ``(distinct,)`` how many rows of the file have the key.
        note: one line on what the table covers, for people.
        samples: images (or other samples) that a training goes through in an epoch; 0 where unknown.
    """

    name: str
    space: SearchSpace
    keys: tuple[str, ...]
    columns: Mapping[str, NDArray[np.float64]]
    multiplicity: NDArray[np.int64]
    note: str = ""
    samples: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {key: row for row, key in enumerate(self.keys)})

    def row(self, architecture: Mapping[str, Value]) -> int:
        """The position of an architecture's values in the columns.

        Raises:
            InvalidArchitecture: the table does not have it.
        """
        row: int | None = self._rows.get(self.space.deployment_key(architecture))  # type: ignore[attr-defined]
        if row is None:
            raise InvalidArchitecture(
                f"{dict(architecture)} is not in table {self.name}; choose a listed one"
            )
        return row

    def column(self, name: str) -> NDArray[np.float64]:
        """Values of a column, all of them finite.

        Raises:
            DataError: no such column, or some of its values are missing.
        """
        if name not in self.columns:
            raise DataError(f"table {self.name}: no column {name!r}; it has {', '.join(self.columns)}")
        values = self.columns[name]
        missing = int(np.sum(~np.isfinite(values)))
        if missing:
            raise DataError(
                f"table {self.name}: column {name!r} is not a finite number in {missing} of {len(values)}"
                " rows; fill or drop those rows, or use another column"
            )
        return values


def direction_of(column: str) -> Direction:
    """Which direction of a column is better, as its name says.

    Raises:
        DataError: its name does not say.
    """
    if _LARGE.search(column):
        return "maximize"
    if _SMALL.search(column):
        return "minimize"
    raise DataError(
        f"column {column!r}: its name does not say whether large is good; give direction maximize or minimize"
    )


def epochs_of(column: str) -> int | None:
    """The epochs of training that a column's name states: 12 for ``val_acc_12``."""
    found = _EPOCHS.search(column)
    return int(found[1]) if found else None


class TableEvaluator(Evaluator):
    """Answers proposals from a table.

    Every rung of its ladder is a column. The rungs are trainings of their own, not prefixes of one: the
    12 epochs of NAS-Bench-201 end with the learning rate at zero, so a promotion pays for the whole longer
    training. With one rung the primary metric is called like the column, with several ``accuracy`` (or
    ``score``, where the columns are no accuracies).
    """

    def __init__(
        self,
        table: Table,
        metric: str | Sequence[str],
        *,
        direction: Direction | None = None,
        others: Sequence[str] = (),
    ) -> None:
        """Look up in ``table``.

        Args:
            metric: the column to search on, or one a rung, cheapest first.
            direction: of the metric; by default as its name says.
            others: further columns that each trial is given, such as ``parameters`` or a latency.

        Raises:
            DataError: a column is missing or has gaps, or nothing says which direction is better.
        """
        rungs = (metric,) if isinstance(metric, str) else tuple(metric)
        self.table = table
        self.rungs = tuple(table.column(name) for name in rungs)
        self.others = {name: table.column(name) for name in others if name not in rungs}
        better = direction or direction_of(rungs[0])
        self.metrics = (
            Metric(metric_name(rungs), direction=better, description=f"table look-up: {', '.join(rungs)}"),
            *(Metric(name, direction=_direction(name)) for name in self.others),
        )
        self.ladder = tuple(_fidelity(i, name) for i, name in enumerate(rungs))

    @property
    def primary(self) -> Metric:
        """The metric that the search is for."""
        return self.metrics[0]

    def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
        """Look the architecture up.

        Raises:
            InvalidArchitecture: it is not in the table.
            DataError: the proposal asks for a rung that the table does not have.
        """
        if proposal.fidelity.rung >= len(self.rungs):
            raise DataError(
                f"table {self.table.name}: rung {proposal.fidelity.rung} is asked for, and it has"
                f" {len(self.rungs)}; give a column a rung"
            )
        row = self.table.row(proposal.architecture)
        found = {self.primary.name: float(self.rungs[proposal.fidelity.rung][row])}
        found |= {name: float(values[row]) for name, values in self.others.items()}
        return Evaluation(Status.COMPLETED, found)

    def fingerprint(self) -> str:
        """Changes with the values that are looked up."""
        digest = hashlib.sha256(repr((self.table.name, self.metrics)).encode())
        for values in (*self.rungs, *self.others.values()):
            digest.update(values.tobytes())
        return digest.hexdigest()[:16]

    def quick_metrics(
        self,
        architecture: Mapping[str, Value],
        names: Collection[str],
        exclusive: AbstractContextManager[None] | None = None,
    ) -> dict[str, float]:
        """Columns besides the searched one: sizes, operations and latencies are known before training."""
        if not set(names) & self.others.keys():
            return {}
        row = self.table.row(architecture)
        return {name: float(values[row]) for name, values in self.others.items() if name in names}


def metric_name(rungs: Sequence[str]) -> str:
    """What the searched metric is called: as its column, or what the columns of several rungs share."""
    if len(rungs) == 1:
        return rungs[0]
    return "accuracy" if all("acc" in name for name in rungs) else "score"


def _direction(column: str) -> Direction:
    """As :func:`direction_of`, for columns that nobody optimizes: then smaller."""
    try:
        return direction_of(column)
    except DataError:
        return "minimize"


def _fidelity(rung: int, column: str) -> Fidelity:
    epochs = epochs_of(column)
    return Fidelity(rung, column) if epochs is None else Fidelity(rung, f"{epochs} epochs", epochs, "epochs")
