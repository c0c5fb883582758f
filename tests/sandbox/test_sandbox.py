"""Levels, limits, and what passes between a program and its tests."""

import pytest

from sugata.errors import SandboxError
from sugata.sandbox import Level, Limits, Program, Sandbox, levels
from sugata.sandbox import level as level_module
from sugata.sandbox import sandbox as sandbox_module

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox()


def test_the_strongest_level_is_taken_and_stated(sandbox: Sandbox) -> None:
    assert sandbox.level is next(level for level, problem in levels() if not problem)
    assert "seccomp" in sandbox.level.meaning


def test_without_bubblewrap_the_next_level_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(level_module, "_bubblewrap", lambda: "/nowhere/bwrap")
    found = dict(levels())
    assert found[Level.BUBBLEWRAP]
    assert Sandbox().level is next(level for level, problem in found.items() if not problem)


def test_level_none_is_refused_unless_agreed_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SandboxError, match="unsafe"):
        Sandbox("none")
    monkeypatch.setattr(sandbox_module, "_problem", lambda level: "missing")
    with pytest.raises(SandboxError, match=r"nothing here isolates.*landlock: missing"):
        Sandbox()
    assert Sandbox(unsafe=True).level is Level.NONE


def test_at_level_none_limits_still_hold() -> None:
    sandbox = Sandbox("none", unsafe=True, limits=Limits(cpu_seconds=1, wall_seconds=3))
    assert sandbox.run("print('here')").output == "here\n"
    assert "CPU" in sandbox.run("while True: pass").reason


def test_impossible_settings_are_named() -> None:
    with pytest.raises(SandboxError, match="cpu_seconds"):
        Limits(cpu_seconds=0)
    with pytest.raises(SandboxError, match="no level 'jail'"):
        Sandbox("jail")


def test_a_program_alone_says_how_it_ended(sandbox: Sandbox) -> None:
    assert sandbox.run("print('a')\nprint(__name__)").output == "a\n__main__\n"
    assert sandbox.run("import sys; sys.exit(3)").reason == "exit code 3"
    assert "ZeroDivisionError" in sandbox.run("1 / 0").output
    assert sandbox.run("import os; os.abort()").reason == "killed by SIGABRT"


@pytest.mark.parametrize(
    "value",
    [
        "None", "True", "-7", "1 << 300", "0.1", "float('inf')", "2 + 3j", "'\\ud800 é'", "b'\\x00'",
        "[1, [2, (3, {4: {5, 6}})]]", "frozenset({1})", "range(3)", "{(1, 2): [3.5]}", "int",
        "__import__('fractions').Fraction(1, 3)", "__import__('datetime').date(2020, 1, 2)",
    ],
)  # fmt: skip
def test_values_pass_unchanged_in_both_directions(value: str, sandbox: Sandbox) -> None:
    tests = (
        f"value = {value}\nassert f(value) == value and type(f(value)) is type(value)\nassert g() == value"
    )
    verdict = sandbox.judge(Program(f"def f(x): return x\ndef g(): return {value}", tests))
    assert verdict.passed, verdict.reason


def test_objects_of_the_program_stay_there_and_can_be_used(sandbox: Sandbox) -> None:
    source = (
        "class Node:\n  def __init__(self, value): self.value, self.next = value, None\n"
        "def total(node): return node.value + (total(node.next) if node.next else 0)\n"
        "def count():\n  yield 1\n  yield 2\n"
    )
    tests = "root = Node(1)\nroot.next = Node(2)\nassert total(root) == 3\nassert list(count()) == [1, 2]"
    verdict = sandbox.judge(Program(source, tests))
    assert verdict.passed, verdict.reason


def test_errors_of_the_program_reach_the_tests_as_builtin_classes(sandbox: Sandbox) -> None:
    source = "class Mine(ValueError): pass\ndef f(): raise Mine('so')"
    tests = "try:\n  f()\nexcept ValueError as error:\n  assert str(error) == 'so'\nelse:\n  assert False"
    assert sandbox.judge(Program(source, tests)).passed
    assert sandbox.judge(Program(source, "f()")).reason == "ValueError: so"
    assert "SyntaxError" in sandbox.judge(Program("def f(:", "f()")).reason
    assert "AttributeError" in sandbox.judge(Program("", "f()")).reason


def test_helpers_of_a_task_are_not_the_programs(sandbox: Sandbox) -> None:
    given = "def check(x): return x == 2\ndef f(x):\n  '''Add one.'''"
    program = Program("def check(x): return True\ndef f(x): return 0", "assert check(f(1))", given, ("f",))
    assert not sandbox.judge(program).passed


def test_programs_are_judged_several_at_a_time_in_their_order(sandbox: Sandbox) -> None:
    done: list[int] = []
    programs = [Program(f"def f(): return {number}", "assert f() % 2 == 0") for number in range(6)]
    verdicts = sandbox.judge_all(programs, workers=3, done=done.append)
    assert [verdict.passed for verdict in verdicts] == [True, False] * 3
    assert done == [1, 2, 3, 4, 5, 6]
