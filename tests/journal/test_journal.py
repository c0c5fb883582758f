import json
import os
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sugata.errors import DiskFullError, JournalError
from sugata.journal import Journal, Note, dumps, loads, read
from sugata.journal.file import JournalFile
from sugata.trial import Fidelity, Proposal, Status, Trial

numbers = st.floats(allow_nan=False)
values = st.one_of(st.text(max_size=5), st.integers(), numbers, st.booleans())
free = st.recursive(
    st.one_of(st.none(), values),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
names = st.text(min_size=1, max_size=6)


@st.composite
def events(draw: st.DrawFn) -> list[Proposal | Trial | Note]:
    """Asks, tells and notes in a possible order."""
    pending: list[Proposal] = []
    result: list[Proposal | Trial | Note] = []
    asked = 0
    for kind in draw(st.lists(st.sampled_from(["ask", "tell", "note"]), max_size=12)):
        if kind == "ask":
            proposal = Proposal(
                number=asked,
                architecture=draw(st.dictionaries(names, values, max_size=3)),
                fidelity=draw(st.builds(Fidelity, st.integers(0, 3), names, numbers, names)),
                continues=draw(st.none() | st.integers(0, 9)),
                origin=draw(names),
                parents=tuple(draw(st.lists(st.integers(0, 9), max_size=2))),
            )
            asked += 1
            pending.append(proposal)
            result.append(proposal)
        elif kind == "tell" and pending:
            proposal = pending.pop(draw(st.integers(0, len(pending) - 1)))
            trial = Trial(
                proposal=proposal,
                status=draw(st.sampled_from(list(Status))),
                metrics=draw(st.dictionaries(names, numbers, max_size=3)),
                reason=draw(st.text(max_size=5)),
                seconds=draw(st.floats(0, 1e6)),
                curve=tuple(draw(st.lists(st.tuples(numbers, numbers), max_size=3))),
                cached=draw(st.booleans()),
                details=draw(st.dictionaries(names, free, max_size=2)),
            )
            result.append(trial)
        elif kind == "note":
            result.append(Note(draw(names), draw(st.dictionaries(names, free, max_size=2))))
    return result


def write(path: Path, recorded: list[Proposal | Trial | Note]) -> None:
    path.unlink(missing_ok=True)
    with Journal.create(path, {"recipe": "x"}) as journal:
        add(journal, recorded)


def add(journal: Journal, recorded: list[Proposal | Trial | Note]) -> None:
    for event in recorded:
        if isinstance(event, Proposal):
            journal.ask(event)
        elif isinstance(event, Trial):
            journal.tell(event)
        else:
            journal.note(event.kind, event.data)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture(scope="module")
def module_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal") / "journal.jsonl"


SOME = [
    Proposal(0, {"depth": 2}),
    Proposal(1, {"depth": 4}),
    Trial(Proposal(0, {"depth": 2}), Status.COMPLETED, {"loss": 1.5}, seconds=2.0),
]


@given(recorded=events())
@settings(max_examples=50, deadline=None)
def test_what_is_written_is_read_back(module_path: Path, recorded: list[Proposal | Trial | Note]) -> None:
    write(module_path, recorded)
    record = read(module_path)
    assert list(record.events) == recorded
    assert record.header["recipe"] == "x"
    assert len(record.times) == len(recorded)
    for line in module_path.read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@given(recorded=events(), share=st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_truncation_at_any_byte_loses_at_most_the_last_event(
    module_path: Path, recorded: list[Proposal | Trial | Note], share: float
) -> None:
    write(module_path, recorded)
    content = module_path.read_bytes()
    start = content.index(b"\n") + 1
    cut = start + round(share * (len(content) - start))  # a share: times differ in length from run to run
    complete = content[start:cut].count(b"\n")
    module_path.write_bytes(content[:cut])
    assert list(read(module_path).events) == recorded[:complete]
    with Journal.open(module_path) as journal:
        add(journal, recorded[complete:])
    assert list(read(module_path).events) == recorded


def test_a_journal_cut_within_its_header_is_refused(path: Path) -> None:
    write(path, [])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(JournalError, match="is not a journal"):
        Journal.open(path)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_special_numbers_are_valid_json_and_come_back(path: Path, number: float) -> None:
    trial = Trial(SOME[0], Status.DIVERGED, {"loss": number}, curve=((1.0, number),), details={"x": [number]})
    write(path, [SOME[0], trial])
    for line in path.read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    [read_back] = read(path).trials
    assert repr(read_back) == repr(trial)


def test_numpy_values_are_written_as_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    data = {"a": numpy.float32(0.5), "b": numpy.arange(3), "c": Path("x")}
    assert loads(dumps(data)) == {"a": 0.5, "b": [0, 1, 2], "c": "x"}
    with pytest.raises(TypeError, match="set cannot be written"):
        dumps({"a": {1}})


def test_pending_proposals_and_notes_are_found(path: Path) -> None:
    write(path, [*SOME, Note("warning", {"text": "slow"})])
    record = read(path)
    assert record.trials == [SOME[2]]
    assert record.pending == [SOME[1]]
    assert record.notes("warning") == [Note("warning", {"text": "slow"})]


def test_a_finished_trial_waits_until_it_is_told(path: Path) -> None:
    trial = Trial(SOME[1], Status.COMPLETED, {"loss": 1.0})
    with Journal.create(path, {}) as journal:
        journal.ask(SOME[0])
        journal.ask(SOME[1])
        journal.finished(trial)
        journal.sync()
        record = read(path)
        assert (record.trials, record.pending, record.finished) == ([], SOME[:2], [trial])
        journal.tell(trial)
    assert read(path).finished == []
    assert read(path).trials == [trial]


def test_events_are_durable_after_sync_only(path: Path) -> None:
    with Journal.create(path, {}) as journal:
        journal.ask(SOME[0])
        assert read(path).events == ()
        journal.sync()
        assert read(path).events == (SOME[0],)


def test_a_newer_version_is_refused(path: Path) -> None:
    write(path, [])
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(JournalError, match=r"journal version 2, this one reads 1.*update sugata"):
        read(path)


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ('{"event": "ask", "num', "Unterminated"),
        ("[]", "list indices"),
        ('{"event": "dance", "time": 0}', "unknown event 'dance'"),
        ('{"event": "ask", "number": 7, "time": 0}', "'architecture' is missing"),
        (
            '{"event": "tell", "number": 9, "status": "failed", "time": 0}',
            "trial 9 is told, but was not",
        ),
    ],
)
def test_a_broken_line_in_the_middle_is_named(path: Path, line: str, cause: str) -> None:
    write(path, SOME)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], line, *lines[2:]]) + "\n")
    with pytest.raises(JournalError, match=rf"line 3 is broken \(.*{cause}.*delete this line"):
        read(path)


@pytest.mark.parametrize("content", ["", "hello\n", "[1]\n", '{"event": "ask"}\n', "\0\0\n"])
def test_what_is_not_a_journal_is_refused(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(JournalError, match="is not a journal"):
        read(path)


def test_a_missing_or_existing_file_is_said_in_one_line(path: Path) -> None:
    with pytest.raises(JournalError, match="does not exist"):
        Journal.open(path)
    write(path, [])
    with pytest.raises(JournalError, match="exists already"):
        Journal.create(path, {})


def test_a_disk_that_fills_up_midway_leaves_a_torn_line_only(path: Path) -> None:
    write(path, SOME)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    journal = Journal.open(path)
    journal.ask(Proposal(2, {"depth": 8}))
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 30, limits[1]))
    try:
        with pytest.raises(DiskFullError, match=f"no space left.*sugata resume {path.parent}"):
            journal.sync()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not path.read_bytes().endswith(b"\n"), "the write was cut short"
    assert list(read(path).events) == SOME
    journal.close()  # there is space again
    assert list(read(path).events) == [*SOME, Proposal(2, {"depth": 8})]


def test_a_full_device_is_a_full_disk() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    journal = Journal(JournalFile(full, os.open(full, os.O_RDWR), 0))
    journal.ask(SOME[0])
    with pytest.raises(DiskFullError, match="no space left"):
        journal.sync()
