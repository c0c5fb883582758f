"""Runs of a user's own function: going on, ending early, and everything that may be wrong with a folder."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import sugata
from sugata import recipe as recipes
from sugata.errors import DiskFullError, JournalError, RunFolderError
from sugata.run import Result, is_locked, report, resume

SCRIPT = """
import sys, time
import sugata

def score(architecture):
    time.sleep(float(sys.argv[3]))
    return architecture["depth"] * architecture["width"]

result = sugata.search(space={"depth": list(range(1, 21)), "width": list(range(1, 21))}, evaluate=score,
                       maximize="score", strategy="random", trials=int(sys.argv[1]),
                       run_dir=sys.argv[2], workers=WORKERS)
print("trials", len(result.trials))
"""


def score(architecture: dict[str, int]) -> float:
    """Larger is better."""
    return architecture["depth"] * architecture["width"]


def search(folder: Path, trials: int = 4, **given: object) -> Result:
    """A search in this process."""
    space = {"depth": [1, 2, 3, 4, 5], "width": [1, 2, 3, 4, 5]}
    options = {"space": space, "evaluate": score, "maximize": "score", "trials": trials, "workers": 0}
    return sugata.search(**{**options, "run_dir": folder, "quiet": True, **given})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, searched once."""
    return search(tmp_path_factory.mktemp("original") / "run").folder


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    """A copy of it, as `search` left it."""
    return Path(shutil.copytree(original, tmp_path / "run"))


def test_the_same_call_again_evaluates_nothing_again(run: Path) -> None:
    first = Result(run)
    journal, page = first.folder / "journal.jsonl", first.report
    before = journal.read_bytes(), page.stat().st_mtime_ns
    second = search(run)
    assert (journal.read_bytes(), page.stat().st_mtime_ns) == before
    assert second.trials.equals(first.trials)


def test_a_larger_budget_goes_on_where_the_search_ended(run: Path) -> None:
    first = Result(run)
    more = search(run, trials=7)
    assert len(more.trials) == 7
    assert more.trials[:4].equals(first.trials)
    assert len(search(run, trials=5).trials) == 7
    assert Result(run).recipe.budget.trials == 5


def test_another_recipe_in_the_same_folder_is_refused(run: Path) -> None:
    with pytest.raises(RunFolderError, match="holds another run"):
        search(run, seed=1)


def test_fields_that_are_newer_than_a_run_do_not_keep_it_from_going_on(run: Path) -> None:
    journal = run / "journal.jsonl"
    header, rest = journal.read_text().split("\n", 1)
    recorded = json.loads(header)
    del recorded["same"]["choices"]
    journal.write_text(json.dumps(recorded) + "\n" + rest)
    assert len(search(run, trials=5).trials) == 5


def test_a_folder_in_use_is_refused_and_seen(run: Path) -> None:
    assert not is_locked(run)
    with (run / ".lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert is_locked(run)
        with pytest.raises(RunFolderError, match=f"in use by process {os.getpid()}"):
            search(run, trials=9)


def test_a_journal_of_a_newer_version_is_refused(run: Path) -> None:
    journal = run / "journal.jsonl"
    header, rest = journal.read_text().split("\n", 1)
    journal.write_text(json.dumps({**json.loads(header), "version": 99, "sugata": "9.0"}) + "\n" + rest)
    with pytest.raises(JournalError, match=r"written by sugata 9\.0"):
        search(run)


def test_a_broken_line_in_the_middle_is_named(run: Path) -> None:
    journal = run / "journal.jsonl"
    lines = journal.read_text().splitlines()
    lines[2] = lines[2][:10]
    journal.write_text("\n".join(lines) + "\n")
    for use in (lambda: search(run), lambda: Result(run)):
        with pytest.raises(JournalError, match="line 3 is broken"):
            use()


def test_a_torn_last_line_is_forgotten(run: Path) -> None:
    first = Result(run)
    with (first.folder / "journal.jsonl").open("a") as file:
        file.write('{"event": "no')
    assert search(run, trials=6).trials[:4].equals(first.trials)


def test_a_run_of_a_function_that_cannot_be_imported_says_how_to_go_on(run: Path) -> None:
    with pytest.raises(RunFolderError, match="run the same script again with run_dir"):
        resume(run)


def test_an_importable_function_is_resumed_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_to_import.py").write_text(
        "def score(architecture):\n    return architecture['depth']\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    search(tmp_path / "run", trials=2, evaluate="mine_to_import:score")
    changed = recipes.load(tmp_path / "run" / "recipe.yaml", {"budget.trials": 6})
    (tmp_path / "run" / "recipe.yaml").write_text(changed.to_yaml())
    assert len(resume(tmp_path / "run").trials) == 6


@pytest.mark.slow
def test_no_space_left_is_one_line_and_the_run_goes_on(tmp_path: Path) -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))\n" + SCRIPT
    done = _script(limited, tmp_path, "300")
    assert done.returncode == 1
    assert "DiskFullError" in done.stderr
    assert "no space left on the disk" in done.stderr.splitlines()[-1]
    finished = len(Result(tmp_path / "run").trials)
    assert 0 < finished < 300
    done = _script(SCRIPT, tmp_path, str(finished + 20))  # more than were pending
    assert done.stdout.split() == ["trials", str(finished + 20)], done.stderr


def test_a_full_disk_in_the_function_ends_the_search_and_fails_no_trial(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.touch()

    def writes(architecture: dict[str, int]) -> float:
        if full.exists() and architecture["depth"] == 3:
            raise OSError(28, "No space left on device", "somewhere")
        return architecture["depth"]

    with pytest.raises(DiskFullError, match="free some, then run the same script"):
        search(tmp_path / "run", trials=25, evaluate=writes)
    assert not is_locked(tmp_path / "run")
    full.unlink()
    result = search(tmp_path / "run", trials=25, evaluate=writes)
    assert set(result.trials["status"]) == {"completed"}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_kill_loses_nothing(tmp_path: Path, workers: int) -> None:
    process = _start(tmp_path, "400", "0.05", workers)
    _wait_for(lambda: _told(tmp_path) >= 3)
    process.kill()
    process.communicate()
    before = Result(tmp_path / "run").trials
    done = _script(SCRIPT, tmp_path, str(len(before) + 4), workers=workers)
    assert done.returncode == 0, done.stderr
    after = Result(tmp_path / "run").trials
    assert len(after) >= len(before) + 4
    assert after[: len(before)].equals(before)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_ctrl_c_ends_with_one_line_and_nothing_is_lost(tmp_path: Path, workers: int) -> None:
    process = _start(tmp_path, "400", "0.05", workers)
    _wait_for(lambda: _told(tmp_path) >= 3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert "interrupted; run the same script again with run_dir=" in err
    assert "KeyboardInterrupt" in err.splitlines()[-1]
    before = Result(tmp_path / "run").trials
    assert len(before) >= 3
    assert report(tmp_path / "run").is_file()
    done = _script(SCRIPT, tmp_path, str(len(before) + 4), workers=workers)
    assert done.returncode == 0, done.stderr
    after = Result(tmp_path / "run").trials
    assert len(after) >= len(before) + 4
    assert after[: len(before)].equals(before)


def _script(
    text: str, folder: Path, trials: str, seconds: str = "0", workers: int = 0
) -> subprocess.CompletedProcess[str]:
    command = _command(text, folder, trials, seconds, workers)
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def _start(folder: Path, trials: str, seconds: str, workers: int) -> subprocess.Popen[str]:
    command = _command(SCRIPT, folder, trials, seconds, workers)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _command(text: str, folder: Path, trials: str, seconds: str, workers: int) -> list[str]:
    program = text.replace("WORKERS", str(workers))
    return [sys.executable, "-c", program, trials, str(folder / "run"), seconds]


def _told(folder: Path) -> int:
    try:
        return (folder / "run" / "journal.jsonl").read_text().count('"event": "tell"')
    except FileNotFoundError:
        return 0


def _wait_for(condition: object, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until
        time.sleep(0.05)
