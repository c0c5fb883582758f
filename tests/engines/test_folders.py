"""Files of a trial on their way between machines."""

import re
from pathlib import Path

import pytest

from sugata.engines import folders
from sugata.engines.folders import TooLarge, packed, unpack


def test_a_folder_arrives_as_it_was_without_what_is_below_it(tmp_path: Path) -> None:
    source, target = tmp_path / "0003", tmp_path / "elsewhere" / "0003"
    (source / "below").mkdir(parents=True)
    (source / "below" / "x").write_text("x")
    (source / "checkpoint.safetensors").write_bytes(bytes(range(256)) * 10)
    (source / "log.txt").write_text("hello\n")
    unpack(packed(source), target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        "checkpoint.safetensors": bytes(range(256)) * 10,
        "log.txt": b"hello\n",
    }


def test_a_file_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("a first attempt, longer")
    unpack({"log.txt": b"second"}, tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["second"]


def test_a_folder_that_is_not_there_has_no_files(tmp_path: Path) -> None:
    assert packed(tmp_path / "0009") == {}


def test_too_much_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "LARGEST", 1_000_000)
    folder = tmp_path / "0001"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_bytes(bytes(600_000))
    said = "0001: its files have 1 MB, at most 1 MB are sent between machines; put the run on a file system"
    with pytest.raises(TooLarge, match=re.escape(said)):
        packed(folder)


def test_a_file_lands_in_the_folder_whatever_its_name(tmp_path: Path) -> None:
    unpack({"../../outside": b"x"}, tmp_path / "a" / "b")
    assert [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()] == [
        Path("a/b/outside")
    ]
