"""Architectures as values."""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sugata.space import Architecture

VALUES = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.one_of(
        st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
    ),
    max_size=6,
)


@given(values=VALUES)
def test_json_and_pickle_give_the_same_architecture_back(values: dict) -> None:
    architecture = Architecture("s", values)
    for copy in (Architecture.from_json(architecture.to_json()), pickle.loads(pickle.dumps(architecture))):
        assert copy == architecture
        assert hash(copy) == hash(architecture)
        assert list(copy) == list(architecture)
        assert [type(value) for value in copy.values()] == [type(value) for value in values.values()]


@given(values=VALUES)
def test_equal_architectures_have_equal_hashes_whatever_the_order(values: dict) -> None:
    turned = dict(reversed(values.items()))
    assert Architecture("s", values) == Architecture("s", turned)
    assert hash(Architecture("s", values)) == hash(Architecture("s", turned))
    assert hash(Architecture("s", {"a": 1})) == hash(Architecture("s", {"a": 1.0}))


def test_the_space_belongs_to_the_identity_and_plain_mappings_compare_by_value() -> None:
    architecture = Architecture("s", {"depth": 2})
    assert architecture != Architecture("t", {"depth": 2})
    assert architecture == {"depth": 2}
    assert architecture != {"depth": 3}
    assert architecture != "depth"


def test_an_architecture_cannot_be_changed() -> None:
    values = {"depth": 2}
    architecture = Architecture("s", values)
    values["depth"] = 4
    assert architecture["depth"] == 2
    with pytest.raises(TypeError):
        architecture["depth"] = 4  # type: ignore[index]


def test_what_is_written_is_plain_json() -> None:
    text = Architecture("s", {"depth": 2, "kind": "a"}).to_json()
    assert json.loads(text) == {"space": "s", "choices": {"depth": 2, "kind": "a"}}
