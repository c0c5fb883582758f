"""One search on a table, start to end, through the ordinary loop; nothing but the evaluation is replaced."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sugata.engines import SimulatedEngine
from sugata.evaluators import TableEvaluator
from sugata.journal import Event, Journal
from sugata.loop import Budget, search
from sugata.strategies import Strategy
from sugata.trial import Proposal, Status, Trial


@dataclass(frozen=True)
class Replay:
    """What one search did.

    Attributes:
        evaluations: distinct architectures that were evaluated.
        found: the evaluation, counted from 1, that had the target; None where none had.
        curve: ``(evaluation, reported value of the best so far)``, whenever that changed.
        times: virtual seconds of each point of the curve.
        ask_seconds: CPU seconds of the strategy, asking and telling, in all.
        asks: how many proposals it made.
        seconds: wall clock of the whole search.
        clock: virtual seconds at the end.
        busy: virtual seconds of all workers together.
    """

    seed: int
    evaluations: int
    found: int | None
    curve: tuple[tuple[float, float], ...]
    ask_seconds: float
    asks: int
    seconds: float
    times: tuple[float, ...] = ()
    clock: float = 0.0
    busy: float = 0.0

    @property
    def final(self) -> float:
        """The reported value of the best by the searched metric; NaN where nothing was evaluated."""
        return self.curve[-1][1] if self.curve else float("nan")


class _Watched(Strategy):
    """The strategy under test: passes everything on, keeps time, and ends when there is nothing to find."""

    def __init__(self, inner: Strategy, finished: Callable[[], bool]) -> None:
        super().__init__(inner.space, inner.objectives, seed=inner.seed, fidelity=inner.fidelity)
        self.repeats = inner.repeats
        self.inner = inner
        self.finished = finished
        self.seconds = 0.0
        self.asks = 0

    def ask(self) -> Proposal | None:
        """What the inner one proposes, until the search is over."""
        if self.finished():
            return None
        started = time.process_time()
        proposal = self.inner.ask()
        self.seconds += time.process_time() - started
        self.asks += proposal is not None
        return proposal

    def tell(self, trial: Trial) -> None:
        """Tell the inner one."""
        started = time.process_time()
        self.inner.tell(trial)
        self.seconds += time.process_time() - started

    def _propose(self, number: int) -> Proposal | None:
        raise NotImplementedError  # `ask` is the inner one's


def replay(
    strategy: Strategy,
    evaluator: TableEvaluator,
    *,
    report: str | None = None,
    target: float | None = None,
    budget: int,
    batch: int = 1,
    engine: SimulatedEngine | None = None,
) -> Replay:
    """Search the evaluator's table.

    Args:
        report: the column whose value at the best so far is reported; default: the searched metric.
        target: the search is over when a trial's searched metric is as good.
        budget: distinct evaluations at most.
        batch: proposals that are asked for, evaluated and told together; 1 tells each before the next ask.
        engine: simulated workers; by default ``batch`` of them, which deliver together.
    """
    engine = engine or SimulatedEngine(evaluator, workers=batch, synchronous=True)
    progress = _Progress(evaluator, report, target, engine)
    watched = _Watched(strategy, lambda: progress.found is not None)
    started = time.perf_counter()
    search(
        watched,
        evaluator,
        engine,
        Journal.in_memory(),
        space=strategy.space,
        folder=Path("trials"),  # nothing is written there
        budget=Budget(trials=budget),
        window=engine.capacity,
        seed=strategy.seed,
        on_event=progress,
    )
    seconds = time.perf_counter() - started
    return Replay(
        strategy.seed,
        progress.evaluations,
        progress.found,
        tuple(progress.curve),
        watched.seconds,
        watched.asks,
        seconds,
        tuple(progress.times),
        engine.clock,
        engine.busy,
    )


class _Progress:
    """Follows the loop's events: how many evaluations, and the best so far."""

    def __init__(
        self,
        evaluator: TableEvaluator,
        report: str | None,
        target: float | None,
        engine: SimulatedEngine,
    ) -> None:
        self._metric = evaluator.primary
        self._table = evaluator.table
        self._top = len(evaluator.rungs) - 1
        self._reported = None if report is None else evaluator.table.column(report)
        self._target = None if target is None else self._metric.cost(target)
        self._engine = engine
        self._best = np.inf
        self.evaluations = 0
        self.found: int | None = None
        self.curve: list[tuple[float, float]] = []
        self.times: list[float] = []

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Trial) or event.cached or event.status is Status.REFUSED:
            return
        self.evaluations += 1
        if not event.ok or event.proposal.fidelity.rung < self._top:
            return
        value = event.metrics[self._metric.name]
        cost = self._metric.cost(value)
        if cost >= self._best:
            return
        self._best = cost
        if self._reported is not None:
            value = float(self._reported[self._table.row(event.proposal.architecture)])
        self.curve.append((self.evaluations, value))
        self.times.append(self._engine.clock)
        if self._target is not None and cost <= self._target and self.found is None:
            self.found = self.evaluations


def best_value(evaluator: TableEvaluator) -> float:
    """The best value of the searched metric in the whole table, on the highest rung."""
    values = evaluator.rungs[-1]
    return float(values.max() if evaluator.primary.direction == "maximize" else values.min())
