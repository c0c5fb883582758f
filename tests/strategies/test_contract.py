"""What every strategy promises, for every strategy on every kind of space."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sugata.objectives import Limit, Objectives
from sugata.space import Choice, Condition, Constraint, DictionarySpace, SearchSpace
from sugata.strategies import Evolution, Funnel, RandomSearch, Rung, Strategy
from sugata.trial import Fidelity, Metric, Proposal, Status, Trial

QUALITY = Metric("quality", direction="maximize")
SIZE = Metric("size")
PARETO = Objectives((QUALITY, SIZE), limits=(Limit("size", 90.0),))
SCALAR = Objectives((QUALITY,), fitness=lambda metrics: metrics["quality"] - metrics["size"] / 100)


class ConditionalSpace(SearchSpace):
    """Two choices that apply only sometimes, and a constraint between two others."""

    name = "conditional"
    choices = (
        Choice("mixer", ("attention", "mamba", "rwkv")),
        Choice("depth", (1, 2, 3, 4), ordered=True),
        Choice("width", (8, 16, 32), ordered=True),
        Choice(
            "heads",
            (1, 2, 3),
            ordered=True,
            when=Condition(("mixer",), lambda m: m == "attention", "attention"),
        ),
        Choice("norm", ("layer", "group"), when=Condition(("heads",), lambda h: h is None, "no heads")),
    )
    constraints = (
        Constraint(("depth", "width"), lambda depth, width: depth * width <= 96, "make it smaller"),
        Constraint(("width", "heads"), lambda width, heads: width % heads == 0, "use other heads"),
    )


class MergingSpace(DictionarySpace):
    """A space in which two different architectures are stored and executed the same."""

    def deployment_key(self, architecture):
        return str((architecture["depth"], architecture["width"]))


SPACES: dict[str, Callable[[], SearchSpace]] = {
    "dictionary": lambda: DictionarySpace(
        {"depth": [1, 2, 4, 8], "width": [8, 16, 32], "kind": ["a", "b", "c"]}
    ),
    "conditional": ConditionalSpace,
    "merging": lambda: MergingSpace({"depth": [1, 2, 4, 8], "width": [8, 16, 32], "inert": ["a", "b", "c"]}),
}
RUNGS = (
    Rung(Fidelity(0, "small", 1, "steps"), keep=0.5, capacity=12),
    Rung(Fidelity(1, "medium", 4, "steps"), threshold=0.0, capacity=5),
    Rung(Fidelity(2, "full", 16, "steps"), capacity=2),
)


def evolution(objectives: Objectives) -> Callable[[SearchSpace, int], Strategy]:
    def make(space: SearchSpace, seed: int) -> Strategy:
        start = next(space.enumerate())
        return Evolution(space, objectives, seed=seed, population=6, generations=4, starts=[start])

    return make


STRATEGIES: dict[str, Callable[[SearchSpace, int], Strategy]] = {
    "random": lambda space, seed: RandomSearch(space, PARETO, seed=seed),
    "evolution-scalar": evolution(SCALAR),
    "evolution-pareto": evolution(PARETO),
    "funnel-random": lambda space, seed: Funnel(RandomSearch(space, PARETO, seed=seed), RUNGS, by="quality"),
    "funnel-evolution-scalar": lambda space, seed: Funnel(evolution(SCALAR)(space, seed), RUNGS),
    "funnel-evolution-pareto": lambda space, seed: Funnel(evolution(PARETO)(space, seed), RUNGS),
}

every_strategy = pytest.mark.parametrize("strategy", STRATEGIES)
every_space = pytest.mark.parametrize("space", SPACES)


def measured(proposal: Proposal) -> dict[str, float]:
    architecture = proposal.architecture
    size = float(architecture["depth"]) * float(architecture["width"])
    return {"quality": 1 - 1 / (1 + size / 10) + 0.001 * proposal.fidelity.amount, "size": size}


def completed(proposal: Proposal, rng: random.Random) -> Trial:
    return Trial(proposal, Status.COMPLETED, measured(proposal))


def anything(proposal: Proposal, rng: random.Random) -> Trial:
    status = rng.choice([Status.COMPLETED] * 4 + list(Status))
    if status is Status.COMPLETED and rng.random() < 0.1:
        return Trial(proposal, status, {"quality": float("nan")})
    return Trial(proposal, status, measured(proposal) if status is Status.COMPLETED else {})


@dataclass
class Run:
    """All that a loop without an engine records."""

    events: list[Proposal | Trial] = field(default_factory=list)
    finished: bool = False

    @property
    def proposals(self) -> list[Proposal]:
        return [event for event in self.events if isinstance(event, Proposal)]

    @property
    def trials(self) -> list[Trial]:
        return [event for event in self.events if isinstance(event, Trial)]


def drive(
    strategy: Strategy,
    *,
    workers: int = 1,
    most: int = 60,
    seed: int = 0,
    outcome: Callable[[Proposal, random.Random], Trial] = completed,
) -> Run:
    """Ask while a worker is free; else end a pending trial, drawn by ``seed``."""
    rng, run, pending = random.Random(seed), Run(), []
    while len(run.proposals) < most:
        proposal = strategy.ask() if len(pending) < workers else None
        if proposal is not None:
            run.events.append(proposal)
            pending.append(proposal)
        elif pending:
            trial = outcome(pending.pop(rng.randrange(len(pending))), rng)
            strategy.tell(trial)
            run.events.append(trial)
        else:
            run.finished = True
            break
    return run


@every_strategy
@every_space
@pytest.mark.parametrize("workers", [1, 8])
def test_proposals_are_valid_numbered_and_never_repeated(strategy: str, space: str, workers: int) -> None:
    searched = SPACES[space]()
    run = drive(STRATEGIES[strategy](searched, 1), workers=workers)
    assert [proposal.number for proposal in run.proposals] == list(range(len(run.proposals)))
    assert len(run.proposals) >= 10
    for proposal in run.proposals:
        searched.validate(proposal.architecture)
        assert all(parent < proposal.number for parent in proposal.parents)
    keys = [(searched.deployment_key(p.architecture), p.fidelity.rung) for p in run.proposals]
    assert len(set(keys)) == len(keys)


@every_strategy
@pytest.mark.parametrize("workers", [1, 8])
def test_the_same_seed_gives_the_same_run_and_another_seed_another(strategy: str, workers: int) -> None:
    def events(seed: int) -> list[Proposal | Trial]:
        return drive(STRATEGIES[strategy](ConditionalSpace(), seed), workers=workers, outcome=anything).events

    assert repr(events(3)) == repr(events(3))
    assert repr(events(3)) != repr(events(4))


@every_strategy
@every_space
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32), workers=st.integers(1, 8), cut=st.floats(0, 1), shuffling=st.integers(0, 1000)
)
def test_a_restored_strategy_goes_on_as_if_never_interrupted(
    strategy: str, space: str, seed: int, workers: int, cut: float, shuffling: int
) -> None:
    searched = SPACES[space]()
    original = STRATEGIES[strategy](searched, seed)
    events = drive(original, workers=workers, most=40, seed=shuffling, outcome=anything).events
    start = int(cut * len(events))
    restored = STRATEGIES[strategy](searched, seed)
    restored.restore(events[:start])
    for event in events[start:]:
        if isinstance(event, Proposal):
            assert restored.ask() == event
        else:
            restored.tell(event)
    assert restored.ask() == original.ask()


@every_strategy
def test_asking_without_telling_in_vain_changes_nothing(strategy: str) -> None:
    patient, eager = (STRATEGIES[strategy](ConditionalSpace(), 5) for _ in range(2))
    events = drive(patient, workers=3, outcome=anything).events
    for event in events:
        if isinstance(event, Proposal):
            eager._propose(eager.asked)
            assert eager.ask() == event
        else:
            eager.tell(event)


@every_strategy
@pytest.mark.parametrize("status", [status for status in Status if status is not Status.COMPLETED])
def test_when_nothing_completes_the_search_still_goes_on_and_ends(strategy: str, status: Status) -> None:
    run = drive(
        STRATEGIES[strategy](ConditionalSpace(), 0),
        workers=4,
        most=500,
        outcome=lambda proposal, rng: Trial(proposal, status),
    )
    assert run.finished
    assert len(run.proposals) >= 12
    assert all(proposal.continues is None for proposal in run.proposals)


@every_strategy
@pytest.mark.parametrize("workers", [1, 8])
def test_a_small_space_is_searched_whole_and_then_the_search_is_finished(strategy: str, workers: int) -> None:
    space = DictionarySpace({"depth": [1, 2, 3], "width": [8, 16]})
    run = drive(STRATEGIES[strategy](space, 0), workers=workers, most=500)
    assert run.finished
    bottom = {p.architecture for p in run.proposals if p.fidelity.rung == 0}
    assert bottom == set(space.enumerate())


@every_strategy
def test_a_space_of_one_architecture_is_proposed_once_per_rung(strategy: str) -> None:
    run = drive(STRATEGIES[strategy](DictionarySpace({"depth": [2], "width": [8]}), 0), workers=8)
    assert run.finished
    rungs = [proposal.fidelity.rung for proposal in run.proposals]
    assert rungs == ([0, 1, 2] if strategy.startswith("funnel") else [0])


@every_strategy
def test_eight_workers_are_kept_busy(strategy: str) -> None:
    """Populations of 40: a worker only waits where the strategy has nothing left to ask."""
    space = DictionarySpace({"depth": list(range(1, 41)), "width": list(range(1, 41))})
    made = STRATEGIES[strategy](space, 0)
    inner = made.inner if isinstance(made, Funnel) else made
    if isinstance(inner, Evolution):
        big = Evolution(space, inner.objectives, population=40, generations=5)
        made = (
            Funnel(big, (Rung(Fidelity(0), keep=0.3), Rung(Fidelity(1, amount=2.0))))
            if inner is not made
            else big
        )
    rng, pending, straggler = random.Random(0), [], made.ask()
    assert straggler is not None
    for _ in range(150):
        while len(pending) < 7:
            proposal = made.ask()
            if proposal is None and isinstance(made, Funnel) and isinstance(made.inner, RandomSearch):
                return  # capacities used up
            assert proposal is not None
            pending.append(proposal)
        made.tell(completed(pending.pop(rng.randrange(7)), rng))
