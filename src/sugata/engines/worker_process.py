"""One worker process as the engine sees it."""

import contextlib
import math
import os
import pickle
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

import sugata.engines
from sugata.engines.base import Job
from sugata.engines.messages import Inbox, send_bytes

#: What tells libraries how many threads to use.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
# One thread a worker. And glibc keeps what was freed: by default every large buffer of a training step is
# mapped and unmapped anew, and each of its pages faulted in again. In huge pages the processor finds them
# faster: a step of a small language model takes 5 % less time.
_ENVIRONMENT = {
    **dict.fromkeys(THREADS, "1"),
    "TOKENIZERS_PARALLELISM": "false",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 26),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
_SECONDS_BETWEEN_CENSUSES = 2.0  # of its children: that reads the state of every process of the machine


class WorkerProcess:
    """A process, its pipes, the job it has and the clock of that job.

    Attributes:
        ready: it has loaded the evaluator.
        job: what it works on.
    """

    def __init__(self, evaluator: int, environment: dict[str, str]) -> None:
        """Start the process.

        Args:
            evaluator: descriptor of a file with the pickled import path and evaluator.
            environment: what this worker's environment has besides the common settings.
        """
        self.ready = False
        self.job: Job | None = None
        self._born = time.monotonic()
        self._started: float | None = None
        self._paused_at: float | None = None
        self._paused = 0.0
        # No file name: nothing stays behind. Whatever is printed outside of a trial ends up here.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end
        receiving, sending = os.pipe()
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    *("-m", "sugata.engines._worker", "--parent", str(os.getpid())),
                    *("--evaluator", str(evaluator), "--results", str(sending)),
                ],
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=self._output,
                pass_fds=(evaluator, sending),
                env=os.environ | import_path() | _ENVIRONMENT | environment,
                process_group=0,  # the keyboard's Ctrl-C is for the engine; its own children belong to it
            )
        finally:
            os.close(sending)
        self.inbox = Inbox(receiving)
        self._statistics = psutil.Process(self._process.pid)
        self._family = [self._statistics]
        self._family_at = -math.inf

    def start(self, job: Job) -> None:
        """Give it a job."""
        self.job, self._started = job, None
        self.send("job", job)

    def began(self) -> None:
        """The worker has begun with its job: its clock starts."""
        self._started, self._paused = time.monotonic(), 0.0

    def send(self, kind: str, payload: Any = None) -> None:
        """Send a message; a worker that is gone is noticed elsewhere."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            send_bytes(self._process.stdin.fileno(), pickle.dumps((kind, payload)))

    def pause(self) -> None:
        """Stop the process and its children where they are."""
        if self._paused_at is None:
            self._paused_at = time.monotonic()
            self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        if self._paused_at is not None:
            self._paused += time.monotonic() - self._paused_at
            self._paused_at = None
            self._signal(signal.SIGCONT)

    @property
    def seconds(self) -> float:
        """How long the job has been running, without pauses."""
        if self._started is None:
            return 0.0
        until = time.monotonic() if self._paused_at is None else self._paused_at
        return until - self._started - self._paused

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._born

    @property
    def paused(self) -> bool:
        """Whether it is stopped."""
        return self._paused_at is not None

    @property
    def memory(self) -> int:
        """Resident bytes of the process and its children."""
        try:
            if time.monotonic() - self._family_at > _SECONDS_BETWEEN_CENSUSES:
                self._family = [self._statistics, *self._statistics.children(recursive=True)]
                self._family_at = time.monotonic()
            return sum(process.memory_info().rss for process in self._family)
        except psutil.Error:  # one of them has ended
            self._family_at = -math.inf
            return 0

    @property
    def dead(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def end(self, patience: float = 0.0) -> str:
        """Make sure that it is gone, with its children, and say how it ended.

        Args:
            patience: seconds that it may take to end by itself: its pipe may close before it is gone.
        """
        if patience and not self.dead:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        by_itself = self.dead
        self._signal(signal.SIGKILL)
        code = self._process.wait()
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        os.close(self.inbox.descriptor)
        last = self._last_line()
        self._output.close()
        if not by_itself:
            return "was ended"
        if code >= 0:
            return f"ended with exit code {code}" + (f": {last}" if last else "")
        hint = ", perhaps by the system for want of memory" if code == -signal.SIGKILL else ""
        return f"was killed by signal {-code} ({_signal_name(-code)}{hint})"

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _last_line(self) -> str:
        self._output.seek(0)
        lines = self._output.read()[-2000:].decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


def import_path() -> dict[str, str]:
    """Where the worker finds this package, if it is not installed: its own path is set up only later."""
    package = str(Path(sugata.engines.__file__).parents[2])
    if package in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        return {}
    return {"PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
