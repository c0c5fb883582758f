"""From a recipe's rungs and who climbs them to the strategy that wraps the proposing one."""

from collections.abc import Callable, Sequence

import numpy as np

from sugata.recipe import Recipe
from sugata.strategies import Asha, Funnel, Hyperband, Rung, Strategy, SuccessiveHalving
from sugata.trial import Fidelity


def promoting(recipe: Recipe, ladder: Sequence[Fidelity], propose: Callable[[int], Strategy]) -> Strategy:
    """The recipe's strategy over all rungs.

    Args:
        ladder: the rungs' fidelities.
        propose: makes the proposing strategy, given its seed.

    Raises:
        RecipeError: the rungs contradict themselves.
    """
    section, by, seed = recipe.promotion, recipe.promote_by, recipe.seed
    if section.kind == "asha":
        return Asha(propose(seed), ladder, eta=section.eta, by=by)
    if section.kind == "successive_halving":
        return SuccessiveHalving(propose(seed), ladder, eta=section.eta, initial=section.initial, by=by)
    if section.kind == "hyperband":
        brackets = section.brackets or len(ladder)
        return Hyperband(
            [propose(_seed(seed, rung)) for rung in range(brackets)], ladder, eta=section.eta, by=by
        )
    rungs = [
        Rung(fidelity, keep=rung.keep, threshold=rung.threshold, capacity=rung.capacity)
        for fidelity, rung in zip(ladder, recipe.funnel, strict=True)
    ]
    return Funnel(propose(seed), rungs, by=by)


def _seed(seed: int, rung: int) -> int:
    """The seed of the strategy whose brackets begin on that rung; the lowest has the run's."""
    return seed if rung == 0 else int(np.random.SeedSequence([seed, rung]).generate_state(1)[0])
