"""Grid search: everything, in order."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import Architecture, Choice, SearchSpace
from sugata.strategies.base import Strategy
from sugata.strategies.seen import Seen
from sugata.trial import Fidelity, Proposal, Trial, Value


class GridSearch(Strategy):
    """Walks the space in its order, the last choice fastest, and is finished at the end.

    The walk is lazy: a space of any size can be begun. Architectures that are stored and executed the same
    are proposed once.

    Args:
        steps: of each ordered choice only so many options, evenly spaced with both ends; none: all options.
    """

    def __init__(
        self,
        space: SearchSpace,
        objectives: Objectives,
        *,
        seed: int = 0,
        fidelity: Fidelity | None = None,
        starts: Sequence[Mapping[str, Value]] = (),
        steps: int | None = None,
    ) -> None:
        super().__init__(space, objectives, seed=seed, fidelity=fidelity, starts=starts)
        if steps is not None and (isinstance(steps, bool) or steps < 2):
            raise RecipeError(f"strategy.steps is {steps!r}; give a whole number of at least 2")
        self._seen = Seen(space, space.enumerate() if steps is None else _coarse(space, steps))

    def tell(self, trial: Trial) -> None:
        """A grid learns nothing."""

    def _propose(self, number: int) -> Proposal | None:
        start = self._unseen_start(number, self._seen)
        if start is not None:
            return start
        architecture = self._seen.first()
        return None if architecture is None else Proposal(number, architecture, self.fidelity, origin="grid")

    def _asked_for(self, proposal: Proposal) -> None:
        self._seen.add(proposal.architecture)


def _coarse(space: SearchSpace, steps: int) -> Iterator[Architecture]:
    """Walk the architectures of which every ordered choice has one of ``steps`` options."""
    kept = {choice.name: _spaced(choice, steps) for choice in space.choices}
    coarse = copy.copy(space)  # the same constraints and keys
    coarse.choices = tuple(
        replace(choice, options=kept[choice.name], default=None) for choice in space.choices
    )
    for architecture in coarse.enumerate():
        if all(value in kept[name] for name, value in architecture.items()):  # a space may walk a list
            yield architecture


def _spaced(choice: Choice, steps: int) -> tuple[Value, ...]:
    """At most ``steps`` options of an ordered choice, evenly spaced; all options of any other."""
    last = len(choice.options) - 1
    if not choice.ordered or last < steps:
        return choice.options
    return tuple(choice.options[round(step * last / (steps - 1))] for step in range(steps))
