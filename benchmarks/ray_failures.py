"""Does a search on a cluster survive whatever is killed? Real Ray, several node processes on this machine.

    python benchmarks/ray_failures.py

Kills with signal 9, in one search after the other: a worker process, an actor of the engine, a whole node,
and the driver, which is then resumed. Prints what happened and whether the promises held: *always*, no
finished trial is lost, altered or run again; *in deterministic mode*, the trials are those of a search that
nothing disturbed, one by one. Exit code 1 if not.
"""

import argparse
import random
import subprocess
import sys
import textwrap
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from _common import statement
from _ray_nodes import Cluster, cluster, until

from sugata.errors import JournalError
from sugata.journal import read
from sugata.trial import Trial

TRIALS = 100
_STARTED = time.monotonic()
_FUNCTION = """
    import time

    def loss(architecture, context):
        with open("EVALUATIONS", "a") as file:
            file.write(context.folder.name + "\\n")
        for step in range(4):
            time.sleep(0.03 + 0.01 * (architecture["a"] * 7 % 5))
            context.report(step, context.seed % 97)
        return abs(architecture["a"] - 7.3) + abs(architecture["b"] - 11.1) + context.seed % 97 / 1000
"""
_RECIPE = f"""
    name: failures
    task: null
    evaluate: own_loss:loss
    space: {{a: {list(range(20))}, b: {list(range(20))}}}
    objectives: {{metrics: [loss]}}
    strategy: {{kind: evolution, population: 8}}
    funnel: [{{name: small, amount: 1, unit: steps, keep: 0.5}}, {{name: full, amount: 2, unit: steps}}]
    promote_by: loss
    budget: {{trials: {TRIALS}}}
"""


@dataclass
class Search:
    """A search by the command line, in a folder of its own.

    Attributes:
        kept: what was finished when it was last looked at.
        begun: how often each of those had been begun by then.
    """

    folder: Path
    engine: list[str]
    deterministic: bool
    kept: dict[int, Trial] = field(default_factory=dict)
    begun: Counter[int] = field(default_factory=Counter)
    driver: "subprocess.Popen[bytes] | None" = None

    def start(self) -> "subprocess.Popen[bytes]":
        """Begin, or go on where it was left."""
        self.folder.mkdir(exist_ok=True)
        function = textwrap.dedent(_FUNCTION).replace("EVALUATIONS", str(self.folder / "evaluations.txt"))
        (self.folder / "own_loss.py").write_text(function)
        (self.folder / "recipe.yaml").write_text(textwrap.dedent(_RECIPE))
        settings = ["--set", f"engine.deterministic={str(self.deterministic).lower()}"]
        command = ["search", "recipe.yaml", "--run-dir", "run", *self.engine, *settings]
        if self.journal.exists():
            command = ["resume", "run"]
        code = f"import sys; from sugata.cli import main; sys.argv = ['sugata', *{command}]; main()"
        self.driver = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=self.folder,
            stdout=self.log.open("a"),
            stderr=subprocess.STDOUT,
        )
        return self.driver

    @property
    def log(self) -> Path:
        """What it has printed."""
        return self.folder / "printed.txt"

    @property
    def journal(self) -> Path:
        """Where its events are."""
        return self.folder / "run" / "journal.jsonl"

    def says(self, words: str, times: int) -> None:
        """Wait until it has printed something so often, or has ended."""
        assert self.driver is not None
        driver = self.driver
        until(lambda: self.log.read_text().count(words) >= times or driver.poll() is not None)

    def trials(self) -> list[Trial]:
        """What was told, in order; nothing while its first line is being written."""
        try:
            return read(self.journal).trials
        except JournalError:
            return []

    def finished(self) -> dict[int, Trial]:
        """What has a result."""
        record = read(self.journal)
        return {trial.number: trial for trial in record.trials + record.finished}

    def evaluations(self) -> Counter[int]:
        """How often each trial was begun."""
        path = self.folder / "evaluations.txt"
        return Counter(map(int, path.read_text().split())) if path.exists() else Counter()

    def reaches(self, trials: int) -> None:
        """Wait until so many trials were told."""
        until(lambda: len(self.trials()) >= trials or (self.driver and self.driver.poll() is not None))

    def keep(self) -> None:
        """Note what must never change from now on."""
        self.kept = self.finished()
        evaluations = self.evaluations()
        self.begun = Counter({number: evaluations[number] for number in self.kept})

    def broken(self) -> list[str]:
        """Which of the promises that always hold does not."""
        finished, evaluations = self.finished(), self.evaluations()
        found = [f"trial {n} was lost" for n in self.kept if n not in finished]
        found += [f"trial {n} was altered" for n, t in self.kept.items() if finished.get(n, t) != t]
        found += [f"trial {n} was run again" for n, count in self.begun.items() if evaluations[n] != count]
        return found


def sequence(trials: list[Trial]) -> list[Any]:
    """All of the trials that may not depend on where and when they ran."""
    return [(trial.proposal, trial.status, trial.metrics, trial.curve) for trial in trials]


def disturb(search: Search, nodes: Cluster, seed: int = 0) -> list[str]:
    """Run a search to its end, and kill one thing after the other meanwhile; what was promised and broken."""
    rng = random.Random(seed)
    broken: list[str] = []
    driver = search.start()
    search.reaches(5)
    search.keep()
    victim = rng.choice(until(nodes.workers))
    victim.kill()
    say(f"killed worker process {victim.pid} after {len(search.kept)} finished trials")
    search.reaches(12)
    broken += search.broken()
    search.keep()
    victim = rng.choice(until(nodes.agents))
    victim.kill()
    say(f"killed the actor of a node, process {victim.pid}, after {len(search.kept)} finished trials")
    search.says("has joined", 4)
    say("the node has a new one")
    search.reaches(19)
    broken += search.broken()
    search.keep()
    say(f"killed a whole node, its raylet {nodes.kill(-1)}, after {len(search.kept)} finished trials")
    search.says("was lost", 2)
    say("the driver has noticed")
    nodes.add()
    search.says("has joined", 5)
    say("another node has joined")
    search.reaches(27)
    broken += search.broken()
    driver.kill()
    driver.wait()
    search.keep()
    say(f"killed the driver {driver.pid} after {len(search.kept)} finished trials; resuming")
    driver = search.start()
    driver.wait(300)
    quote(search.log.read_text())
    if driver.returncode:
        broken.append(f"the resumed search ended with exit code {driver.returncode}")
    broken += search.broken()
    charged = [trial for trial in search.trials() if not trial.cached]
    if len(charged) != TRIALS or read(search.journal).pending:
        broken.append(f"{len(charged)} trials were told, {len(read(search.journal).pending)} are pending")
    broken += [f"trial {trial.number} {trial.status}: {trial.reason}" for trial in charged if not trial.ok]
    again = sum(count > 1 for count in search.evaluations().values())
    say(f"{len(charged)} trials, {again} of them begun more than once; promises broken: {broken or 'none'}")
    return broken


def say(line: str) -> None:
    """Print with the seconds since the start."""
    print(f"{time.monotonic() - _STARTED:6.1f}  {line}", flush=True)


def quote(text: str) -> None:
    """Print what the search said of nodes and its end."""
    for line in text.splitlines():
        if "node " in line or "ends:" in line or "error" in line or "Traceback" in line:
            print(f"        | {line.strip()}", flush=True)


def compared(killed: Search, whole: Search, nodes: Cluster) -> list[str]:
    """A deterministic search that is disturbed, beside one that is not; what is broken."""
    broken = disturb(killed, nodes)
    assert whole.driver is not None
    if whole.driver.wait(300):
        return [*broken, f"the undisturbed search ended with exit code {whole.driver.returncode}"]
    pairs = zip_longest(sequence(killed.trials()), sequence(whole.trials()))
    different = [(ours, other) for ours, other in pairs if ours != other]
    for ours, other in different[:1]:
        say(f"first difference: {ours}\n    undisturbed: {other}")
    equal = not different
    say(f"trial for trial equal to an undisturbed search of one process: {'yes' if equal else 'NO'}")
    return broken if equal else [*broken, "the sequence of trials differs"]


def main() -> None:
    """Both modes."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    for what, fact in statement(["ray"]).items():
        print(f"{what}: {fact}")
    with TemporaryDirectory(prefix="sugata-failures-") as name:
        folder = Path(name)
        whole = Search(folder / "whole", ["--set", "engine.workers=1"], deterministic=True)
        whole.start()
        with cluster(head_cpus=1, others=2) as nodes:
            say(f"a Ray cluster of {len(nodes.nodes)} nodes at {nodes.address}")
            engine = ["--engine", "ray", "--address", nodes.address]
            print("\ndeterministic mode", flush=True)
            broken = compared(Search(folder / "killed", engine, deterministic=True), whole, nodes)
            print("\ndefault mode", flush=True)
            broken += disturb(Search(folder / "default", engine, deterministic=False), nodes, seed=1)
    print("\n" + ("all promises held" if not broken else "BROKEN: " + "; ".join(broken)))
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
