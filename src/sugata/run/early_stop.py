"""Ends trainings during a search whose learning curves promise nothing."""

from collections.abc import Callable

from sugata.engines import Engine
from sugata.evaluators import EarlyStop
from sugata.journal import Event
from sugata.trial import Metric, Proposal, Trial


class CurveWatch:
    """Follows the reports of running trials and asks the engine to stop the hopeless ones.

    Curves are compared within a rung, since only there budgets are equal. A trial that continues another
    reports from where that one ended.

    Args:
        engine: where trials run; its ``progress`` is taken over.
        metric: what is reported.
        rule: makes the rule of one rung.
        known: trials of earlier starts of the run.
        say: told of every stop.
    """

    def __init__(
        self,
        engine: Engine,
        metric: Metric,
        rule: Callable[[], EarlyStop],
        known: list[Trial],
        say: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._metric = metric
        self._make = rule
        self._say = say
        self._rules: dict[int, EarlyStop] = {}
        self._proposals: dict[int, Proposal] = {}
        self._curves: dict[int, list[tuple[float, float]]] = {}
        self._stopped: set[int] = set()
        engine.progress = self.reported
        for trial in known:
            self._learn(trial, [(step, metric.cost(value)) for step, value in reports(trial)])

    def __call__(self, event: Event) -> None:
        """Take note of what the search journals."""
        if isinstance(event, Proposal):
            self._proposals[event.number] = event
        elif isinstance(event, Trial):
            self._learn(event, self._curves.pop(event.number, []))
            self._proposals.pop(event.number, None)

    def reported(self, number: int, step: float, value: float) -> None:
        """A running trial has reported its metric after ``step`` of its budget."""
        proposal = self._proposals.get(number)
        if proposal is None or number in self._stopped:
            return
        curve = self._curves.setdefault(number, [])
        curve.append((step, self._metric.cost(value)))
        end = proposal.fidelity.amount
        rule = self._rule(proposal.fidelity.rung)
        if curve[0][0] > 0 and step < end and rule.hopeless(curve, end):
            self._stopped.add(number)
            self._say(f"trial {number} is stopped at {step / end:.0%}: {rule.chance(curve, end):.1%} to lead")
            self._engine.stop(number)

    def _learn(self, trial: Trial, curve: list[tuple[float, float]]) -> None:
        if trial.ok and not trial.cached and curve:
            self._rule(trial.proposal.fidelity.rung).finished(curve)

    def _rule(self, rung: int) -> EarlyStop:
        return self._rules.setdefault(rung, self._make())


def reports(trial: Trial) -> list[tuple[float, float]]:
    """What a trial reported while it ran: ``(amount, value)``."""
    return [(float(step), float(value)) for step, value in trial.details.get("reports", trial.curve)]
