"""The two promises of the journal, held against kill -9 at random moments."""

import random
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from sugata.journal import Record, read
from sugata.trial import Trial

TRIALS = 30
MOST_KILLS = 5

SCRIPT = """
    import sys, time
    from pathlib import Path
    from sugata.engines import open_engine
    from sugata.evaluators import FunctionEvaluator
    from sugata.journal import Journal
    from sugata.loop import Budget, search
    from sugata.objectives import Objectives
    from sugata.space import DictionarySpace
    from sugata.strategies import Evolution, Funnel, RandomSearch, Rung
    from sugata.trial import Fidelity, Metric

    folder, strategy, workers, deterministic = Path(sys.argv[1]), *map(int, sys.argv[2:])

    def evaluate(architecture, context):
        with (folder / "evaluations.txt").open("a") as file:
            file.write(context.folder.name + "\\n")
        time.sleep(0.005 + 0.03 * ((architecture["a"] * 7) % 5) / 4)
        with context.exclusive():
            context.report(1, context.seed)
        return abs(architecture["a"] - 7.3) + abs(architecture["b"] - 11.1)

    loss = Metric("loss")
    space, objectives = DictionarySpace({"a": list(range(20)), "b": list(range(20))}), Objectives((loss,))
    if strategy:
        inner = Evolution(space, objectives, population=8, generations=100)
        rungs = [Rung(Fidelity(0, "small", 1.0), keep=0.5), Rung(Fidelity(1, "full", 2.0))]
        searched = Funnel(inner, rungs, by="loss")
    else:
        searched = RandomSearch(space, objectives)
    evaluator = FunctionEvaluator(evaluate, [loss])
    path = folder / "journal.jsonl"
    with Journal.open(path) if path.exists() else Journal.create(path, {}) as journal:
        with open_engine(evaluator, workers, retries=9) as engine:
            search(
                searched,
                evaluator,
                engine,
                journal,
                space=space,
                folder=folder / "trials",
                feasible=lambda architecture: "odd" if architecture["b"] % 7 == 3 else None,
                budget=Budget(trials=TRIALS),
                deterministic=bool(deterministic),
            )
"""


class Search:
    """A search in a process of its own, in a folder."""

    def __init__(self, folder: Path, strategy: int, workers: int, deterministic: bool) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        (folder / "script.py").write_text(textwrap.dedent(SCRIPT).replace("TRIALS", str(TRIALS)))
        self.command = [sys.executable, "script.py", str(folder), str(strategy), str(workers)]
        self.command.append(str(int(deterministic)))

    def start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self.command, cwd=self.folder)

    @property
    def journal(self) -> Path:
        return self.folder / "journal.jsonl"

    def size(self) -> int:
        return self.journal.stat().st_size if self.journal.exists() else 0

    def record(self) -> Record:
        return read(self.journal)

    def evaluations(self) -> Counter[int]:
        """How often each trial was begun."""
        path = self.folder / "evaluations.txt"
        return Counter(map(int, path.read_text().split())) if path.exists() else Counter()


def known(record: Record) -> dict[int, Trial]:
    return {trial.number: trial for trial in record.trials + record.finished}


def sequence(record: Record) -> list[Any]:
    return [(trial.proposal, trial.status, trial.metrics, trial.curve) for trial in record.trials]


def kill_until_done(search: Search, rng: random.Random) -> int:
    """Run the search, killing it or one of its workers again and again; check promises. Returns the kills."""
    finished: dict[int, Trial] = {}
    begun: Counter[int] = Counter()
    kills = 0
    process = search.start()
    size = search.size()
    while process.poll() is None:
        if search.size() == size or kills == MOST_KILLS:
            time.sleep(0.005)  # it has not got anywhere yet: a kill would be wasted
            continue
        time.sleep(rng.uniform(0.0, 0.6))
        workers = psutil.Process(process.pid).children() if process.poll() is None else []
        kills += 1
        size = search.size()
        if workers and rng.random() < 0.3:
            rng.choice(workers).kill()
            continue
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert not alive, "workers outlive the search"
        record = search.record()
        assert {number: known(record).get(number) for number in finished} == finished, "lost or altered"
        evaluations = search.evaluations()
        assert {number: evaluations[number] for number in finished} == begun, "run again"
        finished = known(record)
        begun = Counter({number: evaluations[number] for number in finished})
        process = search.start()
        size = search.size()
    assert process.returncode == 0
    assert {number: known(search.record()).get(number) for number in finished} == finished
    return kills


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "workers"), [(0, 2), (1, 1), (1, 2), (1, 3)])
def test_a_killed_deterministic_search_equals_the_uninterrupted_one(
    tmp_path: Path, strategy: int, workers: int
) -> None:
    uninterrupted = Search(tmp_path / "whole", strategy, workers=0, deterministic=True)
    assert uninterrupted.start().wait(60) == 0
    search = Search(tmp_path / "killed", strategy, workers, deterministic=True)
    assert kill_until_done(search, random.Random(workers)) >= 2
    assert sequence(search.record()) == sequence(uninterrupted.record())


@pytest.mark.slow
def test_a_killed_search_loses_alters_and_repeats_nothing(tmp_path: Path) -> None:
    search = Search(tmp_path, strategy=1, workers=2, deterministic=False)
    assert kill_until_done(search, random.Random(0)) >= 2
    record = search.record()
    charged = [trial for trial in record.trials if not trial.cached and trial.status != "refused"]
    assert len(charged) == TRIALS
    assert record.pending == []
