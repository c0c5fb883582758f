"""What is said before the first run: a value that the recipe refuses, a metric that nothing measures."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from sugata.errors import RecipeError, SugataError
from sugata.recipe import Recipe
from sugata.run.assembly import Assembly, assemble
from sugata.run.progress import Progress
from sugata.trial import TIMED, Metric
from sugata.tuning.fields import Field, Values, applied

_TRIES = 20  # other settings with which a refused value is tried again
#: Sections whose values mean something only to what is made of them: spaces, strategies, tasks.
_ASSEMBLED = frozenset(
    {"choices", "evaluate", "network", "objectives", "space", "strategy", "supernet", "table", "task"}
)


def check_values(recipe: Recipe, fields: Sequence[Field]) -> None:
    """Make sure that the recipe takes each option, or ends and inside of each range, with some of the others.

    Raises:
        SugataError: an unknown field, or a value that is always refused.
    """
    for one in fields:
        for value in one.options or (one.at(0.0), one.at(1.0), one.at(0.381)):
            refusals = []
            for values in itertools.islice(settings(fields, one, value), _TRIES):
                try:
                    taken = applied(recipe, values)
                    if one.path.split(".")[0] in _ASSEMBLED:
                        assemble(taken).strategy()
                    break
                except SugataError as error:
                    refusals.append(error)
            else:
                raise refusals[0]


def metric_of(assembly: Assembly, name: str | None) -> Metric:
    """The metric that ranks the runs: of this name, or the first objective.

    Raises:
        RecipeError: the runs do not measure it.
    """
    if name is None:
        return assembly.objectives.primary
    by_name = {metric.name: metric for metric in assembly.evaluator.metrics}
    if name not in by_name:
        raise RecipeError(f"field 'tune.metric': {name!r} is not measured; there are {', '.join(by_name)}")
    return by_name[name]


def assembled(recipe: Recipe, fields: Sequence[Field]) -> Assembly:
    """What is made of the recipe under settings that it takes.

    Raises:
        SugataError: it takes none, or nothing can be made of it.
    """
    first = fields[0]
    value = first.options[0] if first.options else first.at(0.0)
    refusals = []
    for values in itertools.islice(settings(fields, first, value), _TRIES):
        try:
            return assemble(applied(recipe, values))
        except SugataError as error:
            refusals.append(error)
    raise refusals[0]


def prepare(assembly: Assembly, progress: Progress) -> None:
    """Prepare the data, which all runs then find ready, unless they vary them.

    Raises:
        DataError: there are none, or they cannot be used.
    """
    if assembly.task is not None and assembly.recipe.task is not None:
        progress.now(f"preparing {assembly.recipe.task.data}")
        options = {choice.name: choice.options for choice in assembly.space.choices}
        assembly.task.prepare(options, say=progress.say)


def timed(recipe: Recipe) -> list[str]:
    """What the runs time on this machine and go by, which runs beside each other would disturb."""
    limit = ["limits.latency"] if recipe.limits.latency else []
    return sorted(TIMED & {*recipe.objectives.metrics, recipe.tune.metric}) + limit


def settings(fields: Sequence[Field], fixed: Field, value: object) -> Iterator[Values]:
    """Settings in which a field has a value: first those at the lower ends, then any."""
    by_path = {one.path: one for one in fields}
    wanted = {**_conditions(fixed, by_path), fixed.path: value}
    rng = np.random.default_rng(0)
    for attempt in itertools.count():
        values: Values = {}
        for one in fields:
            if not one.applies(values):
                continue
            if one.path in wanted:
                values[one.path] = wanted[one.path]
            elif one.options:
                values[one.path] = one.options[int(rng.integers(len(one.options))) if attempt else 0]
            else:
                values[one.path] = one.at(float(rng.random()) if attempt else 0.0)
        yield values


def _conditions(one: Field, by_path: dict[str, Field]) -> Values:
    """What other fields have to be so that one applies."""
    found: Values = {}
    for path, allowed in one.when.items():
        found |= {path: allowed[0], **_conditions(by_path[path], by_path)}
    return found
