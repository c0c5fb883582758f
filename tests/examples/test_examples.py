"""Every example runs; those that take minutes with a smaller budget."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name: str, folder: Path, *arguments: str, before: str = "") -> str:
    """Run an example in a folder, as a script; what it printed."""
    text = before + (EXAMPLES / name).read_text()
    (folder / name).write_text(text)
    command = [sys.executable, name, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=os.environ)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_own_function(tmp_path: Path) -> None:
    out = run("own_function.py", tmp_path)
    assert "'depth': 8, 'width': 64" in out
    assert (tmp_path / "runs" / "train_and_score" / "report.html").is_file()


@pytest.mark.slow
def test_report_progress(tmp_path: Path) -> None:
    out = run("report_progress.py", tmp_path)
    assert "accuracy" in out
    assert len(list(tmp_path.glob("runs/progress/trials/*/weights.txt"))) == 4
    trials = (tmp_path / "runs" / "progress" / "journal.jsonl").read_text().split('"event": "tell"')
    assert all('"curve"' in trial for trial in trials[1:])


@pytest.mark.slow
def test_own_supernet_space(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels, colours = np.arange(90) % 3, 60 * np.eye(3, dtype=np.uint8)
    pixels = rng.integers(0, 80, (90, 3, 8, 8), np.uint8) + colours[labels, :, None, None]
    np.savez(tmp_path / "mine.npz", images=pixels, labels=labels)
    smaller = """import sugata
search = sugata.search
def small(recipe, **given):
    recipe["supernet"] |= {"amount": 20, "ranked": 0}
    recipe["funnel"][0]["capacity"] = 4
    recipe["final"] = {"amount": 5, "unit": "steps"}
    return search(recipe, workers=0, **given)
sugata.search = small
"""
    out = run("own_supernet_space.py", tmp_path, "mine.npz", before=smaller)
    assert "'block_6': " in out
    assert "'accuracy': " in out
    assert (tmp_path / "runs" / "mine" / "best" / "model.onnx").is_file()
    lines = (EXAMPLES / "own_supernet_space.py").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 50


@pytest.mark.slow
def test_code_model_and_its_exported_file(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(
        "name: tiny\nspace: tiny\nbaselines: false\n"
        "task: {max_bytes: 200kB, evaluation_bytes: 2kB, test_bytes: 2kB}\n"
        "choices: {vocab_size: [512], hidden_dim: [64], num_layers: [2]}\n"
        "funnel: [{name: only, amount: 2, unit: steps}]\nbudget: {trials: 1}\n"
        "training: {batch_size: 2, length: 32}\nfinal: {amount: 3, unit: steps}\nengine: {workers: 0}\n"
    )
    smaller = "import sugata\nsearch = sugata.search\n"
    smaller += "sugata.search = lambda name, **given: search('small.yaml', **given)\n"
    out = run("code_model.py", tmp_path, before=smaller)
    assert "LanguageModel" in out
    best = tmp_path / "runs" / "tiny" / "best"
    refused = "import sys\nsys.modules['torch'] = sys.modules['sugata'] = None\n"
    out = run("run_exported_model.py", tmp_path, str(best), "def quicksort(xs):", before=refused)
    assert out.startswith("def quicksort(xs):")
    assert len(out) > len("def quicksort(xs):\n")
    smaller = "import sugata.shrink as s\nmade = s.Wanted\n"
    smaller += "s.Wanted = lambda *a, **k: made(*a, windows=4, evaluation_bytes=2000, "
    smaller += "**(k | {'length': 32} | ({'steps': 2} if 'steps' in k else {})))\n"
    out = run("compress_model.py", tmp_path, str(best), before=smaller)
    assert re.search(r"int8 +0\.\d+ to 0\.\d+ MB", out)
    assert "\ndef add(a, b):" in out


SMALLER_RECIPE = """import sugata
search = sugata.search
def small(recipe, **given):
    for rung in recipe["funnel"]:
        rung["amount"] = 1 if rung is recipe["funnel"][0] else 2
        rung["capacity"] = min(rung.get("capacity", 2), 2)
    recipe["final"]["amount"] = 2
    recipe["network"] = {**recipe.get("network", {}), **NETWORK}
    if "supernet" in recipe:
        recipe["supernet"] |= {"amount": 1, "ranked": 2}
    return search(recipe, workers=0, **given)
sugata.search = small
"""
CELLS = SMALLER_RECIPE.replace("NETWORK", "{'channels': 4, 'cells': 1}")


@pytest.mark.slow
def test_image_search(tmp_path: Path) -> None:
    out = run("image_search.py", tmp_path, before=CELLS)
    assert "test data, seen once: {'accuracy'" in out
    assert "logits of a black image: [[" in out


@pytest.mark.slow
def test_own_space(tmp_path: Path) -> None:
    out = run("own_space.py", tmp_path, before=SMALLER_RECIPE.replace("NETWORK", "{}"))
    assert "36 combinations, 30 different networks" in out
    assert "Residual" in out or "Conv2d" in out
    assert (tmp_path / "runs" / "residuals" / "best" / "model.onnx").is_file()


@pytest.mark.slow
def test_supernet(tmp_path: Path) -> None:
    out = run("supernet.py", tmp_path, before=CELLS)
    assert "2 cells scored without training" in out


@pytest.mark.slow
def test_own_strategy_beats_random_search(tmp_path: Path) -> None:
    out = run("own_strategy.py", tmp_path)
    means = [float(line.split("mean ")[1].split(",")[0]) for line in out.splitlines()]
    assert means[0] > means[1]


@pytest.mark.slow
def test_own_evaluator_refuses_what_breaks_the_limit(tmp_path: Path) -> None:
    one_process = "import sugata\nsearch = sugata.search\n"
    one_process += "sugata.search = lambda recipe, **given: search(recipe, workers=0, **given)\n"
    out = run("own_evaluator.py", tmp_path, before=one_process)
    assert re.search(r"few +completed +12\n +refused +[1-9]", out)


@pytest.mark.slow
def test_table_study(tmp_path: Path) -> None:
    out = run("table_study.py", tmp_path, before="import builtins\n")
    means = {line.split()[0]: float(line.split()[2]) for line in out.splitlines()[1:]}
    assert means["bayesian"] < means["random"]


def test_resume(tmp_path: Path) -> None:
    out = run("resume.py", tmp_path)
    assert "interrupted, attempt 2: 10 trials are kept" in out
    assert "20 trials, 22 calls, two of which were interrupted" in out


@pytest.mark.slow
def test_image_classifier(tmp_path: Path) -> None:
    out = run("image_classifier.py", tmp_path, "4s")
    assert float(out.split("test accuracy ")[1].split()[0]) > 0.8
    assert (tmp_path / "digits-model" / "model.onnx").is_file()


@pytest.mark.slow
def test_table_classifier(tmp_path: Path) -> None:
    out = run("table_classifier.py", tmp_path, "3s")
    assert re.findall(r"^(\w+) +accuracy 0\.9", out, re.MULTILINE) == ["network", "boosting"]


@pytest.mark.slow
def test_text_classifier(tmp_path: Path) -> None:
    out = run("text_classifier.py", tmp_path, "3s")
    assert float(out.split("network ")[1].split()[0]) > 0.5


@pytest.mark.slow
def test_own_graph(tmp_path: Path) -> None:
    out = run("own_graph.py", tmp_path, "3s")
    assert "'half.accuracy': " in out
    assert "'value.r2': " in out


def test_every_example_is_run_here_and_says_what_it_is() -> None:
    tested = Path(__file__).read_text() + (Path(__file__).parent / "test_slurm.py").read_text()
    for path in EXAMPLES.glob("*"):
        if path.suffix in (".py", ".sh"):
            assert path.name in tested, path.name
            assert path.suffix != ".py" or ast.get_docstring(ast.parse(path.read_text()))
