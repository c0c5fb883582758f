"""Where source code comes from: the standard library, folders, parquet and JSONL files, Hugging Face."""

import gzip
import itertools
import json
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sugata.errors import DataError

SPLITS = ("train", "validation", "test")
SPLIT_NAMES = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation",
               "dev": "validation", "test": "test"}  # fmt: skip
TEXT_COLUMNS = ("content", "text", "code", "source")
PACKAGE_COLUMNS = ("package", "repo_name", "repo", "repository")
PATH_COLUMNS = ("path", "file_path", "filename")
TABLE_SUFFIXES = (".parquet", ".jsonl", ".jsonl.gz")
CODE_SUFFIXES = frozenset(
    """
    .py .pyi .pyx .js .mjs .cjs .jsx .ts .tsx .vue .svelte .java .kt .kts .scala .groovy .clj .cljs .c .h
    .cc .cpp .cxx .hh .hpp .hxx .cu .cuh .m .mm .swift .cs .fs .vb .go .rs .zig .nim .d .rb .php .pl .pm .lua
    .r .jl .dart .ex .exs .erl .hrl .hs .ml .mli .elm .lisp .scm .rkt .el .sh .bash .zsh .fish .ps1 .sql
    .f90 .f95 .f03 .pas .adb .ads .sol .v .sv .vhd .vhdl .tcl .proto .cmake
    """.split()  # noqa: SIM905 - a list of 90 quoted suffixes is not easier to read
)
SKIPPED_FOLDERS = frozenset(
    ["node_modules", "__pycache__", "venv", "env", "site-packages", "dist-packages", "vendor", "third_party"]
    + ["build", "dist", "target"]
)
# Tests are repetitive; encodings and pydoc_data are generated tables; ensurepip holds wheels, idlelib and
# turtledemo are programs. Debian's python3-minimal lacks many modules: what is not there is not read.
STDLIB_SKIPPED = SKIPPED_FOLDERS | frozenset(
    ["test", "tests", "idle_test", "idlelib", "turtledemo", "lib2to3", "encodings", "pydoc_data", "ensurepip"]
    + ["lib-dynload"]
)
MAX_FILE_BYTES = 1_000_000  # longer ones are generated or data


@dataclass(frozen=True)
class Document:
    """One source file.

    Attributes:
        path: where it stands inside its source, with forward slashes.
        package: the unit that must not be divided between splits; empty where unknown.
        split: the split that the source gives it, or None.
        content: its text, UTF-8.
    """

    path: str
    package: str
    split: str | None
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Source:
    """Where documents come from, and a listing that changes when they do.

    Attributes:
        kind: ``files``, ``tables`` or ``huggingface``.
        description: for people.
        root: the folder that paths are relative to, or the name of a Hugging Face data set.
        files: paths relative to ``root``.
        skipped: how many files were not taken because of their suffix.
    """

    kind: str
    description: str
    root: str
    files: tuple[str, ...] = ()
    skipped: int = 0

    def listing(self) -> list[Any]:
        """Names, sizes and times of change: equal listings mean unchanged data."""
        entries: list[Any] = [self.kind, self.root]
        for name in self.files:
            try:
                status = os.stat(os.path.join(self.root, name))
            except OSError as error:
                raise DataError(_unreadable(os.path.join(self.root, name), error)) from None
            entries.append([name, status.st_size, status.st_mtime_ns])
        return entries


def find_source(data: str | Sequence[str]) -> Source:
    """Find out what ``data`` names and list its files, without reading them.

    Args:
        data: ``stdlib``; ``hf:NAME`` or ``hf:NAME:CONFIGURATION``; or the paths of folders or files.

    Raises:
        DataError: nothing is there, or nothing that holds source code.
    """
    if not isinstance(data, str):
        return _several(list(data))
    if data == "stdlib":
        return _standard_library()
    if data.startswith("hf:"):
        if not data[3:].strip():
            raise DataError(
                "data: 'hf:' lacks the name of a data set; write hf:NAME, such as hf:code_search_net"
            )
        return Source("huggingface", f"Hugging Face data set {data[3:]}", data[3:])
    path = Path(data).expanduser()
    if not path.exists():
        raise DataError(
            f"data: {data} does not exist; give a folder of source files, a parquet or JSONL file, 'stdlib' "
            "or 'hf:NAME'"
        )
    path = path.resolve()
    if path.is_file():
        kind = "tables" if path.name.lower().endswith(TABLE_SUFFIXES) else "files"
        return Source(kind, str(path), str(path.parent), (path.name,))
    return _folder(path)


def read_source(source: Source, *, max_bytes: int | None = None) -> Iterator[Document]:
    """Read every usable document of a source: UTF-8 text, not empty, not longer than a megabyte.

    Args:
        max_bytes: a streamed data set is read until each of its splits has given this much.

    Raises:
        DataError: a file cannot be read, or a table has no column of text.
    """
    if source.kind == "files":
        return _read_files(source)
    if source.kind == "tables":
        return _read_tables(source)
    return _read_huggingface(source.root, max_bytes)


def usable_text(raw: bytes) -> bytes | None:
    """The content without a byte order mark, or None for binary, empty and oversized files."""
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if not raw.strip() or len(raw) > MAX_FILE_BYTES or b"\0" in raw:
        return None
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return raw


def _standard_library() -> Source:
    root = sysconfig.get_path("stdlib")
    files = tuple(sorted(_walk(root, STDLIB_SKIPPED, frozenset([".py"]))[0]))
    if not files:
        raise DataError(
            f"data: the standard library at {root} holds no Python source files; give a folder instead"
        )
    return Source("files", f"standard library of Python {sys.version.split()[0]}", root, files)


def _folder(path: Path) -> Source:
    code, tables, others = _walk(str(path), SKIPPED_FOLDERS, CODE_SUFFIXES)

    def size(names: Iterable[str]) -> int:
        return sum((path / name).stat().st_size for name in names)

    # A data set often carries a small script, a project a small table: the larger part decides.
    if tables and (not code or size(tables) > size(code)):
        return Source("tables", str(path), str(path), tuple(sorted(tables)), others + len(code))
    if not code:
        seen = f"its {others} files are of other kinds" if others else "it is empty"
        raise DataError(f"data: {path} holds no source, parquet or JSONL files ({seen}); "
                        "give a folder with files such as *.py, *.js, *.c")  # fmt: skip
    return Source("files", str(path), str(path), tuple(sorted(code)), others + len(tables))


def _several(paths: list[str]) -> Source:
    if len(paths) == 1:
        return find_source(paths[0])
    if not paths:
        raise DataError("data: an empty list; give at least one folder or file")
    parts = [find_source(path) for path in paths]
    kinds = {part.kind for part in parts}
    if len(kinds) > 1 or kinds == {"huggingface"}:
        raise DataError(f"data: {', '.join(paths)} mix source files, tables and data sets; give one kind")
    root = os.path.commonpath([part.root for part in parts])
    files = {os.path.relpath(os.path.join(part.root, name), root) for part in parts for name in part.files}
    names = tuple(sorted(name.replace(os.sep, "/") for name in files))
    return Source(parts[0].kind, ", ".join(paths), root, names, sum(part.skipped for part in parts))


def _walk(root: str, skipped: frozenset[str], suffixes: frozenset[str]) -> tuple[list[str], list[str], int]:
    code: list[str] = []
    tables: list[str] = []
    others = 0

    def refuse(error: OSError) -> None:
        raise DataError(_unreadable(str(error.filename), error)) from None

    for folder, subfolders, names in os.walk(root, onerror=refuse):
        subfolders[:] = sorted(
            name for name in subfolders
            if name not in skipped and not name.startswith(".")
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
        )  # fmt: skip
        for name in names:
            if name.startswith(".") or not os.path.isfile(os.path.join(folder, name)):
                continue  # hidden, a dangling link, a pipe
            relative = os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
            if os.path.splitext(name)[1].lower() in suffixes:
                code.append(relative)
            elif name.lower().endswith(TABLE_SUFFIXES):
                tables.append(relative)
            else:
                others += 1
    return code, tables, others


def _read_files(source: Source) -> Iterator[Document]:
    usable = 0
    for name in source.files:
        path = os.path.join(source.root, name)
        try:
            with open(path, "rb") as file:
                content = usable_text(file.read(MAX_FILE_BYTES + 4))
        except OSError as error:
            raise DataError(_unreadable(path, error)) from None
        if content is not None:
            usable += 1
            # A file in the root itself, such as a module of the standard library, is a package of its own.
            package = name.split("/")[0] if "/" in name else name.rsplit(".", 1)[0]
            yield Document(name, package, None, content)
    if not usable:
        where = os.path.join(source.root, source.files[0]) if len(source.files) == 1 else source.root
        raise DataError(
            f"data: {where} holds no text ({len(source.files)} files, all binary, empty, not UTF-8 or longer "
            "than 1 MB); give source code"
        )


def _read_tables(source: Source) -> Iterator[Document]:
    usable = 0
    for name in source.files:
        path = os.path.join(source.root, name)
        rows = _parquet_rows(path) if name.lower().endswith(".parquet") else _json_rows(path)
        for number, row in enumerate(rows):
            document = _document(row, f"{name}:{number}", split_of_file(name))
            if document is not None:
                usable += 1
                yield document
    if not usable:
        raise DataError(f"data: {source.description} holds no text in its rows; give source code")


def split_of_file(name: str) -> str | None:
    """The split that a name such as ``data/train-00000-of-00005.parquet`` or ``test/a.jsonl`` says."""
    for part in (os.path.basename(name), os.path.basename(os.path.dirname(name))):
        word = part.lower().split(".")[0].replace("_", "-").split("-")[0]
        if word in SPLIT_NAMES:
            return SPLIT_NAMES[word]
    return None


def _document(row: dict[str, Any], default_path: str, split: str | None) -> Document | None:
    text = next((row[name] for name in TEXT_COLUMNS if row.get(name) is not None), None)
    if not isinstance(text, str | bytes):
        return None
    content = usable_text(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    if content is None:
        return None
    package = next((str(row[name]) for name in PACKAGE_COLUMNS if row.get(name)), "")
    path = next((str(row[name]) for name in PATH_COLUMNS if row.get(name)), default_path)
    named = SPLIT_NAMES.get(str(row.get("split", "")).lower())
    return Document(path, package, named or split, content)


def _require_text_column(names: Sequence[str], where: str) -> None:
    if not any(name in TEXT_COLUMNS for name in names):
        raise DataError(f"data: {where} has no column of text (it has: {', '.join(names)}); "
                        f"name one {', '.join(TEXT_COLUMNS[:-1])} or {TEXT_COLUMNS[-1]}")  # fmt: skip


def _parquet_rows(path: str) -> Iterator[dict[str, Any]]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            names = table.schema_arrow.names
            _require_text_column(names, path)
            wanted = [n for n in names if n in (*TEXT_COLUMNS, *PACKAGE_COLUMNS, *PATH_COLUMNS, "split")]
            for group in table.iter_batches(batch_size=512, columns=wanted):
                columns = [group.column(position).to_pylist() for position in range(len(wanted))]
                for values in zip(*columns, strict=True):
                    yield dict(zip(wanted, values, strict=True))
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(_unreadable(path, error)) from None


def _json_rows(path: str) -> Iterator[dict[str, Any]]:
    number = 0
    try:
        with gzip.open(path, "rb") if path.lower().endswith(".gz") else open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise DataError(
                        f"data: {path} line {number} is not a JSON object; write one object a line"
                    )
                _require_text_column(list(row), f"{path} line {number}")
                yield row
    except ValueError as error:
        raise DataError(
            f"data: {path} line {number} is not JSON ({error}); write one JSON object a line"
        ) from None
    except (OSError, EOFError) as error:
        raise DataError(_unreadable(path, error)) from None


def _read_huggingface(name: str, max_bytes: int | None) -> Iterator[Document]:
    try:
        import datasets
    except ImportError:
        raise DataError(
            f"data: hf:{name} needs the package datasets; install it with: pip install 'sugata[hf]'"
        ) from None
    path, _, configuration = name.partition(":")
    try:
        parts = datasets.load_dataset(path, configuration or None, streaming=max_bytes is not None)
    except Exception as error:  # the library raises dozens of kinds, all of them about name, network or files
        raise DataError(
            f"data: hf:{name} cannot be loaded ({first_line(error)}); check the name and the network"
        ) from None
    usable = 0
    for split, rows in parts.items():
        taken = 0
        for number, row in enumerate(rows):
            if number == 0:
                _require_text_column(list(row), f"hf:{name}")
            document = _document(row, f"{split}:{number}", SPLIT_NAMES.get(str(split).lower()))
            if document is None:
                continue
            usable += 1
            taken += len(document.content)
            yield document
            if max_bytes is not None and taken >= 2 * max_bytes:  # twice: duplicates are still inside
                break
    if not usable:
        raise DataError(f"data: hf:{name} holds no text in its rows; give a data set of source code")


def _unreadable(path: str, error: Exception) -> str:
    return f"data: {path} cannot be read ({first_line(error)}); check the file and its permissions"


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    text = getattr(error, "strerror", None) or str(error)
    return next(itertools.chain((text.strip().splitlines() or [""])[:1]), "") or type(error).__name__
