"""A fit's lines in the cell of a notebook, where a terminal's way of writing over a line leaves litter."""

import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

_SECONDS_BETWEEN = 0.25  # of changes, each of which sends the whole text
_SECONDS_BETWEEN_TICKS = 1.0
_MOST_LINES = 500  # that are shown: every change sends them all


class Cell:
    """One output of the running cell: lines that stay, and below them one that changes.

    Both are one output that is written anew, so that nothing is left in the notebook but lines. As a context
    manager it keeps the changing line going while long work is done elsewhere.

    Args:
        live: the line that changes; empty: none.
    """

    def __init__(self, live: Callable[[], str]) -> None:
        self._live = live
        self._lines: list[str] = []
        self._handle: Any = None
        self._drawn = 0.0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Cell":
        self._over.clear()
        self._thread = threading.Thread(target=self._tick, name="sugata-notebook", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.draw()

    def add(self, line: str) -> None:
        """One line that stays."""
        self._lines.append(line)
        if self._thread is None or time.monotonic() - self._drawn >= _SECONDS_BETWEEN:
            self.draw()

    def draw(self) -> None:
        """Show everything as it is now."""
        display = import_module("IPython.display").display
        with self._lock:
            self._drawn = time.monotonic()
            lines = self._lines[-_MOST_LINES:]
            if len(lines) < len(self._lines):
                lines = [f"… {len(self._lines) - len(lines):,} lines before", *lines]
            live = self._live() if self._thread is not None else ""
            shown = {"text/plain": "\n".join([*lines, live] if live else lines)}
            if self._handle is None:
                self._handle = display(shown, raw=True, display_id=True)
            else:
                self._handle.update(shown, raw=True)

    def _tick(self) -> None:
        while not self._over.wait(_SECONDS_BETWEEN_TICKS):
            self.draw()


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this: Jupyter's own, or one made of it as Colab's is."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)
