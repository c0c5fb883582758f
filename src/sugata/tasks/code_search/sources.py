"""Where pairs come from: Python sources, parquet and JSONL files such as CodeSearchNet's, Hugging Face."""

import gzip
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from sugata.errors import DataError
from sugata.tasks.code_search.pairs import Pair, harvest, pair_of
from sugata.tasks.corpus import Source
from sugata.tasks.corpus.sources import PACKAGE_COLUMNS, SPLIT_NAMES, first_line, split_of_file, usable_text

#: Columns of the documentation and of the function: ours and CodeSearchNet's, then those of its copy at
#: Hugging Face.
DOCSTRINGS = ("docstring", "func_documentation_string")
CODES = ("code", "func_code_string", "original_string")
_TOKENS = ("code_tokens", "func_code_tokens")
_PACKAGES = ("repo", "repository_name", *PACKAGE_COLUMNS)
_SPLITS = ("partition", "split_name", "split")
_NAMES = ("func_name", "name")
_WANTED = {*DOCSTRINGS, *CODES, *_TOKENS, *_PACKAGES, *_SPLITS, *_NAMES}


def read_pairs(source: Source) -> Iterator[Pair]:
    """Every usable pair of a source, in its order.

    Raises:
        DataError: a file cannot be read, or a row has no docstring or no code.
    """
    if source.kind == "files":
        return _harvested(source)
    if source.kind == "tables":
        return _tabled(source)
    return _from_hub(source.root)


def _harvested(source: Source) -> Iterator[Pair]:
    for name in source.files:
        if not name.endswith(".py"):
            continue
        path = os.path.join(source.root, name)
        try:
            with open(path, "rb") as file:
                content = usable_text(file.read())
        except OSError as error:
            raise _unreadable(path, error) from None
        if content is not None:
            package = name.split("/")[0] if "/" in name else name.rsplit(".", 1)[0]
            yield from harvest(content.decode("utf-8"), package)


def _tabled(source: Source) -> Iterator[Pair]:
    for name in source.files:
        path = os.path.join(source.root, name)
        rows = _parquet_rows(path) if name.lower().endswith(".parquet") else _json_rows(path)
        for where, row in rows:
            pair = _pair(row, where, split_of_file(name))
            if pair is not None:
                yield pair


def _pair(row: Mapping[str, Any], where: str, split: str | None) -> Pair | None:
    docstring, code = _field(row, DOCSTRINGS, where), _field(row, CODES, where)
    if not isinstance(docstring, str) or not isinstance(code, str):
        wrong = "docstring" if not isinstance(docstring, str) else "code"
        if row.get(wrong, "") is None:
            return None
        raise DataError(f"data: {where}: field {wrong!r} is no text; a pair needs two texts")
    tokens = next((row[name] for name in _TOKENS if row.get(name) is not None), None)
    named = str(next((row[name] for name in _SPLITS if row.get(name)), "")).lower()
    return pair_of(
        docstring,
        code,
        tokens=[str(token) for token in tokens] if tokens is not None else None,
        package=str(next((row[name] for name in _PACKAGES if row.get(name)), "")),
        split=SPLIT_NAMES.get(named) or split,
        name=str(next((row[name] for name in _NAMES if row.get(name)), "")),
    )


def _field(row: Mapping[str, Any], names: tuple[str, ...], where: str) -> Any:
    for name in names:
        if name in row:
            return row[name]
    raise DataError(
        f"data: {where} has no field {names[0]!r} (it has: {', '.join(row)}); a pair needs the fields"
        " docstring and code, as in CodeSearchNet's files"
    )


def _parquet_rows(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            wanted = [name for name in table.schema_arrow.names if name in _WANTED]
            for names in (DOCSTRINGS, CODES):
                _field(dict.fromkeys(table.schema_arrow.names), names, path)
            for group in table.iter_batches(batch_size=512, columns=wanted):
                for row in group.to_pylist():
                    yield path, row
    except (OSError, pyarrow.ArrowException) as error:
        raise _unreadable(path, error) from None


def _json_rows(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    number = 0
    try:
        with gzip.open(path, "rb") if path.lower().endswith(".gz") else open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise DataError(f"data: {path} line {number} is no JSON object; write one object a line")
                yield f"{path} line {number}", row
    except ValueError as error:
        raise DataError(
            f"data: {path} line {number} is not JSON ({error}); write one JSON object a line"
        ) from None
    except (OSError, EOFError) as error:
        raise _unreadable(path, error) from None


def _from_hub(name: str) -> Iterator[Pair]:
    try:
        import datasets
    except ImportError:
        raise DataError(
            f"data: hf:{name} needs the package datasets; install it with: pip install 'sugata[hf]'"
        ) from None
    path, _, configuration = name.partition(":")
    try:
        parts = datasets.load_dataset(path, configuration or None)
    except Exception as error:  # the library raises dozens of kinds, all of them about name, network or files
        raise DataError(
            f"data: hf:{name} cannot be loaded ({first_line(error)}); check the name and the network"
        ) from None
    for split, rows in parts.items():
        for number, row in enumerate(rows):
            pair = _pair(row, f"hf:{name} {split} row {number}", SPLIT_NAMES.get(str(split).lower()))
            if pair is not None:
                yield pair


def _unreadable(path: str, error: Exception) -> DataError:
    return DataError(f"data: {path} cannot be read ({first_line(error)}); check the file and its permissions")
