"""A strategy inside another one: the part that all wrappers share."""

from dataclasses import replace

from sugata.strategies.base import Strategy
from sugata.trial import Fidelity, Proposal, Trial


class Inner:
    """Asks a strategy that sees consecutive numbers and one fidelity, its own, in a run with more trials.

    The wrapper decides on which rung a proposal is evaluated and which results come back: of each trial
    that was proposed here one, with whatever was measured there.

    Args:
        strategy: proposes architectures.
    """

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy
        self._proposals: dict[int, Proposal] = {}  # its own, by the run's number
        self._numbers: dict[int, int] = {}  # the run's, by its own number

    def propose(self, number: int, fidelity: Fidelity) -> Proposal | None:
        """What it would propose now, as the run's proposal of that number; changes nothing."""
        drawn = self.strategy._propose(self.strategy.asked)
        if drawn is None:
            return None
        parents = tuple(self._numbers[parent] for parent in drawn.parents)
        return replace(drawn, number=number, fidelity=fidelity, parents=parents)

    def record(self, proposal: Proposal) -> None:
        """Note that a proposal of :meth:`propose`, drawn or replayed, was asked for."""
        own = replace(
            proposal,
            number=self.strategy.asked,
            fidelity=self.strategy.fidelity,
            parents=tuple(self._proposals[parent].number for parent in proposal.parents),
        )
        self._proposals[proposal.number] = own
        self._numbers[own.number] = proposal.number
        self.strategy._record(own)

    def tell(self, trial: Trial) -> None:
        """Pass a result on, unless the trial was not proposed here."""
        if trial.number in self._proposals:
            self.strategy.tell(replace(trial, proposal=self._proposals[trial.number]))
