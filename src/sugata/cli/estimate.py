"""What a run would do and cost, before it does."""

from rich.console import Console

from sugata.engines.resources import cores, gpus
from sugata.recipe import Recipe, RungSection
from sugata.run.assembly import assemble


def estimate(recipe: Recipe, out: Console) -> None:
    """Print the space, the rungs and the estimated time of every stage."""
    assembly = assemble(recipe)
    workers = recipe.engine.workers or len(gpus()) or cores()
    out.print(f"space     {assembly.space.name}: {assembly.space.size():,} configurations")
    out.print("aims      " + ", ".join(f"{m.direction} {m.name}" for m in assembly.objectives.metrics))
    for limit in assembly.objectives.limits:
        out.print(f"limit     {limit.metric} <= {limit.maximum:g}")
    out.print(f"strategy  {recipe.strategy.kind}, seed {recipe.seed}, {workers} workers")
    total, before = 0.0, 0.0
    for rung in recipe.funnel:
        count = f"at most {rung.capacity} trials" if rung.capacity else "any number of trials"
        goes_on = f", the best {rung.keep:.0%} go on" if rung.keep else ""
        out.print(f"rung      {rung.name}: {count} trained to {rung.amount:g} {rung.unit}{goes_on}")
        total += _seconds(rung, before)
        before = rung.amount
    search = min(total / workers, recipe.budget.seconds or float("inf"))
    out.print(f"search    {_time(search)} (estimated from the budgets)")
    if recipe.final.unit == "seconds" and recipe.task is not None:
        count = "the whole front" if recipe.final.top == 0 else f"{recipe.final.top}"
        out.print(
            f"winners   {count} trained for {_time(recipe.final.amount)} each, then exported and tested"
        )


def _seconds(rung: RungSection, before: float) -> float:
    """Training seconds of a full rung; unknown (infinite) for other units or without a capacity."""
    if rung.unit != "seconds" or rung.capacity is None:
        return float("inf")
    return rung.capacity * (rung.amount - before)


def _time(seconds: float) -> str:
    if seconds == float("inf"):
        return "no limit set: give --budget"
    return f"{seconds / 60:.1f} min" if seconds >= 90 else f"{seconds:.0f} s"
