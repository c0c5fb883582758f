"""Networks drawn from their outlines: as SVG for the page, as a tree of lines for the terminal."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from sugata.report import svg
from sugata.report.graph_drawing import Picture, draw_cells
from sugata.report.wording import number
from sugata.space import Block, Graph

_KINDS = (
    ("embed", "gold", "yellow"),
    ("head", "gold", "yellow"),
    ("norm", "grey", "white"),
    ("linear_transformer", "green", "green"),
    ("linear_attention", "green", "green"),
    ("grouped", "sky", "cyan"),
    ("mamba", "orange", "red"),
    ("rwkv", "purple", "magenta"),
    ("attention", "blue", "blue"),
    ("transformer", "blue", "blue"),
    ("conv", "green", "green"),
    ("pool", "purple", "magenta"),
    ("feed", "grey", "white"),
    ("ffn", "grey", "white"),
)
_OTHERS = (("blue", "blue"), ("green", "green"), ("purple", "magenta"), ("orange", "red"), ("sky", "cyan"))


_WIDTH = svg.WIDTH - 48.0
_GAP = 21.0


@dataclass(frozen=True)
class Fold:
    """Blocks that repeat ``count`` times; ``last`` are those of the last repeat."""

    blocks: tuple[Block, ...]
    last: tuple[Block, ...]
    count: int


def fold(blocks: Sequence[Block]) -> list[Fold]:
    """Fold runs of equal blocks, and of equal groups of blocks, that differ in nothing but their names."""
    folds: list[Fold] = []
    keys = [(b.kind, b.detail, b.output, b.parameters) for b in blocks]
    at = 0
    while at < len(blocks):
        period, repeats = 1, 1
        for candidate in range(1, (len(blocks) - at) // 2 + 1):
            group = keys[at : at + candidate]
            times = 1
            while keys[at + times * candidate : at + (times + 1) * candidate] == group:
                times += 1
            if times > 1 and times * candidate > period * repeats:
                period, repeats = candidate, times
        end = at + period * repeats
        folds.append(Fold(tuple(blocks[at : at + period]), tuple(blocks[end - period : end]), repeats))
        at = end
    return folds


def draw_svg(blocks: Sequence[Block], title: str = "", cells: Mapping[str, Graph] | None = None) -> str:
    """A network from input to output: a box a block, repeats folded, shapes on the arrows.

    The bar at a box's foot is its share of all parameters. Cells, given by name, are drawn above the blocks
    as graphs of operations.
    """
    parts = []
    y = width = 0.0
    if cells:
        drawn = draw_cells(cells)
        width = drawn.width
        parts.append(_centred(drawn, y, max(width, svg.WIDTH if blocks else 0)))
        y += drawn.height + (_GAP if blocks else 0)
    if blocks:
        network = _network(blocks)
        parts.append(_centred(network, y, max(width, svg.WIDTH)))
        y += network.height
        width = max(width, svg.WIDTH)
    if not parts:
        return svg.drawing(svg.text(0, 20, "no blocks to draw"), 30, title or "network")
    if title:
        lines = textwrap.wrap(title, int(width / 8.4))
        above = [
            svg.text(0, 15 + 18 * i, line, style="font-weight:600", fill="ink")
            for i, line in enumerate(lines)
        ]
        down = 10.0 + 18 * len(lines)
        parts = [*above, f'<g transform="translate(0,{down})">', *parts, "</g>"]
        y += down
    return svg.drawing("".join(parts), y, title or "the network's blocks, from input to output", width)


def _centred(picture: Picture, y: float, width: float) -> str:
    return f'<g transform="translate({(width - picture.width) / 2:.1f},{y:.1f})">{picture.content}</g>'


def _network(blocks: Sequence[Block]) -> Picture:
    total = sum(block.parameters for block in blocks)
    colours = _colours(blocks)
    y = 4.0
    parts = []
    for group in fold(blocks):
        body, height = _group(group, y, total, colours)
        y += height
        parts += [body, _arrow(y, group.last[-1].output)]
        y += _GAP
    return Picture("".join(parts), svg.WIDTH, y + 2)


def _group(group: Fold, y: float, total: int, colours: dict[str, tuple[str, str]]) -> tuple[str, float]:
    inset = 9.0 if group.count > 1 else 0.0
    parts = []
    height = inset
    for i, (first, last) in enumerate(zip(group.blocks, group.last, strict=True)):
        if i:
            parts.append(_arrow(y + height, group.blocks[i - 1].output))
            height += _GAP
        box, tall = _box(first, last, group.count, y + height, inset, total, colours[first.kind][0])
        parts.append(box)
        height += tall
    height += inset
    if group.count > 1:
        outline = (
            f'<rect x="1" y="{y:.1f}" width="{_WIDTH - 2}" height="{height:.1f}" rx="10" '
            f'style="fill:none;stroke:{svg.colour("muted")};stroke-dasharray:4 4"/>'
        )
        style = "font-size:18px;font-weight:700"
        parts += [
            outline,
            svg.text(_WIDTH + 8, y + height / 2 + 6, f"×{group.count}", style=style, fill="ink"),
        ]
    return "".join(parts), height


def _box(
    first: Block, last: Block, count: int, y: float, inset: float, total: int, name: str
) -> tuple[str, float]:
    width = _WIDTH - 2 * inset
    share = first.parameters * count / total if total else 0.0
    counted = _parameters(first.parameters) + (" each" if count > 1 and first.parameters else "")
    lines = textwrap.wrap(first.detail, 60, max_lines=2, placeholder=" …")
    height = 34.0 + 16 * len(lines)
    fill = svg.colour(name)
    kind = "" if first.kind in first.name else f" · {first.kind.replace('_', ' ')}"
    parts = [
        f"<g><title>{svg.escape(f'{block_name(first, last, count)}: {first.kind}. {first.detail}')}</title>",
        f'<rect x="{inset:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="6" '
        f'style="fill:{fill};fill-opacity:.13;stroke:{fill};stroke-opacity:.6"/>',
        f'<rect x="{inset:.1f}" y="{y:.1f}" width="6" height="{height:.1f}" rx="3" style="fill:{fill}"/>',
        svg.text(
            inset + 16, y + 20, block_name(first, last, count) + kind, style="font-weight:600", fill="ink"
        ),
        svg.text(inset + width - 10, y + 20, counted, "end", fill="ink"),
    ]
    for i, line in enumerate(lines):
        parts.append(svg.text(inset + 16, y + 37 + 16 * i, line, style="font-size:12px"))
    if share > 0:
        parts.append(
            f'<rect x="{inset + 16:.1f}" y="{y + height - 7:.1f}" width="{(width - 26) * share:.1f}" '
            f'height="3" rx="1.5" style="fill:{fill}"/>'
        )
    return "".join(parts) + "</g>", height


def _arrow(y: float, output: tuple[int | str, ...]) -> str:
    x = _WIDTH / 2
    return (
        f'<path d="M{x} {y + 3} V{y + 17} M{x - 4} {y + 13} L{x} {y + 18} L{x + 4} {y + 13}" '
        f'style="fill:none;stroke:{svg.colour("muted")};stroke-width:1.5"/>'
        + svg.text(x + 12, y + 15, _shape(output), style="font-size:12px")
    )


def draw_text(blocks: Sequence[Block], title: str = "") -> Table:
    """A network as a table for the terminal (print it with rich), repeats folded."""
    table = Table(title=Text(title) if title else None, title_justify="left", show_footer=True)
    total = sum(block.parameters for block in blocks)
    table.add_column("block", footer="total")
    table.add_column("kind")
    table.add_column("what")
    table.add_column("output", justify="right")
    table.add_column("parameters", justify="right", footer=f"{total:,}")
    table.add_column("share", justify="right")
    colours = _colours(blocks)
    for group in fold(blocks):
        for first, last in zip(group.blocks, group.last, strict=True):
            times = f"  ×{group.count}" if group.count > 1 else ""
            whole = first.parameters * group.count
            table.add_row(
                Text(block_name(first, last, group.count) + times),
                Text(first.kind, style=colours[first.kind][1]),
                Text(first.detail),
                Text(_shape(first.output)),
                f"{first.parameters:,}" + (f" ×{group.count}" if times else ""),
                f"{whole / total:.0%}" if total else "",
            )
    return table


def _colours(blocks: Sequence[Block]) -> dict[str, tuple[str, str]]:
    """Colour for the page and for the terminal by kind; unknown kinds in order of appearance."""
    found: dict[str, tuple[str, str]] = {}
    unknown = 0
    for block in blocks:
        if block.kind in found:
            continue
        known = next(((page, term) for part, page, term in _KINDS if part in block.kind.lower()), None)
        if known is None:
            known = _OTHERS[unknown % len(_OTHERS)]
            unknown += 1
        found[block.kind] = known
    return found


def block_name(first: Block, last: Block, count: int) -> str:
    """``layer 1–4`` for a run of layers, ``layer 1, 3, 5`` for every second of them."""
    if first.name == last.name:
        return first.name
    a, b = (re.fullmatch(r"(.*?)(\d+)(.*)", name) for name in (first.name, last.name))
    if not a or not b or (a[1], a[3]) != (b[1], b[3]):
        return f"{first.name} … {last.name}"
    start, end = int(a[2]), int(b[2])
    step = (end - start) // max(1, count - 1)
    if step <= 1 or start + step * (count - 1) != end:
        return f"{a[1]}{start}–{end}{a[3]}"
    numbers = [str(start + step * i) for i in range(count)]
    listed = ", ".join(numbers) if count <= 4 else f"{numbers[0]}, {numbers[1]} … {numbers[-1]}"
    return f"{a[1]}{listed}{a[3]}"


def _shape(output: tuple[int | str, ...]) -> str:
    return " × ".join(str(size) for size in output)


def _parameters(amount: int) -> str:
    if amount >= 10**6:
        return f"{number(amount / 1e6, 3)} M"
    if amount >= 10**4:
        return f"{number(amount / 1e3, 3)} k"
    return f"{amount:,}" if amount else "no parameters"
