"""The whole system as one function."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sugata import recipe as recipes
from sugata.errors import RecipeError
from sugata.evaluators import Evaluator
from sugata.recipe import Recipe
from sugata.run import Progress, Result, fresh, start
from sugata.space import DictionarySpace, SearchSpace
from sugata.strategies import Strategy
from sugata.trial import Value

Space = Mapping[str, Sequence[Value]] | SearchSpace | str


def search(
    recipe: str | Path | Mapping[str, Any] | Recipe | None = None,
    *,
    space: Space | Sequence[str | Mapping[str, Sequence[Value]]] | None = None,
    evaluate: Callable[..., Any] | Evaluator | str | None = None,
    maximize: str | Sequence[str] = (),
    minimize: str | Sequence[str] = (),
    limits: Mapping[str, float | str] | None = None,
    data: str | Path | None = None,
    budget: float | str | None = None,
    trials: int | None = None,
    strategy: str | Mapping[str, Any] | type[Strategy] | None = None,
    warm_start: str | Path | Sequence[str | Path] = (),
    workers: int | None = None,
    seed: int | None = None,
    run_dir: str | Path | None = None,
    quiet: bool = False,
) -> Result:
    """Search, and return what was found; the same as ``sugata search``.

    Two uses. A recipe (a shipped name such as ``"tiny"``, a file, a mapping) trains code models or image
    networks on ``data``. Or your own ``evaluate(architecture)`` over your own ``space`` returns a number, or
    a mapping of metrics::

        def accuracy(architecture):
            return train_my_network(architecture["depth"], architecture["width"])

        result = sugata.search(
            space={"depth": [2, 4, 8], "width": [32, 64]}, evaluate=accuracy, maximize="accuracy"
        )
        print(result.best.architecture, result.front, result.trials)

    Args:
        recipe: a shipped recipe's name, a YAML file, or its fields; ``tiny`` unless you give ``evaluate``.
        space: choices and their options, a space's name, or a search space. A list of names and choices goes
            from small to large, one after the other; the last is the whole space.
        evaluate: your function, an :class:`Evaluator`, or ``module:name`` of one. It is sent to worker
            processes, also from a notebook or a script without a ``__main__`` guard.
        maximize: metrics of your function that should be large; the first of all objectives is primary.
            An evaluator's metrics say it themselves; name some of them to search by those alone.
        minimize: metrics that should be small.
        limits: hard upper bounds: ``size``, ``latency``, ``flops``, ``parameters`` of a code model, such as
            ``{"size": "2MB", "latency": "10ms"}``, or metrics of your function.
        data: of the recipe's task: a folder, a file or ``hf:NAME``; ``stdlib`` for code, ``digits`` for
            images.
        budget: wall-clock time of the search stage, seconds or such as ``"10m"``.
        trials: how many evaluations at most; for your own function 100 unless a budget is given.
        strategy: ``evolution``, ``random``, the fields of the recipe's ``strategy``, or your own class.
        warm_start: the folder of an earlier run, or several, whose best architectures this one begins with.
        workers: processes; 0 evaluates in this one.
        seed: of every random draw.
        run_dir: the run's folder. One that holds the same run is gone on with; by default a new one
            under ``runs/``.
        quiet: print nothing.

    Raises:
        SugataError: whatever is wrong with what was given, in one line.
    """
    warm = [warm_start] if isinstance(warm_start, str | Path) else warm_start
    changes: dict[str, Any] = {
        "task.data": None if data is None else str(data),
        "budget.seconds": budget,
        "budget.trials": trials,
        "engine.workers": workers,
        "seed": seed,
        "warm_start": [str(run) for run in warm] or None,
    }
    changes = {field: value for field, value in changes.items() if value is not None}
    if isinstance(strategy, type):
        strategy = f"{strategy.__module__}:{strategy.__qualname__}"
    if isinstance(strategy, str):
        changes["strategy.kind"] = strategy
    elif strategy is not None:
        changes |= {f"strategy.{field}": value for field, value in strategy.items()}
    named_space, space_object = _space(space)
    if named_space is not None:
        changes["space"] = named_space
    if evaluate is not None:
        resolved = _own(recipe, evaluate, _names(maximize), _names(minimize), limits or {}, changes)
    else:
        if maximize or minimize:
            raise RecipeError("maximize and minimize go with your own evaluate; give that too")
        changes |= {f"limits.{name}": value for name, value in (limits or {}).items()}
        resolved = _recipe("tiny" if recipe is None else recipe, changes)
    folder = Path(run_dir) if run_dir is not None else fresh(resolved.name)
    function = None if evaluate is None or isinstance(evaluate, str) else evaluate
    return start(resolved, folder, evaluate=function, space=space_object, progress=Progress(quiet=quiet))


def _recipe(recipe: str | Path | Mapping[str, Any] | Recipe, changes: Mapping[str, Any]) -> Recipe:
    if isinstance(recipe, Recipe):
        return recipes.parse(recipe.model_dump(mode="json"), "recipe", changes)
    if isinstance(recipe, Mapping):
        return recipes.parse(dict(recipe), "recipe", changes)
    return recipes.load(recipe, changes)


def _own(
    recipe: str | Path | Mapping[str, Any] | Recipe | None,
    evaluate: Callable[..., Any] | Evaluator | str,
    maximize: list[str],
    minimize: list[str],
    limits: Mapping[str, float | str],
    changes: dict[str, Any],
) -> Recipe:
    """The recipe of a run that evaluates a user's own function, or by a user's own evaluator."""
    if isinstance(evaluate, Evaluator) and not maximize and not minimize:
        maximize = [metric.name for metric in evaluate.metrics if metric.direction == "maximize"]
        minimize = [metric.name for metric in evaluate.metrics if metric.direction == "minimize"]
    if not maximize and not minimize:
        raise RecipeError("nothing to optimize: name a metric, such as maximize='accuracy'")
    if "space" not in changes:
        raise RecipeError(
            "space is missing: give choices, such as space={'depth': [2, 4], 'width': [32, 64]}"
        )
    named = type(evaluate) if isinstance(evaluate, Evaluator) else evaluate
    name = named if isinstance(named, str) else getattr(named, "__qualname__", str(named))
    changes |= {
        "task": None,
        "evaluate": name,
        "objectives.metrics": [*maximize, *minimize],
        "objectives.maximize": maximize,
        "limits.metrics": dict(limits),
    }
    if "budget.trials" not in changes and "budget.seconds" not in changes:
        changes["budget.trials"] = 100
    return _recipe(
        {"name": name.rpartition(":")[2].rpartition(".")[2]} if recipe is None else recipe, changes
    )


def _space(
    space: Space | Sequence[str | Mapping[str, Sequence[Value]]] | None,
) -> tuple[Any, SearchSpace | None]:
    """What the recipe records of a space, and the object itself where the record cannot make it again."""
    if isinstance(space, SearchSpace):
        if isinstance(space, DictionarySpace):
            return space.parameters["options"], space
        return space.name, space
    if isinstance(space, list | tuple):
        return [one if isinstance(one, str) else _space(one)[0] for one in space], None
    if isinstance(space, Mapping):
        made = DictionarySpace(space)
        return made.parameters["options"], made
    return space, None


def _names(metrics: str | Sequence[str]) -> list[str]:
    return [metrics] if isinstance(metrics, str) else list(metrics)
