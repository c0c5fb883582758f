"""Files of pairs: CodeSearchNet's, ours, and wrong ones."""

import gzip
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from sugata.errors import DataError
from sugata.tasks import CodeSearch
from sugata.tasks.code_search import PairsSettings, open_pairs
from sugata.tasks.code_search.sources import read_pairs
from sugata.tasks.corpus import find_source

from .rows import row


def test_codesearchnets_folders_say_the_split(task: CodeSearch) -> None:
    assert task.pairs().facts["counts"] == {"train": 80, "validation": 10, "test": 10}
    assert task.pairs().facts["split_by"] == "source"
    assert task.pairs().texts("test")[0].query.startswith("Read the image")


def test_compressed_jsonl_and_parquet_are_read_alike(tmp_path: Path) -> None:
    rows = [row(number) for number in range(4)]
    with gzip.open(tmp_path / "train_0.jsonl.gz", "wt") as file:
        file.write("".join(json.dumps(one) + "\n" for one in rows))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "train.parquet")
    first = list(read_pairs(find_source(str(tmp_path / "train_0.jsonl.gz"))))
    assert list(read_pairs(find_source(str(tmp_path / "train.parquet")))) == first
    assert [pair.split for pair in first] == ["train"] * 4
    assert first[1].name == "write_file"
    assert first[1].package == "owner/repo1"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"docstring": "a b c"}', "line 1 has no field 'code' (it has: docstring)"),
        ('{"code": "def f(): pass"}', "line 1 has no field 'docstring' (it has: code)"),
        ('{"docstring": 3, "code": "def f(): pass"}', "line 1: field 'docstring' is no text"),
        ("[1]", "line 1 is no JSON object"),
        ("{", "line 1 is not JSON"),
    ],
)
def test_a_wrong_line_is_named(line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(line + "\n")
    with pytest.raises(DataError) as caught:
        list(read_pairs(find_source(str(tmp_path / "train.jsonl"))))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_parquet_file_without_code_is_refused_before_it_is_read(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"docstring": ["x y z"]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="no field 'code'"):
        list(read_pairs(find_source(str(tmp_path / "a.parquet"))))


def test_whole_packages_are_held_out_where_the_data_come_without_splits(tmp_path: Path) -> None:
    lines = [json.dumps(row(number)) for number in range(100)] * 2  # every pair twice
    data = tmp_path / "all.jsonl"
    data.write_text("\n".join(lines))
    pairs = open_pairs(PairsSettings(str(data), held_out=15), tmp_path / "cache", say=lambda _: None)
    packages = [{pair.package for pair in pairs.texts(split)} for split in ("train", "validation", "test")]
    assert not packages[0] & packages[1]
    assert not packages[0] & packages[2]
    assert not packages[1] & packages[2]
    assert pairs.facts["duplicates"] == 100
    assert all(15 <= pairs.facts["counts"][split] <= 30 for split in ("validation", "test"))
    fewer = PairsSettings(str(data), held_out=15, max_pairs=9)
    again = open_pairs(fewer, tmp_path / "cache", say=lambda _: None)
    assert again.facts["counts"]["train"] == 9
    assert again.texts("test") == pairs.texts("test")


def test_too_few_pairs_are_refused(tmp_path: Path) -> None:
    (tmp_path / "all.jsonl").write_text("\n".join(json.dumps(row(number)) for number in range(4)))
    with pytest.raises(DataError, match="has 4 different pairs"):
        open_pairs(PairsSettings(str(tmp_path)), tmp_path / "cache", say=lambda _: None)


def test_python_sources_are_harvested(tmp_path: Path) -> None:
    source = "".join(
        f'def f{n}(a):\n    """Give number {n} back."""\n    b = {n}\n    return a + b\n\n' for n in range(12)
    )
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.py").write_text(source)
    (tmp_path / "notes.md").write_text("no code")
    found = list(read_pairs(find_source(str(tmp_path))))
    assert len(found) == 12
    assert found[0].package == "one"
    assert not any("Give number" in pair.code for pair in found)


def test_real_pairs_hold_no_copy_of_their_query(real_data: Path) -> None:
    source = find_source(str(real_data / "codepairs" / "validation-00000-of-00001.parquet"))
    found = list(read_pairs(source))
    assert 1380 <= len(found) <= 1392
    assert not any(pair.query.lower() in " ".join(pair.code.lower().split()) for pair in found)
