"""A space of some architectures of another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sugata.errors import InvalidArchitecture
from sugata.space import DictionarySpace, ListedSpace

BASE = DictionarySpace({"depth": [1, 2, 4, 8], "width": [8, 16, 32], "kind": ["a", "b"]})
LISTED = [one for one in BASE.enumerate() if one["kind"] == "a" or one["depth"] == 8]


def test_it_holds_what_is_listed_and_nothing_else() -> None:
    space = ListedSpace(BASE, LISTED + LISTED)
    assert list(space.enumerate()) == LISTED
    assert space.valid() == space.distinct() == len(LISTED) == 15
    assert space.size() == BASE.size()
    with pytest.raises(InvalidArchitecture, match="not one of the 15 listed architectures"):
        space.architecture({"depth": 1, "width": 8, "kind": "b"})


@given(seed=st.integers(0, 1000), rate=st.floats(0, 1))
def test_everything_it_draws_is_listed(seed: int, rate: float) -> None:
    space, rng = ListedSpace(BASE, LISTED), np.random.default_rng(seed)
    first, second = space.sample(rng), space.sample(rng)
    drawn = [
        first,
        space.mutate(first, rng, rate),
        space.crossover(first, second, rng),
        *space.neighbors(first),
    ]
    assert set(drawn) <= set(LISTED)


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(InvalidArchitecture, match="no architecture is listed"):
        ListedSpace(BASE, [])


def test_a_sparse_list_has_its_nearest_as_mutants_and_neighbours() -> None:
    base = DictionarySpace({f"x{i}": list(range(10)) for i in range(8)})
    rng = np.random.default_rng(0)
    origin = base.architecture({f"x{i}": 0 for i in range(8)})
    near = [base.architecture({**origin, "x0": i, "x1": i, "x2": i}) for i in range(1, 10)]
    far = [base.architecture({f"x{i}": 9 for i in range(7)} | {"x7": j}) for j in range(10)]
    space = ListedSpace(base, [origin, *near, *far])
    assert {space.mutate(origin, rng, 0.1) for _ in range(200)} == set(near[:8])
    assert list(space.neighbors(origin)) == near[:8]
    assert any(space.mutate(origin, rng, 1.0) in far for _ in range(50))
    assert space.crossover(near[0], near[1], rng) in {origin, near[0], near[1]}
