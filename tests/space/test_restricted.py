"""A space with fewer options."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sugata.errors import InvalidArchitecture
from sugata.space import DictionarySpace, ListedSpace, restricted
from sugata.spaces import space
from sugata.trial import Value

BASE = DictionarySpace({"depth": [1, 2, 4, 8], "width": [8, 16, 32], "kind": ["a", "b"]})


def test_it_has_the_options_that_are_left_in_their_order_and_the_networks_of_the_other_space() -> None:
    narrow = restricted(BASE, {"depth": [8, 2], "kind": ["b"]})
    assert [choice.options for choice in narrow.choices] == [(2, 8), (8, 16, 32), ("b",)]
    assert [choice.default for choice in narrow.choices] == [2, 8, "b"]
    assert narrow.size() == narrow.valid() == narrow.distinct() == len(list(narrow.enumerate())) == 6
    architecture = next(narrow.enumerate())
    assert architecture == BASE.architecture(architecture)
    assert narrow.encode(architecture).tolist() == BASE.encode(architecture).tolist()
    with pytest.raises(InvalidArchitecture, match="depth=4 is not an option"):
        narrow.architecture({"depth": 4, "width": 8, "kind": "b"})


@given(seed=st.integers(0, 1000), rate=st.floats(0, 1))
def test_everything_it_draws_is_within(seed: int, rate: float) -> None:
    narrow, rng = restricted(BASE, {"depth": [1, 8]}), np.random.default_rng(seed)
    first, second = narrow.sample(rng), narrow.sample(rng)
    drawn = [
        first,
        narrow.mutate(first, rng, rate),
        narrow.crossover(first, second, rng),
        *narrow.neighbors(first),
    ]
    assert {one["depth"] for one in drawn} <= {1, 8}


def test_the_cells_of_two_operations_are_merged_as_in_the_whole_space() -> None:
    whole = space("nasbench201")
    edges = [choice.name for choice in whole.choices]
    narrow = restricted(whole, {edge: ["nor_conv_3x3", "skip_connect"] for edge in edges})
    assert narrow.size() == 64
    distinct = {whole.deployment_key(one) for one in narrow.enumerate()}
    assert narrow.distinct() == len(distinct) < 64


def test_of_a_list_the_listed_ones_are_left() -> None:
    listed = ListedSpace(BASE, [one for one in BASE.enumerate() if one["width"] != 16])
    narrow = restricted(listed, {"width": [8, 16]})
    assert [one["width"] for one in narrow.enumerate()] == [8] * 8
    with pytest.raises(InvalidArchitecture, match="no architecture is listed"):
        restricted(listed, {"width": [16]})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dept": [1]}, "unknown choice 'dept'"),
        ({"depth": [3]}, "depth=3 is not an option"),
        ({"depth": []}, "choice 'depth' has no options"),
        ({"depth": 2}, "choice 'depth' is 2; give a list"),
        ({"kind": "ab"}, "choice 'kind' is 'ab'; give a list"),
    ],
)
def test_what_cannot_be_left_is_refused(options: Mapping[str, Sequence[Value]], said: str) -> None:
    with pytest.raises(InvalidArchitecture, match=said):
        restricted(BASE, options)
