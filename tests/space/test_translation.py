"""Architectures of one space in the terms of another."""

import numpy as np
import pytest

from sugata.errors import InvalidArchitecture
from sugata.space import Choice, Condition, Constraint, DictionarySpace, SearchSpace, translated
from sugata.spaces import space


class Smaller(SearchSpace):
    """A choice fewer, a choice more, other options, a condition and a constraint."""

    name = "smaller"
    choices = (
        Choice("depth", (1, 2, 4), default=2),
        Choice("flag", (False, True), default=True),
        Choice("heads", (1, 2), default=2, when=Condition(("flag",), lambda flag: flag is True, "flag")),
    )
    constraints = (Constraint(("depth", "flag"), lambda d, f: d < 4 or f, "use the flag"),)


def test_values_stay_and_what_is_missing_or_unknown_is_at_its_default() -> None:
    values = {"depth": 4, "width": 64, "heads": 8}
    assert translated(values, Smaller()) == {"depth": 4, "flag": True, "heads": 2}
    assert translated({"depth": 8, "flag": False}, Smaller()) == {"depth": 2, "flag": False}


def test_a_number_is_no_truth_value() -> None:
    assert translated({"depth": 1, "flag": 0}, Smaller())["flag"] is True
    assert translated({"depth": 1}, DictionarySpace({"depth": [1.0, 2.0]}))["depth"] == 1.0


def test_what_the_space_does_not_allow_and_what_shares_nothing_is_refused() -> None:
    with pytest.raises(InvalidArchitecture, match="use the flag"):
        translated({"depth": 4, "flag": False}, Smaller())
    with pytest.raises(InvalidArchitecture, match="has none of the values"):
        translated({"depth": 64, "colour": "red"}, Smaller())


@pytest.mark.parametrize(
    ("smaller", "larger"), [("minimal", "medium"), ("medium", "full"), ("minimal", "full")]
)
def test_a_language_space_lies_within_the_larger_ones(smaller: str, larger: str) -> None:
    small, large = space(f"language/{smaller}"), space(f"language/{larger}")
    for seed in range(50):
        architecture = small.sample(np.random.default_rng(seed))
        there = translated(architecture, large)
        assert there == dict(architecture)
        assert large.deployment_key(there) == small.deployment_key(architecture)
