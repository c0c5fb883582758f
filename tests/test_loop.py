import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sugata.engines import Engine, InProcessEngine, Job, Outcome
from sugata.errors import JournalError
from sugata.evaluators import Context, Evaluation, Evaluator, FunctionEvaluator
from sugata.journal import Event, Journal, Note, Record, read
from sugata.loop import AFFORDABLE, MOST_FREE, MOST_REFUSED, Budget, search, trial_seed
from sugata.objectives import Objectives
from sugata.space import Architecture, DictionarySpace
from sugata.strategies import Evolution, Funnel, RandomSearch, Rung, Strategy
from sugata.trial import Fidelity, Metric, Proposal, Status, Trial, Value

LOSS = Metric("loss")
OBJECTIVES = Objectives((LOSS,))
SPACE = DictionarySpace({"a": list(range(20)), "b": list(range(20))})


class Listed(Strategy):
    """Proposes what it is given, and remembers what it is told."""

    def __init__(self, proposals: list[Proposal], space: DictionarySpace = SPACE) -> None:
        super().__init__(space, OBJECTIVES)
        self.proposals = proposals
        self.log: list[str] = []

    def _propose(self, number: int) -> Proposal | None:
        return self.proposals[number] if number < len(self.proposals) else None

    def _asked_for(self, proposal: Proposal) -> None:
        self.log.append(f"ask {proposal.number}")

    def tell(self, trial: Trial) -> None:
        self.log.append(f"tell {trial.number}")


class TwinSpace(DictionarySpace):
    """`b` matters for the deployment only."""

    def training_key(self, architecture: Mapping[str, Value]) -> str:
        return f"a={architecture['a']}"


class SlowEngine(Engine):
    """Finishes jobs in an order of its own: the shuffled order of their numbers."""

    def __init__(self, evaluator: Evaluator, capacity: int, order: Callable[[int], float]) -> None:
        self.inner = InProcessEngine(evaluator)
        self.capacity = capacity
        self.order = order
        self.jobs: dict[int, Job] = {}
        self.submitted: list[Job] = []

    def submit(self, job: Job) -> None:
        assert len(self.jobs) < self.capacity
        self.jobs[job.number] = job
        self.submitted.append(job)

    def wait(self, timeout: float | None = None) -> list[Outcome]:
        self.inner.submit(self.jobs.pop(min(self.jobs, key=self.order)))
        return self.inner.wait()

    @property
    def running(self) -> tuple[int, ...]:
        return tuple(self.jobs)

    def kill(self, number: int) -> None:
        del self.jobs[number]

    def stop(self, number: int) -> None: ...

    def close(self) -> None: ...


def loss(architecture: dict[str, Any]) -> float:
    return abs(architecture["a"] - 7.3) + abs(architecture["b"] - 11.1)


class Run:
    """A run folder and everything to search in it, several times."""

    def __init__(self, folder: Path, evaluate: Callable[..., Any] = loss) -> None:
        self.folder = folder
        self.evaluated: list[dict[str, Any]] = []
        self.evaluate = evaluate
        self.evaluator: Evaluator = FunctionEvaluator(self._evaluate, [LOSS])
        self.engine: Engine = InProcessEngine(self.evaluator)
        self.events: list[Event] = []

    def _evaluate(self, architecture: dict[str, Any]) -> Any:
        self.evaluated.append(architecture)
        return self.evaluate(architecture)

    def __call__(
        self, strategy: Strategy, trials: int | None = None, seconds: float | None = None, **options: Any
    ) -> list[Trial]:
        path = self.folder / "journal.jsonl"
        options.setdefault("budget", Budget(trials, seconds))
        options.setdefault("space", strategy.space)
        with Journal.open(path) if path.exists() else Journal.create(path, {}) as journal:
            return search(
                strategy,
                self.evaluator,
                self.engine,
                journal,
                folder=self.folder / "trials",
                on_event=self.events.append,
                **options,
            )

    @property
    def record(self) -> Record:
        return read(self.folder / "journal.jsonl")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def proposals(*architectures: dict[str, Value], space: DictionarySpace = SPACE) -> list[Proposal]:
    return [Proposal(i, space.architecture(values)) for i, values in enumerate(architectures)]


def grid(count: int) -> list[Proposal]:
    return proposals(*({"a": i % 20, "b": i // 20} for i in range(count)))


def end(run: Run) -> str:
    return str(run.record.notes("search")[-1].data["end"])


def tells(trials: list[Trial]) -> list[Any]:
    """What must be equal in two runs of a deterministic search."""
    return [(t.proposal, t.status, t.metrics, t.cached, t.reason) for t in trials]


# -- the loop -------------------------------------------------------------------------------------


def test_a_search_ends_with_its_budget_of_trials(run: Run) -> None:
    trials = run(RandomSearch(SPACE, OBJECTIVES), 15)
    assert len(trials) == len(run.evaluated) == 15
    assert all(trial.metrics["loss"] == loss(dict(trial.proposal.architecture)) for trial in trials)
    assert run.record.trials == trials
    assert end(run) == "the budget of 15 trials is spent"


def test_a_search_ends_when_the_strategy_has_nothing_more(run: Run) -> None:
    assert len(run(Listed(grid(3)), 10)) == 3
    assert end(run) == "the strategy is finished"


def test_every_event_is_journaled_before_anybody_hears_of_it(tmp_path: Path) -> None:
    journal_path = tmp_path / "journal.jsonl"

    class Suspicious(Listed):
        def tell(self, trial: Trial) -> None:
            assert trial in read(journal_path).trials

    def evaluate(architecture: dict[str, Any]) -> float:
        assert architecture in [proposal.architecture for proposal in read(journal_path).pending]
        return 1.0

    run = Run(tmp_path, evaluate)
    trials = run(Suspicious(grid(5)))
    assert [trial.status for trial in trials] == [Status.COMPLETED] * 5
    asked = [event.number for event in run.events if isinstance(event, Proposal)]
    told = [event.number for event in run.events if isinstance(event, Trial)]
    assert (sorted(asked), sorted(told)) == (list(range(5)), list(range(5)))


class Disk:
    """Knows what a power failure would leave of a journal: what was written at its last sync."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.kept = path.with_name("kept.jsonl")
        self.syncs = 0
        self.fsync = os.fsync
        monkeypatch.setattr("os.fsync", self)

    def __call__(self, descriptor: int) -> None:
        self.fsync(descriptor)
        self.kept.write_bytes(self.path.read_bytes())
        self.syncs += 1


@pytest.mark.parametrize("deterministic", [False, True])
def test_one_sync_serves_several_evaluations_and_none_begins_before_its_ask_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deterministic: bool
) -> None:
    disk = Disk(tmp_path / "journal.jsonl", monkeypatch)

    def evaluate(architecture: dict[str, Any]) -> float:
        record = read(disk.kept)
        asked = [event for event in record.events if isinstance(event, Proposal)]
        assert architecture in [proposal.architecture for proposal in asked]
        return loss(architecture)

    run = Run(tmp_path, evaluate)
    trials = run(RandomSearch(SPACE, OBJECTIVES), 80, deterministic=deterministic)
    assert [trial.status for trial in trials] == [Status.COMPLETED] * 80
    assert disk.syncs <= 80 / 3  # one in eight, and some for evaluations on a busy machine


def test_a_result_that_took_time_is_durable_before_the_next_evaluation_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(tmp_path / "journal.jsonl", monkeypatch)
    done: list[dict[str, Any]] = []

    def evaluate(architecture: dict[str, Any]) -> float:
        assert [trial.architecture for trial in read(disk.kept).trials] == done
        time.sleep(1.5 * AFFORDABLE)
        done.append(architecture)
        return 1.0

    trials = Run(tmp_path, evaluate)(Listed(grid(6)))
    assert [trial.status for trial in trials] == [Status.COMPLETED] * 6


def test_a_trial_has_a_folder_only_if_it_uses_it(run: Run) -> None:
    def uses(architecture: dict[str, Any], context: Context) -> float:
        if architecture["a"] == 1:
            (context.folder / "note.txt").touch()
        if architecture["a"] == 2:
            raise ValueError("no")
        return 1.0

    run.evaluator = FunctionEvaluator(uses, [LOSS])
    run.engine = InProcessEngine(run.evaluator)
    run(Listed(grid(4)))
    files = sorted(str(path.relative_to(run.folder)) for path in run.folder.glob("trials/*/*"))
    assert files == ["trials/0001/note.txt", "trials/0002/log.txt"]


def test_failures_are_told_and_the_search_goes_on(tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any]) -> float:
        if architecture["a"] == 1:
            raise ValueError("no")
        return 1.0

    trials = Run(tmp_path, evaluate)(Listed(grid(3)))
    assert [trial.status for trial in trials] == [Status.COMPLETED, Status.FAILED, Status.COMPLETED]
    assert trials[1].reason == "ValueError: no"


def test_results_are_told_as_they_come_or_in_order(tmp_path: Path) -> None:
    orders = {}
    for deterministic in (False, True):
        run = Run(tmp_path / str(deterministic))
        run.folder.mkdir()
        run.engine = SlowEngine(run.evaluator, 3, order=lambda number: -number)
        strategy = Listed(grid(6))
        run(strategy, deterministic=deterministic, window=3)
        orders[deterministic] = [line for line in strategy.log if line.startswith("tell")]
    assert orders[False] != sorted(orders[False])
    assert orders[True] == sorted(orders[True])


def test_no_more_than_the_window_is_pending(run: Run) -> None:
    run.engine = SlowEngine(run.evaluator, 2, order=lambda number: number)
    strategy = Listed(grid(9))
    run(strategy, window=4)
    pending = most = 0
    for line in strategy.log:
        pending += 1 if line.startswith("ask") else -1
        most = max(most, pending)
    assert most == 4


def test_more_are_pending_as_the_engine_grows(run: Run) -> None:
    class Growing(SlowEngine):
        def wait(self, timeout: float | None = None) -> list[Outcome]:
            if len(self.submitted) == 4 and self.capacity == 2:
                self.capacity = 5
                return []  # nothing has ended, but there is room
            return super().wait(timeout)

    run.engine = engine = Growing(run.evaluator, 2, order=lambda number: number)
    strategy = Listed(grid(30))
    run(strategy)
    pending, most = 0, []
    for line in strategy.log:
        pending += 1 if line.startswith("ask") else -1
        most.append(pending)
    assert max(most[:6]) == 4, "twice the capacity"
    assert max(most) == 10
    assert len(engine.submitted) == 30


# -- limits ---------------------------------------------------------------------------------------


def test_refused_proposals_cost_nothing(run: Run) -> None:
    def feasible(architecture: Architecture) -> str | None:
        return "too large" if int(architecture["a"]) % 2 else None

    trials = run(Listed(grid(20)), 5, feasible=feasible)
    refused = [trial for trial in trials if trial.status is Status.REFUSED]
    assert {trial.reason for trial in refused} == {"too large"}
    assert [architecture["a"] for architecture in run.evaluated] == [0, 2, 4, 6, 8]
    assert len(trials) - len(refused) == 5


def test_a_search_that_is_only_refused_stops(run: Run) -> None:
    trials = run(Listed(grid(390)), 5, feasible=lambda architecture: "too large")
    assert len(trials) == MOST_REFUSED
    assert end(run) == f"{MOST_REFUSED} proposals in a row break the limits"
    assert len(run(Listed(grid(390)), 5, feasible=lambda architecture: "too large")) == MOST_REFUSED


def test_a_strategy_that_only_repeats_itself_stops(run: Run) -> None:
    trials = run(Listed([replace(grid(1)[0], number=i) for i in range(2 * MOST_FREE)]), 5)
    assert len(run.evaluated) == 1
    assert MOST_FREE < len(trials) < MOST_FREE + 10
    assert end(run) == f"{MOST_FREE} proposals in a row were nothing new"


# -- no repeats -----------------------------------------------------------------------------------


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("window", [1, 8])
def test_what_was_measured_is_answered_from_the_cache(run: Run, deterministic: bool, window: int) -> None:
    architectures = [{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 1}]
    trials = run(Listed(proposals(*architectures)), 3, deterministic=deterministic, window=window)
    assert len(run.evaluated) == 2
    again = next(trial for trial in trials if trial.number == 2)
    assert again.cached
    assert again.metrics == trials[0].metrics
    assert again.details == {"same_as": 0}


def test_another_fidelity_is_another_measurement(run: Run) -> None:
    first = grid(1)[0]
    second = replace(first, number=1, fidelity=Fidelity(1, "large", 2.0))
    assert not any(trial.cached for trial in run(Listed([first, second])))


def test_failures_are_not_answered_from_the_cache(tmp_path: Path) -> None:
    run = Run(tmp_path, lambda architecture: "nothing")
    run(Listed([replace(grid(1)[0], number=i) for i in range(3)]))
    assert len(run.evaluated) == 3


class Trains(Evaluator):
    """Leaves a checkpoint where it trained."""

    metrics = (LOSS,)

    def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
        if not context.trained:
            (context.folder / "checkpoint.safetensors").touch()
        return Evaluation(Status.COMPLETED, {"loss": 1.0})

    def fingerprint(self) -> str:
        return "trains"


@pytest.fixture
def training(run: Run) -> Run:
    run.evaluator = Trains()
    run.engine = SlowEngine(run.evaluator, 2, order=lambda number: number)
    return run


def test_what_trains_the_same_is_trained_once(training: Run) -> None:
    space = TwinSpace(SPACE.parameters["options"])
    architectures: list[dict[str, Value]] = [{"a": 1, "b": b} for b in range(3)]
    training(Listed(proposals(*architectures, space=space), space), deterministic=True)
    assert isinstance(training.engine, SlowEngine)
    jobs = training.engine.submitted
    first = training.folder / "trials" / "0000"
    assert [(job.trained, job.source) for job in jobs] == [(False, None), (True, first), (True, first)]
    assert len({job.seed for job in jobs}) == 1


def test_a_promotion_goes_on_from_the_checkpoint_of_the_training(training: Run) -> None:
    space = TwinSpace(SPACE.parameters["options"])
    full = Fidelity(1, "full", 2.0)
    first, twin, *_ = proposals({"a": 1, "b": 0}, {"a": 1, "b": 1}, space=space)
    promotion = Proposal(2, twin.architecture, full, continues=1)
    training(Listed([first, twin, promotion], space), window=1)
    assert isinstance(training.engine, SlowEngine)
    job = training.engine.submitted[2]
    assert (job.trained, job.source) == (False, training.folder / "trials" / "0000")


def test_a_promotion_whose_checkpoint_is_gone_has_the_folder_if_there_is_one(training: Run) -> None:
    first = grid(1)[0]
    promotion = Proposal(1, first.architecture, Fidelity(1, "full", 2.0), continues=0)
    checkpoint = training.folder / "trials" / "0000" / "checkpoint.safetensors"
    training.engine = SlowEngine(training.evaluator, 1, order=lambda number: checkpoint.unlink(True) or 0.0)
    training(Listed([first, promotion]), window=1)
    assert isinstance(training.engine, SlowEngine)
    assert training.engine.submitted[1].source == checkpoint.parent


def test_seeds_follow_the_training_and_the_run() -> None:
    assert trial_seed(0, "a") == trial_seed(0, "a")
    assert len({trial_seed(0, "a"), trial_seed(0, "b"), trial_seed(1, "a")}) == 3
    assert 0 <= trial_seed(5, "x") < 2**32


# -- going on -------------------------------------------------------------------------------------


def interrupted(after: int) -> Callable[[dict[str, Any]], float]:
    """Ends the whole search in the evaluation number `after`."""
    count = 0

    def evaluate(architecture: dict[str, Any]) -> float:
        nonlocal count
        count += 1
        if count == after:
            raise KeyboardInterrupt
        return loss(architecture)

    return evaluate


def evolution() -> Strategy:
    return Evolution(SPACE, OBJECTIVES, population=6, generations=20)


def funnel() -> Strategy:
    inner = Evolution(SPACE, OBJECTIVES, population=6, generations=20)
    rungs = [Rung(Fidelity(0, "small", 1.0), keep=0.5), Rung(Fidelity(1, "full", 2.0))]
    return Funnel(inner, rungs, by="loss")


STRATEGIES = {
    "repeating": lambda: Listed(proposals(*({"a": i * i % 13, "b": i % 2} for i in range(50)))),
    "random": lambda: RandomSearch(SPACE, OBJECTIVES),
    "evolution": evolution,
    "funnel": funnel,
}


@pytest.mark.parametrize("name", STRATEGIES)
def test_an_interrupted_search_goes_on_as_if_nothing_had_happened(tmp_path: Path, name: str) -> None:
    def some_refused(architecture: Architecture) -> str | None:
        return "odd" if int(architecture["a"]) % 5 == 0 else None

    options = {"deterministic": True, "window": 4, "feasible": some_refused, "seed": 3}
    whole = Run(tmp_path / "whole")
    whole.folder.mkdir()
    expected = whole(STRATEGIES[name](), 25, **options)
    for capacity in (1, 2, 3):
        run = Run(tmp_path / f"{capacity}")
        run.folder.mkdir()
        interruptions = 0
        for after in (1, 7, 4, 9, 99):
            run.evaluate = interrupted(after)
            orders = [lambda number: number, lambda number: -number, lambda number: (number * 7) % 5]
            run.engine = SlowEngine(run.evaluator, capacity, order=orders[after % 3])
            before = run.record.trials + run.record.finished if after != 1 else []
            try:
                trials = run(STRATEGIES[name](), 25, **options)
            except KeyboardInterrupt:
                interruptions += 1
            finally:
                after_it = {trial.number: trial for trial in run.record.trials + run.record.finished}
                assert all(after_it[trial.number] == trial for trial in before)
        assert tells(trials) == tells(expected)
        finished = [trial for trial in trials if trial.status is Status.COMPLETED and not trial.cached]
        assert interruptions >= 2
        assert len(run.evaluated) == len(finished) + interruptions, "only what was interrupted ran twice"


@pytest.mark.slow
@pytest.mark.parametrize("name", STRATEGIES)
def test_a_search_goes_on_from_any_line_of_its_journal(tmp_path: Path, name: str) -> None:
    def some_refused(architecture: Architecture) -> str | None:
        return "odd" if int(architecture["a"]) % 3 == 0 else None

    options = {"deterministic": True, "window": 4, "feasible": some_refused}
    run = Run(tmp_path)
    run.engine = SlowEngine(run.evaluator, 3, order=lambda number: -number)
    expected = run(STRATEGIES[name](), 12, **options)
    path = tmp_path / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    for kept in range(1, len(lines)):
        path.write_bytes(b"".join(lines[:kept]))
        run.engine = InProcessEngine(run.evaluator)
        assert tells(run(STRATEGIES[name](), 12, **options)) == tells(expected), f"after {kept} lines"


def test_pending_proposals_are_queued_again_with_their_seeds(tmp_path: Path) -> None:
    run = Run(tmp_path)
    seeds: list[tuple[int, int]] = []

    class Seeds(Evaluator):
        metrics = (LOSS,)

        def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
            seeds.append((proposal.number, context.seed))
            if len(seeds) == 3:
                raise KeyboardInterrupt
            return Evaluation(Status.COMPLETED, {"loss": 1.0})

        def fingerprint(self) -> str:
            return ""

    run.evaluator = Seeds()
    run.engine = InProcessEngine(run.evaluator)
    with pytest.raises(KeyboardInterrupt):
        run(Listed(grid(5)), window=4)
    assert [proposal.number for proposal in run.record.pending] == [2, 3, 4]
    strategy = Listed(grid(5))
    assert len(run(strategy, window=4)) == 5
    assert [number for number, _ in seeds] == [0, 1, 2, 2, 3, 4]
    assert seeds[2] == seeds[3]


def test_a_finished_search_can_be_given_more_budget(run: Run) -> None:
    assert len(run(evolution(), 5)) == 5
    assert len(run(evolution(), 5)) == 5
    assert len(run(evolution(), 12)) == 12
    assert len(run.evaluated) == 12


def test_time_of_earlier_sessions_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def evaluate(architecture: dict[str, Any]) -> float:
        now[0] += 1.0
        return 1.0

    run = Run(tmp_path, evaluate)
    assert len(run(Listed(grid(50)), seconds=3.5)) == 4
    assert end(run) == "the budget of 3.5 seconds is spent"
    now[0] += 1000
    assert len(run(Listed(grid(50)), seconds=3.5)) == 4, "no time is left"
    now[0] += 1000
    assert len(run(Listed(grid(50)), seconds=9.5)) == 10
    now[0] += 1000
    with Journal.open(run.folder / "journal.jsonl") as journal:
        journal.note("another stage", {})
    assert len(run(Listed(grid(50)), seconds=12.5)) == 13


def test_what_runs_beyond_the_grace_stays_pending(tmp_path: Path) -> None:
    class Endless(SlowEngine):
        killed: list[int]

        def wait(self, timeout: float | None = None) -> list[Outcome]:
            assert timeout is not None
            threading.Event().wait(timeout)
            return []

        def kill(self, number: int) -> None:
            self.killed.append(number)
            super().kill(number)

    run = Run(tmp_path)
    engine = Endless(run.evaluator, 2, order=lambda number: number)
    engine.killed = []
    run.engine = engine
    assert run(Listed(grid(9)), budget=Budget(seconds=0.05, grace=0.1)) == []
    assert engine.killed == [0, 1]
    assert [proposal.number for proposal in run.record.pending] == [0, 1, 2, 3]
    run.engine = InProcessEngine(run.evaluator)
    assert len(run(Listed(grid(9)), seconds=60)) == 9


def test_results_of_changed_data_or_settings_are_not_reused(run: Run) -> None:
    first = grid(1)[0]
    run(Listed([first]))
    run.evaluator.fingerprint = lambda: "changed"  # type: ignore[method-assign]
    trials = run(Listed([first, replace(first, number=1)]))
    assert [trial.cached for trial in trials] == [False, False]
    assert any("warning" in note.data for note in run.record.notes("search"))
    trials = run(Listed([replace(first, number=i) for i in range(3)]))
    assert [trial.cached for trial in trials] == [False, False, True]
    assert trials[2].details == {"same_as": 1}


def test_a_journal_of_another_space_is_refused(run: Run) -> None:
    run(Listed(grid(2)))
    other = DictionarySpace({"a": [0], "c": [1]})
    with pytest.raises(JournalError, match="trial 0 is not of this search space"):
        run(Listed([], other))


def test_a_termination_signal_ends_the_search_like_the_keyboard(tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any]) -> float:
        if architecture["a"] == 2:
            signal.raise_signal(signal.SIGTERM)
        return 1.0

    handler = signal.getsignal(signal.SIGTERM)
    run = Run(tmp_path, evaluate)
    with pytest.raises(KeyboardInterrupt):
        run(Listed(grid(5)))
    assert len(run.record.trials) == 2
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_search_runs_in_any_thread(run: Run) -> None:
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(len(run(Listed(grid(3))))))
    thread.start()
    thread.join()
    assert results == [3]


def test_the_session_is_noted(run: Run) -> None:
    run(Listed(grid(1)), window=5, seed=4)
    first = run.record.notes("search")[0].data
    assert (first["seed"], first["window"]) == (4, 5)
    assert isinstance(run.events[0], Note)
