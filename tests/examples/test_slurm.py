"""The example job script, run with a Slurm, a Ray and a sugata that only write down how they are called."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "slurm_ray.sh"

# Each writes its name and arguments into calls.txt. The head listens, and a node blocks, as Ray's do; a
# search takes a while, until it is asked to end. srun runs what it is given.
PROGRAM = """#!{python}
import os, signal, socket, subprocess, sys, time
name, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
with open("calls.txt", "a") as file:
    file.write(repr([name, *arguments]) + "\\n")
if name == "hostname":
    print("127.0.0.1 10.0.0.1")
if name == "srun":
    start = next(i for i, argument in enumerate(arguments) if not argument.startswith("-"))
    sys.exit(subprocess.call(arguments[start:]))
if name == "ray":
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if "--head" in arguments:
        [port] = [argument.partition("=")[2] for argument in arguments if argument.startswith("--port=")]
        listening.bind(("127.0.0.1", int(port)))
        listening.listen()
    time.sleep(20)
if name == "sugata":
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(130))
    time.sleep(float(os.environ["SEARCH"]))
"""


class Job:
    """A job on two nodes, whose folder holds the programs and what was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("hostname", "srun", "ray", "sugata", "scontrol"):
            program = folder / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(PROGRAM.format(python=sys.executable))
            program.chmod(0o755)

    def start(self, *arguments: str, search: float = 2.0) -> "subprocess.Popen[bytes]":
        environment = os.environ | {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "SLURM_JOB_ID": str(_free_port() - 20000),
            "SLURM_JOB_NUM_NODES": "2",
            "SLURMD_NODENAME": "first",
            "SLURM_CPUS_PER_TASK": "16",
            "SEARCH": str(search),
        }
        return subprocess.Popen(
            ["bash", str(SCRIPT), *arguments], cwd=self.folder, env=environment, start_new_session=True
        )

    def calls(self, name: str) -> list[list[str]]:
        """The arguments that a program was called with, one list a call."""
        path = self.folder / "calls.txt"
        lines = [eval(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [arguments for called, *arguments in lines if called == name]


def _free_port() -> int:
    for port in range(20000 + os.getpid() % 5000, 30000):
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port")


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    return Job(tmp_path)


def test_bash_can_read_it() -> None:
    assert subprocess.run(["bash", "-n", SCRIPT], capture_output=True, text=True).stderr == ""


@pytest.mark.slow
def test_a_job_starts_a_cluster_and_a_search_on_it(job: Job) -> None:
    assert job.start("mine.yaml").wait(60) == 0
    head, other = job.calls("ray")
    assert "--head" in head
    [port] = [argument.partition("=")[2] for argument in head if argument.startswith("--port=")]
    assert f"--address=127.0.0.1:{port}" in other
    assert {"--num-cpus=16", "--num-gpus=0", "--block"} <= set(head) & set(other)
    [srun] = job.calls("srun")
    assert {"--nodes=1", "--ntasks=1", "--exclude=first"} <= set(srun)
    expected = shlex.split("search mine.yaml --run-dir runs/mine --engine ray --address auto")
    assert job.calls("sugata") == [expected]


@pytest.mark.slow
def test_a_job_that_runs_again_goes_on(job: Job) -> None:
    (job.folder / "runs" / "mine").mkdir(parents=True)
    (job.folder / "runs" / "mine" / "journal.jsonl").touch()
    assert job.start("mine.yaml").wait(60) == 0
    assert job.calls("sugata") == [shlex.split("resume runs/mine --engine ray --address auto")]
    assert job.calls("scontrol") == []


@pytest.mark.slow
def test_a_job_whose_time_is_up_ends_its_search_and_is_queued_again(job: Job) -> None:
    process = job.start("mine.yaml", "here", search=60)
    until = time.monotonic() + 60
    while not job.calls("sugata"):
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    [queued] = job.calls("scontrol")
    assert queued[0] == "requeue"


@pytest.mark.slow
def test_its_commands_are_understood(job: Job) -> None:
    job.start("mine.yaml").wait(60)
    (job.folder / "runs" / "mine").mkdir(parents=True)
    (job.folder / "runs" / "mine" / "journal.jsonl").touch()
    job.start("mine.yaml").wait(60)
    sugata, ray = "from sugata.cli import main", "from ray.scripts.scripts import main"
    calls = [(sugata, call) for call in job.calls("sugata")] + [(ray, call) for call in job.calls("ray")[:2]]
    assert len(calls) == 4
    for entry, arguments in calls:
        code = f"import sys; {entry}; sys.argv = {['x', *arguments, '--help']}; main()"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert "Usage:" in done.stdout
