"""Docstrings as Markdown, and tables."""

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence

from sugata.options import Option

_SECTION = re.compile(r"^(Args|Raises|Attributes|Returns|Yields):\n(?:[ ]+.*\n?|\n)*", re.MULTILINE)
_PAPER = re.compile(
    r"(?:\b(?:Den|Van|de|van) )?\b[A-Z][\w'-]+(?:,? (?:&|et al\.|and) ?[A-Z]?[\w'-]*)*,? (?:19|20)\d\d\b"
)


def prose(documented: object) -> str:
    """The docstring without its sections, as Markdown."""
    text = _SECTION.sub("", inspect.getdoc(documented) or "").strip()
    return re.sub(r":\w+:`([^`]+)`", r"`\1`", text)


def first_line(documented: object) -> str:
    """The summary, in one line."""
    return " ".join(prose(documented).split("\n\n")[0].split())


def papers(text: str) -> list[str]:
    """What a text cites, such as `Real et al. 2019`, in its order."""
    flat = " ".join(text.split())
    return list(dict.fromkeys(match.replace(",", "") for match in _PAPER.findall(flat)))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; cells are escaped."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in rows:
        cells = [" ".join(str(cell).split()).replace("|", "\\|") for cell in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def option_table(options: Mapping[str, Option]) -> str:
    """The options of a method: name, default, what it is."""
    rows = [(f"`{o.name}`", f"`{o.default}`", o.description.replace("``", "`")) for o in options.values()]
    return table(("option", "default", "what it is"), rows) if rows else "No options."
