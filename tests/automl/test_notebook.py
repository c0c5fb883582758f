"""What a fit shows in the cell of a notebook."""

import sys
import time
from types import ModuleType
from typing import Any

import pytest

from sugata.automl.progress import FitProgress


class _Handle:
    def __init__(self, shown: list[str]) -> None:
        self.shown = shown

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        self.shown.append(bundle["text/plain"])


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A kernel's outputs, each with all that it has shown."""
    made: list[list[str]] = []

    class ZMQInteractiveShell:
        pass

    class Shell(ZMQInteractiveShell):  # as in Colab
        pass

    def display(bundle: dict[str, str], *, raw: bool, display_id: bool) -> _Handle:
        made.append([bundle["text/plain"]])
        return _Handle(made[-1])

    package: Any = ModuleType("IPython")
    package.get_ipython = Shell
    module: Any = ModuleType("IPython.display")
    module.display = display
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    return made


def test_all_lines_are_one_output_and_nothing_goes_to_the_streams(
    outputs: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    progress = FitProgress()
    progress.say("reading")
    with progress:
        progress.now("3 trials", 20.0)
        progress.say("best so far")
        time.sleep(0.3)
        progress.say("another")
    progress.say("done")
    (shown,) = outputs
    assert [line[6:].strip() for line in shown[-1].split("\n")] == [
        "reading",
        "best so far",
        "another",
        "done",
    ]
    assert shown[-2].split("\n")[-1].endswith("another")  # the live line is gone
    assert capsys.readouterr() == ("", "")


def test_the_live_line_goes_on_while_nothing_is_said(
    outputs: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sugata.automl.notebook._SECONDS_BETWEEN_TICKS", 0.02)
    progress = FitProgress()
    with progress:
        progress.now("3 trials", 20.0)
        end = time.monotonic() + 5
        while not outputs and time.monotonic() < end:
            time.sleep(0.01)
    assert "3 trials, about 20 s left" in outputs[0][0]


def test_nothing_is_shown_where_nothing_is_wanted(outputs: list[list[str]]) -> None:
    with FitProgress(0) as progress:
        progress.say("reading")
        progress.now("3 trials")
    assert not outputs
