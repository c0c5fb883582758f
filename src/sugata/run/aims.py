"""From a recipe's objectives and limits to what trials are compared by."""

from collections.abc import Sequence

from sugata.errors import RecipeError
from sugata.objectives import Fitness, Limit, MnasNetReward, Objectives, WeightedFitness
from sugata.recipe import LimitsSection, ObjectivesSection, Recipe
from sugata.trial import Metric

_LIMITED = {"size": "size_bytes", "latency": "latency_ms_p90", "flops": "flops", "parameters": "parameters"}


def objectives_of(recipe: Recipe, measured: Sequence[Metric]) -> Objectives:
    """Objectives, limits and fitness, over the metrics that the evaluator measures.

    Raises:
        RecipeError: an objective that is not measured, or something that the fitness counts.
    """
    by_name = {metric.name: metric for metric in measured}
    for name in recipe.objectives.metrics:
        if name not in by_name:
            raise RecipeError(
                f"field 'objectives.metrics': {name!r} is not measured; there are {', '.join(by_name)}"
            )
    for name in recipe.limits.metrics:
        if recipe.evaluate is None and name not in by_name:
            raise RecipeError(
                f"field 'limits.metrics': {name!r} is not measured; there are {', '.join(by_name)}"
            )
    fitness = _fitness(recipe.objectives)
    for name in fitness.counted if fitness is not None and recipe.evaluate is None else ():
        if name not in by_name:
            raise RecipeError(
                f"field 'objectives.kind': {recipe.objectives.kind} counts {name!r}, which is not measured;"
                f" there are {', '.join(by_name)}"
            )
    chosen = tuple(by_name[name] for name in recipe.objectives.metrics)
    _check_rungs(recipe, chosen)
    return Objectives(chosen, _limits(recipe), fitness)


def _check_rungs(recipe: Recipe, chosen: Sequence[Metric]) -> None:
    """Every rung needs something to compare by, and the top one measures all."""
    late = next((metric for metric in chosen if metric.rung >= max(1, len(recipe.funnel))), None)
    if late is not None:
        raise RecipeError(
            f"field 'objectives.metrics': {late.name!r} is measured on rungs that train; add one to `funnel`"
        )
    if all(metric.rung > 0 for metric in chosen):
        raise RecipeError(
            f"field 'objectives.metrics': {chosen[0].name!r} is measured from rung"
            f" {recipe.funnel[chosen[0].rung].name!r} on; add one of every rung, such as bits_per_byte"
        )


def own_metrics(section: ObjectivesSection) -> tuple[Metric, ...]:
    """The metrics that a user's function returns, as the recipe names them."""
    return tuple(
        Metric(name, direction="maximize" if name in section.maximize else "minimize")
        for name in section.metrics
    )


def limited_metrics(section: LimitsSection) -> dict[str, float]:
    """The upper bound of each metric that has one."""
    given = {metric: getattr(section, field) for field, metric in _LIMITED.items()} | section.metrics
    return {metric: value for metric, value in given.items() if value is not None}


def _limits(recipe: Recipe) -> tuple[Limit, ...]:
    return tuple(Limit(metric, value) for metric, value in limited_metrics(recipe.limits).items())


def _fitness(section: ObjectivesSection) -> Fitness | None:
    if section.kind == "weighted":
        return WeightedFitness(
            quality_weight=section.quality_weight,
            size_weight=section.size_weight,
            latency_weight=section.latency_weight,
            size_target=section.size_target,
            latency_target=section.latency_target,
        )
    if section.kind == "mnasnet":
        return MnasNetReward(
            target=section.latency_target, below=section.latency_exponent, above=section.latency_exponent
        )
    return None
