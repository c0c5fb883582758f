"""The Ray engine's actor on a node: the local engine at work there, at the driver's command."""

import contextlib
import os
import queue
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sugata.engines.base import Job, Outcome
from sugata.engines.evaluation import encode, one_line
from sugata.engines.folders import TooLarge, packed, unpack
from sugata.engines.local import LocalEngine
from sugata.engines.pickling import Unsendable, found_also_here, in_file
from sugata.engines.ray_cluster import sharing
from sugata.engines.worker_process import THREADS, import_path
from sugata.errors import DiskFullError, SugataError
from sugata.evaluators import Evaluation
from sugata.trial import Status

_SECONDS_TO_COLLECT = 0.1  # reports that can wait are sent together

Event = dict[str, Any]


@dataclass(frozen=True)
class Terms:
    """What a node is asked to do.

    Attributes:
        slots: trials at a time.
        cpus: threads of each.
        gpus: GPUs of each; below 1, so many trials share one.
        memory, timeout, retries: as the local engine takes them.
        working_folder: the driver's; relative paths start there where the node has it.
        prepare: the evaluator prepares something on each machine, and this one is not the driver's.
    """

    slots: int
    cpus: float
    gpus: float
    memory: int | None
    timeout: float | None
    retries: int
    working_folder: Path
    prepare: bool


@dataclass(frozen=True)
class Order:
    """A job for a node.

    Attributes:
        ticket: the driver's name for this attempt at the trial.
        probe: a file beside the trial's folder: a node that sees it shares the driver's file system.
        files: those of the job's source, for a node that does not.
    """

    ticket: int
    job: Job
    probe: Path
    files: dict[str, bytes] | None = None


class NodeAgent:
    """Runs the node's share of the trials in worker processes of its own, and says what becomes of them.

    Everything is as on one machine, since a local engine does it: one thread a worker, limits of time and
    memory, early stops, logs, and the exclusive slot, in which the node's other workers stand still. Ray
    calls `tell` and `hear` in threads of their own; the engine lives in a third, whose end would be the end
    of its workers too. A node without the driver's file system trains in a folder of its own, and sends what
    is in it back with the result.
    """

    def __init__(self, evaluator: bytes, terms: Terms) -> None:
        self._evaluator = found_also_here(evaluator)
        self._terms = terms
        self._engine: LocalEngine | None = None
        self._commands: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._events: list[Event] = []
        self._urgent = False
        self._changed = threading.Condition()
        self._go_on = threading.Event()
        self._orders: dict[int, Order] = {}  # by trial
        self._scratch: TemporaryDirectory[str] | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    # -- called by the driver ---------------------------------------------------------------------

    def tell(self, command: str, argument: Any = None) -> None:
        """Order something: ``submit``, ``kill``, ``stop``, ``pause``, ``go_on`` or ``close``."""
        if command in ("go_on", "close"):
            self._go_on.set()
        self._commands.put((command, argument))
        if self._engine:
            with contextlib.suppress(OSError):  # it is closed
                self._engine.ring()

    def hear(self, seconds: float) -> list[Event]:
        """Events, as soon as there are any; none after so many seconds, as a sign of life."""
        with self._changed:
            self._changed.wait_for(lambda: self._events, seconds)
            if self._events:
                self._changed.wait_for(lambda: self._urgent, _SECONDS_TO_COLLECT)
            events, self._events, self._urgent = self._events, [], False
            return events

    def close(self) -> None:
        """End all workers."""
        self.tell("close")
        self._thread.join()
        if self._scratch:
            self._scratch.cleanup()

    # -- the thread of the engine -----------------------------------------------------------------

    def _work(self) -> None:
        try:
            with contextlib.suppress(OSError):
                os.chdir(self._terms.working_folder)
            if self._terms.prepare:
                self._prepare()
            with LocalEngine(
                self._evaluator,
                self._terms.slots,
                memory=self._terms.memory,
                timeout=self._terms.timeout,
                retries=self._terms.retries,
                environments=environments(self._terms, _devices() if self._terms.gpus else []),
            ) as engine:
                engine.progress = self._report
                engine.start()
                self._say("ready")
                self._engine = engine
                while self._obey(engine):
                    for outcome in engine.wait():
                        self._finished(outcome)
        except DiskFullError as error:
            self._say("full", reason=str(error))
        except Unsendable as error:
            self._say("unfit", reason=f"cannot load the evaluator ({error})")
        except SugataError as error:
            self._say("unfit", reason=str(error))
        except Exception as error:
            self._say("unfit", reason=one_line(error))

    def _obey(self, engine: LocalEngine) -> bool:
        """Do what was ordered; where nothing runs, wait for orders. False is the end."""
        while not engine.running or not self._commands.empty():
            command, argument = self._commands.get()
            if command == "submit":
                self._submit(engine, argument)
            elif command == "kill":
                engine.kill(argument)
                self._orders.pop(argument, None)
            elif command == "stop":
                engine.stop(argument)
            elif command == "pause":
                self._go_on.clear()
                with engine.paused():
                    self._say("paused")
                    self._go_on.wait()
            elif command == "close":
                return False
        return True

    def _submit(self, engine: LocalEngine, order: Order) -> None:
        job = order.job
        if not order.probe.exists():
            if job.source is not None and order.files is None:
                self._say("files", ticket=order.ticket)
                return
            job = self._moved(order)
        self._orders[job.number] = order
        engine.submit(job)

    def _moved(self, order: Order) -> Job:
        """The job in folders of this node."""
        job = order.job
        if self._scratch is None:
            self._scratch = TemporaryDirectory(prefix="sugata-", ignore_cleanup_errors=True)
        folder = Path(self._scratch.name) / job.folder.name
        shutil.rmtree(folder, ignore_errors=True)
        if job.source is None or order.files is None:
            return replace(job, folder=folder)
        source = folder / "source" / job.source.name
        unpack(order.files, source)
        return replace(job, folder=folder, source=source)

    def _finished(self, outcome: Outcome) -> None:
        order = self._orders.pop(outcome.number)
        evaluation, files = outcome.evaluation, {}
        if self._scratch:
            folder = Path(self._scratch.name) / order.job.folder.name
            try:
                files = packed(folder)
            except TooLarge as error:
                evaluation = Evaluation(Status.FAILED, reason=str(error))
            shutil.rmtree(folder, ignore_errors=True)
        self._say(
            "done", ticket=order.ticket, evaluation=encode(evaluation), seconds=outcome.seconds, files=files
        )

    def _report(self, number: int, step: float, value: float) -> None:
        self._say("report", ticket=self._orders[number].ticket, step=step, value=value, urgent=False)

    def _say(self, kind: str, *, urgent: bool = True, **data: Any) -> None:
        with self._changed:
            self._events.append({"kind": kind, **data})
            self._urgent = self._urgent or urgent
            self._changed.notify_all()

    def _prepare(self) -> None:
        """Prepare the data in a process of its own, which may load what it needs.

        Raises:
            SugataError: they cannot be prepared here.
        """
        with in_file(self._evaluator) as file:
            command = [sys.executable, "-m", "sugata.engines._prepare", "--evaluator", str(file.fileno())]
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                pass_fds=[file.fileno()],
                env=os.environ | import_path(),
            )
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            raise SugataError(f"cannot prepare its data ({last[0]})")


def environments(terms: Terms, devices: list[str]) -> list[dict[str, str]]:
    """Of each worker: how many threads it has, and which of the node's GPUs."""
    threads = dict.fromkeys(THREADS, str(max(1, int(terms.cpus))))
    found = []
    for slot in range(terms.slots):
        if terms.gpus >= 1:
            count = round(terms.gpus)
            own = devices[slot * count : (slot + 1) * count]
        else:
            own = [devices[slot // sharing(terms.gpus)]] if terms.gpus else []
        found.append({**threads, "CUDA_VISIBLE_DEVICES": ",".join(own)})
    return found


def _devices() -> list[str]:
    """The GPUs that Ray has given this actor."""
    import ray

    return [str(device) for device in ray.get_runtime_context().get_accelerator_ids().get("GPU", [])]
