"""A node's agent, called directly and without Ray: above all, its work without the driver's file system."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from engine_calls import Calls, Function, completed, job

from sugata.engines import folders
from sugata.engines.evaluation import decode
from sugata.engines.pickling import pickled
from sugata.engines.ray_node import Event, NodeAgent, Order, Terms, environments
from sugata.errors import DataError
from sugata.evaluators import Context, Evaluation
from sugata.trial import Status

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers cannot import the tests

ELSEWHERE = Path("/nowhere/probe")
Employed = Callable[..., NodeAgent]


def terms(slots: int = 1, cpus: float = 1.0, gpus: float = 0.0, prepare: bool = False) -> Terms:
    return Terms(slots, cpus, gpus, None, None, 1, Path.cwd(), prepare)


def test_workers_have_the_threads_and_gpus_of_their_trials() -> None:
    def seen(slots: int, cpus: float, gpus: float, devices: list[str]) -> list[tuple[str, str]]:
        made = environments(terms(slots, cpus, gpus), devices)
        return [(each["OMP_NUM_THREADS"], each["CUDA_VISIBLE_DEVICES"]) for each in made]

    assert seen(2, 1, 0, []) == [("1", "")] * 2
    assert seen(1, 4, 0, []) == [("4", "")]
    assert seen(2, 0.5, 1, ["3", "5"]) == [("1", "3"), ("1", "5")]
    assert seen(2, 1, 2, list("abcd")) == [("1", "a,b"), ("1", "c,d")]
    assert seen(5, 1, 0.5, list("abc")) == [("1", gpu) for gpu in "aabbc"]


@pytest.fixture
def employed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Employed]:
    """Makes agents, and closes them; what they leave in the folder for temporary files fails the test."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    agents = []

    def employ(function: Function, prepare: bool = False, kind: type[Calls] = Calls) -> NodeAgent:
        agents.append(NodeAgent(pickled(kind(function)), terms(prepare=prepare)))
        return agents[-1]

    yield employ
    for agent in agents:
        agent.close()
    assert list(scratch.iterdir()) == []


def heard(agent: NodeAgent, kind: str) -> Event:
    """The next event of a kind, those of other kinds before it left out."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for event in agent.hear(1.0):
            assert event["kind"] == kind or event["kind"] in ("ready", "report"), event
            if event["kind"] == kind:
                return event
    raise TimeoutError(kind)


def continuing(architecture: dict[str, Any], context: Context) -> Evaluation:
    """Add a line to what the source has."""
    before = (context.source / "weights.txt").read_text() if context.source else ""
    (context.folder / "weights.txt").write_text(before + f"{context.folder.name}\n")
    print("trained")
    name = context.source.name if context.source else None
    return Evaluation(
        Status.COMPLETED, {"loss": 1.0}, details={"folder": str(context.folder), "source": name}
    )


@pytest.mark.slow
def test_without_the_drivers_files_a_trial_goes_on_from_what_is_sent_and_sends_back(
    employed: Employed, tmp_path: Path
) -> None:
    agent = employed(continuing)
    agent.tell("submit", Order(1, job(tmp_path, 3), ELSEWHERE))
    first = heard(agent, "done")
    assert first["ticket"] == 1
    assert first["files"] == {"weights.txt": b"0003\n", "log.txt": b"trained\n"}
    assert not (tmp_path / "0003").exists(), "the driver's path is not touched"
    promoted = job(tmp_path, 4).__class__(job(tmp_path, 4).proposal, 0, tmp_path / "0004", tmp_path / "0003")
    agent.tell("submit", Order(2, promoted, ELSEWHERE))
    assert heard(agent, "files")["ticket"] == 2
    agent.tell("submit", Order(2, promoted, ELSEWHERE, first["files"]))
    second = heard(agent, "done")
    assert second["files"]["weights.txt"] == b"0003\n0004\n"
    details = decode(second["evaluation"]).details
    assert details["source"] == "0003"
    assert not Path(details["folder"]).exists(), "nothing piles up on the node"


@pytest.mark.slow
def test_with_the_drivers_files_a_trial_works_in_its_folder(employed: Employed, tmp_path: Path) -> None:
    probe = tmp_path / ".probe"
    probe.touch()
    agent = employed(continuing)
    agent.tell("submit", Order(1, job(tmp_path, 3), probe))
    assert heard(agent, "done")["files"] == {}
    assert (tmp_path / "0003" / "weights.txt").read_text() == "0003\n"


@pytest.mark.slow
def test_a_trial_whose_files_are_too_large_to_send_has_failed(
    employed: Employed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "LARGEST", 3)
    agent = employed(continuing)
    agent.tell("submit", Order(1, job(tmp_path, 3), ELSEWHERE))
    event = heard(agent, "done")
    assert event["files"] == {}
    evaluation = decode(event["evaluation"])
    assert evaluation.status is Status.FAILED
    assert "put the run on a file system that they share" in evaluation.reason


@pytest.mark.slow
def test_reports_are_sent_together_and_silence_is_a_sign_of_life(employed: Employed, tmp_path: Path) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> Evaluation:
        for step in range(5):
            context.report(step, 0.0)
            time.sleep(0.11)
        return completed(loss=1.0)

    agent = employed(evaluate)
    heard(agent, "ready")
    assert agent.hear(0.01) == []
    agent.tell("submit", Order(7, job(tmp_path), ELSEWHERE))
    calls = [agent.hear(5.0)]
    while calls[-1][-1]["kind"] != "done":
        calls.append(agent.hear(5.0))
    events = [event for call in calls for event in call]
    assert {event["ticket"] for event in events} == {7}
    assert [event["step"] for event in events if event["kind"] == "report"] == [0, 1, 2, 3, 4]
    assert len(calls) <= len(events)


class Prepares(Calls):
    """Prepares by its function, in the process of whoever prepares."""

    def prepare(self) -> None:
        self.function({}, None)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_node_prepares_once_in_a_process_of_its_own_before_its_workers(
    employed: Employed, tmp_path: Path
) -> None:
    def evaluate(architecture: dict[str, Any], context: Context | None) -> Evaluation | None:
        lines = tmp_path / "lines.txt"
        with lines.open("a") as file:
            file.write(f"{'prepare' if context is None else 'evaluate'} {os.getpid()}\n")
        return None if context is None else completed(loss=1.0)

    agent = employed(evaluate, prepare=True, kind=Prepares)
    for ticket in (1, 2):
        agent.tell("submit", Order(ticket, job(tmp_path, ticket), ELSEWHERE))
        heard(agent, "done")
    lines = [line.split() for line in (tmp_path / "lines.txt").read_text().splitlines()]
    assert [what for what, _ in lines] == ["prepare", "evaluate", "evaluate"]
    assert lines[0][1] not in (lines[1][1], str(os.getpid()))


@pytest.mark.slow
def test_a_node_without_the_data_says_so(employed: Employed) -> None:
    def evaluate(architecture: dict[str, Any], context: Context) -> Evaluation:
        raise DataError("data: /data/code does not exist; give a folder")

    agent = employed(evaluate, prepare=True, kind=Prepares)
    reason = "cannot prepare its data (data: /data/code does not exist; give a folder)"
    assert heard(agent, "unfit")["reason"] == reason


class Unloadable(Calls):
    def __reduce__(self) -> Any:
        return __import__, ("a_module_that_only_the_driver_has",)


@pytest.mark.slow
def test_a_node_without_the_code_says_so(employed: Employed) -> None:
    agent = employed(continuing, kind=Unloadable)
    reason = heard(agent, "unfit")["reason"]
    assert reason.startswith("cannot load the evaluator (ModuleNotFoundError")
    assert "a_module_that_only_the_driver_has" in reason
