"""Local search: climbs, restarts, both kinds of moves, several objectives."""

import itertools
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import DictionarySpace
from sugata.strategies.local_search import LocalSearch, Move
from sugata.trial import Metric, Proposal, Status, Trial

LOSS, SIZE = Metric("loss"), Metric("size")
SINGLE = Objectives((LOSS,))
PARETO = Objectives((LOSS, SIZE))
SPACE = DictionarySpace({f"c{i}": list("abcd") for i in range(5)})
MOVES = get_args(Move)


def bowl(proposal: Proposal) -> Trial:
    """One local optimum, at 'a' everywhere; size is smallest at 'd'."""
    code = np.array(["abcd".index(str(value)) for value in proposal.architecture.values()], dtype=float)
    metrics = {"loss": float((code**2).sum()), "size": float((3 - code).sum())}
    return Trial(proposal, Status.COMPLETED, metrics)


def run(strategy: LocalSearch, most: int, outcome: Callable[[Proposal], Trial] = bowl) -> list[Trial]:
    trials: list[Trial] = []
    while len(trials) < most and (proposal := strategy.ask()) is not None:
        trials.append(outcome(proposal))
        strategy.tell(trials[-1])
    return trials


@pytest.mark.parametrize("move", MOVES)
def test_a_climb_goes_from_better_to_better_one_change_at_a_time(move: Move) -> None:
    trials = run(LocalSearch(SPACE, SINGLE, move=move), 120)
    centres = list(dict.fromkeys(t.proposal.parents[0] for t in trials if t.proposal.parents))
    losses = [trials[number].metrics["loss"] for number in centres]
    assert trials[0].proposal.origin == "random"
    climb = losses[: losses.index(0) + 1]
    assert climb == sorted(climb, reverse=True)
    assert len(climb) >= 3
    for trial in trials:
        for number in trial.proposal.parents:
            parent = trials[number].architecture
            assert sum(parent[name] != trial.architecture[name] for name in parent) == 1


def test_the_best_move_knows_all_neighbours() -> None:
    trials = run(LocalSearch(SPACE, SINGLE, move="best"), 16)
    assert {trial.proposal.parents for trial in trials[1:]} == {(0,)}
    best = min(trials, key=lambda trial: trial.metrics["loss"])
    later = run(LocalSearch(SPACE, SINGLE, move="best"), 17)
    assert later[16].proposal.parents == (best.number,)


def test_the_first_better_neighbour_is_moved_to_at_once() -> None:
    trials = run(LocalSearch(SPACE, SINGLE, move="first"), 40)
    centre = trials[0]
    for trial, after in itertools.pairwise(trials[1:]):
        if centre.metrics["loss"] == 0:
            return
        if trial.metrics["loss"] < centre.metrics["loss"]:
            centre = trial
        assert after.proposal.parents == (centre.number,)
    pytest.fail("the optimum was not reached")


@pytest.mark.parametrize("move", MOVES)
def test_at_an_optimum_another_climb_begins_elsewhere(move: Move) -> None:
    trials = run(LocalSearch(SPACE, SINGLE, move=move), 200)
    starts = [trial.number for trial in trials if trial.proposal.origin == "random"]
    assert len(starts) >= 3
    optimum = next(trial.number for trial in trials if trial.metrics["loss"] == 0)
    restart = next(number for number in starts if number > 0)
    assert optimum < restart <= optimum + 2 * 15 + 1


def test_workers_that_would_wait_draw_where_the_next_climb_may_begin() -> None:
    strategy = LocalSearch(SPACE, SINGLE, move="best")
    strategy.tell(bowl(strategy.ask()))  # type: ignore[arg-type]
    pending = [strategy.ask() for _ in range(18)]
    origins = [proposal.origin for proposal in pending if proposal is not None]
    assert origins == ["neighbor"] * 15 + ["random"] * 3


def test_a_failed_neighbour_is_no_better_than_any() -> None:
    def fails(proposal: Proposal) -> Trial:
        return bowl(proposal) if not proposal.parents else Trial(proposal, Status.FAILED)

    trials = run(LocalSearch(SPACE, SINGLE), 60, fails)
    assert {parent for trial in trials for parent in trial.proposal.parents} <= {
        trial.number for trial in trials if trial.ok
    }
    assert [trial.number for trial in trials if trial.proposal.origin == "random"][:2] == [0, 16]


def test_starts_are_evaluated_before_the_first_climb_begins_at_the_best_of_them() -> None:
    starts = [{f"c{i}": option for i in range(5)} for option in "dbc"]
    trials = run(LocalSearch(SPACE, SINGLE, starts=starts), 4)
    assert [trial.architecture for trial in trials[:3]] == starts
    assert trials[3].proposal.parents == (1,)


def test_with_several_objectives_climbs_end_at_different_places_of_the_front() -> None:
    trials = run(LocalSearch(SPACE, PARETO), 400)
    front = PARETO.front(trials)
    reached = {(trial.metrics["loss"], trial.metrics["size"]) for trial in front}
    assert (0.0, 15.0) in reached
    assert (45.0, 0.0) in reached
    assert len(reached) >= 8


def test_an_unknown_move_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"strategy.move is 'last'; use best, first"):
        LocalSearch(SPACE, SINGLE, move="last")  # type: ignore[arg-type]
