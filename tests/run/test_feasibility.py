"""Hard limits before training."""

import pytest

from sugata.errors import LimitError
from sugata.evaluators import FunctionEvaluator
from sugata.objectives import Limit
from sugata.run.feasibility import Feasibility
from sugata.space import Architecture, DictionarySpace
from sugata.trial import Metric

SPACE = DictionarySpace({f"c{i}": list(range(10)) for i in range(8)})


class Sized(FunctionEvaluator):
    """Knows the sum of an architecture's choices, plus one, without evaluating it."""

    def quick_metrics(self, architecture, names, exclusive=None):  # type: ignore[no-untyped-def]
        """The sum."""
        return {"size_bytes": 1.0 + sum(architecture.values())}


def feasibility(most: float) -> Feasibility:
    evaluator = Sized(lambda architecture: 1.0, [Metric("quality")])
    return Feasibility(SPACE, evaluator, (Limit("size_bytes", most),))


def all_of(value: int) -> Architecture:
    return SPACE.architecture({f"c{i}": value for i in range(8)})


def test_a_search_under_a_tight_limit_starts_from_an_architecture_that_meets_it() -> None:
    within = feasibility(3.0)
    start = within.start([all_of(5)])
    assert start is not None
    assert within(start) is None


def test_no_start_is_looked_for_where_a_known_good_architecture_meets_the_limits() -> None:
    assert feasibility(20.0).start([all_of(9), all_of(1)]) is None


def test_an_impossible_limit_says_what_the_smallest_architecture_has() -> None:
    with pytest.raises(LimitError, match=r"impossible.*the smallest architecture has"):
        feasibility(0.5).check_possible()
