"""Sampling, mutation, crossover, neighbours and encodings."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sugata.errors import InvalidArchitecture
from sugata.space import Architecture, Choice, Condition, Constraint, DictionarySpace, Signature
from sugata.space.search_space import Crossover

from .conditional import RandomSpace, brute_force, conditional_spaces

KINDS: tuple[Crossover, ...] = ("one_point", "two_point", "uniform")
SEEDS = st.integers(0, 2**32)


def _valid(space: RandomSpace) -> set[frozenset[tuple[str, object]]]:
    found = {frozenset(active.items()) for active in brute_force(space)}
    assume(found)
    return found


@settings(max_examples=60, deadline=None)
@given(space=conditional_spaces(), seed=SEEDS, rate=st.floats(0, 1))
def test_samples_mutants_and_children_are_valid(space: RandomSpace, seed: int, rate: float) -> None:
    valid, rng = _valid(space), np.random.default_rng(seed)
    first, second = space.sample(rng), space.sample(rng)
    made = [first, second, space.mutate(first, rng, rate)]
    made += [space.crossover(first, second, rng, kind) for kind in KINDS]
    for architecture in made:
        assert frozenset(architecture.items()) in valid
        space.validate(architecture)


@settings(max_examples=60, deadline=None)
@given(space=conditional_spaces(), seed=SEEDS)
def test_neighbors_are_valid_different_and_differ_in_one_decision(space: RandomSpace, seed: int) -> None:
    valid = _valid(space)
    parent = space.sample(np.random.default_rng(seed))
    neighbors = list(space.neighbors(parent))
    assert len(set(neighbors)) == len(neighbors)
    by_name = {choice.name: choice for choice in space.choices}
    for neighbor in neighbors:
        assert neighbor != parent
        assert frozenset(neighbor.items()) in valid
        changed = [name for name in parent if name in neighbor and neighbor[name] != parent[name]]
        assert len(changed) == 1
        for name in set(neighbor) - set(parent):
            assert neighbor[name] == by_name[name].default


@settings(max_examples=40, deadline=None)
@given(space=conditional_spaces(), seed=SEEDS)
def test_a_mutant_differs_where_a_single_change_is_possible(space: RandomSpace, seed: int) -> None:
    _valid(space)
    rng = np.random.default_rng(seed)
    parent = space.sample(rng)
    assume(any(True for _ in space.neighbors(parent)))
    assert space.mutate(parent, rng, 0.1) != parent


@settings(max_examples=40, deadline=None)
@given(space=conditional_spaces(), seed=SEEDS)
def test_the_same_generator_draws_the_same(space: RandomSpace, seed: int) -> None:
    _valid(space)

    def drawn() -> list[Architecture]:
        rng = np.random.default_rng(seed)
        first, second = space.sample(rng), space.sample(rng)
        return [
            first,
            second,
            space.mutate(first, rng, 0.3),
            space.crossover(first, second, rng, "two_point"),
        ]

    assert drawn() == drawn()


@settings(max_examples=40, deadline=None)
@given(space=conditional_spaces(), seed=SEEDS)
def test_keys_and_encodings_tell_architectures_apart(space: RandomSpace, seed: int) -> None:
    _valid(space)
    found = list(space.enumerate())
    assert len({space.deployment_key(architecture) for architecture in found}) == len(found)
    encodings = {tuple(space.encode(architecture)) for architecture in found}
    assert len(encodings) == len(found)
    assert len({len(encoding) for encoding in encodings}) == 1


def test_children_of_a_free_space_take_every_value_from_a_parent() -> None:
    space = DictionarySpace({f"c{i}": list(range(10)) for i in range(8)})
    first = space.architecture({f"c{i}": 1 for i in range(8)})
    second = space.architecture({f"c{i}": 2 for i in range(8)})
    rng = np.random.default_rng(0)
    for kind in KINDS:
        children = [space.crossover(first, second, rng, kind) for _ in range(200)]
        switches = [
            sum(a != b for a, b in zip(list(child.values()), list(child.values())[1:], strict=False))
            for child in children
        ]
        assert {value for child in children for value in child.values()} == {1, 2}
        assert max(switches) == {"one_point": 1, "two_point": 2, "uniform": max(switches)}[kind]
        assert max(switches) >= 1
    assert first not in [space.crossover(first, second, rng, "one_point") for _ in range(100)]


def test_the_mutation_rate_is_the_share_of_changed_choices() -> None:
    space = DictionarySpace({f"c{i}": ["a", "b", "c"] for i in range(20)})
    rng = np.random.default_rng(0)
    parent = space.sample(rng)
    mutants = [space.mutate(parent, rng, 0.3) for _ in range(300)]
    changed = sum(mutant[name] != parent[name] for mutant in mutants for name in parent)
    assert changed / (300 * 20) == pytest.approx(0.3, abs=0.02)


def test_ordered_choices_move_to_near_options_more_often() -> None:
    space = DictionarySpace({"width": [1, 2, 3, 4, 5, 6, 7, 8, 9]})
    rng = np.random.default_rng(0)
    counts = Counter(space.mutate({"width": 5}, rng, 1.0)["width"] for _ in range(1000))
    near = counts[4] + counts[6]
    assert near / 1000 == pytest.approx(2 / 3 + 1 / 3 * 2 / 8, abs=0.05)
    assert set(counts) == {1, 2, 3, 4, 6, 7, 8, 9}


def test_sampling_is_uniform_over_valid_assignments() -> None:
    choices = (Choice("a", (0, 1, 2)), Choice("b", (0, 1, 2)))
    space = RandomSpace(choices, (Constraint(("a", "b"), lambda a, b: a <= b, "sort them"),))
    rng = np.random.default_rng(0)
    counts = Counter(space.sample(rng) for _ in range(6000))
    assert len(counts) == 6
    assert all(count == pytest.approx(1000, abs=150) for count in counts.values())


def test_a_needle_in_a_haystack_is_found_and_an_empty_space_said_to_be_empty() -> None:
    choices = tuple(Choice(f"c{i}", (0, 1, 2, 3)) for i in range(12))
    needle = tuple(Constraint((choice.name,), lambda value: value == 2, "use 2") for choice in choices)
    rng = np.random.default_rng(0)
    assert set(RandomSpace(choices, needle).sample(rng).values()) == {2}
    nothing = (Constraint(("c0",), lambda value: False, "impossible"),)
    with pytest.raises(InvalidArchitecture, match="empty"):
        RandomSpace(choices, nothing).sample(rng)


def test_an_architecture_without_valid_mutants_comes_back_itself() -> None:
    space = DictionarySpace({"depth": [4]})
    parent = space.architecture({"depth": 4})
    assert space.mutate(parent, np.random.default_rng(0), 0.5) == parent


def test_choices_that_do_not_apply_are_dropped() -> None:
    heads = Choice(
        "heads", (1, 2), when=Condition(("mixer",), lambda mixer: mixer == "attention", "attention")
    )
    space = RandomSpace((Choice("mixer", ("attention", "mamba")), heads), ())
    assert dict(space.architecture({"mixer": "mamba", "heads": 2})) == {"mixer": "mamba"}
    assert space.encode({"mixer": "mamba"}).tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"depth": 2, "size": 1}, "unknown choice 'size' in space dictionary; it has depth, kind"),
        ({"depth": 2}, "choice 'kind' is missing; give one of"),
        ({"depth": 3, "kind": "a"}, "depth=3 is not an option; use one of [2, 4]"),
        ({"depth": True, "kind": "a"}, "depth=True is not an option"),
    ],
)
def test_errors_name_the_choice_the_value_and_the_remedy(values: dict, message: str) -> None:
    with pytest.raises(InvalidArchitecture) as caught:
        DictionarySpace({"depth": [2, 4], "kind": ["a", "b"]}).validate(values)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_broken_constraint_names_the_values_and_the_remedy() -> None:
    choices = (Choice("width", (8, 12)), Choice("heads", (4, 5)))
    rule = Constraint(("width", "heads"), lambda width, heads: width % heads == 0, "let heads divide width")
    with pytest.raises(InvalidArchitecture, match="width=8, heads=5: let heads divide width"):
        RandomSpace(choices, (rule,)).architecture({"width": 8, "heads": 5})


def test_a_space_without_networks_says_so() -> None:
    space = DictionarySpace({"depth": [1]})
    assert space.outline({"depth": 1}) == ()
    with pytest.raises(InvalidArchitecture, match="builds no networks"):
        space.build({"depth": 1}, Signature((), ()))
