"""Sandboxed processes: started, watched until one of them is done, and killed with all their children."""

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import IO, Any

import psutil

from sugata.errors import SandboxError
from sugata.sandbox.level import DEVICES, Level, another_user, command, readable
from sugata.sandbox.limits import Limits
from sugata.sandbox.memory import resident_bytes

_LOADER = """
import json, sys, types
spec = json.loads(sys.stdin.buffer.readline())
for name, source in spec["modules"]:
    sys.modules[name] = module = types.ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
sys.modules["sugata.sandbox.inside.start"].confine(spec)
print(end=spec.pop("mark"), flush=True)
sys.modules["sugata.sandbox.inside." + spec["role"]].run(spec)
"""
_MODULES = ("seccomp", "landlock", "namespaces", "start", "wire", "program", "candidate", "judge")
_MARK = "sandboxed\n"  # printed once the process is confined
_POLL, _LOOK = 0.05, 0.1  # seconds between looks at a process, and at the memory of all
_LEFT = 5.0  # seconds for the output of what was killed to end


# Read once, with the package: later this process may have given up the right to read it.
_SOURCES = tuple(
    (f"sugata.sandbox.inside.{name}", (files("sugata.sandbox.inside") / f"{name}.py").read_text("utf-8"))
    for name in _MODULES
)


class Process:
    """A process that confines itself and then plays a role of ``inside``: program, candidate or judge.

    Attributes:
        limits: what it may use.
        output: what it printed, after it has been watched.
        confined: whether it got so far as to be confined.
    """

    def __init__(
        self, role: str, given: Mapping[str, Any], level: Level, limits: Limits, pass_fds: Sequence[int] = ()
    ) -> None:
        user = another_user()
        private = level in (Level.BUBBLEWRAP, Level.NAMESPACES)
        self._folder = None if private else tempfile.mkdtemp(prefix="sugata-sandbox-")
        if self._folder and user is not None:
            os.chown(self._folder, user, user)
        spec = {
            **asdict(limits),
            **given,
            "modules": _SOURCES,
            "role": role,
            "mark": _MARK,
            "level": level,
            "readable": readable(),
            "devices": DEVICES,
            "folder": self._folder or "/tmp",
            "processes": _process_limit(level, limits, user),
        }
        self.limits = limits
        self._received = bytearray()
        environment = {"PATH": "/usr/bin:/bin", "HOME": self._folder or "/tmp", "LANG": "C.UTF-8"}
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps(spec).encode() + b"\n")
            file.seek(0)
            try:
                self.popen = subprocess.Popen(
                    [*command(level, limits.folder_bytes), "-c", _LOADER],
                    stdin=file,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    cwd=self._folder or "/",
                    env=environment,
                    pass_fds=pass_fds,
                    start_new_session=True,
                    user=user,
                    group=user,
                    extra_groups=None if user is None else [],
                )
            except OSError as error:
                self._remove_folder()
                raise SandboxError(f"sandbox: {level} cannot be started ({error})") from None
        assert self.popen.stdout is not None
        self.stdout: IO[bytes] = self.popen.stdout
        os.set_blocking(self.stdout.fileno(), False)

    def read(self) -> bool:
        """Take what it has printed; False at the end. What is above the limit is dropped."""
        try:
            part = os.read(self.stdout.fileno(), 65536)
        except BlockingIOError:
            return True
        self._received += part[: max(0, self.limits.output_bytes + len(_MARK) + 1 - len(self._received))]
        return bool(part)

    @property
    def too_much(self) -> bool:
        """Whether it printed more than it may."""
        return len(self._received) > self.limits.output_bytes + len(_MARK)

    @property
    def confined(self) -> bool:
        """Whether it got so far as to be confined."""
        return self._received.startswith(_MARK.encode())

    @property
    def output(self) -> str:
        """What it printed, as text."""
        printed = bytes(self._received)
        return printed.removeprefix(_MARK.encode()).decode("utf-8", "replace")

    def kill(self) -> None:
        """End it with everything that it has started, and remove its folder."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        until = time.monotonic() + _LEFT
        # Its output ends when the last process that holds it is gone.
        while time.monotonic() < until and self.read():
            time.sleep(0.001)
        self.stdout.close()
        self._remove_folder()

    def _remove_folder(self) -> None:
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)


def watch(processes: Sequence[Process], first: Process, seconds: float) -> str:
    """Read what the processes print until the first one has ended; why it was not waited for, or nothing."""
    begun = time.monotonic()
    until, look = begun + seconds, begun + _LOOK
    reads = True  # what the first one prints; at its end the process is about to end too
    with selectors.DefaultSelector() as selector:
        for process in processes:
            selector.register(process.stdout, selectors.EVENT_READ, process)
        while first.popen.poll() is None:
            now = time.monotonic()
            if now >= until:
                return f"took more than {seconds:g} s"
            if now >= look:
                look = now + _LOOK
                most = first.limits.together_bytes
                if max(resident_bytes([process.popen.pid for process in processes])) > most:
                    return f"held more than {most:,} bytes in all its processes"
            if not reads:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    first.popen.wait(min(until - now, _POLL))
                continue
            for key, _ in selector.select(min(until - now, _POLL)):
                process = key.data
                if not process.read():
                    selector.unregister(key.fileobj)
                    reads = reads and process is not first
                if process.too_much:
                    return f"printed more than {process.limits.output_bytes:,} bytes"
    return ""


def _process_limit(level: Level, limits: Limits, user: int | None) -> int:
    """The value of RLIMIT_NPROC, which counts a user's threads in a user namespace."""
    if level in (Level.BUBBLEWRAP, Level.NAMESPACES):
        return limits.processes + 1  # the first process of the namespace
    if user is not None:
        return limits.processes
    own, count = os.getuid(), 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real == own:
                count += process.num_threads()
    return count + limits.processes
