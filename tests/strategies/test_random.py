"""Random search."""

import pytest

from sugata.errors import InvalidArchitecture
from sugata.objectives import Objectives
from sugata.space import DictionarySpace
from sugata.strategies import RandomSearch
from sugata.trial import Metric

SPACE = DictionarySpace({"depth": [1, 2, 3], "width": [1, 2, 3]})
OBJECTIVES = Objectives((Metric("quality"),))


def test_given_architectures_come_first_and_once() -> None:
    start = {"depth": 3, "width": 1}
    strategy = RandomSearch(SPACE, OBJECTIVES, starts=[start])
    asked = []
    while (proposal := strategy.ask()) is not None:
        asked.append(proposal)
    assert asked[0].architecture == start
    assert asked[0].origin == "start"
    assert len({str(proposal.architecture) for proposal in asked}) == len(asked) == 9


def test_a_start_outside_of_the_space_is_refused() -> None:
    with pytest.raises(InvalidArchitecture):
        RandomSearch(SPACE, OBJECTIVES, starts=[{"depth": 3, "width": 9}])
