"""What a surrogate learns from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sugata.space import Architecture
from sugata.strategies.seen import Seen


@dataclass(frozen=True)
class Results:
    """The results of a search so far.

    Attributes:
        ended: architectures with a result, in the order in which these came.
        good: positions in ``ended`` of those that can be compared; the others failed or break a limit.
        values: how good those are, larger is better, ``(good,)``.
        pending: architectures that are being evaluated.
        seen: all that were proposed: the ended and the pending.
    """

    ended: Sequence[Architecture]
    good: Sequence[int]
    values: NDArray[np.float64]
    pending: Sequence[Architecture]
    seen: Seen

    def best(self, count: int) -> list[Architecture]:
        """The best architectures, the best first."""
        order = np.argsort(-self.values, kind="stable")[:count]
        return [self.ended[self.good[int(i)]] for i in order]
