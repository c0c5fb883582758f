"""The loop: ask the strategy, evaluate, tell it; everything is journaled before it has consequences.

What is asked and told is written at once, and survives this process. It is synced, and survives a power
failure, before anything is evaluated because of it: one sync serves all that was asked for meanwhile.
"""

import hashlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from types import FrameType

from sugata.engines import Engine, Job, Outcome
from sugata.errors import InvalidArchitecture, JournalError
from sugata.evaluators import Evaluator
from sugata.journal import FINISHED, Event, Journal, Note, Record
from sugata.report.wording import plural
from sugata.reuse import Evaluated, trial_folder
from sugata.space import Architecture, SearchSpace
from sugata.strategies import Strategy
from sugata.trial import Proposal, Status, Trial

MOST_REFUSED = 200  # proposals in a row that break a limit
MOST_FREE = 1000  # proposals in a row that cost nothing: the strategy has nothing new
DETERMINISTIC_WINDOW = 8
AFFORDABLE = 0.02  # seconds of evaluations that a power failure may cost: more is synced at once
_NOTE = "search"


@dataclass(frozen=True)
class Budget:
    """When a search ends; whichever comes first. All starts of a run count together.

    Attributes:
        trials: evaluations; refused trials and answers from the cache are free.
        seconds: wall clock of searching.
        grace: seconds that running trials have after that; then they are killed and stay pending, so that
            a run that is resumed with more time runs them again.
    """

    trials: int | None = None
    seconds: float | None = None
    grace: float = 30.0


def trial_seed(seed: int, training_key: str) -> int:
    """The seed of a trial, 32 bits, from the run's seed and what is trained.

    Not from its number: architectures that train the same get the same weights whether the training is
    shared or repeated, a promotion goes on with the draws of the training it continues, and a trial that
    is run again after a crash repeats itself.
    """
    return int.from_bytes(hashlib.blake2b(f"{seed}:{training_key}".encode(), digest_size=4).digest())


def search(
    strategy: Strategy,
    evaluator: Evaluator,
    engine: Engine,
    journal: Journal,
    *,
    space: SearchSpace,
    folder: Path,
    feasible: Callable[[Architecture], str | None] = lambda architecture: None,
    budget: Budget,
    deterministic: bool = False,
    window: int | None = None,
    seed: int = 0,
    on_event: Callable[[Event], None] | None = None,
) -> list[Trial]:
    """Search until the budget is spent or the strategy is finished; go on where the journal ends.

    Args:
        folder: where the trials' folders are made.
        feasible: says why an architecture breaks a hard limit, or None; must depend on nothing else.
        deterministic: tell results in the order of asking, so that the sequence of trials depends neither
            on the number of workers nor on time.
        window: how many proposals may be pending: by default as many as the engine is kept busy with, or in
            deterministic mode always 8, since the sequence depends on it.
        seed: the run's.
        on_event: called with every proposal, trial and note after it is journaled.

    Returns:
        All trials of the run in the order in which the strategy learned them.

    Raises:
        JournalError: the journal belongs to another search space.
        KeyboardInterrupt: by the keyboard or SIGTERM; running trials are killed and stay pending.
    """
    window = window or (DETERMINISTIC_WINDOW if deterministic else None)
    loop = _Loop(
        strategy, engine, journal, space, folder, feasible, budget, deterministic, window, seed, on_event
    )
    with _terminable():
        try:
            loop.restore(evaluator.fingerprint())
            loop.run()
        finally:
            for number in engine.running:
                engine.kill(number)
            journal.sync()
    return loop.told


class _Loop:
    """The state of a search: everything in it follows from the journal."""

    def __init__(
        self,
        strategy: Strategy,
        engine: Engine,
        journal: Journal,
        space: SearchSpace,
        folder: Path,
        feasible: Callable[[Architecture], str | None],
        budget: Budget,
        deterministic: bool,
        window: int | None,
        seed: int,
        on_event: Callable[[Event], None] | None,
    ) -> None:
        self.strategy = strategy
        self.engine = engine
        self.journal = journal
        self.space = space
        self.folder = folder
        self.feasible = feasible
        self.budget = budget
        self.deterministic = deterministic
        self.fixed_window = window
        self.seed = seed
        self.on_event = on_event or (lambda event: None)
        self.told: list[Trial] = []
        self.pending: dict[int, Proposal] = {}  # asked, not told; in the order of asking
        self.queue: set[int] = set()  # of these, not yet with the engine
        self.finished: dict[int, Trial] = {}  # of these, evaluated and waiting for their turn
        self.known = Evaluated(space, folder)
        self.unsynced: set[int] = set()  # asked for since the last sync
        self.at_stake = 0.0  # seconds of evaluations since then
        self.charged = 0  # told trials that cost budget
        self.refused_in_a_row = 0
        self.free_in_a_row = 0
        self.end = ""  # why no more is asked for
        self.started = time.monotonic()
        self.earlier = 0.0  # seconds before this start

    def run(self) -> None:
        """Ask, start, wait, tell, until nothing is pending."""
        while True:
            self.ask()
            self.start()
            if not self.tell_finished() and not self.wait():
                break
        self.note({"end": self.end or "the strategy is finished", "trials": self.charged})

    @property
    def window(self) -> int:
        """How many proposals may be pending now; engines grow."""
        return self.fixed_window or self.engine.window

    def tell_finished(self) -> bool:
        """Tell what is finished, all of it before the next ask; in deterministic mode one trial an ask.

        Then the sequence must not depend on how many happen to be finished.
        """
        told = False
        while (trial := self.next_to_tell()) is not None and not (told and self.deterministic):
            self.tell(trial)
            told = True
        return told

    def ask(self) -> None:
        """Ask for proposals until enough are pending."""
        while len(self.pending) < self.window and self.may_ask():
            proposal = self.strategy.ask()
            if proposal is None:
                return
            self.journal.ask(proposal)
            self.unsynced.add(proposal.number)
            self.on_event(proposal)
            self.pending[proposal.number] = proposal
            self.admit(proposal)

    def may_ask(self) -> bool:
        """Whether budget and patience are left; if not, ``end`` says why."""
        if self.budget.trials is not None and self.charged + len(self.pending) >= self.budget.trials:
            if self.charged >= self.budget.trials:
                self.end = f"the budget of {plural(self.budget.trials, 'trial')} is spent"
            return False
        if self.seconds_left() <= 0:
            self.end = f"the budget of {self.budget.seconds:g} seconds is spent"
        elif self.refused_in_a_row >= MOST_REFUSED:
            self.end = f"{MOST_REFUSED} proposals in a row break the limits"
        elif self.free_in_a_row >= MOST_FREE:
            self.end = f"{MOST_FREE} proposals in a row were nothing new"
        else:
            return True
        return False

    def admit(self, proposal: Proposal) -> None:
        """Tell at once what needs no evaluation, queue the rest.

        That depends on nothing but what was told before, and therefore happens at the same place in every
        repetition of a deterministic search.
        """
        reason = self.feasible(self.architecture(proposal))
        twin = self.known.answer(proposal)
        if reason is not None:
            self.tell(Trial(proposal, Status.REFUSED, reason=reason))
        elif twin is not None and twin.number not in self.pending:
            self.tell(_answered(proposal, twin))
        else:
            self.queue.add(proposal.number)
        self.count(reason is not None, proposal.number not in self.pending)

    def count(self, refused: bool, free: bool) -> None:
        """Count what comes to nothing in a row."""
        self.refused_in_a_row = self.refused_in_a_row + 1 if refused else 0
        self.free_in_a_row = self.free_in_a_row + 1 if free else 0

    def start(self) -> None:
        """Give the engine as much as it can run of what is queued; answer what has become known."""
        if not self.queue:
            return
        room = self.engine.capacity - len(self.engine.running) if self.seconds_left() > 0 else 0
        under_way: set[str] = set()
        for proposal in self.pending.values():
            if proposal.number in self.finished:
                continue
            training = self.known.training(proposal)
            if proposal.number in self.queue and training not in under_way:  # what trains the same waits
                twin = self.known.answer(proposal)
                if twin is not None:
                    self.finished[proposal.number] = _answered(proposal, twin)
                    self.queue.remove(proposal.number)
                    continue
                if room > 0:
                    self.submit(proposal)
                    room -= 1
            under_way.add(training)

    def submit(self, proposal: Proposal) -> None:
        """Give a queued proposal to the engine, not before it is durable."""
        if proposal.number in self.unsynced:
            self.sync()
        self.engine.submit(self.job(proposal))
        self.queue.remove(proposal.number)

    def job(self, proposal: Proposal) -> Job:
        """What the engine needs; with the weights of an earlier trial where they can be used."""
        own = trial_folder(self.folder, proposal.number)
        seed = trial_seed(self.seed, self.space.training_key(proposal.architecture))
        trained = self.known.weights(proposal, proposal.fidelity)
        if trained is not None:
            return Job(proposal, seed, own, source=trained, trained=True)
        return Job(proposal, seed, own, source=self.known.continued(proposal))

    def wait(self) -> bool:
        """Wait for results; False when none will come."""
        if self.at_stake > AFFORDABLE:
            self.sync()
        self.journal.write()
        timeout = None
        if self.budget.seconds is not None:
            left = self.seconds_left()
            timeout = left if left > 0 else left + self.budget.grace
            if timeout <= 0:
                return False
        if not self.engine.running:
            return False
        for outcome in self.engine.wait(timeout):
            self.finish(outcome)
        return True

    def finish(self, outcome: Outcome) -> None:
        """Take a result; where it has to wait for its turn, it is journaled now."""
        evaluation = outcome.evaluation
        trial = Trial(
            self.pending[outcome.number],
            evaluation.status,
            evaluation.metrics,
            evaluation.reason,
            round(outcome.seconds, 3),
            evaluation.curve,
            details=evaluation.details,
        )
        self.finished[trial.number] = trial
        self.at_stake += outcome.seconds
        self.known.add(trial)
        if self.deterministic and trial.number != next(iter(self.pending)):
            self.journal.finished(trial)

    def next_to_tell(self) -> Trial | None:
        """The finished trial whose turn it is."""
        if not self.deterministic:
            return next(iter(self.finished.values()), None)
        return self.finished.get(next(iter(self.pending), -1))

    def tell(self, trial: Trial) -> None:
        """Journal a trial, then let the strategy learn it."""
        self.journal.tell(trial)
        if _costs(trial):
            self.journal.write()
        self.take(trial)
        self.strategy.tell(trial)
        self.on_event(trial)

    def take(self, trial: Trial) -> None:
        """Note that a trial was told, now or before this start."""
        self.pending.pop(trial.number)
        self.finished.pop(trial.number, None)
        self.told.append(trial)
        self.known.add(trial)
        self.charged += _costs(trial)

    def sync(self) -> None:
        """Make all that was asked and told durable."""
        self.journal.sync()
        self.unsynced.clear()
        self.at_stake = 0.0

    def note(self, data: dict[str, object]) -> None:
        """Journal something about the search itself."""
        self.journal.note(_NOTE, data)
        self.on_event(Note(_NOTE, data))

    # -- going on ---------------------------------------------------------------------------------

    def restore(self, fingerprint: str) -> None:
        """Rebuild the state from the journal, and queue again what was pending."""
        record = self.journal.record()
        events = [self.checked(event) for event in record.events]
        self.replay(events)
        self.earlier = seconds_searched(record)
        for trial in record.finished:
            trial = replace(trial, proposal=self.pending[trial.number])
            self.finished[trial.number] = trial
            self.known.add(trial)
        if self.known.fingerprint not in ("", fingerprint):
            self.note(
                {"warning": "data, settings or versions have changed since these trials were evaluated"}
            )
            self.known = Evaluated(self.space, self.folder)
        self.known.fingerprint = fingerprint
        self.note({"fingerprint": fingerprint, "seed": self.seed, "window": self.window})
        last = next((event for event in reversed(events) if not isinstance(event, Note)), None)
        waiting = [proposal for proposal in self.pending.values() if proposal.number not in self.finished]
        for proposal in waiting:
            if proposal is last:
                self.admit(proposal)  # the run ended before it could be
            else:
                self.queue.add(proposal.number)

    def replay(self, events: Sequence[Event]) -> None:
        """Do what was done, without asking or evaluating."""
        asks_and_tells: list[Proposal | Trial] = []
        for event in events:
            if not isinstance(event, Note):
                asks_and_tells.append(event)
            elif event.kind == _NOTE and (fingerprint := event.data.get("fingerprint")):
                if fingerprint != self.known.fingerprint:
                    self.known = Evaluated(self.space, self.folder, fingerprint)
                continue
            if isinstance(event, Proposal):
                self.pending[event.number] = event
            elif isinstance(event, Trial):
                self.take(event)
        self.strategy.restore(asks_and_tells)
        for event, after in zip_longest(asks_and_tells, asks_and_tells[1:]):
            if isinstance(event, Proposal) and after is not None:
                told = after if isinstance(after, Trial) and after.number == event.number else None
                free = told is not None and not _costs(told)
                self.count(free and told is not None and told.status is Status.REFUSED, free)

    def checked(self, event: Event) -> Event:
        """An event whose architecture is one of the space, as it was when it was asked for."""
        if isinstance(event, Note):
            return event
        if isinstance(event, Proposal):
            return replace(event, architecture=self.architecture(event))
        proposal = event.proposal
        return replace(event, proposal=replace(proposal, architecture=self.architecture(proposal)))

    def architecture(self, proposal: Proposal) -> Architecture:
        """The proposal's architecture."""
        if isinstance(proposal.architecture, Architecture):
            return proposal.architecture
        try:
            return self.space.architecture(proposal.architecture)
        except InvalidArchitecture as error:
            raise JournalError(
                f"{self.journal.path or 'journal'}: trial {proposal.number} is not of this search space"
                f" ({error}); resume with the space of the run, or start a new one"
            ) from error

    def seconds_left(self) -> float:
        """How much of the budget is left; negative when overdrawn."""
        if self.budget.seconds is None:
            return float("inf")
        return self.budget.seconds - self.earlier - (time.monotonic() - self.started)


def _answered(proposal: Proposal, twin: Trial) -> Trial:
    details = {**twin.details, "same_as": twin.number}
    return replace(twin, proposal=proposal, seconds=0.0, cached=True, details=details)


def _costs(trial: Trial) -> bool:
    return not trial.cached and trial.status is not Status.REFUSED


def seconds_searched(record: Record) -> float:
    """Seconds of all earlier starts, each from its note to its last event of the search."""
    total, begin, end = 0.0, 0.0, 0.0
    for event, moment in zip(record.events, record.times, strict=True):
        if isinstance(event, Note) and event.kind == _NOTE and "fingerprint" in event.data:
            total += max(0.0, end - begin)
            begin = moment
        elif isinstance(event, Note) and event.kind not in (_NOTE, FINISHED):
            continue
        end = moment
    return total + max(0.0, end - begin)


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the search as Ctrl-C does, where signals can be handled."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt("terminated")

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
