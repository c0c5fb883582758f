"""Genotypes as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sugata.errors import InvalidArchitecture
from sugata.nn.darts_operations import OPERATIONS as BUILT
from sugata.space import CellNode, CellPlan
from sugata.spaces.cell import PUBLISHED, Genotype
from sugata.spaces.cell.genotype import OPERATIONS

PUBLISHED_TEXT = (
    "Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 0), ('dil_conv_3x3', 1),"
    " ('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('avg_pool_3x3', 0), ('dil_conv_3x3', 1)],"
    " normal_concat=range(2, 6), reduce=[('sep_conv_5x5', 1), ('max_pool_3x3', 0), ('sep_conv_5x5', 1),"
    " ('sep_conv_5x5', 2), ('sep_conv_3x3', 0), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1),"
    " ('sep_conv_3x3', 2)], reduce_concat=range(2, 6))"
)


@st.composite
def edges(draw: st.DrawFn) -> tuple[tuple[str, int], ...]:
    nodes = draw(st.integers(1, 6))
    states = [draw(st.integers(0, node + 1)) for node in range(nodes) for _ in range(2)]
    return tuple((draw(st.sampled_from(OPERATIONS)), state) for state in states)


def test_every_named_operation_is_built() -> None:
    assert set(OPERATIONS) == set(BUILT)


def test_the_published_text_is_read() -> None:
    assert Genotype.parse(PUBLISHED_TEXT) == PUBLISHED["pc_darts"].genotype


@given(edges(), edges())
def test_what_is_written_is_read_again(normal: tuple, reduce: tuple) -> None:
    genotype = Genotype(normal, (2,), reduce, (0, len(reduce) // 2 + 1))
    assert Genotype.parse(str(genotype)) == genotype
    assert Genotype.of(*genotype.plans()) == genotype


def test_fields_may_be_positional_and_lie_on_several_lines() -> None:
    fields = "[('conv_3x3', 0), ['none', 1]],\n [2],", "reduce=[('none', 0), ('none', 0)], reduce_concat=(2,)"
    text = f"Genotype(\n {fields[0]}\n {fields[1]})"
    assert Genotype.parse(text).normal == (("conv_3x3", 0), ("none", 1))


CELL = "[('sep_conv_3x3', 0), ('skip_connect', 1)]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Genotype(", "cannot be read"),
        ("", "cannot be read"),
        ("[1, 2]", "another form"),
        ("Network(normal=[])", "another form"),
        (f"Genotype(normal={CELL}, normal_concat=[2], reduce={CELL})", "the fields must be"),
        (f"Genotype({CELL}, [2], {CELL}, [2], [2])", "the fields must be"),
        (f"Genotype({CELL}, [2], {CELL}, normal={CELL})", "the fields must be"),
        (f"Genotype({CELL.replace('skip', 'slip')}, [2], {CELL}, [2])", "did you mean 'skip_connect'"),
        (f"Genotype({CELL}, [2], [('sep_conv_3x3', 0)], [2])", "reduce: 1 pairs; give two for each node"),
        (f"Genotype({CELL.replace('1', '2')}, [2], {CELL}, [2])", "give one from 0 to 1"),
        (f"Genotype({CELL.replace('1', '-1')}, [2], {CELL}, [2])", "give one from 0 to 1"),
        (f"Genotype({CELL}, [3], {CELL}, [2])", r"normal: .*gives states \[3\]"),
        (f"Genotype({CELL}, [], {CELL}, [2])", r"gives states \[\]"),
        (f"Genotype({CELL}, 2, {CELL}, [2])", "normal_concat: 2 is no list"),
        (f"Genotype({CELL}, range(2, 10**9), {CELL}, [2])", "normal_concat: .* is no list"),
        (f"Genotype(open('/etc/passwd'), [2], {CELL}, [2])", "normal: .* is no list"),
        (f"Genotype([('sep_conv_3x3', '0'), 1], [2], {CELL}, [2])", "is no pair"),
        (f"Genotype([('sep_conv_3x3', True), 1], [2], {CELL}, [2])", "is no pair"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, message: str) -> None:
    with pytest.raises(InvalidArchitecture, match=message) as caught:
        Genotype.parse(text)
    assert "\n" not in str(caught.value)


def test_a_node_that_is_no_sum_of_two_has_no_genotype() -> None:
    plan = CellPlan((CellNode((("none", 0), ("none", 1)), "concat"),), (2,))
    with pytest.raises(InvalidArchitecture, match="add two"):
        Genotype.of(plan, plan)
