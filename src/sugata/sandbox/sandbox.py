"""Running programs nobody has read: alone, or against tests that they cannot see."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sugata.errors import SandboxError
from sugata.sandbox.level import ISOLATED, Level
from sugata.sandbox.limits import Limits
from sugata.sandbox.process import Process, watch

_VERDICT_BYTES = 65536


@dataclass(frozen=True)
class Outcome:
    """How a program that ran alone has ended.

    Attributes:
        ok: it ended by itself with exit code 0, within its limits.
        reason: why not.
        output: what it printed, at most as much as it may.
        seconds: of wall clock.
    """

    ok: bool
    reason: str
    output: str
    seconds: float


@dataclass(frozen=True)
class Program:
    """A program and the tests that it must pass.

    Attributes:
        source: the program; it runs without the tests.
        tests: a program that fails where an assertion fails; names it does not define are the program's.
        given: run before the tests, beside them: what the task defines for its tests.
        names: names that are the program's even where ``given`` defines them.
    """

    source: str
    tests: str
    given: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Whether a program has passed its tests, and why not."""

    passed: bool
    reason: str
    seconds: float


class Sandbox:
    """Runs each program in a process of its own, at the strongest isolation that this machine offers.

    A program that is judged never shares a process with its tests. They run in a second, equally isolated
    process, which calls the program's functions over a socket and receives plain values; only that process
    writes the verdict. Arguments are copied, so tests do not see what a function changes in place.

    Root starts each program as a user of its own, whom nobody else is.

    Args:
        level: None takes the strongest that works here.
        limits: of every program.
        unsafe: agree to level ``none``.

    Raises:
        SandboxError: the level does not work here, or is ``none`` and nobody agreed to it.
    """

    def __init__(
        self, level: Level | str | None = None, *, limits: Limits | None = None, unsafe: bool = False
    ) -> None:
        self.limits = limits or Limits()
        if level is not None and level not in list(Level):
            raise SandboxError(f"sandbox: no level {level!r}; one of {', '.join(Level)}")
        self.level = _strongest(unsafe) if level is None else Level(level)
        if self.level is Level.NONE:
            if not unsafe:
                raise SandboxError(
                    "sandbox: level none would run unread programs with your rights; agree to that with "
                    "--unsafe, or install bubblewrap"
                )
        elif level is not None and (problem := _problem(self.level)):
            raise SandboxError(f"sandbox: level {self.level} does not work here ({problem})")

    def run(self, source: str) -> Outcome:
        """Run a program alone."""
        begun = time.monotonic()
        process = Process("program", {"source": source}, self.level, self.limits)
        try:
            reason = watch([process], process, self.limits.wall_seconds)
        finally:
            process.kill()
        if process.too_much:
            reason = f"printed more than {self.limits.output_bytes:,} bytes"
        code = process.popen.returncode
        reason = reason or _ending(code) or ("" if process.confined else "could not be confined")
        return Outcome(not reason, reason, process.output, time.monotonic() - begun)

    def judge(self, program: Program) -> Verdict:
        """Run a program against its tests."""
        begun = time.monotonic()
        here, there = socket.socketpair()
        reading, writing = os.pipe()
        started: list[Process] = []
        try:
            tests = {"given": program.given, "tests": program.tests, "names": program.names}
            ends = {"link": here.fileno(), "verdict": writing}
            judge = Process("judge", {**tests, **ends}, self.level, self.limits, tuple(ends.values()))
            started.append(judge)
            os.close(writing)
            writing = -1
            here.close()
            code = {"source": program.source, "link": there.fileno()}
            started.append(Process("candidate", code, self.level, self.limits, (there.fileno(),)))
            there.close()
            reason = watch(started, judge, self.limits.wall_seconds)
        finally:
            here.close()
            there.close()
            if writing >= 0:
                os.close(writing)
            for process in started:
                process.kill()
            os.set_blocking(reading, False)
            text = _read(reading)
            os.close(reading)
        passed, told = _verdict(text)
        candidate = started[1]
        for process in started:
            if not process.confined and process.popen.returncode != -signal.SIGKILL:
                raise SandboxError(f"sandbox: {self.level} failed ({process.output.strip()[-200:]})")
        if candidate.too_much:
            reason = f"printed more than {self.limits.output_bytes:,} bytes"
        reason = reason or told or ("" if passed else _ending(judge.popen.returncode) or "no verdict")
        return Verdict(passed and not reason, reason, time.monotonic() - begun)

    def judge_all(
        self,
        programs: Sequence[Program],
        *,
        workers: int | None = None,
        done: Callable[[int], None] = lambda number: None,
    ) -> list[Verdict]:
        """Judge programs, several at a time, in their order.

        Args:
            workers: at a time; None: as many as there are cores.
            done: receives how many are judged.
        """
        found = []
        with ThreadPoolExecutor(workers or len(os.sched_getaffinity(0))) as pool:
            for number, verdict in enumerate(pool.map(self.judge, programs), 1):
                found.append(verdict)
                done(number)
        return found


def levels() -> Iterator[tuple[Level, str]]:
    """Every isolating level, strongest first, with what is against it here; nothing where it works."""
    for level in ISOLATED:
        yield level, _problem(level)


def _strongest(unsafe: bool) -> Level:
    problems = []
    for level, problem in levels():
        if not problem:
            return level
        problems.append(f"{level}: {problem}")
    if unsafe:
        return Level.NONE
    raise SandboxError(
        f"sandbox: nothing here isolates programs ({'; '.join(problems)}); install bubblewrap, or agree to "
        "level none with --unsafe"
    )


def _problem(level: Level) -> str:
    """Why a level does not work here: it is tried."""
    try:
        process = Process("program", {"source": "print('works')"}, level, Limits())
    except SandboxError as error:
        return str(error)
    reason = watch([process], process, 20)
    process.kill()
    if process.confined and process.output == "works\n" and not reason:
        return ""
    return (process.output.strip().splitlines() or [reason or "it ended early"])[-1][:200]


def _ending(code: int) -> str:
    """What an exit code says; 128 and more is a signal, passed on by the first process of a namespace."""
    number = -code if code < 0 else code - 128 if code > 128 else 0
    if number == signal.SIGXCPU:
        return "took too much CPU time"
    if number:
        names = {one.value: one.name for one in signal.Signals}
        return f"killed by {names.get(number, number)}"
    return f"exit code {code}" if code else ""


def _read(descriptor: int) -> str:
    try:
        return os.read(descriptor, _VERDICT_BYTES).decode("utf-8", "replace")
    except BlockingIOError:
        return ""


def _verdict(text: str) -> tuple[bool, str]:
    """What the judge wrote; a verdict that is cut off is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return False, ""
    return bool(found["passed"]), str(found["reason"])
