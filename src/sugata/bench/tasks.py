"""What a benchmark asks of a strategy, and which tables it is asked on."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from sugata.errors import DataError
from sugata.evaluators import Table, TableEvaluator, data_sets, read_table
from sugata.evaluators.table import direction_of
from sugata.trial import Direction

DATA = "SUGATA_DATA"
#: Evaluations of a search by validation, and most queries of one for the optimum.
EVALUATIONS, QUERIES = 100, 500
#: Where the tables of the default benchmark lie in a data folder, and what is asked of them.
KNOWN = ("nasbench201", "nasbench_macro")


@dataclass(frozen=True)
class TableFile:
    """A table, as it is named on the command line; see :func:`sugata.evaluators.read_table`."""

    path: str
    space: str | None = None
    data_set: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """A search of one table, repeated over seeds.

    Attributes:
        title: the column's heading, such as ``cifar10``.
        metric: the column that trials are told.
        report: the column whose value at the best trial is reported; with one, every search uses its whole
            budget. Without, it is an oracle's task: queries until the best value of ``metric`` is found.
    """

    title: str
    table: TableFile
    metric: str
    direction: Direction
    report: str | None = None
    budget: int = QUERIES
    batch: int = 1

    @property
    def oracle(self) -> bool:
        """Whether the search sees the very values that it is judged by."""
        return self.report is None

    @property
    def key(self) -> str:
        """Tells it from the other tasks of a benchmark."""
        return f"{self.title} {'oracle' if self.oracle else 'validation'}"


@dataclass(frozen=True)
class Contender:
    """A strategy with its options.

    Attributes:
        zero_cost: whether it is given the table's zero-cost scores as features.
    """

    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    zero_cost: bool = False


@dataclass(frozen=True)
class Job:
    """One search to replay.

    Attributes:
        workers: simulated ones, by the clock of the table's cost; 0: the task's batches, without a clock.
        synchronous: the simulated workers wait for each other.
    """

    contender: Contender
    task: Task
    seed: int
    workers: int = 0
    synchronous: bool = False

    def to_json(self) -> dict[str, Any]:
        """As JSON values, for a worker process."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Job":
        """Read what :meth:`to_json` made."""
        task = data["task"]
        table = TableFile(**{**task["table"], "choices": tuple(task["table"]["choices"])})
        made = {"contender": Contender(**data["contender"]), "task": Task(**{**task, "table": table})}
        return cls(**{**data, **made})


@lru_cache(maxsize=16)
def table_of(file: TableFile, metrics: tuple[str, ...]) -> Table:
    """The table, read once in a process."""
    return read_table(
        file.path, space=file.space, data_set=file.data_set, choices=file.choices, metrics=metrics
    )


def evaluator_of(task: Task) -> TableEvaluator:
    """What answers the task's searches."""
    metrics = (task.metric,) if task.report is None else (task.metric, task.report)
    table = table_of(task.table, metrics)
    if task.report is not None:
        table.column(task.report)
    return TableEvaluator(table, task.metric, direction=task.direction)


def tables(given: Sequence[str], folder: str | None = None) -> list[Path]:
    """The tables to run on: those given, else the known ones in the data folder.

    Args:
        given: paths of files, or of folders with one.
        folder: of data; by default the environment variable ``SUGATA_DATA`` names it.

    Raises:
        DataError: there is none.
    """
    if given:
        return [Path(path) for path in given]
    place = folder or os.environ.get(DATA)
    if place is None:
        raise DataError(f"no table is given: name one with --table FILE, or a folder of them in {DATA}")
    found = [Path(place) / name / f"{name}.parquet" for name in KNOWN]
    found = [path for path in found if path.is_file()]
    if not found:
        names = ", ".join(f"{name}/{name}.parquet" for name in KNOWN)
        raise DataError(f"{place}: holds neither of {names}; name a table with --table FILE")
    return found


def tasks_of(
    path: Path,
    *,
    metric: str | None = None,
    report: str | None = None,
    direction: Direction | None = None,
    space: str | None = None,
    data_set: str | None = None,
    choices: Sequence[str] = (),
    budget: int | None = None,
    batch: int = 1,
) -> list[Task]:
    """What is asked on a table.

    Without a metric, a table with ``val_acc_12`` and ``test_acc_200`` (NAS-Bench-201) is searched by the
    first and reported by the second, and searched by the second in oracle mode, data set by data set; one
    with ``mean_acc`` (NAS-Bench-Macro) or ``test_acc_108_mean`` (NAS-Bench-101) in oracle mode.

    Raises:
        DataError: no such column, or it is not clear which.
    """
    sets: Sequence[str | None] = data_sets(path) or (None,)
    if data_set is not None:
        sets = (data_set,)
    tasks = []
    for chosen in sets:
        file = TableFile(str(path), space, chosen, tuple(choices))
        title = chosen or path.stem
        if metric is not None:
            better = direction or direction_of(metric)
            by_validation = [(metric, report)] if report else []
            pairs: list[tuple[str, str | None]] = [*by_validation, (report or metric, None)]
        else:
            pairs = _usual(path, file)
            better = direction or direction_of(pairs[0][0])
        for searched, reported in pairs:
            most = budget or (EVALUATIONS if reported else QUERIES)
            tasks.append(Task(title, file, searched, better, reported, most, batch))
    for task in tasks:
        evaluator_of(task)  # what is wrong with a column is said before anything runs
    return sorted(tasks, key=lambda task: task.oracle)


def _usual(path: Path, file: TableFile) -> list[tuple[str, str | None]]:
    columns = table_of(file, ()).columns
    if {"val_acc_12", "test_acc_200"} <= columns.keys():
        return [("val_acc_12", "test_acc_200"), ("test_acc_200", None)]
    known = [name for name in ("mean_acc", "test_acc_108_mean") if name in columns]
    if known or len(columns) == 1:
        return [(next(iter(known or columns)), None)]
    raise DataError(f"{path}: name the column to search on with --metric; it has {', '.join(columns)}")


def titled(tasks: Sequence[Task]) -> list[Task]:
    """Titles that tell the tasks' tables apart."""
    files = {task.title: set[TableFile]() for task in tasks}
    for task in tasks:
        files[task.title].add(task.table)
    return [
        replace(task, title=f"{Path(task.table.path).stem} {task.title}")
        if len(files[task.title]) > 1
        else task
        for task in tasks
    ]
