"""What a budget pays for on this machine: a step of a known network is timed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sugata import recipe as recipes
from sugata.engines.resources import cores, gpus
from sugata.recipe_tasks import CodeSearchSection, CodeSection
from sugata.run.assembly import Assembly, assemble
from sugata.run.timing import step_seconds, targets_of_a_step, targets_of_an_epoch

SEARCHED = 0.6  #: share of a budget that the search gets; the rest trains, exports and tests the winner
LOOKS = 1.2  #: validation and measuring beside a training, as a factor
_SEEN_IMAGES = 1_500_000  # of a full training, with between 10 and 60 epochs
_PAIRS = 10  # epochs of a full training of encoders
_TOKENS_A_PARAMETER = 20  # Hoffmann et al. 2022
_REPEATS = 4  # of a text: more repeats teach little (Muennighoff et al. 2023)


@dataclass(frozen=True)
class Measured:
    """A full training of one known network, and how many of them a budget pays for.

    Attributes:
        network: which was timed.
        step: seconds of an optimizer step on one thread.
        targets: tokens, pairs or images of a step.
        amount: of a full training, in ``unit``.
        full: what a full training is, in words.
        seconds: of a full training, on one worker.
        budget: in seconds.
        distinct: different networks of the space; None where they are not counted.
    """

    network: str
    step: float
    targets: int
    unit: str
    amount: float
    full: str
    seconds: float
    budget: float
    workers: int
    distinct: int | None

    @property
    def trainings(self) -> float:
        """So many full trainings the search's share of the budget pays for."""
        return SEARCHED * self.budget * self.workers / self.seconds


def measure(recipe: str, changes: Mapping[str, Any], budget: float) -> Measured:
    """Time the first known network of a recipe's space, or a random one, for a few seconds.

    Raises:
        SugataError: the data cannot be read, or the recipe does not suit them.
    """
    assembly = assemble(recipes.load(recipe, {**changes, "baselines": True}))
    drawn = dict(assembly.space.sample(np.random.default_rng(0)))
    name, architecture = next(iter(assembly.known_good.items()), ("a random network", drawn))
    amount, unit, full, targets = _full(assembly, architecture)
    step, a_step = step_seconds(assembly, architecture), targets_of_a_step(assembly)
    workers = len(gpus()) or cores()
    seconds = step * targets / a_step * LOOKS
    distinct = assembly.space.distinct()
    return Measured(name, step, a_step, unit, amount, full, seconds, budget, workers, distinct)


def _full(assembly: Assembly, architecture: Mapping[str, Any]) -> tuple[float, str, str, float]:
    """Amount, unit, words and targets of a full training."""
    epoch = targets_of_an_epoch(assembly, architecture)
    if isinstance(assembly.recipe.task, CodeSection):
        parameters = assembly.evaluator.quick_metrics(architecture, {"parameters"})["parameters"]
        tokens = min(_TOKENS_A_PARAMETER * parameters, _REPEATS * epoch)
        words = (
            f"{tokens / 1e6:.1f} million tokens: {_TOKENS_A_PARAMETER} a parameter, or the text four times"
        )
        return float(round(tokens, -5)), "tokens", words, tokens
    searching = isinstance(assembly.recipe.task, CodeSearchSection)
    epochs = float(_PAIRS) if searching else _image_epochs(epoch)
    return epochs, "epochs", f"{epochs:.0f} epochs of {epoch:,.0f}", epochs * epoch


def _image_epochs(images: float) -> float:
    return float(round(min(60.0, max(10.0, _SEEN_IMAGES / images))))
