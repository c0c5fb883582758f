"""A pair of a query and the function that answers it: what is kept of docstrings and of code."""

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

LEAST_WORDS = 3  # of a query (Husain et al. 2019, section 2.1)
LEAST_LINES = 3  # of a function, the docstring not counted (ibidem)
_QUOTES = re.compile(r'"""|\'\'\'')


@dataclass(frozen=True)
class Pair:
    """A query and the function that answers it.

    Attributes:
        query: the first paragraph of its documentation, on one line.
        code: the function without its documentation.
        package: the unit that must not be divided between splits; empty where unknown.
        split: the split that the source gives it, or None.
        name: of the function, for people.
    """

    query: str
    code: str
    package: str = ""
    split: str | None = None
    name: str = ""


def pair_of(
    docstring: str,
    code: str,
    *,
    tokens: list[str] | None = None,
    package: str = "",
    split: str | None = None,
    name: str = "",
) -> Pair | None:
    """A clean pair, or None where there is no query of three words, no body, or a copy of the query in it.

    Names, arguments and comments stay, as in CodeSearchNet. The docstring goes; where the code is not Python
    that parses here, its `tokens` take its place.

    Args:
        docstring: the whole documentation.
        code: the function, perhaps with its docstring.
        tokens: the code divided into tokens, without documentation, where the source has that.
    """
    query = first_paragraph(docstring)
    if len(query.split()) < LEAST_WORDS:
        return None
    body: str | None = code
    if _QUOTES.search(code) or _copied(query, code):
        body = without_docstring(code)
        if body is None or _copied(query, body):
            body = " ".join(tokens) if tokens else body
    if not body or not body.strip() or _copied(query, body):
        return None
    return Pair(query, body, package, split, name)


def first_paragraph(docstring: str) -> str:
    """The text before the first empty line, with single spaces."""
    return " ".join(re.split(r"\n[ \t]*\n", docstring.strip(), maxsplit=1)[0].split())


def without_docstring(code: str) -> str | None:
    """A Python function's source without its docstring; None where it does not parse or nothing is left."""
    text = textwrap.dedent(code)
    try:
        found = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not found or not isinstance(found[0], ast.FunctionDef | ast.AsyncFunctionDef):
        return text
    return _source(found[0], text.splitlines())


def harvest(source: str, package: str) -> Iterator[Pair]:
    """The documented functions and methods of a Python module, those of CodeSearchNet's kind.

    Left out, as there: functions of fewer than three lines, special methods, and names with ``test`` in them.
    """
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    lines = source.splitlines()
    for name, function in _functions(module, ""):
        docstring = ast.get_docstring(function)
        special = function.name.startswith("__") and function.name.endswith("__")
        if docstring is None or special or "test" in function.name.lower():
            continue
        body = _source(function, lines)
        if body is None or len(body.splitlines()) < LEAST_LINES:
            continue
        pair = pair_of(docstring, body, package=package, name=name)
        if pair is not None:
            yield pair


def _functions(
    parent: ast.Module | ast.ClassDef, prefix: str
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in parent.body:
        if isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, node


def _source(function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> str | None:
    """The lines of a function from ``def`` on, without those of its docstring; None where nothing is left."""
    first = function.body[0]
    assert function.end_lineno is not None
    kept = lines[function.lineno - 1 : function.end_lineno]
    if ast.get_docstring(function, clean=False) is not None:
        if len(function.body) == 1:
            return None
        assert first.end_lineno is not None
        if first.lineno == function.lineno or function.body[1].lineno == first.end_lineno:
            return None  # on one line with code: rare, and not worth guessing
        kept = lines[function.lineno - 1 : first.lineno - 1] + lines[first.end_lineno : function.end_lineno]
    return textwrap.dedent("\n".join(kept)) + "\n"


def _copied(query: str, code: str) -> bool:
    return query.lower() in " ".join(code.split()).lower()
