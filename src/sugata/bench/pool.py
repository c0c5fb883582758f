"""Worker processes of a benchmark: each has one search at a time, and one thread."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from selectors import EVENT_READ, DefaultSelector
from typing import Any

from sugata.bench.replay import Replay
from sugata.bench.tasks import Job
from sugata.errors import TaskError


class Pool:
    """Replays searches on several processes; a context manager that leaves none behind."""

    def __init__(self, workers: int) -> None:
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        command = [sys.executable, "-m", "sugata.bench.worker"]
        self._processes = [
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment
            )
            for _ in range(workers)
        ]

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()

    def run(self, jobs: list[Job]) -> Iterator[tuple[Job, Replay | str]]:
        """Results as they come: a replay, or why there is none.

        Jobs that are taken off the list meanwhile are not run.

        Raises:
            TaskError: a worker died.
        """
        jobs.reverse()
        with DefaultSelector() as selector:
            running: dict[int, Job] = {}
            for process in self._processes:
                assert process.stdout is not None
                selector.register(process.stdout, EVENT_READ, process)
                if jobs:
                    running[process.pid] = self._send(process, jobs.pop())
            while running:
                for key, _ in selector.select():
                    process = key.data
                    line = process.stdout.readline()
                    if not line:
                        raise TaskError(f"a benchmark worker died (exit code {process.wait()})")
                    yield running.pop(process.pid), _answer(json.loads(line))
                    if jobs:
                        running[process.pid] = self._send(process, jobs.pop())

    @staticmethod
    def _send(process: "subprocess.Popen[str]", job: Job) -> Job:
        assert process.stdin is not None
        process.stdin.write(json.dumps(job.to_json()) + "\n")
        process.stdin.flush()
        return job


def _answer(data: dict[str, Any]) -> Replay | str:
    if "error" in data:
        return str(data["error"])
    found = data["replay"]
    curve = tuple((x, y) for x, y in found["curve"])
    return Replay(**{**found, "curve": curve, "times": tuple(found["times"])})
