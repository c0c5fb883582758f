"""What a fit may be asked for: a parameter that cannot be is named before anything is read."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

from sugata.errors import RecipeError

_COUNTS = ("max_trials", "epochs", "batch_size", "resize")
_AMOUNTS = ("max_latency_ms", "max_model_size")


def check_parameters(estimator: Any, **of_fit: Any) -> None:
    """Look through the constructor's parameters, and those of `fit`.

    Raises:
        RecipeError: one has an impossible type or value; what depends on data or space is checked later.
    """
    given = {**vars(estimator), **of_fit}
    for name in _COUNTS:
        value = given.get(name)
        if value is not None and not (_is_whole(value) and value >= 1):
            raise RecipeError(f"{name} is {value!r}; give a whole number from 1, or None")
    for name in _AMOUNTS:
        value = given.get(name)
        text = name == "max_model_size" and isinstance(value, str)
        if value is not None and not text and not (_is_number(value) and value > 0):
            sizes = ", or bytes such as '2MB'" if name == "max_model_size" else ""
            raise RecipeError(f"{name} is {value!r}; give a number above 0{sizes}")
    if given["n_jobs"] is not None and not (_is_whole(given["n_jobs"]) and given["n_jobs"]):
        raise RecipeError(
            f"n_jobs is {given['n_jobs']!r}; give a number of processes, 1 for this one, or -1 for one a core"
        )
    if given["seed"] is not None and not (_is_whole(given["seed"]) and given["seed"] >= 0):
        raise RecipeError(f"seed is {given['seed']!r}; give a whole number from 0, or None to draw one")
    _check_objective(given["objective"])


def _check_objective(objective: Any) -> None:
    listed = isinstance(objective, Sequence) and all(isinstance(one, str) for one in objective)
    if objective is not None and not listed:
        raise RecipeError(f"objective is {objective!r}; give a metric's name such as 'accuracy', or several")


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
