"""Networks drawn for page and terminal."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sugata.report import ReportData, draw_svg, draw_text
from sugata.report.drawing import fold
from sugata.space import Block


def block(kind: str, number: int) -> Block:
    return Block(f"layer {number}", kind, "detail", ("batch", 8), 10)


@given(st.text("abc", max_size=14))
def test_folding_loses_and_reorders_nothing(kinds):
    blocks = [block(kind, i) for i, kind in enumerate(kinds)]
    unfolded = "".join(b.kind for group in fold(blocks) for _ in range(group.count) for b in group.blocks)
    assert unfolded == kinds


def test_equal_layers_and_alternating_layers_fold():
    (same,) = fold([block("mamba", i) for i in range(1, 5)])
    assert (same.count, len(same.blocks)) == (4, 1)
    (pair,) = fold([block("mamba" if i % 2 else "attention", i) for i in range(1, 7)])
    assert (pair.count, len(pair.blocks)) == (3, 2)


def test_layers_that_differ_in_width_do_not_fold():
    assert len(fold([block("mamba", 1), Block("layer 2", "mamba", "wider", ("batch", 9), 12)])) == 2


def test_the_drawing_is_well_formed_and_names_folded_layers(language_data: ReportData):
    assert language_data.winner is not None
    text = draw_svg(language_data.winner.outline, "the <winner>")
    words = " ".join(ElementTree.fromstring(text).itertext())
    assert "layer 1, 3, 5 · mamba" in words
    assert "×3" in words
    assert "the <winner>" in words


def test_nothing_to_draw_is_said():
    assert "no blocks" in draw_svg(())


def test_the_terminal_table_adds_up(language_data: ReportData):
    assert language_data.winner is not None
    console = Console(width=160, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(draw_text(language_data.winner.outline))
    total = sum(b.parameters for b in language_data.winner.outline)
    assert f"{total:,}" in capture.get()
    assert "520,128 ×3" in capture.get()
