"""What many workers are worth: one search by a simulated clock, from 1 to 1,000 workers.

Asynchronous, each worker gets the next proposal as soon as it is free. Synchronous, as many proposals as
there are workers are asked for together, and all wait for the slowest.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sugata.bench.curves import FLOOR, Panel, Series, series
from sugata.bench.pool import Pool
from sugata.bench.replay import Replay, best_value
from sugata.bench.tasks import Contender, Job, Task, evaluator_of
from sugata.errors import TaskError

COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
RESULTS = "workers.jsonl"


@dataclass(frozen=True)
class Setting:
    """What is repeated over seeds."""

    strategy: str
    synchronous: bool
    workers: int

    @property
    def kind(self) -> str:
        """How the workers go on."""
        return "synchronous" if self.synchronous else "asynchronous"


Found = dict[Setting, list[Replay]]


def simulate(
    contenders: Sequence[Contender],
    task: Task,
    *,
    counts: Sequence[int] = COUNTS,
    seeds: int = 10,
    processes: int = 2,
    to: Path | None = None,
    on_step: Callable[[Setting, int, int], None] = lambda setting, done, left: None,
) -> Found:
    """Replay the task with every number of workers, both ways.

    Args:
        to: a folder whose ``workers.jsonl`` gets every search as it ends.
        on_step: told how many searches are done, and how many are left.

    Raises:
        TaskError: a strategy does not work on the table, or a worker process died.
    """
    jobs = [
        Job(contender, task, seed, count, synchronous)
        for count in counts
        for contender in contenders
        for synchronous in (False, True)
        for seed in range(seeds)
    ]
    found: Found = {}
    with Pool(processes) as pool:
        for done, (job, answer) in enumerate(pool.run(jobs), start=1):
            setting = Setting(job.contender.name, job.synchronous, job.workers)
            if isinstance(answer, str):
                raise TaskError(f"{job.contender.name}: {answer}")
            found.setdefault(setting, []).append(answer)
            if to is not None:
                with (to / RESULTS).open("a", encoding="utf-8") as file:
                    file.write(json.dumps({**asdict(setting), **asdict(answer)}) + "\n")
            on_step(setting, done, len(jobs))
    return {setting: sorted(replays, key=lambda one: one.seed) for setting, replays in found.items()}


def regret(task: Task) -> Callable[[float], float]:
    """How far a value is from the best of the table."""
    best = best_value(evaluator_of(replace(task, metric=task.report or task.metric, report=None)))
    sign = 1.0 if task.direction == "maximize" else -1.0
    return lambda value: max(sign * (best - value), 0.0)


def speed_up(found: Found, setting: Setting) -> np.ndarray[Any, np.dtype[np.float64]]:
    """``(seeds,)``: how much sooner the evaluations are done than by one worker, who never waits."""
    alone = next(other for other in found if other.workers == 1 and other.strategy == setting.strategy)
    single = {one.seed: one.clock for one in found[alone]}
    return np.array([single[one.seed] / one.clock for one in found[setting]])


def value_at(replay: Replay, seconds: float) -> float:
    """The reported value of the best so far at a time; before the first result, that of the first."""
    position = int(np.searchsorted(replay.times, seconds, side="right")) - 1
    return replay.curve[max(position, 0)][1]


def horizons(found: Found, task: Task) -> dict[int, float]:
    """Two deadlines: the seconds in which one worker does a hundredth and a twentieth of its evaluations."""
    alone = [one.clock for setting, many in found.items() if setting.workers == 1 for one in many]
    each = float(np.median(alone)) / task.budget
    return {count: count * each for count in (max(1, task.budget // 100), max(1, task.budget // 20))}


def panels(found: Found, task: Task) -> list[Panel]:
    """Speed-up, and regret after two deadlines, against workers."""
    counts = np.array(sorted({setting.workers for setting in found}), float)
    lines = list(dict.fromkeys((setting.strategy, setting.synchronous) for setting in found))

    def drawn(values: Callable[[Setting], Any]) -> tuple[Series, ...]:
        made = []
        for strategy, synchronous in lines:
            rows = [values(Setting(strategy, synchronous, int(count))) for count in counts]
            name = f"{strategy}, {Setting(strategy, synchronous, 1).kind}"
            one = series(name, counts, np.array(rows, float).T)
            made.append(replace(one, group=strategy, dashed=synchronous))
        return tuple(made)

    def regrets(value: Callable[[Replay], float]) -> tuple[Series, ...]:
        far = regret(task)
        return drawn(lambda s: [max(far(value(one)), FLOOR) for one in found[s]])

    ideal = Series("as many as workers", counts, counts, counts, counts, group="ideal")
    busy = (*drawn(lambda s: speed_up(found, s)), ideal)
    title = f"Speed-up of {task.budget:,} evaluations"
    y = f"regret of {task.report or task.metric}"
    return [
        Panel(title, "workers", "times one worker", True, busy, stairs=False, floor=1.0),
        *(
            Panel(
                f"In the time of {count:,} evaluations by one worker",
                "workers",
                y,
                True,
                regrets(lambda one, seconds=seconds: value_at(one, seconds)),  # type: ignore[misc]
                stairs=False,
            )
            for count, seconds in horizons(found, task).items()
        ),
    ]


def markdown(found: Found, task: Task, about: Mapping[str, Any], stated: str) -> str:
    """Speed-up, use of the workers and regrets, and how the clock runs."""
    far, deadlines = regret(task), horizons(found, task).values()
    lines = [
        "| strategy | workers | speed-up | workers busy |"
        + "".join(f" regret after {seconds / 3600:.2g} h |" for seconds in deadlines)
        + f" after {task.budget:,} evaluations |",
        "| --- |" + " ---: |" * 6,
    ]
    for setting in sorted(found, key=lambda s: (s.strategy, s.synchronous, s.workers)):
        replays = found[setting]
        use = np.mean([one.busy / (one.clock * setting.workers) for one in replays])
        regrets = [
            *(np.mean([far(value_at(one, seconds)) for one in replays]) for seconds in deadlines),
            np.mean([far(one.final) for one in replays]),
        ]
        lines.append(
            f"| {setting.strategy}, {setting.kind} | {setting.workers:,} |"
            f" {np.mean(speed_up(found, setting)):.1f} | {use:.0%} |"
            + "".join(f" {value:.2f} |" for value in regrets)
        )
    seeds = min(map(len, found.values()))
    return "\n".join(
        [
            f"**{task.title}, {task.metric}: 1 to {max(s.workers for s in found):,} simulated workers**,"
            f" means over {seeds} seeds",
            "",
            *lines,
            "",
            f"- clock: {stated}",
            f"- command: `{about['command']}`; {about['cost']}",
            f"- machine: {about['cpu']}, {about['cores']} cores; sugata {about['sugata']}, numpy"
            f" {about['packages']['numpy']}",
            "",
        ]
    )
