"""Optuna's samplers by name, and which fields each can move."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from optuna import samplers
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from sugata.errors import RecipeError
from sugata.tuning.fields import Field

_NEEDS = {"qmc": "scipy", "gp": "scipy", "cmaes": "cmaes"}


class _Sequence(samplers.QMCSampler):
    """The scrambled Sobol sequence over all fields, from the first trial on, also of those that do not apply.

    Optuna's own draws the first trial at random, to learn from it which fields there are.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution], seed: int) -> None:
        super().__init__(qmc_type="sobol", scramble=True, seed=seed)
        self._all = {path: one for path, one in distributions.items() if not one.single()}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All fields."""
        return self._all


def sampler_of(
    name: str, distributions: Mapping[str, BaseDistribution], seed: int, lasting: int
) -> samplers.BaseSampler:
    """The sampler of this name.

    Args:
        seed: of this proposal.
        lasting: of all proposals of a study, for what is one sequence.
    """
    tpe = samplers.TPESampler(seed=seed, constant_liar=True)
    if name == "random":
        return samplers.RandomSampler(seed)
    if name == "qmc":
        return _Sequence(distributions, lasting)
    if name == "cmaes":
        return samplers.CmaEsSampler(seed=seed, independent_sampler=tpe)
    if name == "gp":
        return samplers.GPSampler(seed=seed, independent_sampler=tpe)
    return tpe


def check(name: str, fields: Sequence[Field]) -> None:
    """Make sure that the sampler can move the fields here.

    Raises:
        RecipeError: a library that it needs is missing, or CMA-ES has less than two numbers to move.
    """
    needed = _NEEDS.get(name)
    if needed is not None and find_spec(needed) is None:
        raise RecipeError(f"field 'tune.sampler': {name} needs {needed}; pip install {needed}, or use tpe")
    moved = [one.path for one in fields if _moved(one)]
    if name == "cmaes" and len(moved) < 2:
        raise RecipeError(
            "field 'tune.sampler': cmaes needs two numbers that always apply;"
            f" there {'is one' if moved else 'are none'}: use tpe or gp"
        )


def remark(name: str, fields: Sequence[Field]) -> str:
    """A line on the fields that a sampler leaves to another; empty where it moves all of them."""
    left = [one.path for one in fields if not _moved(one) and (name == "cmaes" or one.when)]
    if name not in ("cmaes", "gp") or not left:
        return ""
    what = "categories and conditional fields" if name == "cmaes" else "conditional fields"
    return f"{name} does not move {what}: {', '.join(left)} drawn by tpe"


def _moved(one: Field) -> bool:
    return not one.options and not one.when and one.low < one.high
