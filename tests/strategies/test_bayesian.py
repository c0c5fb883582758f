"""What Bayesian optimization promises beyond the contract of every strategy."""

import operator

import numpy as np
import pytest

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import DictionarySpace, SearchSpace
from sugata.strategies.bayesian import BayesianSearch
from sugata.trial import Metric, Proposal, Status, Trial

QUALITY = Metric("quality", direction="maximize")
SMALL = DictionarySpace({f"choice_{i}": ["a", "b", "c"] for i in range(6)} | {"width": [1, 2, 4, 8, 16]})
LARGE = DictionarySpace({f"choice_{i}": ["a", "b", "c", "d"] for i in range(9)})


def quality(proposal: Proposal) -> float:
    """Additive, with one interaction; the best is all "c" at width 4."""
    values = list(proposal.architecture.values())
    right = sum(1.0 + i / 10 for i, value in enumerate(values) if value == "c")
    return right - abs(2 - SMALL.choices[-1].options.index(proposal.architecture.get("width", 4))) / 2


def searched(space: SearchSpace, trials: int, seed: int, batch: int = 1) -> list[float]:
    strategy = BayesianSearch(space, Objectives((QUALITY,)), seed=seed)
    found: list[float] = []
    while len(found) < trials:
        asked = [strategy.ask() for _ in range(batch)]
        for proposal in asked:
            assert proposal is not None
            found.append(quality(proposal))
            strategy.tell(Trial(proposal, Status.COMPLETED, {"quality": found[-1]}))
    return found


@pytest.mark.parametrize("batch", [1, 5])
def test_it_finds_the_best_of_thousands_in_a_few_dozen_trials(batch: int) -> None:
    for seed in range(3):
        assert max(searched(SMALL, 60, seed, batch)) == pytest.approx(7.5)


def test_in_a_large_space_it_is_far_better_than_chance() -> None:
    rng = np.random.default_rng(0)
    chance = [quality(Proposal(0, LARGE.sample(rng))) for _ in range(1000)]
    assert max(searched(LARGE, 40, 0)) > max(chance)


def test_pending_proposals_are_spread() -> None:
    """Without results in between, proposals are not neighbours of one another."""
    strategy = BayesianSearch(SMALL, Objectives((QUALITY,)))
    for _ in range(20):
        proposal = strategy.ask()
        assert proposal is not None
        strategy.tell(Trial(proposal, Status.COMPLETED, {"quality": quality(proposal)}))
    batch = [strategy.ask() for _ in range(8)]
    assert len({proposal.architecture for proposal in batch if proposal}) == 8


def test_the_best_within_a_limit_is_found_where_better_ones_are_refused() -> None:
    strategy = BayesianSearch(SMALL, Objectives((QUALITY,)), seed=1)
    found = []
    for _ in range(40):
        proposal = strategy.ask()
        assert proposal is not None
        if proposal.architecture["choice_0"] == "c":
            strategy.tell(Trial(proposal, Status.REFUSED))
        else:
            found.append(quality(proposal))
            strategy.tell(Trial(proposal, Status.COMPLETED, {"quality": found[-1]}))
    assert max(found) == pytest.approx(6.5)


def test_a_number_of_random_ones_below_one_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"strategy\.first is 0"):
        BayesianSearch(SMALL, Objectives((QUALITY,)), first=0)


def counted(architecture) -> dict[str, float]:
    """A score that knows the answer."""
    return {"sum": float(np.prod([ord(value) - 96 for value in architecture.values()]))}


def test_further_scores_speed_a_search_up_and_can_be_named() -> None:
    space = DictionarySpace({name: ["d", "a", "c", "b"] for name in "abcd"})
    objectives = Objectives((Metric("quality", direction="maximize"),))

    def queries(scores, seed: int) -> int:
        strategy = BayesianSearch(space, objectives, seed=seed, scores=scores)
        for number in range(1, 200):
            proposal = strategy.ask()
            assert proposal is not None
            quality = counted(proposal.architecture)["sum"]
            if quality == 4**4:
                return number
            strategy.tell(Trial(proposal, Status.COMPLETED, {"quality": quality}))
        return 200

    assert sum(queries(counted, s) for s in range(8)) < sum(queries(None, s) for s in range(8))
    named = BayesianSearch(space, objectives, scores="operator:length_hint")
    assert named._scores is operator.length_hint
    with pytest.raises(RecipeError, match=r"strategy\.scores 'nowhere:counted' cannot be imported"):
        BayesianSearch(space, objectives, scores="nowhere:counted")
