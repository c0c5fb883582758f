"""The few HTML elements that the sections are made of. Cells are HTML already; texts are escaped here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sugata.report.svg import escape


@dataclass(frozen=True)
class Column:
    """A table's column: its title, and whether it holds numbers (set to the right)."""

    title: str
    numeric: bool = False


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], attributes: Sequence[str] = ()) -> str:
    """A table that scrolls sideways where the screen is narrow.

    Args:
        rows: cells, HTML.
        attributes: of each row's element.
    """
    classes = [' class="n"' if column.numeric else "" for column in columns]
    head = "".join(f"<th{c}>{escape(column.title)}</th>" for c, column in zip(classes, columns, strict=True))
    body = ""
    for i, row in enumerate(rows):
        cells = "".join(f"<td{c}>{cell}</td>" for c, cell in zip(classes, row, strict=True))
        body += f"<tr {attributes[i]}>{cells}</tr>" if attributes else f"<tr>{cells}</tr>"
    top = f"<thead><tr>{head}</tr></thead>" if any(column.title for column in columns) else ""
    return f'<div class="scroll"><table>{top}<tbody>{body}</tbody></table></div>'


def definitions(pairs: Iterable[tuple[str, str]], stacked: bool = False) -> str:
    """Names, and beside each its value, HTML; ``stacked``: below each where the screen is narrow."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in pairs)
    return f"<dl{' class=stacked' if stacked else ''}>{rows}</dl>"


def note(text: str) -> str:
    """A paragraph of small print."""
    return f'<p class="note">{escape(text)}</p>' if text else ""


def figure(chart: str, caption: str = "", title: str = "") -> str:
    """A chart with its title and caption, HTML."""
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f"<figure>{heading}{chart}{below}</figure>"


def details(summary: str, content: str) -> str:
    """Content that opens on a click."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def key(colour: str, text: str) -> str:
    """An entry of a legend: a coloured square and what it stands for."""
    square = f'<i style="background:var(--{colour})"></i>'
    return f'<span class="key">{square}{escape(text)}</span>'


def sign(colour: str, character: str, text: str) -> str:
    """An entry of a legend with a character as its mark."""
    mark = f'<span style="color:var(--{colour})" aria-hidden="true">{character}</span>'
    return f'<span class="key">{mark}{escape(text)}</span>'
