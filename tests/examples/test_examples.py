"""Every example runs; those that take minutes with a smaller budget."""

import os
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
