import numpy as np
import pytest

from sugata.bench.zero_cost import scores_of
from sugata.errors import DataError
from sugata.evaluators import Table
from sugata.space import DictionarySpace


def table(**columns: list[float]) -> Table:
    space = DictionarySpace({"x": [0, 1, 2]})
    keys = tuple(space.deployment_key(one) for one in space.enumerate())
    arrays = {name: np.array(values) for name, values in columns.items()}
    return Table("small", space, keys, arrays, np.ones(3, np.int64))


def test_scores_are_finite_and_on_a_scale_that_can_be_compared() -> None:
    made = table(zc_synflow=[0.0, 1e20, 1e27], zc_naswot=[-np.inf, 700.0, 800.0], acc=[1.0, 2.0, 3.0])
    scores = scores_of(made)
    assert scores is scores_of(made)
    assert scores({"x": 0}) == {"zc_synflow": 0.0, "zc_naswot": 700.0}
    assert scores({"x": 2})["zc_synflow"] == pytest.approx(27 * np.log(10))
    assert scores({"x": 2})["zc_naswot"] == 800.0


def test_a_table_without_scores_says_so() -> None:
    with pytest.raises(DataError, match="table small: has no zero-cost scores"):
        scores_of(table(acc=[1.0, 2.0, 3.0]))
