"""Programs that try to break out or to cheat: each is contained, and each counts as failed."""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from sugata.sandbox import Level, Limits, Program, Sandbox, Verdict

pytestmark = pytest.mark.slow

LIMITS = Limits(cpu_seconds=1, wall_seconds=2.5, memory_bytes=200_000_000, processes=6, file_bytes=100_000)
MARK = '{"passed": true, "reason": ""}'

USES_UP = {
    "fork bomb": "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass",
    "threads": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()",
    "memory bomb": "held = []\nwhile True: held.append(bytearray(10_000_000))",
    "memory bomb that goes on": (
        "held = []\nwhile True:\n  try: held.append(bytearray(10_000_000))\n  except MemoryError: pass"
    ),
    "endless loop": "while True: pass",
    "endless sleep": "import time\ntime.sleep(1000)",
    "endless output": "while True: print('x' * 1000)",
    "large file": "open('large', 'wb').write(bytes(1_000_000))",
    "signal handlers": (
        "import signal\nfor number in range(1, 64):\n"
        "  try: signal.signal(number, lambda *_: None)\n"
        "  except (OSError, ValueError): pass\n"
        "while True: pass"
    ),
}
CHEATS = {
    "leaves by os._exit": "import os\nos._exit(0)",
    "leaves by os._exit in a call": "import os\ndef f(x): os._exit(0)",
    "leaves by sys.exit": "import sys\ndef f(x): sys.exit(0)",
    "prints the marker": f"print('''{MARK}''')\ndef f(x): return 0",
    "writes the marker everywhere": (
        f"import os\nfor number in range(100):\n  try: os.write(number, b'''{MARK}\\n''')\n"
        "  except OSError: pass\ndef f(x): return 0"
    ),
    "patches the checker": (
        "import builtins, sys\nfor module in list(sys.modules.values()):\n"
        "  for name in ('run', 'receive', '_verdict', 'judge'):\n"
        "    if hasattr(module, name): setattr(module, name, lambda *_: None)\n"
        "builtins.AssertionError = builtins.Exception = KeyError\n"
        "builtins.compile = lambda *_: 'None'\ndef f(x): return 0"
    ),
    "equals everything": (
        "class Any:\n  def __eq__(self, other): return True\n  __hash__ = None\ndef f(x): return Any()"
    ),
    "an int that equals everything": (
        "class Any(int):\n  def __eq__(self, other): return True\n  __hash__ = int.__hash__\n"
        "def f(x): return Any(0)"
    ),
    "looks for the tests": (
        "import gc, sys\nturned = '2 == )1(f tressa'\ndef f(x):\n"
        "  found = [one for one in gc.get_objects() if turned in str(one)[::-1]]\n"
        "  frame = sys._getframe()\n"
        "  while frame:\n    found += [one for one in frame.f_locals.values() if turned in str(one)[::-1]]\n"
        "    frame = frame.f_back\n"
        "  return 2 if found else 0"
    ),
    "raises the end of the tests": "def f(x): raise SystemExit(0)",
}
KILLS = {
    "kills its parent": "import os\nos.kill(os.getppid(), 9)\ndef f(x): return 0",
    "kills everything": (
        "import os\nfor number in (-1, 0, *range(2, 3000)):\n  if number != os.getpid():\n"
        "    try: os.kill(number, 9)\n    except OSError: pass\ndef f(x): return 0"
    ),
}


def judged(program: str, level: Level, tests: str = "assert f(1) == 2", limits: Limits = LIMITS) -> Verdict:
    return Sandbox(level, limits=limits).judge(Program(program, tests))


@pytest.mark.parametrize("name", USES_UP)
def test_a_program_that_takes_too_much_is_ended(
    name: str, level: Level, user: Callable[[Callable[[], Any]], Any]
) -> None:
    verdict = user(lambda: judged(USES_UP[name], level))
    assert not verdict.passed
    assert verdict.reason
    assert verdict.seconds < LIMITS.wall_seconds + 6


@pytest.mark.parametrize("name", CHEATS)
def test_a_program_that_cheats_has_failed(name: str, level: Level) -> None:
    assert not judged(CHEATS[name], level).passed


@pytest.mark.parametrize("name", KILLS)
def test_a_program_that_kills_what_it_can_has_failed(
    name: str, level: Level, user: Callable[[Callable[[], Any]], Any]
) -> None:
    assert not user(lambda: judged(KILLS[name], level)).passed


def test_a_home_can_be_neither_read_nor_written(
    level: Level, user: Callable[[Callable[[], Any]], Any], home: Path
) -> None:
    reads = "def f(path): return open(path).read()"
    lists = "import os\ndef f(path): return 'secret' in os.listdir(os.path.dirname(path))"
    writes = "def f(path):\n  open(path, 'w').write('1')\n  return True"
    removes = "import os\ndef f(path):\n  os.remove(path)\n  return True"
    changes = "import os\ndef f(path):\n  os.chmod(path, 0)\n  return True"
    for program, expected in ((reads, "42"), *((one, True) for one in (lists, writes, removes, changes))):
        tests = f"assert f({str(home / 'secret')!r}) == {expected!r}"
        assert not user(lambda: judged(program, level, tests)).passed  # noqa: B023 - called at once
    assert (home / "secret").read_text() == "42"
    assert (home / "secret").stat().st_mode & 0o777 == 0o666
    assert [path.name for path in home.iterdir()] == ["secret"]


@pytest.mark.parametrize("folder", ["/", "/usr", "/var/tmp", "/dev/shm", "/etc", "/home", "/root"])
def test_nothing_is_written_outside_its_own_folder(
    folder: str, level: Level, user: Callable[[Callable[[], Any]], Any]
) -> None:
    source = f"open({folder + '/sugata-was-here'!r}, 'w')"
    outcome = user(lambda: Sandbox(level, limits=LIMITS).run(source))
    assert not outcome.ok
    assert not Path(folder, "sugata-was-here").exists()


def test_its_own_folder_can_be_written_and_is_gone_afterwards(
    level: Level, user: Callable[[Callable[[], Any]], Any]
) -> None:
    source = "import os\nopen('a', 'w').write('b')\nprint(open('a').read(), os.path.abspath('a'))"
    outcome = user(lambda: Sandbox(level, limits=LIMITS).run(source))
    assert outcome.ok, outcome
    text, path = outcome.output.split()
    assert text == "b"
    assert not os.path.exists(path)


def test_no_socket_reaches_this_machine(level: Level, user: Callable[[Callable[[], Any]], Any]) -> None:
    program = (
        "import socket\ndef f(port):\n  socket.create_connection(('127.0.0.1', port), 1)\n  return True\n"
        "def g(port):\n  socket.socket(socket.AF_UNIX)\n  return True"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not user(lambda: judged(program, level, f"assert f({port})")).passed
        assert not user(lambda: judged(program, level, f"assert g({port})")).passed
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("closes", [False, True], ids=["prints", "has closed its output"])
def test_processes_that_share_the_work_of_a_memory_bomb_are_ended(
    closes: bool, level: Level, user: Callable[[Callable[[], Any]], Any]
) -> None:
    program = (
        "import os, time\n" + ("os.close(1); os.close(2)\n" if closes else "") + "for _ in range(3):\n"
        "  if os.fork() == 0:\n    os.fork()\n    held = b'x' * 60_000_000\n    time.sleep(60)\n"
        "time.sleep(60)"
    )
    limits = replace(LIMITS, wall_seconds=20, processes=8, together_bytes=250_000_000)
    outcome = user(lambda: Sandbox(level, limits=limits).run(program))
    assert outcome.reason == "held more than 250,000,000 bytes in all its processes"
    assert outcome.seconds < 10
    assert not user(lambda: judged(program, level, limits=limits)).passed


def test_children_do_not_outlive_a_program(level: Level, user: Callable[[Callable[[], Any]], Any]) -> None:
    token = f"sugata-daemon-{time.monotonic_ns()}"
    program = (
        "import os, sys\nif os.fork() == 0:\n  try: os.setsid()\n  except OSError: pass\n"
        "  if os.fork() == 0:\n    for number in range(3, 100):\n      try: os.close(number)\n"
        "      except OSError: pass\n"
        "    sleep = 'import time; time.sleep(60)'\n"
        f"    os.execv(sys.executable, ['python', '-I', '-S', '-c', sleep, {token!r}])\n"
        "  os._exit(0)\nimport time\ntime.sleep(0.3)\ndef f(x): return 0"
    )
    assert not user(lambda: judged(program, level)).passed
    alone = user(lambda: Sandbox(level, limits=LIMITS).run(program))
    until = time.monotonic() + 2
    while token in " ".join(" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])):
        assert time.monotonic() < until, alone
        time.sleep(0.05)


@pytest.mark.parametrize(
    "call",
    [
        "syscall(101, 16, 1, 0, 0)",
        "unshare(0x10000000)",
        "syscall(425, 8, 0)",
        "prlimit(1, 7, 0, 0)",
        "memfd_create(b'a', 0)",
        "shmget(0, 4096, 0o1600)",
        "msgget(0, 0o1600)",
    ],
    ids=[
        "ptrace",
        "a user namespace",
        "io_uring",
        "limits of others",
        "memory in a nameless file",
        "memory in a shared segment",
        "memory in a queue",
    ],
)
def test_calls_that_reach_further_are_refused(
    call: str, level: Level, user: Callable[[Callable[[], Any]], Any]
) -> None:
    if os.uname().machine != "x86_64" and "syscall" in call:
        pytest.skip("the numbers are those of x86-64")
    if "prlimit" in call and level is not Level.LANDLOCK:
        pytest.skip("process 1 is its own there")
    source = f"import ctypes\nassert ctypes.CDLL(None).{call} >= 0"
    assert not user(lambda: Sandbox(level, limits=LIMITS).run(source)).ok
