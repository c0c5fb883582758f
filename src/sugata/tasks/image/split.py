"""Which images train, which validate, which test."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sugata.errors import DataError
from sugata.tasks.image.samples import SPLITS, Samples, in_split

_SEED = 20_240  # of what is held out: the same for every run, so that scores can be compared

Numbers = NDArray[np.int64]


def divide(
    samples: Samples, classes: NDArray[np.int64] | None, shares: Mapping[str, float], most: int | None
) -> dict[str, Numbers]:
    """The numbers of the images of each split.

    The source's own validation and test images stay what they are; where it has none, a share of the others
    is held out, of every class alike.

    Args:
        classes: of every image; None where values are predicted.
        shares: of all images that are not the source's own validation or test data; from 1 on, so many.
        most: at most so many images train; a subset with the classes in proportion.

    Raises:
        DataError: too few images, or a class that has none to train on.
    """
    own = {split: np.fromiter(in_split(samples, split), np.int64) for split in SPLITS}
    pool = np.setdiff1d(np.arange(len(samples.splits)), np.concatenate([own["validation"], own["test"]]))
    found, whole = {}, len(pool)
    for number, split in enumerate(("test", "validation")):
        if len(own[split]):
            found[split] = own[split]
        else:
            held = shares[split]
            wanted = max(1, round(held * whole if held < 1 else held))
            found[split] = _drawn(pool, classes, wanted, number)
            pool = np.setdiff1d(pool, found[split])
    if most is not None and most < len(pool):
        pool = _drawn(pool, classes, most, 2)
    if len(pool) < 2:
        raise DataError(f"data: {whole} images are too few to train on and to hold some out; give more")
    if classes is not None:
        missing = np.setdiff1d(np.unique(classes), classes[pool])
        if len(missing):
            raise DataError(
                f"data: class {missing[0]} has no images to train on; give some, or raise max_samples"
            )
    return {"train": pool, "validation": found["validation"], "test": found["test"]}


def _drawn(pool: Numbers, classes: NDArray[np.int64] | None, count: int, draw: int) -> Numbers:
    """So many of the pool, sorted; each class in proportion, the largest remainders rounded up."""
    rng = np.random.default_rng([_SEED, draw])
    if classes is None:
        return np.sort(rng.choice(pool, min(count, len(pool)), replace=False))
    present, sizes = np.unique(classes[pool], return_counts=True)
    exact = sizes * min(count, len(pool)) / len(pool)
    wanted = np.floor(exact).astype(int)
    rest = min(count, len(pool)) - int(wanted.sum())
    wanted[np.argsort(wanted - exact, kind="stable")[:rest]] += 1
    drawn = [
        rng.choice(pool[classes[pool] == one], number, replace=False)
        for one, number in zip(present, wanted, strict=True)
    ]
    return np.sort(np.concatenate(drawn))
