"""Searches that say what comes next from what was tried: the grid, and Nelder-Mead."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sugata.errors import RecipeError
from sugata.tuning.fields import Field, Values

_EDGE = 0.25  # of the first simplex, as a share of each range
_CLOSE = 0.005  # a simplex that is smaller, likewise, has ended
_STARTS = 50


class Planned(Protocol):
    """Says what comes next from what was tried, with no state of its own."""

    def next(self, number: int, costs: Mapping[str, float], pending: set[str]) -> Values | None:
        """The settings of a trial; None: wait for the pending ones, or nothing is left.

        Args:
            costs: by settings (as JSON with sorted keys), what is minimized; infinite where a trial failed.
            pending: settings that run now.
        """
        ...


def planned(
    sampler: str, fields: Sequence[Field], seed: int, first: Mapping[str, Any] | None
) -> Planned | None:
    """The search of this name; None where it is one of Optuna's samplers.

    Raises:
        RecipeError: Nelder-Mead cannot move one of the fields.
    """
    if sampler == "grid":
        return Grid(fields)
    if sampler == "nelder_mead":
        return NelderMead(fields, seed, first)
    return None


class Grid:
    """Every combination once, conditional fields only where they apply; the last field changes fastest."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._fields = tuple(fields)

    def next(self, number: int, costs: Mapping[str, float], pending: set[str]) -> Values | None:
        """The combination of this number."""
        return next(itertools.islice(self.combinations(), number, None), None)

    def combinations(self, values: Values | None = None) -> Iterator[Values]:
        """All combinations, in their order, that go on from some values."""
        values = values or {}
        left = self._fields[self._place(values) :]
        if not left:
            yield values
            return
        one = left[0]
        for value in one.grid():
            yield from self.combinations({**values, one.path: value})

    def _place(self, values: Values) -> int:
        """The position of the first field that has no value yet and applies."""
        place = 0
        while place < len(self._fields):
            one = self._fields[place]
            if one.path not in values and one.applies(values):
                return place
            place += 1
        return place


class NelderMead:
    """The simplex method of Nelder & Mead (1965), by scipy, within the ranges; from elsewhere when it ends.

    The method calls a function and waits; here it is run anew for each proposal over what is known, and ends
    where it wants to know more. Whole numbers and steps are rounded. After the first simplex it can try one
    point at a time.

    Args:
        first: where it begins; None is the middle.

    Raises:
        RecipeError: a field is a category or has a condition, or scipy is missing.
    """

    def __init__(self, fields: Sequence[Field], seed: int, first: Mapping[str, Any] | None) -> None:
        if find_spec("scipy") is None:
            raise RecipeError("field 'tune.sampler': nelder_mead needs scipy; pip install scipy, or use tpe")
        for one in fields:
            if one.options or one.when:
                what = "is a category" if one.options else "has a condition"
                raise RecipeError(
                    f"field 'tune.sampler': nelder_mead moves numbers that always apply; {one.path} {what}:"
                    " use tpe"
                )
        self._fields = tuple(fields)
        self._seed = seed
        self._first = None if first is None else [one.share(first[one.path]) for one in fields]

    def next(self, number: int, costs: Mapping[str, float], pending: set[str]) -> Values | None:
        """What the method wants to know next."""
        from scipy.optimize import minimize

        def known(point: NDArray[np.float64]) -> float:
            values = self._values(point)
            if _key(values) not in costs:
                raise _Wanted(values)
            return costs[_key(values)]

        for start in range(_STARTS):
            simplex = self._simplex(start)
            options = {"initial_simplex": simplex, "xatol": _CLOSE, "fatol": np.inf}
            try:
                with np.errstate(invalid="ignore"):  # the difference of two failures
                    minimize(
                        known,
                        simplex[0],
                        method="Nelder-Mead",
                        bounds=[(0, 1)] * len(simplex[0]),
                        options=options,
                    )
            except _Wanted as wanted:
                corners = (self._values(corner) for corner in simplex)
                free = (
                    v for v in (wanted.values, *corners) if _key(v) not in pending and _key(v) not in costs
                )
                return next(free, None)
        return None

    def _simplex(self, start: int) -> NDArray[np.float64]:
        """The corners ``(fields + 1, fields)`` of a beginning, in shares of the ranges."""
        count = len(self._fields)
        corner = np.full(count, 0.5) if self._first is None else np.array(self._first)
        if start:
            corner = np.random.default_rng((self._seed, start)).random(count)
        edges = np.where(corner + _EDGE <= 1, _EDGE, -_EDGE)
        return np.vstack([corner, corner + np.diag(edges)])

    def _values(self, point: NDArray[np.float64]) -> Values:
        return {one.path: one.at(float(share)) for one, share in zip(self._fields, point, strict=True)}


class _Wanted(Exception):  # noqa: N818 - it is a question
    """What the method wants to know."""

    def __init__(self, values: Values) -> None:
        super().__init__()
        self.values = values


def _key(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)
