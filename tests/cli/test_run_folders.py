"""Whatever may be wrong with a run's folder is answered by one line and exit code 2."""

import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from sugata import recipe as recipes
from sugata.run import Progress, Result, start

MODULE = "scored_by_the_tests_of_run_folders"
COMMANDS = ("status", "resume", "report")
HOLDER = """
import sys
from pathlib import Path
from sugata.run.folder import locked

with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def recipe(trials: int) -> recipes.Recipe:
    """A search by a function, in this process."""
    return recipes.parse(
        {
            "task": None,
            "evaluate": f"{MODULE}:score",
            "space": {"depth": list(range(1, 21)), "width": list(range(1, 21))},
            "strategy": {"kind": "random"},
            "objectives": {"metrics": ["score"], "maximize": ["score"]},
            "budget": {"trials": trials},
            "engine": {"workers": 0},
        }
    )


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished run, searched once; its function can be imported."""
    folder = tmp_path_factory.mktemp("original")
    (folder / f"{MODULE}.py").write_text("def score(architecture):\n    return architecture['depth']\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield start(recipe(4), folder / "run", progress=Progress(quiet=True)).folder


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    """A copy of it, which would go on to more trials."""
    folder = Path(shutil.copytree(original, tmp_path / "run"))
    (folder / "recipe.yaml").write_text(recipe(6).to_yaml())
    return folder


def test_the_run_would_go_on(sugata, run: Path) -> None:
    assert sugata("resume", run)[0] == 0
    assert len(Result(run).trials) == 6


def test_a_folder_that_another_process_uses(sugata, run: Path) -> None:
    before = (run / "journal.jsonl").read_bytes()
    command = [sys.executable, "-c", HOLDER, str(run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        outcome = sugata("resume", run)
        assert json.loads(sugata("status", run, "--json")[1])["running"]
        holder.communicate()
    code, out, err = outcome
    opening = f"  0:00  run in {run}\n"  # what a run says first
    _is_refused((code, out, err.removeprefix(opening)), f"{run}: in use by process {holder.pid}; wait for it")
    assert (run / "journal.jsonl").read_bytes() == before
    assert sugata("resume", run)[0] == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_a_journal_of_a_newer_version(sugata, run: Path, command: str) -> None:
    journal = run / "journal.jsonl"
    header, rest = journal.read_text().split("\n", 1)
    journal.write_text(json.dumps({**json.loads(header), "version": 99, "sugata": "9.0"}) + "\n" + rest)
    before = journal.read_bytes()
    _is_refused(sugata(command, run), "was written by sugata 9.0 (journal version 99, ")
    assert journal.read_bytes() == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_broken_line_in_the_middle_of_the_journal(sugata, run: Path, command: str) -> None:
    journal = run / "journal.jsonl"
    lines = journal.read_text().splitlines()
    lines[2] = lines[2][:10]
    journal.write_text("\n".join(lines) + "\n")
    before = journal.read_bytes()
    _is_refused(sugata(command, run), f"{journal}, line 3 is broken (")
    assert journal.read_bytes() == before


def test_a_full_disk(sugata, original: Path, tmp_path: Path) -> None:
    path, folder = tmp_path / "mine.yaml", tmp_path / "run"
    path.write_text(yaml.safe_dump(recipe(40).model_dump(mode="json")))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, hard))  # no file may become larger
    try:
        code, _, err = sugata("search", path, "--run-dir", folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 2
    assert [line for line in err.splitlines() if "rror" in line] == err.splitlines()[-1:]
    assert "no space left" in err.splitlines()[-1]
    assert f"sugata resume {folder}" in err.splitlines()[-1]
    assert 0 < len(Result(folder).trials) < 40
    assert sugata("resume", folder)[0] == 0
    assert len(Result(folder).trials) == 40


def _is_refused(outcome: tuple[int, str, str], said: str) -> None:
    code, out, err = outcome
    assert code == 2
    assert not out
    assert len(err.splitlines()) == 1
    assert err.startswith("error: ")
    assert said in err
