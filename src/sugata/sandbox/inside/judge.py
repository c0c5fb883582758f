"""The process of the tests. The program under test is in another one; only values come from there.

So nothing that the program does to its own process can reach the verdict: patched builtins,
`os._exit(0)`, printed markers, objects that equal everything. What is not a plain value stays there, and
here stands a reference that equals nothing but itself.
"""

from __future__ import annotations

import ast
import builtins
import json
import os
from typing import Any

from sugata.sandbox.inside.wire import decode, encode, receive, send


class Link:
    """Calls to the other process."""

    def __init__(self, number: int) -> None:
        self._writing = os.fdopen(number, "r+b", buffering=0)
        self._reading = os.fdopen(os.dup(number), "rb")

    def loaded(self) -> list[str] | None:
        """The error that loading the program ended with, if it did."""
        failure: list[str] | None = receive(self._reading)["failure"]
        return failure

    def ask(self, what: str, *arguments: Any) -> Any:
        """Have something done there; errors are raised here as the builtin class they belong to."""
        send(self._writing, {"do": what, "arguments": encode(list(arguments), _reference)})
        answer = receive(self._reading)
        if "error" in answer:
            name, text = answer["error"]
            kind = getattr(builtins, str(name), None)
            if isinstance(kind, type) and issubclass(kind, Exception):
                raise kind(str(text))
            raise RuntimeError(str(text))
        return decode(answer["ok"], lambda number: Remote(self, number))


class Remote:
    """Something in the other process that is not a plain value."""

    __slots__ = ("_link", "_number")

    def __init__(self, link: Link, number: int) -> None:
        object.__setattr__(self, "_link", link)
        object.__setattr__(self, "_number", number)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._link.ask("call", self, arguments, named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python's own protocols are decided here
            raise AttributeError(name)
        return self._link.ask("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._link.ask("setattr", self, name, value)

    def __getitem__(self, key: Any) -> Any:
        return self._link.ask("getitem", self, key)

    def __iter__(self) -> Any:
        return self._link.ask("iter", self)

    def __next__(self) -> Any:
        return self._link.ask("next", self)

    def __len__(self) -> int:
        return int(self._link.ask("len", self))

    def __bool__(self) -> bool:
        return True


def _reference(value: Any) -> dict[str, Any]:
    if type(value) is Remote:
        return {"t": "ref", "v": value._number}
    raise TypeError(f"the tests pass a {type(value).__name__}, which cannot be sent to the program")


def run(spec: dict[str, Any]) -> None:
    """Run the text ``tests`` against the program on the socket ``link``; write the verdict to ``verdict``.

    ``given`` is run first: what the task itself defines for its tests. Names that the tests use and that are
    defined nowhere here are the program's, and those in ``names`` always.
    """
    verdict = os.fdopen(spec["verdict"], "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    reason = ""
    try:
        link = Link(spec["link"])
        failure = link.loaded()
        if failure is not None:
            reason = ": ".join(failure)
        else:
            names: dict[str, Any] = {"__name__": "tests"}
            exec(compile(spec["given"], "given.py", "exec"), names)
            for name in [*spec["names"], *_missing(spec["tests"], names)]:
                names[name] = link.ask("name", name)
            exec(compile(spec["tests"], "tests.py", "exec"), names)
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}".strip().rstrip(":")
    verdict.write(json.dumps({"passed": not reason, "reason": reason[:300]}) + "\n")
    verdict.flush()


def _missing(source: str, known: dict[str, Any]) -> list[str]:
    """Names that a text reads and neither it, what is known nor Python defines."""
    read: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return sorted(name for name in read - bound - known.keys() if not hasattr(builtins, name))
