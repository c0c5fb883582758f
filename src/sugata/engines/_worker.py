"""What a worker process runs: ``python -m sugata.engines._worker``, started by the local engine only.

A fresh interpreter instead of a fork or multiprocessing's spawn: torch's threads do not survive a fork, and
spawn imports the user's main module anew, which neither notebooks nor scripts without a ``__main__`` guard
survive. The evaluator comes by cloudpickle, which carries functions of ``__main__`` along.
"""

import argparse
import contextlib
import ctypes
import faulthandler
import gc
import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sugata.engines.base import Job
from sugata.engines.evaluation import LOG, TrialContext, encode, evaluate, one_line
from sugata.engines.messages import read_bytes, send_json
from sugata.engines.pickling import load
from sugata.errors import DiskFullError
from sugata.evaluators import Evaluation, Evaluator
from sugata.journal import NO_SPACE
from sugata.parent import die_with
from sugata.trial import Status

_SECONDS_BETWEEN_REPORTS = 0.1


class Worker:
    """Takes jobs from one pipe, sends what happens to another."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._sending = threading.Lock()
        self._jobs: queue.Queue[Job] = queue.Queue()
        self._granted = threading.Event()
        self._holds = 0
        self._context: TrialContext | None = None
        self._number = -1
        self._reported = 0.0

    def run(self, evaluator: Evaluator) -> None:
        """Evaluate jobs until the engine is gone."""
        threading.Thread(target=self._listen, daemon=True).start()
        self.send("ready")
        while True:
            self._evaluate(evaluator, self._jobs.get())

    def send(self, kind: str, **data: Any) -> None:
        """Send a message to the engine."""
        with self._sending:
            send_json(self._outgoing, {"kind": kind, **data})

    def _evaluate(self, evaluator: Evaluator, job: Job) -> None:
        self._number, self._reported = job.number, 0.0
        self._context = TrialContext(job.seed, job.folder, job.source, job.trained, self._report, self._slot)
        self.send("started", number=job.number)
        try:
            with _output_to(job.folder):
                evaluation = evaluate(evaluator, job, self._context)
        except DiskFullError as error:
            self.send("full", reason=one_line(error))
            return
        except OSError as error:  # the log cannot be written
            if error.errno in NO_SPACE:
                self.send("full", reason=f"{job.folder}: no space left; free some")
                return
            evaluation = Evaluation(Status.FAILED, reason=one_line(error))
        self._context = None
        _give_memory_back()
        self.send("done", number=job.number, evaluation=encode(evaluation))

    def _report(self, step: float, value: float) -> None:
        now = time.monotonic()
        if now - self._reported >= _SECONDS_BETWEEN_REPORTS:
            self._reported = now
            self.send("report", number=self._number, step=step, value=value)

    @contextlib.contextmanager
    def _slot(self) -> Iterator[None]:
        if self._holds == 0:
            self._granted.clear()
            self.send("exclusive")
            self._granted.wait()
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            if self._holds == 0:
                self.send("release")

    def _listen(self) -> None:
        """Receive messages beside the evaluation; end the process when the engine is gone."""
        while (content := read_bytes(self._incoming)) is not None:
            kind, payload = pickle.loads(content)
            if kind == "job":
                self._jobs.put(payload)
            elif kind == "granted":
                self._granted.set()
            elif kind == "stop" and self._context and self._number == payload:
                self._context.stopping = True
        os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Set the process up, load the evaluator, work."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--evaluator", type=int, required=True, help="descriptor of the pickled evaluator")
    parser.add_argument("--results", type=int, required=True, help="descriptor to write messages to")
    arguments = parser.parse_args()
    die_with(arguments.parent)
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    incoming = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.set_inheritable(arguments.results, False)
    worker = Worker(incoming, arguments.results)
    try:
        evaluator = load(arguments.evaluator)
    except BaseException as error:
        worker.send("unfit", reason=one_line(error))
        raise
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    worker.run(evaluator)


def _give_memory_back() -> None:
    """Return to the system what the trial has freed, so that the next one is not blamed for it."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another C library than glibc
            ctypes.CDLL(None).malloc_trim(0)


@contextlib.contextmanager
def _output_to(folder: Path) -> Iterator[None]:
    """Send what is printed, by Python or by anything below it, to the trial's log."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = os.dup(1), os.dup(2)
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        for descriptor, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)


if __name__ == "__main__":
    main()
