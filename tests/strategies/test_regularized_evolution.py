"""Regularized evolution: the first population, aging, tournaments, known children, and that it converges."""

from collections.abc import Callable

import numpy as np
import pytest

from sugata.errors import RecipeError
from sugata.objectives import Objectives, hypervolume
from sugata.space import DictionarySpace
from sugata.strategies import RandomSearch, Strategy
from sugata.strategies.regularized_evolution import RegularizedEvolution
from sugata.trial import Metric, Proposal, Status, Trial

QUALITY = Metric("quality", direction="maximize")
SIZE = Metric("size")
SINGLE = Objectives((QUALITY,))
PARETO = Objectives((QUALITY, SIZE))
GRID = DictionarySpace({f"c{i}": list("abcdefgh") for i in range(8)})


def values(proposal: Proposal) -> np.ndarray:
    return np.array(["abcdefgh".index(str(value)) for value in proposal.architecture.values()], dtype=float)


def bowl(proposal: Proposal) -> Trial:
    """Best at 'g' everywhere; size grows with every choice."""
    code = values(proposal)
    metrics = {"quality": -float(((code - 6) ** 2).sum()), "size": float(code.sum())}
    return Trial(proposal, Status.COMPLETED, metrics)


def run(strategy: Strategy, most: int, outcome: Callable[[Proposal], Trial] = bowl) -> list[Trial]:
    trials: list[Trial] = []
    while len(trials) < most and (proposal := strategy.ask()) is not None:
        trials.append(outcome(proposal))
        strategy.tell(trials[-1])
    return trials


def test_a_random_population_comes_first_then_children_one_change_from_a_member() -> None:
    trials = run(RegularizedEvolution(GRID, SINGLE, population=10, tournament=3), 200)
    assert [trial.proposal.origin for trial in trials[:10]] == ["random"] * 10
    for trial in trials[10:]:
        assert trial.proposal.origin == "mutation"
        parent = trials[trial.proposal.parents[0]].architecture
        assert sum(parent[name] != trial.architecture[name] for name in parent) == 1


def test_the_oldest_leave_however_good() -> None:
    def first_is_best(proposal: Proposal) -> Trial:
        return Trial(proposal, Status.COMPLETED, {"quality": 100.0 if proposal.number == 0 else 0.0})

    large = DictionarySpace({f"c{i}": [str(option) for option in range(100)] for i in range(20)})
    strategy = RegularizedEvolution(large, SINGLE, population=5, tournament=5)
    parents = [trial.proposal.parents for trial in run(strategy, 30, first_is_best)]
    assert parents[5] == (0,), "the best of all members is chosen"
    for number in range(6, 30):
        assert number - 5 <= parents[number][0] < number


def test_a_tournament_of_all_takes_the_best_and_of_one_takes_any() -> None:
    def parents_of(tournament: int) -> set[tuple[int, ...]]:
        return {
            run(RegularizedEvolution(GRID, SINGLE, seed=s, population=6, tournament=tournament), 7)[
                6
            ].proposal.parents
            for s in range(20)
        }

    for seed in range(5):
        trials = run(RegularizedEvolution(GRID, SINGLE, seed=seed, population=6, tournament=6), 7)
        best = max(trials[:6], key=lambda trial: trial.metrics["quality"])
        assert trials[6].proposal.parents == (best.number,)
    assert len(parents_of(1)) >= 4


def test_a_child_that_is_known_joins_again_with_its_result() -> None:
    space = DictionarySpace({"a": list("abc"), "b": list("abcd")})
    strategy = RegularizedEvolution(space, SINGLE, population=3, tournament=3)

    def quality(proposal: Proposal) -> Trial:
        return Trial(proposal, Status.COMPLETED, {"quality": -float(proposal.number)})

    trials = run(strategy, 12, quality)
    assert {str(trial.architecture) for trial in trials} == {str(a) for a in space.enumerate()}
    ancient = [t for t in trials[6:] if t.proposal.parents and t.proposal.parents[0] < t.number - 3]
    assert ancient, "a member that had left is a parent again"


def test_with_several_objectives_the_front_has_the_children() -> None:
    def front_or_not(proposal: Proposal) -> Trial:
        place = float(proposal.number % 6)
        metrics = {"quality": place, "size": place} if place < 3 else {"quality": place - 3, "size": place}
        return Trial(proposal, Status.COMPLETED, metrics)

    parents = {
        run(RegularizedEvolution(GRID, PARETO, seed=s, population=6, tournament=6), 7, front_or_not)[
            6
        ].proposal.parents[0]
        for s in range(10)
    }
    assert parents <= {0, 1, 2}


def test_failed_and_refused_trials_are_no_parents() -> None:
    def sometimes(proposal: Proposal) -> Trial:
        if proposal.number % 3 == 0:
            return Trial(proposal, Status.FAILED if proposal.number % 2 else Status.REFUSED)
        return bowl(proposal)

    trials = run(RegularizedEvolution(GRID, SINGLE, population=6, tournament=3), 60, sometimes)
    assert all(parent % 3 for trial in trials for parent in trial.proposal.parents)
    assert [trial.proposal.origin for trial in trials[:8]] == ["random"] * 8, "refused ones are replaced"


@pytest.mark.parametrize("name", ["population", "tournament"])
def test_impossible_settings_are_refused(name: str) -> None:
    with pytest.raises(RecipeError, match=rf"strategy.{name} is 0; give a whole number of at least 1"):
        RegularizedEvolution(GRID, SINGLE, **{name: 0})  # type: ignore[arg-type]


def test_it_beats_random_search() -> None:
    def best(strategy: Strategy) -> float:
        return max(trial.metrics["quality"] for trial in run(strategy, 150))

    gains = [
        best(RegularizedEvolution(GRID, SINGLE, seed=seed)) - best(RandomSearch(GRID, SINGLE, seed=seed))
        for seed in range(5)
    ]
    assert min(gains) > 0
    assert np.mean(gains) > 10


def test_the_multi_objective_form_beats_random_search_in_hypervolume() -> None:
    def volume(strategy: Strategy) -> float:
        return hypervolume(PARETO.costs(run(strategy, 150)), np.array([300.0, 60.0]))

    gains = [
        volume(RegularizedEvolution(GRID, PARETO, seed=seed)) / volume(RandomSearch(GRID, PARETO, seed=seed))
        for seed in range(6)
    ]
    assert np.mean(gains) > 1.02
