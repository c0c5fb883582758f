"""Raw rows, and which of them are held out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sugata.errors import InputError

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Inputs and targets as a user holds them: arrays, frames, columns or lists, a row each.

    Attributes:
        numbers: of the rows, where they are a part of more; what errors call them by.

    Raises:
        InputError: they have different numbers of rows.
    """

    inputs: Mapping[str, Any]
    targets: Mapping[str, Any] = field(default_factory=dict)
    numbers: Numbers | None = None

    def __post_init__(self) -> None:
        counts = {name: row_count(raw) for name, raw in (*self.inputs.items(), *self.targets.items())}
        if len(set(counts.values())) > 1:
            (one, few), *_ = sorted(counts.items(), key=lambda item: item[1])
            *_, (other, many) = sorted(counts.items(), key=lambda item: item[1])
            raise InputError(
                f"inconsistent numbers of rows: {one} has {few}, {other} has {many}; give equally many"
            )

    def __len__(self) -> int:
        return row_count(next(iter(self.inputs.values())))

    def take(self, numbers: Numbers) -> "Rows":
        """Some of the rows."""
        return Rows(
            {name: take(raw, numbers) for name, raw in self.inputs.items()},
            {name: take(raw, numbers) for name, raw in self.targets.items()},
            numbers if self.numbers is None else self.numbers[numbers],
        )


def row_count(raw: Any) -> int:
    """How many rows there are.

    Raises:
        InputError: it has no rows.
    """
    shape = getattr(raw, "shape", None)
    if shape is not None:
        if not len(shape):
            raise InputError(f"a single {type(raw).__name__} was given; give a row for each example")
        return int(shape[0])
    try:
        return len(raw)
    except TypeError:
        raise InputError(
            f"a {type(raw).__name__} was given; give an array, a frame or a list of rows"
        ) from None


def take(raw: Any, numbers: Numbers) -> Any:
    """Some rows of an array, a frame, a tensor or a list."""
    if hasattr(raw, "iloc"):
        return raw.iloc[numbers]
    if isinstance(raw, np.ndarray):
        return raw[numbers]
    if hasattr(raw, "detach"):
        return raw[numbers.tolist()]
    return [raw[number] for number in numbers.tolist()]


def hold_out(
    count: int, held: float, classes: Sequence[Any] | NDArray[Any] | None, rng: np.random.Generator
) -> tuple[Numbers, Numbers]:
    """Row numbers to train on and to hold out, both sorted.

    Args:
        count: of rows.
        held: a share below 1, or a number of rows.
        classes: of the rows, each of which is held out in proportion (the largest remainders rounded up) as
            far as a row stays to train on; None draws evenly.

    Raises:
        InputError: there are too few rows.
    """
    wanted = int(min(max(1, round(held * count if held < 1 else held)), count - 1))
    if count < 2:
        raise InputError(
            f"{count} sample (one row) is too few to train on and to hold one out for validation; give more"
        )
    if classes is None:
        chosen = rng.permutation(count)[:wanted]
    else:
        _, codes, sizes = np.unique(np.asarray(classes), return_inverse=True, return_counts=True)
        exact = sizes * wanted / count
        shares = np.minimum(np.floor(exact).astype(int), sizes - 1)
        # Largest remainders first; never the last row of a class.
        for one in np.argsort(shares - exact, kind="stable"):
            if shares.sum() < wanted and shares[one] < sizes[one] - 1:
                shares[one] += 1
        order = rng.permutation(count)
        chosen = np.concatenate([order[codes[order] == one][:share] for one, share in enumerate(shares)])
        if not len(chosen):  # every class has one row: any of them
            chosen = order[:1]
    held_out = np.sort(chosen).astype(np.int64)
    return np.setdiff1d(np.arange(count), held_out), held_out
