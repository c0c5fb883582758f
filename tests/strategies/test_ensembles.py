"""What searches with ensembles promise beyond the contract of every strategy."""

import numpy as np
import pytest

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import DictionarySpace
from sugata.strategies import RandomSearch, Strategy
from sugata.strategies.ensembles import Bananas, EnsembleSearch, Npenas
from sugata.trial import Metric, Status, Trial

pytestmark = pytest.mark.slow

OBJECTIVES = Objectives((Metric("quality", direction="maximize"),))
SPACE = DictionarySpace({f"choice_{i}": ["a", "b", "c"] for i in range(7)})
LARGE = DictionarySpace({f"choice_{i}": ["a", "b", "c", "d"] for i in range(9)})


def best_after(strategy: Strategy, trials: int) -> float:
    best = 0.0
    for _ in range(trials):
        proposal = strategy.ask()
        assert proposal is not None
        quality = sum(1.0 + i / 10 for i, value in enumerate(proposal.architecture.values()) if value == "c")
        strategy.tell(Trial(proposal, Status.COMPLETED, {"quality": quality}))
        best = max(best, quality)
    return best


@pytest.mark.parametrize("space", [SPACE, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("kind", [Bananas, Npenas])
def test_it_finds_far_better_than_random_search(kind: type[EnsembleSearch], space: DictionarySpace) -> None:
    chance = [best_after(RandomSearch(space, OBJECTIVES, seed=seed), 40) for seed in range(20)]
    assert best_after(kind(space, OBJECTIVES), 40) > np.max(chance)


@pytest.mark.parametrize("kind", [Bananas, Npenas])
def test_options_below_one_are_refused(kind: type[EnsembleSearch]) -> None:
    with pytest.raises(RecipeError, match=r"strategy\.networks is 0"):
        kind(SPACE, OBJECTIVES, networks=0)
