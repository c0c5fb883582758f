"""Every shipped recipe, assembled as it is and run at reduced size; the default one from the shell."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sugata import recipe as recipes
from sugata.run import Progress, Result, start
from sugata.run.assembly import assemble
from sugata.trial import SHARED, Status, Trial

CODE = {
    "task.max_bytes": 60e3,
    "task.evaluation_bytes": 2e3,
    "task.test_bytes": 2e3,
    "choices": {"vocab_size": [300], "hidden_dim": [64], "num_layers": [2], "num_heads": [4]},
    "training.batch_size": 2,
    "training.length": 32,
}
SEARCH = {
    "task.evaluation_pairs": 20,
    "task.test_pairs": 20,
    "task.held_out": 30,
    "choices": {"vocab_size": [300], "hidden_dim": [64], "num_layers": [2], "num_heads": [4]},
    "training.batch_size": 4,
}
PROBLEMS = {
    "humaneval": {
        "task_id": "HumanEval/0",
        "prompt": 'def f(x):\n    """Add one."""\n',
        "entry_point": "f",
        "canonical_solution": "    return x + 1\n",
        "test": "def check(candidate):\n    assert candidate(1) == 2\n",
    },
    "mbpp": {
        "text": "Add one.",
        "code": "def f(x):\n  return x + 1",
        "test_list": ["assert f(1) == 2"],
        "test_setup_code": "",
    },
}
IMAGE = {"task.max_samples": 60, "network": {"channels": 2, "cells": 1}}
ROWS = {"training.batch_size": 16, "task.evaluation_rows": 50}
REDUCED = {
    "final.amount": 3,
    "final.unit": "steps",
    "final.top": 1,
    "budget.trials": 2,
    "baselines": False,
    "engine.workers": 0,
}


@pytest.mark.parametrize("name", recipes.shipped())
def test_a_shipped_recipe_says_what_it_is_and_can_be_assembled(name: str) -> None:
    assert re.search(r"hours?|minutes|days?|weeks?", recipes.shipped()[name])
    assembly = assemble(recipes.load(name))
    assert assembly.recipe.name == name
    if assembly.derived is None:  # else what is tried comes from the supernet
        proposals = [assembly.strategy().ask() for _ in range(3)]
        assert all(proposal is not None for proposal in proposals)
    assembly.space.validate(assembly.space.sample(np.random.default_rng(0)))


# The default one is below; those with shared weights are in test_recipes_mobile.py.
@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in recipes.shipped() if name != "tiny" and recipes.load(name).supernet is None]
)
def test_a_shipped_recipe_runs_at_reduced_size(name: str, corpus: Path, tmp_path: Path) -> None:
    original = recipes.load(name)
    rungs = [
        {**rung.model_dump(), "amount": i + 1, "capacity": 1 if rung.keep is None else 2}
        | ({} if rung.unit == SHARED else {"unit": "steps"})
        for i, rung in enumerate(original.funnel)
    ]
    kind = "" if original.task is None else original.task.kind
    smaller = {"code": CODE, "code_search": SEARCH, "table": ROWS, "text": ROWS}.get(kind, IMAGE)
    if kind.startswith("code"):
        smaller |= {"task.data": str(corpus)}
    changes = {**REDUCED, **smaller, "funnel": rungs}
    if getattr(original.task, "benchmark", None) is not None:
        changes |= benchmarks(tmp_path)
    if original.supernet is not None:
        changes |= {
            "supernet.amount": 2,
            "supernet.unit": "steps",
            "supernet.checks": 1,
            "supernet.ranked": 3,
        }
    result = start(recipes.load(name, changes), tmp_path / "run", progress=Progress(quiet=True))
    assert result.finished
    assert len(result.trials) == 2
    assert (result.folder / "best" / "model.onnx").is_file()
    if original.show.best:
        assert "The best architectures" in (result.folder / "report.html").read_text()


def benchmarks(folder: Path) -> dict[str, object]:
    """Changes that ask for very short programs, for problems of small local files."""
    written = {"humaneval": [PROBLEMS["humaneval"]], "mbpp": []}
    for number in (11, 511, 601):  # test, validation, train
        written["mbpp"].append({**PROBLEMS["mbpp"], "task_id": number})
    for name, rows in written.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {
        "task.benchmark.files": {name: str(folder / f"{name}.jsonl") for name in written},
        "task.benchmark.k": [1],
        "task.benchmark.samples": 2,
        "task.benchmark.tokens": 4,
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "architectures", "generations", "at_the_top"),
    [("code-search", 100, 20, 10), ("humaneval-mbpp", 1000, 50, 30)],
)
def test_so_many_architectures_are_tried_over_so_many_generations(
    name: str, architectures: int, generations: int, at_the_top: int
) -> None:
    assembly = assemble(recipes.load(name))
    strategy, proposals = assembly.strategy(), []
    rng = np.random.default_rng(0)
    while (proposal := strategy.ask()) is not None:
        proposals.append(proposal)
        metrics = {metric.name: float(rng.random()) for metric in assembly.objectives.metrics}
        strategy.tell(Trial(proposal, Status.COMPLETED, metrics))
    assert [sum(p.fidelity.rung == rung for p in proposals) for rung in (0, 2)] == [architectures, at_the_top]
    assert strategy.inner.generation + 1 == generations  # type: ignore[attr-defined] # a funnel's
    assert assembly.recipe.show.best == 10


@pytest.mark.slow
def test_the_default_recipe_survives_ctrl_c_and_ends_well(corpus: Path, tmp_path: Path) -> None:
    settings = {
        "task.max_bytes": "100kB",
        "task.evaluation_bytes": "2kB",
        "task.test_bytes": "2kB",
        "choices.vocab_size": "[512]",
        "choices.hidden_dim": "[64]",
        "choices.num_layers": "[2]",
        "funnel": "[{name: a, amount: 0.3, capacity: 3, keep: 0.4}, {name: b, amount: 0.6, capacity: 1}]",
        "final.amount": "1",
        "baselines": "false",
    }
    options = [part for field, value in settings.items() for part in ("--set", f"{field}={value}")]
    folder = tmp_path / "run"
    process = _sugata("search", "--data", str(corpus), "--run-dir", str(folder), *options)
    _wait_for_tells(folder, 1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[-1].endswith(f"interrupted; go on with: sugata resume {folder}")
    assert "Traceback" not in err
    early = Result(folder).record.trials

    out, err = _sugata("resume", str(folder)).communicate(timeout=120)
    assert f"sugata generate {folder / 'best'}" in out, err
    result = Result(folder)
    assert result.finished
    assert result.record.trials[: len(early)] == early
    assert sorted(result.trials["number"]) == list(range(len(result.trials)))
    assert len(result.trials) >= 4
    assert (folder / "report.html").is_file()


def _sugata(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from sugata.cli import main; main()", *arguments]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "300"},
    )


def _wait_for_tells(folder: Path, count: int) -> None:
    until = time.monotonic() + 60
    while True:
        journal = folder / "journal.jsonl"
        if journal.exists() and journal.read_text().count('"event": "tell"') >= count:
            return
        assert time.monotonic() < until
        time.sleep(0.05)
