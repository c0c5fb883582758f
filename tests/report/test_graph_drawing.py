"""Cells laid out and drawn."""

import itertools
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sugata.report import cell_table, draw_svg
from sugata.report.graph_drawing import draw_cells
from sugata.report.graph_layout import layered
from sugata.space import Block, Graph

CELL = Graph(
    ("input", "conv_3x3", "pool_3x3", "conv_1x1", "output"),
    ((0, 1), (0, 2), (0, 4), (0, 4), (1, 3), (2, 3), (3, 4)),
)


@st.composite
def graphs(draw) -> Graph:
    size = draw(st.integers(2, 9))
    pairs = list(itertools.combinations(range(size), 2))
    edges = draw(st.lists(st.sampled_from(pairs), max_size=14))
    return Graph(tuple(f"op_{i}" for i in range(size)), tuple(edges))


@given(graph=graphs(), width=st.floats(20, 200))
def test_layers_lead_downward_and_boxes_do_not_overlap(graph: Graph, width: float) -> None:
    layout = layered(graph, [width] * len(graph.operations))
    boxes = range(len(graph.operations))
    assert all(layout.layer[source] < layout.layer[target] for source, target in graph.edges)
    assert layout.layer[len(boxes) - 1] == max(layout.layer)
    for first, second in itertools.combinations(boxes, 2):
        if layout.layer[first] == layout.layer[second]:
            assert abs(layout.x[first] - layout.x[second]) > width
    assert all(width / 2 - 1e-6 <= layout.x[node] <= layout.width - width / 2 + 1e-6 for node in boxes)


@given(graph=graphs())
def test_every_edge_is_drawn_and_passes_layers_between_boxes(graph: Graph) -> None:
    layout = layered(graph, [50.0] * len(graph.operations))
    drawn = [(c.path[0], c.path[-1]) for c in layout.connections for _ in range(c.count)]
    assert sorted(drawn) == sorted(graph.edges)
    boxes = len(graph.operations)
    for connection in layout.connections:
        levels = [layout.layer[node] for node in connection.path]
        assert levels == list(range(levels[0], levels[-1] + 1))
        for node in connection.path[1:-1]:
            assert node >= boxes
            beside = [other for other in range(boxes) if layout.layer[other] == layout.layer[node]]
            assert all(abs(layout.x[node] - layout.x[other]) > 25 for other in beside)


def test_two_chains_do_not_cross_and_run_straight() -> None:
    graph = Graph(tuple("abcdef"), ((0, 1), (0, 2), (1, 4), (2, 3), (3, 5), (4, 5)))
    x = layered(graph, [40.0] * 6).x
    assert (x[1] < x[2]) == (x[4] < x[3])
    assert abs(x[1] - x[4]) < 1
    assert abs(x[0] - x[5]) < 1


def test_cells_stand_side_by_side_above_the_network() -> None:
    blocks = [Block("stem", "conv", "3x3", ("batch", 8), 10)]
    text = draw_svg(blocks, "mine", {"normal": CELL, "reduce": CELL})
    words = " ".join(ElementTree.fromstring(text).itertext())
    assert words.index("mine") < words.index("normal") < words.index("reduce") < words.index("stem")
    assert words.count("pool_3x3") == 2 * 2  # as text and as title
    assert words.count("×2") == 2
    one, two = draw_cells({"normal": CELL}), draw_cells({"normal": CELL, "reduce": CELL})
    assert two.width > 2 * one.width
    assert two.height == one.height


def test_a_cell_alone_is_drawn_without_blocks() -> None:
    root = ElementTree.fromstring(draw_svg((), "<cell>", {"cell": CELL}))
    words = " ".join(root.itertext())
    assert "<cell>" in words
    assert "no blocks" not in words


def test_labels_leave_the_name_of_their_cell_out() -> None:
    words = draw_cells({"normal": Graph(("input", "normal:conv", "output"), ((0, 1), (1, 2)))}).content
    assert ">conv<" in words
    assert "normal:conv" not in words


def test_the_terminal_table_says_what_each_operation_takes() -> None:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(cell_table("normal", CELL))
    lines = [" ".join(line.split()) for line in capture.get().splitlines()]
    assert "3 conv_1x1 conv_3x3, pool_3x3" in lines
    assert "4 output input, input, conv_1x1" in lines
