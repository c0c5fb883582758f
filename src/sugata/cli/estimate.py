"""What a run would do and cost, before it does."""

import time
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sugata.engines.resources import cores, gpus
from sugata.recipe import Recipe
from sugata.recipe_stages import SupernetSection
from sugata.recipe_tasks import CodeSection
from sugata.recipe_training import RungSection
from sugata.report.wording import count, duration, plural
from sugata.run.assembly import Assembly, assemble
from sugata.run.feasibility import shown
from sugata.run.progress import Progress
from sugata.run.timing import step_seconds, targets_of_a_step, targets_of_an_epoch
from sugata.space import SearchSpace
from sugata.trial import SHARED, Fidelity

_COUNTED = {"code": "tokens", "code_search": "pairs", "image": "images"}  # what a step is counted in
_ROWS, _PROMPT, _TRIED = 32, 96, 16  # programs, tokens of a prompt, and tokens that are written, as a trial


def estimate(recipe: Recipe, out: Console) -> None:
    """Print the space, the rungs and the estimated time of every stage."""
    assembly = assemble(recipe)
    assembly.strategy()
    workers = 1 if recipe.engine.workers == 0 else recipe.engine.workers or len(gpus()) or cores()
    rows = [
        *(("space first", _space(smaller)) for smaller in assembly.smaller),
        ("space", _space(assembly.space)),
        ("data", _source(recipe)),
        ("aims", ", ".join(f"{m.direction} {m.name}" for m in assembly.objectives.metrics)),
        *(("limit", f"{x.metric} at most {shown(x.metric, x.maximum)}") for x in assembly.objectives.limits),
        ("strategy", f"{_strategy(recipe)}, seed {recipe.seed}, {plural(workers, 'worker')}"),
        *([("promotion", recipe.promotion.kind)] if recipe.funnel else []),
        *([("supernet", _supernet(recipe.supernet))] if recipe.supernet else []),
        *(("rung", text) for text in _rungs(recipe)),
    ]
    if recipe.task is None:
        rows.append(("search", _budget(recipe)))
    else:
        name, unit = _seconds_per_unit(assembly)
        if name:
            rows.append(("step", name))
        programs, each = _programs(assembly)
        if programs:
            rows.append(("programs", programs))
        rows += [("search", _search(recipe, unit, each, workers)), ("winners", _winners(recipe, unit))]
    table = Table.grid(padding=(0, 2))
    for word, text in rows:
        table.add_row(Text(word, style="bold"), Text(text, overflow="fold"))
    out.print(table)


def _strategy(recipe: Recipe) -> str:
    """The strategy, and over how many generations it goes."""
    generations = recipe.strategy.options.get("generations")
    return recipe.strategy.kind + (f" over {plural(int(generations), 'generation')}" if generations else "")


def _source(recipe: Recipe) -> str:
    if recipe.table is not None:
        return f"{recipe.table.file}, column {', '.join(recipe.table.metrics)}"
    return recipe.task.data if recipe.task else f"your function {recipe.evaluate}"


def _space(space: SearchSpace) -> str:
    valid = space.valid()
    of_them = "" if valid is None else f", {count(valid)} of them valid"
    return f"{space.name}: {count(space.size())} configurations{of_them}"


def _supernet(section: SupernetSection) -> str:
    how = "derives architectures" if section.mode == "joint" else "scores what the strategy proposes"
    return f"{section.method}, {section.amount:,.10g} {section.unit}, then it {how}"


def _rungs(recipe: Recipe) -> list[str]:
    texts = []
    for i, rung in enumerate(recipe.funnel):
        trials = f"at most {plural(rung.capacity, 'trial')}" if rung.capacity else "any number of trials"
        goes_on = f", the best {rung.keep:.0%} go on" if rung.keep else ""
        goes_on += f", those that reach {rung.threshold:g} go on" if rung.threshold is not None else ""
        if recipe.promotion.kind != "funnel" and i + 1 < len(recipe.funnel):
            goes_on = f", the best 1 in {recipe.promotion.eta} go on"
        spent = f"trained to {rung.amount:,.10g} {rung.unit}"
        texts.append(f"{rung.name}: {trials} {'scored' if rung.unit == SHARED else spent}{goes_on}")
    return texts


def _search(recipe: Recipe, unit: float, programs: float, workers: int) -> str:
    """The search stage: by its budget of time, or by the training that its rungs add up to.

    Args:
        unit: seconds of a unit of training.
        programs: seconds of writing a candidate's programs.
    """
    seconds, before = 0.0, 0.0
    options = recipe.strategy.options
    for i, rung in enumerate(_trained(recipe)):
        trials = rung.capacity or recipe.budget.trials
        if trials is None:
            trials = int(options.get("population", 1)) * int(options.get("generations", 1))
        writes = i + 1 == len(_trained(recipe)) or _written_on(recipe) == "all"
        seconds += trials * ((rung.amount - before) * unit + programs * writes) / workers
        before = rung.amount
    if recipe.budget.seconds is not None and recipe.budget.seconds <= seconds:
        return f"{duration(recipe.budget.seconds)}, its budget"
    what = "training and writing programs" if programs else "training"
    return f"{duration(seconds)} of {what} (estimated), measuring apart"


def _written_on(recipe: Recipe) -> str:
    """On which rungs programs are written: top or all; nothing where none are."""
    asked = recipe.task.benchmark if isinstance(recipe.task, CodeSection) else None
    return "" if asked is None else asked.rungs


def _programs(assembly: Assembly) -> tuple[str, float]:
    """What candidates are asked to program, and the estimated seconds that one spends on writing it."""
    section = assembly.recipe.task
    if not isinstance(section, CodeSection) or section.benchmark is None:
        return "", 0.0
    asked = section.benchmark
    with Progress() as progress:
        progress.now("measuring how fast programs are written")
        seconds = _writing_seconds(assembly, asked.tokens) * asked.problems * asked.samples
    where = "the top rung" if asked.rungs == "top" else "every rung"
    text = (
        f"{asked.problems} problems of {asked.name}, {asked.samples} programs each, on {where}: about"
        f" {duration(seconds)} of writing for a candidate, measured here on one thread; running them apart"
    )
    return text, seconds


def _writing_seconds(assembly: Assembly, tokens: int) -> float:
    """Seconds of writing one program among many, by a network of the space with initial weights."""
    import torch

    from sugata.tasks.writing import write

    assert assembly.networks is not None
    drawn = assembly.space.sample(np.random.default_rng(assembly.recipe.seed))
    _, architecture = next(iter(assembly.known_good.items()), ("", dict(drawn)))
    model = assembly.networks.build(architecture, Fidelity(), seed=0).eval()
    size = int(architecture["vocab_size"])
    prompts = [list(range(_PROMPT))] * _ROWS

    def draw(logits: torch.Tensor, rows: Any, position: int) -> torch.Tensor:
        return torch.sort(logits, dim=-1, descending=True).indices[:, 0]

    started = time.perf_counter()
    with torch.no_grad():
        write(model, prompts, [b""] * size, -1, _TRIED, draw, lambda text: False)
    return (time.perf_counter() - started) / _ROWS * tokens / _TRIED


def _trained(recipe: Recipe) -> list[RungSection]:
    """The rungs that train."""
    return [rung for rung in recipe.funnel if rung.unit != SHARED]


def _winners(recipe: Recipe, unit: float) -> str:
    number = plural(recipe.final.top, "network") if recipe.final.top else "the whole front"
    each = duration(recipe.final.amount * unit)
    estimated = "" if recipe.final.unit == "seconds" else " (estimated)"
    return f"{number} trained in full, {each}{estimated} each, then exported and tested"


def _budget(recipe: Recipe) -> str:
    trials = plural(recipe.budget.trials, "trial") if recipe.budget.trials else ""
    seconds = duration(recipe.budget.seconds) if recipe.budget.seconds else ""
    return "at most " + " or ".join(filter(None, (trials, seconds))) if trials or seconds else "no budget set"


def _seconds_per_unit(assembly: Assembly) -> tuple[str, float]:
    """What was measured, and the estimated seconds of one unit of the rungs' budgets."""
    recipe = assembly.recipe
    unit = next((rung.unit for rung in _trained(recipe)), recipe.final.unit)
    if unit == "seconds":
        return "", 1.0
    drawn = assembly.space.sample(np.random.default_rng(recipe.seed))
    name, architecture = next(iter(assembly.known_good.items()), ("a network of the space", dict(drawn)))
    with Progress() as progress:
        progress.now(f"measuring a training step of {name}")
        seconds = step_seconds(assembly, architecture)
    targets = targets_of_a_step(assembly)
    what = _COUNTED.get(getattr(recipe.task, "kind", ""), "rows")
    text = f"{duration(seconds)} for {targets:,} {what} of {name}, measured here on one thread"
    if unit == "steps":
        return text, seconds
    if unit == "tokens":
        return text, seconds / targets
    return text, seconds * targets_of_an_epoch(assembly, architecture) / targets
