"""What the behavioural suite shares: the catalogue's strategies, small spaces, a loop without an engine.

A new strategy or space is covered as soon as it is in its catalogue. ``SMALL`` may give a strategy options
that bring it into its later phases within a few dozen trials.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sugata.objectives import Limit, Objectives
from sugata.space import Choice, Condition, Constraint, DictionarySpace, SearchSpace, restricted
from sugata.strategies import (
    STRATEGIES,
    Asha,
    Funnel,
    Hyperband,
    Progressive,
    Rung,
    Strategy,
    SuccessiveHalving,
    strategy_class,
)
from sugata.trial import Fidelity, Metric, Proposal, Status, Trial

QUALITY = Metric("quality", direction="maximize")
SIZE = Metric("size")
SCALAR = Objectives((QUALITY,), fitness=lambda metrics: metrics["quality"] - metrics["size"] / 100)
PARETO = Objectives((QUALITY, SIZE), limits=(Limit("size", 90.0),))
SINGLE = Objectives((QUALITY,))
AIMS = {"scalar": SCALAR, "pareto": PARETO, "single": SINGLE}

SMALL: Mapping[str, Mapping[str, Any]] = {
    "evolution": {"population": 6, "generations": 4},
    "regularized_evolution": {"population": 6, "tournament": 3},
    "bayesian": {"first": 3},
    "bananas": {"first": 3, "networks": 2, "width": 8},
    "npenas": {"first": 3, "networks": 2, "width": 8},
    "reinforce": {"hidden": 8, "rate": 0.002},
    "optuna": {"sampler": "nsga2", "population": 5},  # the others follow in test_optuna.py
}
#: Strategies that draw nothing.
SEEDLESS: frozenset[str] = frozenset({"grid"})
#: Strategies whose every ask costs milliseconds: tested in the slow set.
EXPENSIVE: frozenset[str] = frozenset({"optuna", "reinforce", "bayesian", "bananas", "npenas"})

RUNGS = (
    Rung(Fidelity(0, "small", 1, "steps"), keep=0.5, capacity=12),
    Rung(Fidelity(1, "medium", 4, "steps"), threshold=-10.0, capacity=5),
    Rung(Fidelity(2, "full", 16, "steps"), capacity=2),
)
LADDER = tuple(rung.fidelity for rung in RUNGS)

#: What climbs rungs, and the rungs that the only architecture of a space is evaluated on.
WRAPPERS: Mapping[str, tuple[int, ...]] = {
    "": (0,),
    "funnel": (0, 1, 2),
    "halving": (0, 1, 2),
    "hyperband": (0, 1, 2, 1, 2, 2),  # once in the brackets that begin on each rung
    "asha": (0,),
    "progressive": (0,),
}

Outcome = Callable[[Proposal, random.Random], Trial]


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
    """A space in which different architectures are trained, stored and executed the same."""

    def __init__(self) -> None:
        super().__init__({"depth": [1, 2, 4, 8], "width": [8, 16, 32], "inert": ["a", "b", "c"]})

    def canonical(self, architecture: Mapping[str, Any]) -> Any:
        return self.architecture({**architecture, "inert": "a"})

    def training_key(self, architecture: Mapping[str, Any]) -> str:
        return str((architecture["depth"], architecture["width"]))

    def deployment_key(self, architecture: Mapping[str, Any]) -> str:
        return self.training_key(architecture)


STAND_INS: Mapping[str, Callable[[], SearchSpace]] = {
    "dictionary": lambda: DictionarySpace(
        {"depth": [1, 2, 4, 8], "width": [8, 16, 32], "kind": ["a", "b", "c"]}
    ),
    "conditional": ConditionalSpace,
    "merging": MergingSpace,
}


@dataclass(frozen=True)
class Case:
    """A strategy of the catalogue with objectives, alone or inside one of the ``WRAPPERS``."""

    name: str
    aims: str
    wrapper: str = ""

    def __str__(self) -> str:
        return "-".join(filter(None, (self.wrapper, self.name, self.aims)))

    def make(self, space: SearchSpace, seed: int = 0, **options: Any) -> Strategy:
        """The strategy, with one start that is in the space."""
        given = {"starts": [next(space.enumerate())], **SMALL.get(self.name, {}), **options}

        def propose(seed: int) -> Strategy:
            return strategy_class(self.name)(space, AIMS[self.aims], seed=seed, **given)

        by = "quality" if self.aims == "pareto" else "pareto"
        if self.wrapper == "funnel":
            return Funnel(propose(seed), RUNGS, by=by)
        if self.wrapper == "halving":
            return SuccessiveHalving(propose(seed), LADDER, eta=2, initial=5, by=by)
        if self.wrapper == "hyperband":
            return Hyperband([propose(3 * seed + rung) for rung in range(3)], LADDER, eta=2, by=by)
        if self.wrapper == "progressive":
            first = space.choices[0]
            small = restricted(space, {first.name: first.options[:2]})
            return Progressive(
                [small, space],
                [7],
                lambda part, starts: strategy_class(self.name)(
                    part, AIMS[self.aims], seed=seed, **{**given, "starts": starts}
                ),
                AIMS[self.aims],
                seed=seed,
                starts=given["starts"],
            )
        if self.wrapper == "asha":
            return Asha(propose(seed), LADDER, eta=2, by=by)
        return propose(seed)


#: The objectives with which each wrapper is tested around every strategy.
WRAPPED: tuple[tuple[str, str], ...] = (
    ("funnel", "scalar"),
    ("funnel", "pareto"),
    ("halving", "scalar"),
    ("hyperband", "pareto"),
    ("asha", "pareto"),
    ("progressive", "pareto"),
)
CASES = [
    *(Case(name, aims) for name in STRATEGIES for aims in AIMS),
    *(
        Case(name, aims, wrapper)
        for name in STRATEGIES
        for wrapper, aims in WRAPPED
        if name not in EXPENSIVE  # one test of those follows in test_contract_spaces.py
    ),
]


def measured(space: SearchSpace, proposal: Proposal) -> dict[str, float]:
    """Metrics of any architecture of any space, from its encoding: smooth, and better for more training."""
    code = space.encode(proposal.architecture)
    place = float(sum((i % 5 + 1) * value for i, value in enumerate(code)) / len(code))
    return {"quality": place + 0.001 * proposal.fidelity.amount, "size": 30 * abs(float(code.sum()))}


def completed(space: SearchSpace) -> Outcome:
    """Every trial completes."""
    return lambda proposal, rng: Trial(proposal, Status.COMPLETED, measured(space, proposal))


def anything(space: SearchSpace) -> Outcome:
    """Half of the trials complete; the others end in every other way, a few completed ones with NaN."""

    def outcome(proposal: Proposal, rng: random.Random) -> Trial:
        status = rng.choice([Status.COMPLETED] * 8 + list(Status))
        if status is Status.COMPLETED and rng.random() < 0.1:
            return Trial(proposal, status, {"quality": float("nan")})
        return Trial(proposal, status, measured(space, proposal) if status is Status.COMPLETED else {})

    return outcome


@dataclass
class Run:
    """All that a loop without an engine records."""

    events: list[Proposal | Trial] = field(default_factory=list)
    finished: bool = False

    @property
    def proposals(self) -> list[Proposal]:
        """Everything that was asked for."""
        return [event for event in self.events if isinstance(event, Proposal)]


def drive(
    strategy: Strategy,
    outcome: Outcome,
    *,
    workers: int = 1,
    most: int = 60,
    seconds: float = 1.0,
    least: int = 12,
    seed: int = 0,
) -> Run:
    """Ask while a worker is free; else end a pending trial, drawn by ``seed``.

    Ends with ``most`` proposals, or after ``seconds`` with at least ``least``, so that strategies whose asks
    are expensive are driven too.
    """
    rng, run, pending, started = random.Random(seed), Run(), [], time.monotonic()
    asked = 0
    while asked < most and (asked < least or time.monotonic() - started < seconds):
        proposal = strategy.ask() if len(pending) < workers else None
        if proposal is not None:
            asked += 1
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


def check_proposals(space: SearchSpace, run: Run, *, repeats: bool) -> None:
    """All are numbered in order, valid, descend from earlier ones, and none is there twice on a rung."""
    proposals = run.proposals
    assert [proposal.number for proposal in proposals] == list(range(len(proposals)))
    for proposal in proposals:
        space.validate(proposal.architecture)
        assert all(parent < proposal.number for parent in proposal.parents)
        assert proposal.continues is None or proposal.continues < proposal.number
    keys = [(space.deployment_key(p.architecture), p.fidelity) for p in proposals]
    assert repeats or len(set(keys)) == len(keys)


def check_restored(make: Callable[[], Strategy], events: list[Proposal | Trial], cut: int) -> None:
    """A strategy that is restored from the first ``cut`` events asks for what was asked after them."""
    restored = make()
    restored.restore(events[:cut])
    for event in events[cut:]:
        if isinstance(event, Proposal):
            assert restored.ask() == event
        else:
            restored.tell(event)
