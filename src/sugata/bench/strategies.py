"""The benchmark of strategies: every one of the catalogue on every task, seed by seed."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sugata.bench.pool import Pool
from sugata.bench.replay import Replay
from sugata.bench.tasks import Contender, Job, Task

MANY, FEW = 100, 10
FAST = 10.0  # milliseconds an ask, below which a strategy gets many seeds
RESULTS = "replays.jsonl"
Values = NDArray[Any]


@dataclass
class Row:
    """What one strategy did.

    Attributes:
        replays: by the task's key, in the order of the seeds.
        errors: by the task's key, why there are none.
    """

    contender: Contender
    replays: dict[str, list[Replay]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def of(self, task: Task) -> list[Replay]:
        """The replays of a task; none where the strategy does not work there."""
        return [] if task.key in self.errors else self.replays.get(task.key, [])

    def ask_milliseconds(self, tasks: Sequence[Task]) -> float:
        """CPU time of the strategy for each evaluation that it led to, asking and telling.

        So a controller that samples again what is known pays for that too.
        """
        every = [one for task in tasks for one in self.of(task)]
        return 1000 * sum(one.ask_seconds for one in every) / max(1, sum(one.evaluations for one in every))

    @property
    def seeds(self) -> int:
        """How many seeds it was run with."""
        return max(map(len, self.replays.values()), default=0)

    @property
    def ran(self) -> bool:
        """Whether it worked on any task."""
        return len(self.errors) < len(self.replays)


@dataclass(frozen=True)
class Step:
    """How far a benchmark is.

    Attributes:
        done: searches that have ended.
        left: searches to come, as far as it is known.
    """

    contender: str
    task: str
    done: int
    left: int


def compare(
    rows: Sequence[Contender],
    tasks: Sequence[Task],
    *,
    seeds: int | None = None,
    processes: int = 2,
    to: Path | None = None,
    on_step: Callable[[Step], None] = lambda step: None,
    on_row: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """Run every contender on every task.

    Ten seeds first; where an ask takes less than 10 ms, ninety more.

    Args:
        seeds: another number for all; they are 0, 1, 2...
        to: a folder whose ``replays.jsonl`` gets every search as it ends.
        on_step: told after every search.
        on_row: given a contender's row when it is complete.

    Raises:
        TaskError: a worker process died.
    """
    found: list[Row] = []
    done = 0
    with Pool(processes) as pool:
        for contender in rows:
            row = Row(contender, {task.key: [] for task in tasks})
            for begin, end in ((0, seeds or FEW), (seeds or FEW, seeds or MANY)):
                if begin and row.ask_milliseconds(tasks) >= FAST:
                    break
                able = [task for task in tasks if task.key not in row.errors]
                jobs = [Job(contender, task, seed) for task in able for seed in range(begin, end)]
                for job, answer in pool.run(jobs):
                    done += 1
                    if isinstance(answer, str):
                        row.errors[job.task.key] = answer  # nor will it work with another seed
                        jobs[:] = [other for other in jobs if other.task.key != job.task.key]
                        continue
                    row.replays[job.task.key].append(answer)
                    if to is not None:
                        _append(
                            to / RESULTS, {"strategy": contender.name, "task": job.task.key, **asdict(answer)}
                        )
                    later = (seeds or MANY) - end + (len(rows) - len(found) - 1) * (seeds or MANY)
                    left = len(jobs) + later * len(tasks)
                    on_step(Step(contender.name, f"{job.task.key}, seed {job.seed}", done, left))
            for replays in row.replays.values():
                replays.sort(key=lambda one: one.seed)
            found.append(row)
            on_row(row)
    return found


def _append(path: Path, data: Mapping[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(data) + "\n")


def expected(searched: Values, reported: Values, weights: Values, draws: int) -> float:
    """What random search is expected to report after some draws with replacement, exactly.

    The best of n draws is the k-th of all, from the worst on, with probability ``F(k)^n - F(k-1)^n``, where F
    is the cumulated weight. A search draws nothing twice, which makes it better by less than can be seen.

    Args:
        searched: ``(distinct,)`` what is searched on, larger is better.
        reported: ``(distinct,)`` what is reported of the best.
        weights: ``(distinct,)`` how often each is drawn.
    """
    order = np.argsort(searched, kind="stable")
    cumulated = np.cumsum(weights[order] / weights.sum())
    chance = np.diff(np.concatenate([[0.0], cumulated**draws]))
    return float(chance @ reported[order])
