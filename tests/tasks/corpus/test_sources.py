"""Every kind of source is read, and every bad one is refused in one line."""

import builtins
import gzip
import json
import sys
import types
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sugata.errors import DataError
from sugata.tasks.corpus import Document, find_source, read_source


def read(data: Any, **options: Any) -> list[Document]:
    return list(read_source(find_source(data), **options))


def refused(data: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(data)
    message = str(caught.value)
    assert "\n" not in message
    return message


def parquet(file: Path, **columns: list[Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), file)
    return file


def test_the_standard_library_is_read_without_its_tests_and_tables() -> None:
    documents = read("stdlib")
    paths = {document.path for document in documents}
    assert {"argparse.py", "json/decoder.py"} <= paths
    assert not any(part in path.split("/") for path in paths for part in ("test", "idlelib", "site-packages"))
    packages = {document.path: document.package for document in documents}
    assert packages["json/decoder.py"] == "json"
    assert packages["argparse.py"] == "argparse"


def test_a_folder_gives_its_text_files_and_nothing_else(code_folder: Path) -> None:
    documents = read(str(code_folder))
    assert len(documents) == 60
    assert {document.package for document in documents} == {f"package_{n}" for n in range(20)}
    assert all(document.path.startswith("package_") and document.split is None for document in documents)


def test_one_file_and_several_paths_can_be_given(code_folder: Path) -> None:
    first, second = code_folder / "package_1" / "module_1.py", code_folder / "package_2"
    assert [document.path for document in read(str(first))] == ["module_1.py"]
    assert len(read([str(first), str(second)])) == 4


def test_a_byte_order_mark_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"\xef\xbb\xbfx = 1\n")
    assert read(str(tmp_path))[0].content == b"x = 1\n"


def test_files_longer_than_a_megabyte_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "generated.py").write_text("x = 1\n" * 200_000)
    (tmp_path / "small.py").write_text("x = 1\n")
    assert [document.path for document in read(str(tmp_path))] == ["small.py"]


@pytest.mark.parametrize("column", ["content", "text", "code", "source"])
def test_parquet_gives_text_package_path_and_split(tmp_path: Path, column: str) -> None:
    table = {
        column: ["a = 1\n", "b = 2\n", None],
        "package": ["p", "q", "r"],
        "path": ["a.py", "b.py", "c.py"],
    }
    parquet(tmp_path / "rows.parquet", **table, split=["train", "valid", "test"])
    assert read(str(tmp_path / "rows.parquet")) == [
        Document("a.py", "p", "train", b"a = 1\n"),
        Document("b.py", "q", "validation", b"b = 2\n"),
    ]


def test_names_of_files_give_the_split(tmp_path: Path) -> None:
    parquet(tmp_path / "train-00000-of-00001.parquet", content=["a = 1"])
    parquet(tmp_path / "data" / "validation-0.parquet", content=["b = 1"])
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "part.jsonl").write_text('{"code": "c = 1"}\n\n')
    with gzip.open(tmp_path / "testimony.jsonl.gz", "wt") as file:
        file.write(json.dumps({"text": "d = 1"}) + "\n")
    splits = {document.content: document.split for document in read(str(tmp_path))}
    assert splits == {b"a = 1": "train", b"b = 1": "validation", b"c = 1": "test", b"d = 1": None}


def test_a_data_set_with_a_script_beside_it_is_a_data_set(tmp_path: Path) -> None:
    parquet(tmp_path / "rows.parquet", content=["a = 1"])
    (tmp_path / "load.py").write_text("import this\n")
    assert [document.content for document in read(str(tmp_path))] == [b"a = 1"]


def test_a_missing_path_is_named() -> None:
    assert "/no/such/folder does not exist; give" in refused("/no/such/folder")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    assert f"{tmp_path} holds no source, parquet or JSONL files (it is empty)" in refused(str(tmp_path))


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    assert "its 1 files are of other kinds" in refused(str(tmp_path))


def test_a_folder_of_binary_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"\0\1")
    (tmp_path / "b.py").write_bytes(b"")
    assert f"{tmp_path} holds no text (2 files, all binary" in refused(str(tmp_path))


def test_a_binary_file_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(range(256)))
    assert f"{tmp_path / 'a.bin'} holds no text" in refused(str(tmp_path / "a.bin"))


def test_a_table_without_text_names_its_columns(tmp_path: Path) -> None:
    path = parquet(tmp_path / "rows.parquet", label=[1], picture=["x"])
    assert f"{path} has no column of text (it has: label, picture); name one content" in refused(str(path))
    (tmp_path / "rows.jsonl").write_text('{"task_id": 3}\n')
    assert "line 1 has no column of text (it has: task_id)" in refused(str(tmp_path / "rows.jsonl"))


def test_a_table_whose_text_is_empty_is_refused(tmp_path: Path) -> None:
    assert "holds no text in its rows" in refused(str(parquet(tmp_path / "a.parquet", code=["", None, "\0"])))


def test_broken_tables_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"not parquet at all")
    assert f"{tmp_path / 'a.parquet'} cannot be read" in refused(str(tmp_path / "a.parquet"))
    (tmp_path / "b.jsonl").write_text('{"code": "x"}\n{"code": \n')
    assert "b.jsonl line 2 is not JSON" in refused(str(tmp_path / "b.jsonl"))
    (tmp_path / "c.jsonl").write_text("[1]\n")
    assert "c.jsonl line 1 is not a JSON object" in refused(str(tmp_path / "c.jsonl"))
    (tmp_path / "d.jsonl.gz").write_bytes(b"plain")
    assert "d.jsonl.gz cannot be read" in refused(str(tmp_path / "d.jsonl.gz"))


def test_an_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.py").write_text("x = 1\n")
    ordinary = builtins.open

    def refusing(path: Any, *args: Any, **kwargs: Any) -> Any:
        if str(path).endswith("secret.py"):
            raise PermissionError(13, "Permission denied", str(path))
        return ordinary(path, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", refusing)
    assert f"{tmp_path / 'secret.py'} cannot be read (Permission denied)" in refused(str(tmp_path))


def test_lists_of_paths_must_be_of_one_kind(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    table = parquet(tmp_path / "rows.parquet", content=["a = 1"])
    assert "give one kind" in refused([str(tmp_path / "a.py"), str(table)])
    assert "empty list" in refused([])


def fake_datasets(monkeypatch: pytest.MonkeyPatch, result: Any) -> list[Any]:
    calls: list[Any] = []

    def load_dataset(path: str, name: str | None = None, streaming: bool = False) -> Any:
        calls.append((path, name, streaming))
        if isinstance(result, Exception):
            raise result
        return result

    module = types.ModuleType("datasets")
    module.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    return calls


def test_a_hugging_face_name_is_read_split_by_split(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {"train": [{"code": "a = 1", "repo_name": "p"}, {"code": "b = 1"}], "valid": [{"code": "c = 1"}]}
    calls = fake_datasets(monkeypatch, rows)
    documents = read("hf:some/name:python")
    assert calls == [("some/name", "python", False)]
    assert [(d.package, d.split, d.content) for d in documents] == [
        ("p", "train", b"a = 1"),
        ("", "train", b"b = 1"),
        ("", "validation", b"c = 1"),
    ]


def test_a_streamed_data_set_is_read_only_as_far_as_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_datasets(monkeypatch, {"train": ({"code": f"x = {n:04}"} for n in range(10_000))})
    assert len(read("hf:name", max_bytes=40)) == 10


def test_problems_of_hugging_face_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_datasets(monkeypatch, ConnectionError("no route\nmore"))
    assert "hf:name cannot be loaded (no route); check the name" in refused("hf:name")
    fake_datasets(monkeypatch, {"train": [{"label": 1}]})
    assert "hf:name has no column of text (it has: label)" in refused("hf:name")
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "needs the package datasets; install it with" in refused("hf:name")
    assert "lacks the name" in refused("hf:")
