"""What a fit does: from wishes and the size of the data to a recipe, which a run carries out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sugata import recipe as recipes
from sugata.errors import RecipeError
from sugata.recipe import Recipe
from sugata.report.wording import duration, plural

SEARCH_SHARE = 0.55  # of a budget of time, where winners are trained again
_WITHOUT_FINAL = 0.65  # where they are not, but on all rows
_LONGER = 1.25  # so many times the highest rung's training that of winners is, or it is left out
_REFIT_SHARE = 0.2  # of rounds: that last training on all rows
_LATER = 1.1  # so much longer than it took before that training may take
MARGIN = 0.05  # of a budget that is left over for reading data, and for what takes longer than planned
_STARTING = 6.0  # seconds until workers are there
_FILLED = 0.9  # of the search's time that trials are planned for: the last of them do not end together
PATIENCE = 10  # evaluations without a new best
_STEPS = 2000  # of a training whose epochs are not given, about
_EPOCHS = (10, 200)
_FOLDS = 3  # of the rows of small tables, where the mean of several trainings tells more than a longer one
_FOLD_STEPS = 300
_FEW_ROWS = 2000
_CUT_SHORT = 6  # trials that a search has time for, where full ones would take too long
_FEW_EVALUATIONS = 4  # of a training that is cut short: they take time beside it
OVERHEAD = 0.7  # seconds of a trial besides training: building, scoring, starting
_CANDIDATES = (27, 18, 9, 6, 3)  # of the lowest rung; a third goes on, and a third of those again
_SHORTEST = 2.0  # seconds of the lowest rung
_BATCHES = ((20_000, 128), (2_000, 64), (500, 32))  # at least so many rows, the smaller of two sizes
_IN_PROCESS = 60.0  # seconds of work below which starting workers does not pay
#: CPU seconds that an epoch takes for each row, about: only to decide where it runs and for how long.
_ROW_SECONDS = {"image": 4e-4, "text": 2e-4, "table": 3e-5, "array": 3e-5}
#: Seconds of an unbounded fit: so many for each row, within these bounds.
_USUAL = {"image": 0.06, "text": 0.02, "table": 0.02, "array": 0.02}
_USUAL_BOUNDS = (20.0, 600.0)
_TUNERS = {"greedy": "local_search", "bayesian": "bayesian", "random": "random", "evolution": "evolution"}


@dataclass(frozen=True)
class Wishes:
    """What a user asks of a fit; None leaves it to the plan.

    Attributes:
        max_trials: evaluations at most.
        budget: seconds of wall clock for everything.
        epochs: of each trial.
        batch_size: of training.
        objectives: metrics, the primary one first.
        parameters: most parameters of a network.
        size: most bytes of its stored file.
        latency_ms: longest latency of one row.
        tuner: a strategy's name, its fields, or a class of one's own.
        n_jobs: worker processes; -1: one a core; 1: this process.
        refit: whether the best network is trained once more, on validation rows too.
        seed: of every random draw.
    """

    max_trials: int | None = None
    budget: float | None = None
    epochs: int | None = None
    batch_size: int | None = None
    objectives: tuple[str, ...] = ()
    parameters: int | None = None
    size: float | None = None
    latency_ms: float | None = None
    tuner: Any = None
    n_jobs: int | None = None
    refit: bool = True
    seed: int = 0


@dataclass(frozen=True)
class RowCounts:
    """The size of the data.

    Attributes:
        kinds: of the inputs.
        train: rows to learn from.
        validation: rows that candidates are compared on.
        aside: rows that train the winner alone.
    """

    kinds: tuple[str, ...]
    train: int
    validation: int
    aside: int = 0

    @property
    def all(self) -> int:
        """That the winner is trained on."""
        return self.train + self.validation + self.aside


@dataclass(frozen=True)
class Plan:
    """A recipe, and what a person wants to know of it before it begins.

    Attributes:
        seconds: that everything takes at most, or about; None where it has to be measured.
        text: what is done, in a line.
    """

    recipe: Recipe
    seconds: float | None
    text: str


def plan(
    name: str, network: Mapping[str, Any], task: Mapping[str, Any], rows: RowCounts, wishes: Wishes
) -> Plan:
    """The recipe of a fit.

    Two ways. Rounds: every trial trains for so many epochs, at most, and keeps its best weights. So it is
    where trials or epochs are counted, for tables, and where time is short; where it is too short for
    two such trials they train for seconds, since the end of time ends none. A funnel: many candidates train
    for seconds, the best third three times as long, and a third of those again; then the best train anew,
    if there is time to do so for longer. Both end with the best network trained for as many passes on all
    rows, those for validation too, if those are a part of what was given.

    Raises:
        RecipeError: a wish that cannot be.
    """
    seconds = wishes.budget
    if seconds is None and wishes.max_trials is None:
        seconds = usual_seconds(rows)
    batch_size = wishes.batch_size or batch_sizes(rows)[-1]
    workers = _workers(rows, wishes, seconds)
    sizes = wishes.batch_size or list(batch_sizes(rows))
    network = {**network, "training": {**network.get("training", {}), "batch_size": sizes}}
    common = _common(name, network, task, wishes, batch_size, workers)
    counted = wishes.max_trials is not None or wishes.epochs is not None
    slow = any(kind in ("image", "text") for kind in rows.kinds)
    if slow and seconds is not None and not counted:
        funnel = _funnel(common, rows, wishes, seconds, workers)
        if funnel is not None:
            return funnel
    return _rounds(common, rows, wishes, batch_size, seconds, workers)


def usual_seconds(rows: RowCounts) -> float:
    """How long a fit takes to which no limit is given."""
    return float(
        min(max(rows.train * max(_USUAL[kind] for kind in rows.kinds), _USUAL_BOUNDS[0]), _USUAL_BOUNDS[1])
    )


def _common(
    name: str,
    network: Mapping[str, Any],
    task: Mapping[str, Any],
    wishes: Wishes,
    batch_size: int,
    workers: int | None,
) -> dict[str, Any]:
    """What both ways have in common."""
    limits = {
        "parameters": wishes.parameters,
        "size": wishes.size,
        "latency": wishes.latency_ms,
    }
    return {
        "name": name,
        "seed": wishes.seed,
        "task": {"kind": "prepared", **task},
        "space": "blocks/graph",
        "network": dict(network),
        "strategy": _strategy(wishes.tuner),
        "promote_by": wishes.objectives[0] if len(wishes.objectives) == 1 else "pareto",
        "objectives": {"metrics": list(wishes.objectives)},
        "limits": {name: value for name, value in limits.items() if value is not None},
        "training": {"batch_size": batch_size, "learning_rate": None, "clip": 1.0},
        "engine": {"workers": workers},
        "show": {"logger": "none"},
    }


def _rounds(
    common: dict[str, Any],
    rows: RowCounts,
    wishes: Wishes,
    batch_size: int,
    seconds: float | None,
    workers: int | None,
) -> Plan:
    folds = _folds(rows, wishes)
    epochs = wishes.epochs or _epochs(rows, batch_size, _STEPS if folds == 1 else _FOLD_STEPS)
    timed = "latency_ms" in {*wishes.objectives} or wishes.latency_ms is not None or seconds is not None
    planned = None if seconds is None else _planned(seconds, workers, starts=1 + wishes.refit)
    last = 0.0 if planned is None or not wishes.refit else _REFIT_SHARE * planned
    search = None if planned is None else max(1.0, planned - last)
    amount, unit = _length(rows, epochs, folds, search)
    evaluations = min(epochs, 50) if unit == "epochs" else _FEW_EVALUATIONS
    recipe = recipes.parse(
        {
            **common,
            "task": {**common["task"], "folds": folds},
            "funnel": [{"name": "full", "amount": amount, "unit": unit}],
            "final": {
                "amount": amount,
                "unit": unit,
                "refit": {"seconds": round(last, 2) or None} if wishes.refit else None,
            },
            "stages": {"skip_retrain": "search"},
            "budget": {"trials": wishes.max_trials, "seconds": search},
            "training": {
                **common["training"],
                "evaluations": evaluations,
                "patience": min(PATIENCE, evaluations),
            },
            "engine": {**common["engine"], "deterministic": not timed},
        },
        "fit",
    )
    most = f"up to {plural(wishes.max_trials, 'network')}" if wishes.max_trials else "networks"
    most += f" by {folds}-fold cross-validation" if folds > 1 else ""
    end = "then the best on all rows" if wishes.refit else "the best is kept"
    each = f"at most {plural(epochs, 'epoch')} each"
    if unit == "seconds":
        each = f"{duration(amount)} each, there is no time for {plural(epochs, 'epoch')}"
    return Plan(recipe, seconds, f"{most}, {each}; {end}")


def _length(rows: RowCounts, epochs: int, folds: int, search: float | None) -> tuple[float, str]:
    """How long a trial trains on each fold: for its epochs, or where they take too long for seconds."""
    whole = _work(rows, epochs) * folds
    if search is None or 2 * whole <= search:
        return epochs, "epochs"
    return round(search / _CUT_SHORT / folds, 2), "seconds"


def _work(rows: RowCounts, epochs: int) -> float:
    """CPU seconds that so many epochs take, about."""
    return rows.train * epochs * max(_ROW_SECONDS[kind] for kind in rows.kinds)


def _funnel(
    common: dict[str, Any], rows: RowCounts, wishes: Wishes, seconds: float, workers: int | None
) -> Plan | None:
    """None where there is no time for it."""
    planned = _planned(seconds, workers, starts=2 + wishes.refit)
    more = _LATER * rows.all / rows.train if wishes.refit else 0.0
    search = planned * SEARCH_SHARE
    rungs, final = _rungs(search, workers or 1), (planned - search) / (1 + more)
    if rungs is None:
        return None
    trained_again = not wishes.refit or final >= _LONGER * rungs[1][-1]
    if not trained_again:
        search = planned * _WITHOUT_FINAL
        rungs = _rungs(search, workers or 1)
        assert rungs is not None  # there was time for it in less
        final = rungs[1][-1]
    counts, amounts = rungs
    evaluations = 8
    names = ("first", "second", "third")
    funnel = [
        {"name": name, "amount": round(amount, 2), "unit": "seconds", "capacity": count, "keep": 1 / 3}
        for name, amount, count in zip(names, amounts, counts, strict=True)
    ]
    funnel[-1].pop("keep")
    top = max(1, workers or 1) if trained_again else 1
    left = planned - search - (final if trained_again else 0.0)
    recipe = recipes.parse(
        {
            **common,
            "funnel": funnel,
            "final": {
                "amount": round(final, 2),
                "unit": "seconds",
                "top": top,
                "refit": {"seconds": round(left, 2)} if wishes.refit else None,
            },
            "stages": {"skip_retrain": None if trained_again else "search"},
            "budget": {"seconds": search},
            "training": {**common["training"], "evaluations": evaluations, "patience": evaluations},
            "engine": {**common["engine"], "timeout": max(1800.0, 4 * seconds)},
        },
        "fit",
    )
    text = (
        f"{counts[0]} candidates for {amounts[0]:.0f} s each, the best {counts[1]} for {amounts[1]:.0f} s,"
        f" {counts[2]} for {amounts[2]:.0f} s; then the best"
    )
    ends = [f"{'' if top == 1 else f'{top} '}in full, {final:.0f} s"] if trained_again else []
    ends += ["on all rows"] if wishes.refit else []
    return Plan(recipe, seconds, f"{text} {', and '.join(ends)}")


def _planned(seconds: float, workers: int | None, starts: int) -> float:
    """What of a budget is left for all trainings, where workers start so often."""
    starting = starts * _STARTING if workers else 0.0
    return max(seconds / 2, seconds * (1 - MARGIN) - starting)


def _rungs(search: float, workers: int) -> tuple[list[int], list[float]] | None:
    """How many candidates each rung has and how long they train; None where there is no time for that."""
    available = search * workers * _FILLED
    for first in _CANDIDATES:
        counts = [first, max(1, first // 3), max(1, first // 9)]
        shares = counts[0] + 2 * counts[1] + 6 * counts[2]
        shortest = (available - OVERHEAD * sum(counts)) / shares
        if shortest >= _SHORTEST:
            return counts, [shortest, 3 * shortest, 9 * shortest]
    return None


def _epochs(rows: RowCounts, batch_size: int, wanted: int = _STEPS) -> int:
    steps = math.ceil(rows.train / batch_size)
    return int(min(max(math.ceil(wanted / steps), _EPOCHS[0]), _EPOCHS[1]))


def _folds(rows: RowCounts, wishes: Wishes) -> int:
    """Into how many parts the rows are divided to score candidates; 1: validation rows do."""
    slow = any(kind in ("image", "text") for kind in rows.kinds)
    few = _FOLDS <= rows.all < _FEW_ROWS
    return _FOLDS if few and wishes.refit and not slow else 1


def batch_sizes(rows: RowCounts) -> tuple[int, int]:
    """The sizes of batches that are tried where none is given."""
    return next(((size, 2 * size) for least, size in _BATCHES if rows.train >= least), (16, 32))


def _workers(rows: RowCounts, wishes: Wishes, seconds: float | None) -> int | None:
    """How many processes; 0 is this one. Starting others takes seconds, which little work is not worth."""
    from sugata.engines.resources import cores

    if wishes.n_jobs is not None:
        if wishes.n_jobs == 0:
            raise RecipeError("n_jobs is 0; give a number of processes, 1 for this one, or -1 for one a core")
        count = wishes.n_jobs if wishes.n_jobs > 0 else max(1, cores() + 1 + wishes.n_jobs)
        return 0 if count == 1 else count
    batch_size = wishes.batch_size or batch_sizes(rows)[-1]
    epochs = wishes.epochs or _epochs(rows, batch_size)
    work = math.inf if wishes.max_trials is None else wishes.max_trials * _work(rows, epochs)
    work = min(work, math.inf if seconds is None else seconds)
    return 0 if work <= _IN_PROCESS else cores()


def _strategy(tuner: Any) -> dict[str, Any]:
    """A strategy's section of the recipe.

    Raises:
        RecipeError: it is none.
    """
    if tuner is None:
        return {"kind": "evolution", "population": 20}
    if isinstance(tuner, str):
        return {"kind": _TUNERS.get(tuner, tuner)}
    if isinstance(tuner, Mapping):
        return dict(tuner)
    if isinstance(tuner, type):
        return {"kind": f"{tuner.__module__}:{tuner.__qualname__}"}
    raise RecipeError(
        f"tuner is a {type(tuner).__name__}; give a strategy's name such as 'evolution', its fields, or a"
        " class"
    )
