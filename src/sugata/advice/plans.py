"""From what a budget pays for to space, strategy, evaluator, and the command that runs them."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sugata.advice.measured import SEARCHED, Measured
from sugata.report.wording import duration

MANY, SOME, FEW = 150, 40, 10  #: full trainings, from which on each way is advised
_SMALL_SPACE = 20_000  # different networks: all of them are candidates of a surrogate
_CLOCKED = 0.45  # of a budget, where known networks are trained beside the winner
_TIMEOUT = 1800  # seconds, the recipe's own
_PROXY = 0.25  # of a training, on the lowest rung


@dataclass(frozen=True)
class Plan:
    """A way to search.

    Attributes:
        recipe: a shipped recipe that it changes.
        changes: fields of it, as ``--set`` takes them.
        reasons: for it, one line each.
    """

    strategy: str
    evaluator: str
    recipe: str
    changes: Mapping[str, Any]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Advice:
    """What to do.

    Attributes:
        figures: what was measured, and what follows: a word and a text each.
        command: the command, or the lines of Python.
        others: who should do something else: for whom, and what.
    """

    space: str
    strategy: str
    evaluator: str
    reasons: tuple[str, ...]
    command: str
    figures: tuple[tuple[str, str], ...] = ()
    others: tuple[tuple[str, str], ...] = ()


def planned(measured: Measured, recipe: str, shares: str | None) -> Plan:
    """The way to search that the budget suits.

    Args:
        recipe: a shipped one of the task.
        shares: a recipe for weights that all networks share; None where those showed no benefit.
    """
    if measured.trainings >= SOME:
        return _in_full(measured, recipe)
    if measured.trainings >= FEW:
        return _promoted(measured, recipe)
    return _shared(measured, shares) if shares is not None else _by_the_clock(measured, recipe)


def command(plan: Plan, data: str, more: Mapping[str, Any]) -> str:
    """The plan as a command line."""
    words = ["sugata", "search", plan.recipe, "--data", data]
    for field, value in {**more, **plan.changes}.items():
        text = value if isinstance(value, str) else json.dumps(value).replace('"', "")
        words += ["--set", f"{field}={text}"]
    return shlex.join(words)


def figures(measured: Measured) -> tuple[tuple[str, str], ...]:
    """What was measured and what follows from it, for people."""
    step = f"{duration(measured.step)} for a step of {measured.targets:,} ({measured.network}, one thread)"
    training = f"{measured.full}: about {duration(measured.seconds)} of one worker"
    share = f"{SEARCHED:.0%} of {duration(measured.budget)} for the search, {measured.workers} workers"
    return (
        ("measured", step),
        ("full training", training),
        ("the budget", f"pays for about {measured.trainings:.1f} of them ({share})"),
    )


def _in_full(measured: Measured, recipe: str) -> Plan:
    changes = _changes(measured, [_rung("full", measured.amount, measured.unit)])
    large = measured.distinct is None or measured.distinct > _SMALL_SPACE
    if measured.trainings >= MANY and large:
        return Plan(
            "regularized_evolution",
            f"each candidate trained in full ({measured.amount:,.0f} {measured.unit})",
            recipe,
            {"strategy.kind": "regularized_evolution", **changes},
            (
                "much compute: nothing stands between a candidate and its score",
                "on benchmark tables it found the best cell after 78 to 166 evaluations",
            ),
        )
    return Plan(
        "bayesian",
        f"each candidate trained in full ({measured.amount:,.0f} {measured.unit})",
        recipe,
        {"strategy.kind": "bayesian", **changes},
        (
            "enough compute to train candidates in full: no proxy misleads",
            "on benchmark tables it found the best cell after 19 to 42 evaluations, regularized evolution"
            " after 78 to 166",
        ),
    )


def _promoted(measured: Measured, recipe: str) -> Plan:
    """As many short trainings as pay for themselves and a quarter of them in full."""
    short = measured.amount * _PROXY
    begun = max(8, int(measured.trainings / (_PROXY + _PROXY * (1 - _PROXY))))
    rungs = [
        {**_rung("short", short, measured.unit), "keep": _PROXY, "capacity": begun},
        {**_rung("full", measured.amount, measured.unit), "capacity": max(2, begun // 4)},
    ]
    return Plan(
        "bayesian",
        f"{begun} trained for a quarter ({short:,.0f} {measured.unit}), the best quarter of them in full",
        recipe,
        {"strategy.kind": "bayesian", **_changes(measured, rungs)},
        (
            "some compute: too little to train forty in full, enough to train the best on",
            "a quarter of the epochs ranked image cells at 0.70 [0.31, 0.90] against full trainings, at a"
            " quarter of the price",
        ),
    )


def _shared(measured: Measured, recipe: str) -> Plan:
    """One supernet, paths of it, a few of them alone; the winner as long as is left."""
    epoch = measured.seconds / measured.amount
    final = min(measured.amount, (1 - SEARCHED) * measured.budget / epoch)
    shared = max(1.0, 0.35 * measured.budget / epoch)
    alone = max(1.0, final / 4)
    few = max(2, int(0.15 * measured.budget * measured.workers / (alone * epoch)))
    rungs = [
        {"name": "shared", "unit": "supernet", "keep": 0.05, "capacity": 200},
        {**_rung("alone", alone, measured.unit), "capacity": min(few, 10)},
    ]
    changes = _changes(measured, rungs) | {
        "final.amount": _rounded(final),
        "supernet.amount": _rounded(shared),
        "supernet.sampling": "uniform",
        "supernet.ranked": 0,
    }
    reasons = [
        "little compute: one supernet costs about as much as a few trainings, and scores any path in a"
        " fraction of a second",
        "shared weights knew more than counting parameters (partial rank correlation 0.57), and alone ranked"
        " worse: so the best are trained alone before one is chosen",
    ]
    if final < measured.amount:
        reasons.append(f"the winner cannot be trained in full: {final:.0f} of {measured.amount:.0f} epochs")
    return Plan(
        "regularized_evolution",
        f"shared weights (single_path, {_rounded(shared):g} epochs), then the best alone",
        recipe,
        {"strategy.kind": "regularized_evolution", **changes},
        tuple(reasons),
    )


def _by_the_clock(measured: Measured, recipe: str) -> Plan:
    """The shipped funnel in seconds, as long as the budget; known networks and the winner get the rest."""
    seconds = _CLOCKED * measured.budget
    unit = seconds * measured.workers / 48  # 28, 7 and 3 trainings of 1, 2.5 and 5 units, continued
    rungs = [
        {**_rung("small", unit, "seconds"), "keep": 0.25, "capacity": 28},
        {**_rung("medium", 2.5 * unit, "seconds"), "keep": 0.34, "capacity": 7},
        {**_rung("full", 5 * unit, "seconds"), "capacity": 3},
    ]
    changes = _changes(measured, rungs) | {
        "budget.seconds": round(seconds),
        "final.amount": _rounded(0.6 * (measured.budget - seconds)),
        "final.unit": "seconds",
    }
    return Plan(
        "evolution",
        f"a funnel: 28 trained for {unit:.0f} s, the best for {2.5 * unit:.0f} and {5 * unit:.0f} s",
        recipe,
        {"strategy.kind": "evolution", **changes},
        (
            "little compute: what a network learns in the same time is what counts",
            "shared weights of language models were no better than such a funnel here (-0.06 bits per byte"
            " [-0.22, +0.07])",
        ),
    )


def _changes(measured: Measured, rungs: list[dict[str, Any]]) -> dict[str, Any]:
    longest = round(4 * max(measured.seconds, (1 - SEARCHED) * measured.budget))
    return {
        "funnel": rungs,
        "budget.seconds": round(SEARCHED * measured.budget),
        "final.amount": _rounded(measured.amount),
        "final.unit": measured.unit,
        **({"engine.timeout": longest} if longest > _TIMEOUT else {}),
    }


def _rung(name: str, amount: float, unit: str) -> dict[str, Any]:
    return {"name": name, "amount": _rounded(amount), "unit": unit}


def _rounded(amount: float) -> float:
    """Two significant digits are all that an estimate has."""
    short = float(f"{amount:.2g}") if amount >= 1 else round(amount, 2)
    return int(short) if short.is_integer() else short
