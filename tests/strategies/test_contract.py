"""What every strategy promises, for every strategy of the catalogue on small spaces of every kind.

The catalogued spaces follow in ``test_contract_spaces.py``.
"""

import random
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sugata.engines import InProcessEngine
from sugata.evaluators import Context, Evaluation, Evaluator
from sugata.journal import Journal
from sugata.loop import Budget, search
from sugata.space import Architecture, DictionarySpace, SearchSpace
from sugata.strategies import STRATEGIES, strategy_class
from sugata.trial import Proposal, Status, Trial

from .contract import (
    CASES,
    EXPENSIVE,
    QUALITY,
    SEEDLESS,
    SIZE,
    STAND_INS,
    WRAPPERS,
    Case,
    ConditionalSpace,
    anything,
    check_proposals,
    check_restored,
    completed,
    drive,
    measured,
)

_PATIENCE = 0.5  # seconds of one drive


def cases(chosen: Iterable[Case]) -> pytest.MarkDecorator:
    """Parametrize over strategies.

    Slow are those whose asks are expensive, and wrappers around others than the two of which most is known.
    """

    def marks(case: Case) -> list[pytest.MarkDecorator]:
        slow = case.name in EXPENSIVE or (case.wrapper and case.name not in ("random", "evolution"))
        return [pytest.mark.slow] if slow else []

    return pytest.mark.parametrize("case", [pytest.param(c, marks=marks(c), id=str(c)) for c in chosen])


every_case = cases(CASES)
every_plain_case = cases(case for case in CASES if not case.wrapper)
every_strategy = cases(Case(name, "pareto") for name in STRATEGIES)
every_strategy_and_wrapper = cases(
    [
        *(Case(name, "pareto") for name in STRATEGIES),
        *(case for case in CASES if case.wrapper and (case.wrapper, case.aims) != ("funnel", "pareto")),
    ]
)


@every_case
@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize("space", STAND_INS)
def test_proposals_are_valid_numbered_and_never_repeated(case: Case, space: str, workers: int) -> None:
    searched = STAND_INS[space]()
    strategy = case.make(searched, 1)
    run = drive(strategy, completed(searched), workers=workers, seconds=_PATIENCE)
    assert len(run.proposals) >= 10
    check_proposals(searched, run, repeats=strategy.repeats)


@every_case
@pytest.mark.parametrize("workers", [1, 8])
def test_the_same_seed_gives_the_same_run_and_another_seed_another(case: Case, workers: int) -> None:
    space = ConditionalSpace()

    def events(seed: int, most: int) -> list[Proposal | Trial]:
        strategy = case.make(space, seed)
        return drive(strategy, anything(space), workers=workers, most=most, seconds=_PATIENCE).events

    first, again = events(3, 40), events(3, 40)
    common = min(len(first), len(again))
    assert repr(first[:common]) == repr(again[:common])
    if case.name not in SEEDLESS:
        assert repr(events(4, common)) != repr(first[:common])


@every_plain_case
@settings(max_examples=5)
@given(
    seed=st.integers(0, 2**32), workers=st.integers(1, 8), cut=st.floats(0, 1), shuffling=st.integers(0, 1000)
)
def test_a_restored_strategy_goes_on_as_if_never_interrupted(
    case: Case, seed: int, workers: int, cut: float, shuffling: int
) -> None:
    space = ConditionalSpace()
    original = case.make(space, seed)
    outcome = anything(space)
    events = drive(original, outcome, workers=workers, most=40, seconds=_PATIENCE, seed=shuffling).events
    check_restored(lambda: case.make(space, seed), events, round(cut * len(events)))


@every_case
def test_a_restored_strategy_goes_on_after_any_share_of_a_run(case: Case) -> None:
    space = STAND_INS["merging"]()
    events = drive(case.make(space, 2), anything(space), workers=5, most=40, seconds=_PATIENCE).events
    for share in (0.3, 0.7, 1.0):
        check_restored(lambda: case.make(space, 2), events, round(share * len(events)))


@every_case
def test_asking_in_vain_changes_nothing(case: Case) -> None:
    space = ConditionalSpace()
    events = drive(case.make(space, 5), anything(space), workers=3, most=40, seconds=_PATIENCE).events
    eager = case.make(space, 5)
    for event in events:
        if isinstance(event, Proposal):
            eager._propose(eager.asked)
            assert eager.ask() == event
        else:
            eager.tell(event)


@every_strategy_and_wrapper
@pytest.mark.parametrize("status", [Status.FAILED, Status.REFUSED, Status.STOPPED])
def test_when_nothing_completes_the_search_still_goes_on(case: Case, status: Status) -> None:
    space = STAND_INS["merging"]()
    strategy = case.make(space)
    run = drive(strategy, lambda proposal, rng: Trial(proposal, status), workers=4, most=100, seconds=20)
    assert len(run.proposals) >= 12
    assert run.finished or len(run.proposals) == 100 or case.name in EXPENSIVE
    assert all(proposal.continues is None for proposal in run.proposals)


@every_plain_case
@pytest.mark.parametrize("workers", [1, 8])
def test_a_small_space_is_searched_whole_and_then_the_search_is_finished(case: Case, workers: int) -> None:
    space = DictionarySpace({"depth": [1, 2, 3], "width": [8, 16]})
    strategy = case.make(space)
    run = drive(strategy, completed(space), workers=workers, most=200, seconds=_PATIENCE)
    if strategy.repeats:
        assert len({proposal.architecture for proposal in run.proposals}) > 1
        return
    assert run.finished
    assert {proposal.architecture for proposal in run.proposals} == set(space.enumerate())


@every_case
def test_a_space_of_one_architecture_is_proposed_once_per_rung(case: Case) -> None:
    space = DictionarySpace({"depth": [2], "width": [8]})
    strategy = case.make(space)
    run = drive(strategy, completed(space), workers=8, most=20, least=1)
    rungs = [proposal.fidelity.rung for proposal in run.proposals]
    if strategy_class(case.name).repeats:
        assert len(rungs) > 1
        return
    assert run.finished
    assert rungs == list(WRAPPERS[case.wrapper])


@every_strategy
def test_eight_workers_are_kept_busy(case: Case) -> None:
    """While there is much left to look at, a worker that is free gets something to do, bar a few waits."""
    space = DictionarySpace({"depth": list(range(1, 41)), "width": list(range(1, 41))})
    options = {"population": 40} if case.name == "evolution" else {}
    strategy = case.make(space, **options)
    run = drive(strategy, completed(space), workers=8, most=150, seconds=_PATIENCE)
    pending = waited = 0
    for event, after in zip(run.events, run.events[1:], strict=False):
        pending += 1 if isinstance(event, Proposal) else -1
        waited += isinstance(after, Trial) and pending < 8
    assert waited <= len(run.proposals) // 10


class Measuring(Evaluator):
    """Measures encodings, and remembers what it was given."""

    metrics = (QUALITY, SIZE)

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.given: list[Proposal] = []

    def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
        self.given.append(proposal)
        return Evaluation(Status.COMPLETED, measured(self.space, proposal))

    def fingerprint(self) -> str:
        return "measuring"


def within_limits(space: SearchSpace, architecture: Architecture) -> str | None:
    """A limit that a third of any space breaks, here and there."""
    return "too large" if crc32(space.deployment_key(architecture).encode()) % 3 == 0 else None


@every_case
@pytest.mark.parametrize("window", [1, 8])
def test_in_the_loop_limits_are_never_broken_and_the_budget_is_used(
    case: Case, window: int, tmp_path: Path
) -> None:
    space = STAND_INS["dictionary"]()
    evaluator = Measuring(space)
    strategy = case.make(space, 3)
    trials = search(
        strategy,
        evaluator,
        InProcessEngine(evaluator),
        Journal.in_memory(),
        space=space,
        folder=tmp_path,
        feasible=lambda architecture: within_limits(space, architecture),
        budget=Budget(trials=12),
        window=window,
    )
    assert len(evaluator.given) == 12 or (strategy.repeats and len(evaluator.given) > 2)  # it may converge
    for proposal in evaluator.given:
        assert within_limits(space, space.architecture(proposal.architecture)) is None
    told = [trial for trial in trials if trial.status is not Status.REFUSED and not trial.cached]
    assert [trial.proposal for trial in told] == evaluator.given
    assert all(
        within_limits(space, trial.architecture) is None for trial in strategy.objectives.front(trials)
    )


@every_strategy
def test_trials_may_be_told_in_any_order(case: Case) -> None:
    space = ConditionalSpace()
    strategy = case.make(space)
    pending: list[Proposal] = []
    while len(pending) < 6 and (proposal := strategy.ask()) is not None:
        pending.append(proposal)
    for proposal in reversed(pending):
        strategy.tell(completed(space)(proposal, random.Random(0)))
    assert strategy.ask() is not None
