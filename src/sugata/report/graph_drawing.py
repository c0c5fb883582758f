"""Cells drawn as graphs: a box an operation, an edge a connection, several cells side by side."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from sugata.report import svg
from sugata.report.graph_layout import Connection, Layout, layered
from sugata.space import Graph

#: Part of an operation's name, its colour; the first that fits.
_COLOURS = (
    ("pool", "purple"),
    ("dil", "orange"),
    ("sep", "sky"),
    ("mb", "sky"),
    ("1x1", "green"),
    ("conv", "blue"),
    ("skip", "grey"),
    ("identity", "grey"),
    ("concat", "grey"),
    ("sum", "grey"),
    ("add", "grey"),
)
_ENDS = ("input", "output")
_HEIGHT = 28.0
_STEP = 62.0
_MARGIN = 8.0
_BETWEEN = 48.0


@dataclass(frozen=True)
class Picture:
    """A piece of a drawing, with its size in pixels."""

    content: str
    width: float
    height: float


def draw_cells(cells: Mapping[str, Graph]) -> Picture:
    """The cells side by side, their names above them; input on top, output below."""
    parts = []
    left = tall = 0.0
    for name, graph in cells.items():
        if left:
            left += _BETWEEN
        picture = _cell(name, graph)
        parts.append(f'<g transform="translate({left:.1f},0)">{picture.content}</g>')
        left += picture.width
        tall = max(tall, picture.height)
    return Picture("".join(parts), left, tall)


def cell_table(name: str, graph: Graph) -> Table:
    """A cell for the terminal: each operation and what it takes."""
    table = Table("", name, "takes", box=None, header_style="bold")
    labels = [_label(operation) for operation in graph.operations]
    for node, label in enumerate(labels):
        sources = [
            labels[source] if labels.count(labels[source]) == 1 else f"{labels[source]} ({source})"
            for source in graph.predecessors(node)
        ]
        table.add_row(Text(str(node)), Text(label), Text(", ".join(sources)))
    return table


def _cell(name: str, graph: Graph) -> Picture:
    labels = [_label(operation) for operation in graph.operations]
    widths = [max(56.0, 7.4 * len(label) + 22) for label in labels]
    layout = layered(graph, widths)
    top = 30.0
    y = [top + _STEP * level for level in layout.layer]
    edges = "".join(_edge(layout, y, connection) for connection in layout.connections)
    boxes = "".join(_box(label, layout.x[node], y[node], widths[node]) for node, label in enumerate(labels))
    heading = svg.text(layout.width / 2, 14, name, "middle", "font-weight:600", "ink")
    return Picture(
        f'<g transform="translate({_MARGIN},0)">{heading}{edges}{boxes}</g>',
        layout.width + 2 * _MARGIN,
        max(y) + _HEIGHT + _MARGIN,
    )


def _box(label: str, x: float, y: float, width: float) -> str:
    fill = svg.colour(_colour(label))
    ends = label.startswith(_ENDS)
    opacity, radius = (0.0, _HEIGHT / 2) if ends else (0.15, 6.0)
    return (
        f"<g><title>{svg.escape(label)}</title>"
        f'<rect x="{x - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_HEIGHT}" rx="{radius}" '
        f'style="fill:{svg.colour("card")}"/>'
        f'<rect x="{x - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_HEIGHT}" rx="{radius}" '
        f'style="fill:{fill};fill-opacity:{opacity};stroke:{fill};stroke-width:1.4"/>'
        + svg.text(x, y + 18.5, label, "middle", fill="ink")
        + "</g>"
    )


def _edge(layout: Layout, y: list[float], connection: Connection) -> str:
    """A curve from the foot of one box to the head of another, upright where it passes a layer."""
    source, *passing, target = connection.path
    x, head = layout.x, y[target]
    points = [(x[source], y[source] + _HEIGHT)]
    for node in passing:
        points += [(x[node], y[node]), (x[node], y[node] + _HEIGHT)]
    points.append((x[target], head - 1.5))
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        bend = (y2 - y1) / 2
        path += f" C{x1:.1f} {y1 + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}"
    tip, end = points[-1]
    arrow = f"M{tip - 4:.1f} {end - 6:.1f} L{tip:.1f} {end:.1f} L{tip + 4:.1f} {end - 6:.1f}"
    style = f"fill:none;stroke:{svg.colour('muted')};stroke-width:1.4"
    drawn = f'<path d="{path} {arrow}" style="{style}"/>'
    if connection.count > 1:
        middle = (points[0][0] + points[1][0]) / 2, (points[0][1] + points[1][1]) / 2
        drawn += svg.text(
            middle[0] + 6, middle[1] + 4, f"×{connection.count}", style="font-size:12px", fill="ink"
        )
    return drawn


def _label(operation: str) -> str:
    """The operation without the name of its cell."""
    return operation.rpartition(":")[2]


def _colour(label: str) -> str:
    if label.startswith(_ENDS):
        return "muted"
    return next((colour for part, colour in _COLOURS if part in label), "gold")
