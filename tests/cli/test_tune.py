"""`sugata tune` over runs that take no time, each in its own process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from sugata import recipe as recipes
from sugata.run import Progress, Result, resume, start

pytestmark = pytest.mark.slow

RECIPE = """
name: planted
task: null
evaluate: planted:evaluate
space: {a: [0], b: [1]}
strategy: {kind: random}
objectives: {metrics: [loss]}
budget: {trials: 1}
engine: {workers: 0}
"""
#: Choice a alone matters, 2 is its best; 9 fails; 8 and 7 need a file; every call is noted.
FUNCTION = """
import os, time
def evaluate(architecture):
    a, b = architecture["a"], architecture["b"]
    with open("calls.txt", "a") as file:
        file.write(f"{a} {b}\\n")
    if a == 9:
        raise ValueError("nine is too many")
    if a == 8 and not os.path.exists("go"):
        raise OSError(28, "No space left on device")
    while a == 7 and not os.path.exists("go"):
        time.sleep(0.02)
    return {"loss": (a - 2) ** 2}
"""


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe in the working folder, and the function that it names."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "planted.py").write_text(FUNCTION)
    path = tmp_path / "planted.yaml"
    path.write_text(RECIPE)
    return path


def calls(folder: Path) -> list[str]:
    path = folder / "calls.txt"
    return path.read_text().splitlines() if path.exists() else []


def test_a_tuning_finds_the_planted_optimum_in_parallel_and_goes_on_after_failures(
    sugata, recipe: Path
) -> None:
    ranges = ("--vary", "space.a=[[9], [2], [0]]", "--vary", "space.b=[[1], [2]]", "--sampler", "grid")
    code, out, err = sugata("tune", recipe, *ranges, "--parallel", 2, "--trials", 5)
    assert code == 0
    assert sorted(calls(recipe.parent)) == ["0 1", "2 1", "2 2", "9 1", "9 2"]
    assert "the grid has 6 combinations; the first 5 are tried" in err
    assert err.count("failed: ValueError: nine is too many") == 2
    assert err.count("  best") == 1
    folder = Path("tune/planted")
    assert "best: 0, trial 2" in out
    assert f"sugata search {folder}/best.yaml" in out
    assert "what mattered" not in out  # of three scores nothing can be said
    best = recipes.load(folder / "best.yaml")
    assert best.space == {"a": [2], "b": [1]}
    assert best.engine == recipes.load(recipe).engine
    assert not best.tune.vary
    result = Result(folder / "trials" / "0002")
    assert result.finished
    assert result.best is not None
    assert result.best.metrics == {"loss": 0}
    assert sugata("status", folder / "trials" / "0004")[0] == 0
    page, text = (folder / "tune.html").read_text(), (folder / "tune.md").read_text()
    for shown in (page, text):
        assert "nine is too many" in shown
    assert "<script" not in page
    assert len(page) < 100_000
    assert (folder / "tune.png").stat().st_size > 10_000
    table = (folder / "trials.csv").read_text().splitlines()
    assert table[0] == "trial,loss,seconds,failed,same_as,space.a,space.b"
    assert len(table) == 6
    code, out, err = sugata("tune", recipe, *ranges, "--trials", 6, "--to", folder)
    assert code == 0
    assert "going on: 5 trials finished before" in err
    assert calls(recipe.parent)[5:] == ["0 2"]
    assert "what mattered: nothing stands out from chance; within chance: a 100 %, b 0 %" in out
    assert "Only 4 trials for 2 fields" in out
    code, _, err = sugata("tune", recipe, "--vary", "space.a=[[1]]", "--to", folder)
    assert code == 2
    assert "holds another tuning" in err


def test_what_finished_is_not_run_again_after_ctrl_c_and_after_a_kill(sugata, recipe: Path) -> None:
    folder = recipe.parent
    ranges = ["--vary", "space.a=[[0], [7], [1]]", "--sampler", "grid", "--to", "tune/x"]
    started = _tune(str(recipe), *ranges)
    _wait_for(lambda: calls(folder) == ["0 1", "7 1"])
    started.send_signal(signal.SIGINT)
    assert "go on with: sugata tune --resume tune/x" in started.communicate()[1]
    assert started.returncode == 130
    started = _tune("--resume", "tune/x")
    _wait_for(lambda: calls(folder) == ["0 1", "7 1", "7 1"])
    started.kill()
    started.communicate()
    (folder / "go").touch()
    code, out, err = sugata("tune", "--resume", "tune/x")
    assert code == 0
    assert "going on: 1 trial finished before, 1 to go on with" in err
    assert calls(folder) == ["0 1", "7 1", "7 1", "7 1", "1 1"]
    assert "best: 1, trial 2" in out
    assert sorted(path.name for path in Path("tune/x/trials").iterdir()) == ["0000", "0001", "0002"]
    assert [Result(path).finished for path in Path("tune/x/trials").iterdir()] == [True] * 3


def test_a_run_that_takes_too_long_is_killed_and_the_search_ends_in_time(sugata, recipe: Path) -> None:
    ranges = {"space.a": {"options": [[7], [0]]}}
    text = yaml.safe_load(RECIPE) | {"tune": {"vary": ranges, "sampler": "grid"}}
    recipe.write_text(json.dumps(text))
    code, out, err = sugata("tune", recipe, "--trials", 1, "--timeout", "0.5s")
    assert code == 0
    assert "trial   0  failed: took longer than 500 ms, and was killed" in err
    assert "no run has succeeded: took longer than 500 ms" in out
    code, _, err = sugata("tune", recipe, "--to", "other", "--seconds", "1.5s")
    assert code == 0
    assert "the 1.5 s are over; 1 trial stopped" in err
    (recipe.parent / "go").touch()
    code, out, err = sugata("tune", "--resume", "other", "--seconds", "1h")
    assert "going on: 0 trials finished before, 1 to go on with" in err
    assert "best: 4, trial 1" in out


def test_a_full_disk_ends_the_search_and_is_no_fault_of_the_settings(sugata, recipe: Path) -> None:
    code, _, err = sugata("tune", recipe, "--vary", "space.a=[[8]]", "--sampler", "grid", "--to", "x")
    assert code == 2
    assert "no space left on the disk" in err.splitlines()[-1]
    assert "sugata tune --resume x" in err.splitlines()[-1]
    (recipe.parent / "go").touch()
    code, out, _ = sugata("tune", "--resume", "x")
    assert code == 0
    assert "best: 36, trial 0" in out


def test_a_run_that_does_not_ship_touches_no_test_data_and_goes_on_to_its_end_later(
    small: Path, tmp_path: Path
) -> None:
    quick = {"budget.trials": 1, "final.top": 1, "objectives.metrics": ["bits_per_byte", "size_bytes"]}
    quiet = Progress(quiet=True)
    result = start(recipes.load(small, quick), tmp_path / "run", progress=quiet, ships=False)
    assert list(result.stages) == ["prepare", "search", "train"]
    assert result.finished  # all that was asked for
    assert not (result.folder / "best").exists()
    assert not (result.folder / "report.html").exists()
    validated = result.finals[0].metrics["bits_per_byte"]
    again = resume(result.folder, progress=quiet)
    assert again.finished
    assert again.finals[0].metrics["bits_per_byte"] == validated
    assert (result.folder / "best" / "model.onnx").is_file()


def _tune(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from sugata.cli import main; main()", "tune", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, **pipes, text=True, env={**os.environ, "COLUMNS": "300"})


def _wait_for(holds) -> None:
    until = time.monotonic() + 150
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


RATE = "training.learning_rate"
TYPED: dict[tuple[str, ...], str] = {
    (): "no recipe; give a .yaml file or a shipped recipe, or --resume FOLDER",
    ("tiny",): "nothing is varied; give `tune.vary`",
    ("tinny", "--vary", "seed=[1, 2]"): "did you mean 'tiny'?",
    ("tiny", "--vary", "training.learning_rat=log(1e-4, 0.1)"): "did you mean 'learning_rate'?",
    ("tiny", "--vary", "lerning.rate=log(1e-4, 0.1)"): "unknown field 'lerning'",
    ("tiny", "--vary", f"{RATE}=log(0.1, 1e-4)"): "low 0.1 is above high 0.0001; exchange them",
    ("tiny", "--vary", f"{RATE}=log(0, 1)"): "log needs low above 0, it is 0",
    ("tiny", "--vary", f"{RATE}=log(1)"): "write it as field=range",
    ("tiny", "--vary", RATE): "write it as field=range",
    (
        "tiny",
        "--vary",
        f"{RATE}=log(1e-4, 1) when training.optimizer=sgd",
    ): "is not varied",
    ("tiny", "--vary", "training.optimizer=[adamw, adagrad]"): "'training.optimizer' is 'adagrad'",
    ("tiny", "--vary", "training.batch_size=linear(1, 8)"): "a valid integer",
    ("tiny", "--vary", "space=[tiny, tyny]"): "did you mean 'tiny'?",
    ("tiny", "--vary", "seed=[1, 2]", "--sampler", "annealing"): "'tune.sampler' is 'annealing'",
    ("tiny", "--vary", "seed=[1, 2]", "--metric", "speed"): "'tune.metric': 'speed' is not measured",
    ("tiny", "--vary", "seed=[1, 2]", "--trials", "0"): "'tune.trials' is 0",
    ("tiny", "--vary", "seed=[1, 2]", "--seconds", "soon"): "write it like 90s",
    ("tiny", "--vary", "seed=[1, 2]", "--sampler", "nelder_mead"): "seed is a category: use tpe",
    ("tiny", "--vary", "seed=int(1, 9)", "--sampler", "cmaes"): "needs two numbers",
    ("mnist", "--vary", "network.chanels=int(4, 8)"): "chanels",
    ("tiny", "--vary", "seed=[1, 2]", "--data", "nowhere"): "nowhere does not exist",
    ("--resume", "nowhere"): "nowhere: no tuning is in there",
    ("tiny", "--resume", "nowhere"): "--resume goes on as the folder says",
}


@pytest.mark.parametrize("typed", TYPED, ids=" ".join)
def test_what_is_typed_wrongly_is_one_line(
    sugata, typed: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = sugata("tune", *typed)
    assert code == 2
    assert not out
    assert err.startswith("error: ")
    assert TYPED[typed] in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())
