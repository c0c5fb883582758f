"""The search as a person sees it."""

import random

from sugata import recipe as recipes
from sugata.journal import Record
from sugata.objectives import Objectives
from sugata.run.watch import Watch
from sugata.trial import Fidelity, Metric, Proposal, Status, Trial

LOSS = Objectives((Metric("loss"),))


class Shown:
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.best: list[Trial | None] = []
        self.lines: list[str] = []

    def now(self, text: str, left: float | None = None) -> None:
        self.lines.append(text)

    def trial(self, trial: Trial, best: Trial | None, objectives: Objectives) -> None:
        self.best.append(best)


def trials() -> list[Trial]:
    """On three rungs, some failed, some answered, in no order."""
    rng = random.Random(0)
    made = []
    for number in range(60):
        proposal = Proposal(number, {"depth": number}, Fidelity(rng.randrange(3), amount=1.0))
        status = Status.COMPLETED if rng.random() < 0.8 else Status.FAILED
        metrics = {"loss": rng.randrange(20) / 10} if status is Status.COMPLETED else {}
        made.append(Trial(proposal, status, metrics, cached=rng.random() < 0.1))
    return made


def test_the_best_so_far_is_the_best_of_all_told() -> None:
    told, shown = trials(), Shown()
    recipe = recipes.load("tiny", {"funnel": [{"name": "full", "amount": 1}]})
    watch = Watch(recipe, LOSS, Record({}, tuple(told[:10]), (0.0,) * 10), shown)  # type: ignore[arg-type]
    for trial in told[10:]:
        watch(trial)
    assert shown.best == [LOSS.best(told[: count + 1]) for count in range(10, 60)]
    counted = sum(not trial.cached for trial in told)
    assert shown.lines[-1].startswith(f"{counted} trials, best ")
