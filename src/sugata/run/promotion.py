"""From a recipe's rungs and who climbs them to the strategy that wraps the proposing one."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import mul

import numpy as np

from sugata.recipe import Recipe
from sugata.strategies import Asha, Funnel, Hyperband, Rung, Strategy, SuccessiveHalving
from sugata.strategies.halving import bracket_sizes
from sugata.trial import Fidelity

Propose = Callable[[int, int | None], Strategy]


def promoting(recipe: Recipe, ladder: Sequence[Fidelity], propose: Propose) -> Strategy:
    """The recipe's strategy over all rungs.

    Args:
        ladder: the rungs' fidelities.
        propose: makes the proposing strategy, given its seed and how many architectures it will be asked for,
            about; None where that is not known.

    Raises:
        RecipeError: the rungs contradict themselves.
    """
    section, by, seed = recipe.promotion, recipe.promote_by, recipe.seed
    asked = new_architectures(recipe)
    if not ladder:
        return propose(seed, asked[0])
    if section.kind == "asha":
        return Asha(propose(seed, asked[0]), ladder, eta=section.eta, by=by)
    if section.kind == "successive_halving":
        inner = propose(seed, asked[0])
        return SuccessiveHalving(inner, ladder, eta=section.eta, initial=section.initial, by=by)
    if section.kind == "hyperband":
        inners = [propose(_seed(seed, rung), count) for rung, count in enumerate(asked)]
        return Hyperband(inners, ladder, eta=section.eta, by=by)
    rungs = [
        Rung(fidelity, keep=rung.keep, threshold=rung.threshold, capacity=rung.capacity)
        for fidelity, rung in zip(ladder, recipe.funnel, strict=True)
    ]
    return Funnel(propose(seed, asked[0]), rungs, by=by)


def new_architectures(recipe: Recipe) -> list[int | None]:
    """How many of a search's trials are new architectures, for each rung that they begin on, about.

    None where only time ends the search.
    """
    section, trials = recipe.promotion, recipe.budget.trials
    capacity = recipe.funnel[0].capacity if recipe.funnel else None
    if section.kind == "hyperband":
        rungs = len(recipe.funnel)
        sizes = bracket_sizes(rungs, section.eta)[: section.brackets or rungs]
        cycle = sum(_climbers(size, rungs - start, section.eta) for start, size in enumerate(sizes))
        return [None if trials is None else max(1, trials * size // cycle) for size in sizes]
    if trials is not None:
        keeps = [rung.keep or 1.0 for rung in recipe.funnel[:-1]]
        if section.kind != "funnel":
            keeps = [1 / section.eta] * len(keeps)
        trials = max(1, int(trials / (1 + sum(accumulate(keeps, mul)))))
    return [min((count for count in (trials, capacity) if count is not None), default=None)]


def _climbers(size: int, rungs: int, eta: int) -> int:
    """The trials of a bracket."""
    return sum(max(1, size // eta**rung) for rung in range(rungs))


def _seed(seed: int, rung: int) -> int:
    """The seed of the strategy whose brackets begin on that rung; the lowest has the run's."""
    return seed if rung == 0 else int(np.random.SeedSequence([seed, rung]).generate_state(1)[0])
