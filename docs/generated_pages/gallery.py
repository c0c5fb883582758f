"""The examples, one file and one story each."""

import ast
from itertools import takewhile
from pathlib import Path


def page(root: Path) -> str:
    """Every file under ``examples/`` with what its first lines say, and its text."""
    parts = [
        "# Examples\n",
        "One file, one story each; all are run by the tests. They are in the folder `examples/`.\n",
    ]
    for path in sorted((root / "examples").iterdir()):
        if path.suffix not in (".py", ".sh"):
            continue
        text = path.read_text("utf-8")
        language = "python" if path.suffix == ".py" else "sh"
        parts.append(
            f"\n## {path.name}\n\n{_about(path, text)}\n\n```{language}\n{_program(path, text)}\n```\n"
        )
    return "\n".join(parts)


def _about(path: Path, text: str) -> str:
    if path.suffix == ".py":
        return ast.get_docstring(ast.parse(text)) or ""
    comment = takewhile(lambda line: line.startswith("#"), text.splitlines()[1:])
    return "\n".join(line.lstrip("# ") for line in comment)


def _program(path: Path, text: str) -> str:
    """The text without what stands above it already."""
    if path.suffix != ".py":
        return text.strip()
    tree = ast.parse(text)
    start = tree.body[1].lineno - 1 if ast.get_docstring(tree) else 0
    return "\n".join(text.splitlines()[start:]).strip()
