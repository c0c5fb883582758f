"""Worker processes of a benchmark: each has one search at a time, and one thread."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from selectors import EVENT_READ, DefaultSelector
from typing import Any

from sugata.bench.replay import Replay
from sugata.bench.tasks import Job


class Pool:
    """Replays searches on several processes; a context manager that leaves none behind.

    A process that dies is replaced and its search repeated, once.
    """

    def __init__(self, workers: int) -> None:
        self._processes = [_started() for _ in range(workers)]

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            _closed(process)

    def run(self, jobs: list[Job]) -> Iterator[tuple[Job, Replay | str]]:
        """Results as they come: a replay, or why there is none.

        Jobs that are taken off the list meanwhile are not run.
        """
        jobs.reverse()
        died: list[Job] = []
        with DefaultSelector() as selector:
            running: dict[int, Job] = {}

            def next_job(place: int) -> None:
                if jobs:
                    running[place] = jobs.pop()
                    _send(self._processes[place], running[place])

            for place in range(len(self._processes)):
                self._watch(selector, place)
                next_job(place)
            while running:
                for key, _ in selector.select():
                    place = key.data
                    line = key.fileobj.readline()  # type: ignore[union-attr]
                    if line:
                        yield running.pop(place), _answer(json.loads(line))
                    else:
                        code = self._replace(selector, place)
                        job = running.pop(place)
                        if job in died:
                            yield job, f"its process died twice (exit code {code})"
                        else:
                            died.append(job)
                            jobs.append(job)
                    next_job(place)

    def _watch(self, selector: DefaultSelector, place: int) -> None:
        output = self._processes[place].stdout
        assert output is not None
        selector.register(output, EVENT_READ, place)

    def _replace(self, selector: DefaultSelector, place: int) -> int:
        """Start another process in the place of one that died; the exit code of that."""
        dead = self._processes[place]
        assert dead.stdout is not None
        selector.unregister(dead.stdout)
        code = _closed(dead)
        self._processes[place] = _started()
        self._watch(selector, place)
        return code


def _started() -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    command = [sys.executable, "-m", "sugata.bench.worker"]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment
    )


def _closed(process: "subprocess.Popen[str]") -> int:
    code = process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()
    return code


def _send(process: "subprocess.Popen[str]", job: Job) -> None:
    """Give a process its next job; one that is dead shows by the end of its output."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps(job.to_json()) + "\n")
        process.stdin.flush()


def _answer(data: dict[str, Any]) -> Replay | str:
    if "error" in data:
        return str(data["error"])
    found = data["replay"]
    curve = tuple((x, y) for x, y in found["curve"])
    return Replay(**{**found, "curve": curve, "times": tuple(found["times"])})
