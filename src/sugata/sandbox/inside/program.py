"""A program that runs on its own."""

from __future__ import annotations

import sys
import types
from typing import Any


def run(spec: dict[str, Any]) -> None:
    """Run the text ``source`` as the main program."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.argv = ["program.py"]
    exec(compile(spec["source"], "program.py", "exec"), module.__dict__)
