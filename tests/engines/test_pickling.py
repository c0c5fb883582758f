"""What is sent to workers with an evaluator, and how they find its modules."""

import importlib
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sugata.engines.pickling import found_also_here, in_file, load, own_modules, pickled
from sugata.evaluators import FunctionEvaluator
from sugata.trial import Metric


@pytest.fixture
def user_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module and a package of a user, the one using the other."""
    (tmp_path / "helping").mkdir()
    (tmp_path / "helping" / "__init__.py").write_text("")
    (tmp_path / "helping" / "scale.py").write_text("class Scale:\n    factor = 2.0\n")
    (tmp_path / "scoring.py").write_text(
        "import json\nfrom helping.scale import Scale\n"
        "class Score:\n"
        "    def __init__(self):\n        self.scale = Scale()\n"
        "    def __call__(self, architecture):\n        return architecture['a'] * self.scale.factor\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in ("scoring", "helping", "helping.scale"):
        sys.modules.pop(name, None)


def test_the_modules_that_an_evaluator_names_are_found_but_not_what_is_installed(user_code: Path) -> None:
    score = importlib.import_module("scoring").Score()
    content = pickled(FunctionEvaluator(score, [Metric("loss")]))
    assert own_modules(content) == [str(user_code / "helping"), str(user_code / "scoring.py")]


def test_an_evaluator_of_installed_parts_needs_no_modules() -> None:
    assert own_modules(pickled(FunctionEvaluator(lambda architecture: 1.0, [Metric("loss")]))) == []


def test_a_worker_looks_where_the_sender_did_and_then_where_it_is_itself() -> None:
    before = list(sys.path)
    content = pickled(FunctionEvaluator(abs, [Metric("loss")]))
    try:
        sys.path.append("/of/this/machine")
        path, _ = pickle.loads(found_also_here(content))
        assert path == [*(entry or os.getcwd() for entry in before), "/of/this/machine"]
        sys.path[:] = ["/nowhere"]
        with in_file(content) as file:
            assert load(os.dup(file.fileno())).metrics == (Metric("loss"),)
        assert sys.path == [entry or os.getcwd() for entry in before]
    finally:
        sys.path[:] = before
