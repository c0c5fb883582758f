"""Sizes of spaces against brute force."""

import pytest
from hypothesis import given, settings

from sugata.space import Choice, Constraint, DictionarySpace, counting

from .conditional import RandomSpace, brute_force, conditional_spaces


@settings(max_examples=150, deadline=None)
@given(space=conditional_spaces())
def test_counts_equal_brute_force(space: RandomSpace) -> None:
    found = brute_force(space)
    assert space.valid() == len(found)
    assert space.distinct() == len({tuple(active.items()) for active in found})


@settings(max_examples=100, deadline=None)
@given(space=conditional_spaces())
def test_enumeration_yields_every_architecture_once(space: RandomSpace) -> None:
    walked = [tuple(architecture.items()) for architecture in space.enumerate()]
    assert len(walked) == len(set(walked))
    assert set(walked) == {tuple(active.items()) for active in brute_force(space)}


def test_free_choices_multiply_without_being_enumerated() -> None:
    space = DictionarySpace({f"c{i}": [1, 2, 3, 4] for i in range(40)})
    assert space.size() == space.valid() == space.distinct() == 4**40


def test_linked_choices_beyond_counting_are_said_so() -> None:
    choices = tuple(Choice(f"c{i}", (0, 1, 2, 3)) for i in range(12))
    constraints = (Constraint(tuple(c.name for c in choices), lambda *values: sum(values) < 9, "smaller"),)
    with pytest.raises(OverflowError, match="too many"):
        counting.valid(choices, constraints)
    assert counting.distinct(choices, constraints) is None


def test_enumeration_leaves_dead_ends_early() -> None:
    """4^30 raw assignments of which 1 is valid: only a walk that checks constraints on its way ends."""
    choices = tuple(Choice(f"c{i}", (0, 1, 2, 3)) for i in range(30))
    constraints = tuple(Constraint((choice.name,), lambda value: value == 3, "use 3") for choice in choices)
    assert len(list(RandomSpace(choices, constraints).enumerate())) == 1
