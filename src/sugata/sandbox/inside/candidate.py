"""The process of the program under test: it answers calls, and knows nothing of the tests."""

from __future__ import annotations

import builtins
import os
import sys
import types
from typing import Any

from sugata.sandbox.inside.wire import decode, encode, receive, send


def run(spec: dict[str, Any]) -> None:
    """Load the text ``source`` and answer on the socket ``link`` until it closes."""
    socket = os.fdopen(spec["link"], "r+b", buffering=0)
    reading, writing = os.fdopen(os.dup(spec["link"]), "rb"), socket
    kept: list[Any] = []

    def keep(value: Any) -> dict[str, Any]:
        kept.append(value)
        return {"t": "ref", "v": len(kept) - 1}

    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    failure = None
    try:
        exec(compile(spec["source"], "solution.py", "exec"), module.__dict__)
    except BaseException as error:  # SystemExit too
        failure = _told(error)
    send(writing, {"failure": failure})
    while True:
        try:
            request = receive(reading)
        except EOFError:
            return
        try:
            arguments = decode(request["arguments"], kept.__getitem__)
            answer = {"ok": encode(_do(module, request["do"], *arguments), keep)}
        except BaseException as error:
            answer = {"error": _told(error)}
        send(writing, answer)


def _do(module: types.ModuleType, what: str, target: Any, *rest: Any) -> Any:
    if what == "name":
        return getattr(module, target)
    if what == "call":
        return target(*rest[0], **rest[1])
    actions: dict[str, Any] = {
        "getattr": getattr,
        "setattr": setattr,
        "getitem": lambda of, key: of[key],
        "iter": iter,
        "next": next,
        "len": len,
    }
    return actions[what](target, *rest)


def _told(error: BaseException) -> list[str]:
    """The nearest builtin class of an error and its text."""
    for kind in type(error).__mro__:
        if getattr(builtins, kind.__name__, None) is kind:
            return [kind.__name__, str(error)[:300]]
    return ["RuntimeError", str(error)[:300]]
