"""Tables and texts from files: read, divided and prepared once, in the cache folder.

Layout of the cache folder::

    prepared_sources/KEY.json   which folder the files and the settings give
    prepared-FINGERPRINT/       as `folder` says
"""

import ast
import hashlib
import json
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from sugata.errors import DataError, InputError
from sugata.tasks.cache import default_cache_dir, write_text
from sugata.tasks.image.samples import split_of
from sugata.tasks.prepared.class_target import ClassAdapter
from sugata.tasks.prepared.folder import FORMAT, PreparedData, prepare
from sugata.tasks.prepared.labels_target import LabelsAdapter
from sugata.tasks.prepared.splits import Rows
from sugata.tasks.prepared.table_input import TableAdapter
from sugata.tasks.prepared.text_input import fit_text
from sugata.tasks.prepared.value_target import ValueAdapter

TARGET = "target"  #: name of the network's output
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_TEXTS = ("text", "sentence", "review", "content")
_LABELS = ("label", "target", "class", "y")
_PACKAGES = ("asyncio", "concurrent", "email", "logging", "multiprocessing", "unittest", "xml")
_LONGEST = 2000  # characters of a docstring


@dataclass(frozen=True)
class FileSettings:
    """What decides the prepared rows of a file.

    Attributes:
        kind: what the rows are.
        data: a CSV, TSV or Parquet file, or a folder of such files whose names say train, validation or test;
            ``breast_cancer`` (scikit-learn's table), ``stdlib`` (docstrings of Python's library, by package).
        target: the column, or columns, to predict; None: label, target, class or y.
        text: the column of texts; None: text, sentence, review or content.
        predict: a class, labels (several columns of zeros and ones) or values.
        drop: columns of a table that are left out.
        columns: kinds of some columns of a table.
        words: of the vocabulary of texts.
        length: of a text in words; None: what 95 % of them need.
        validation_share: held out for validation, where the files give no such split.
        test_share: likewise, for test.
    """

    kind: Literal["table", "text"]
    data: str
    target: str | tuple[str, ...] | None = None
    text: str | None = None
    predict: Literal["class", "labels", "value"] = "class"
    drop: tuple[str, ...] = ()
    columns: Mapping[str, str] | None = None
    words: int = 20_000
    length: int | None = None
    validation_share: float = 0.1
    test_share: float = 0.2


def prepare_files(
    settings: FileSettings,
    cache_dir: Path | None = None,
    *,
    say: Callable[[str], None] = lambda message: None,
) -> PreparedData:
    """The rows that the settings describe, from the cache where their files have not changed.

    Raises:
        DataError: the file is missing, empty or unreadable, has no such column, or rows that are of no use.
    """
    cache = cache_dir or default_cache_dir()
    files = _files(settings.data)
    listing = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    described = json.dumps([FORMAT, listing, asdict(settings)], default=list)
    key = hashlib.blake2b(described.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    index = cache / "prepared_sources" / f"{key}.json"
    folder = cache / f"prepared-{key}"
    if index.is_file() and (folder / "facts.json").is_file():
        return PreparedData(folder)
    say(f"reading {settings.data}")
    splits = {split: _rows(frame, settings) for split, frame in _frames(settings.data, files).items()}
    if "train" not in splits:
        raise DataError(f"task.data: {settings.data} has no training rows; name a file train")
    name = settings.kind
    input_fit: Callable[[Any], Any] = (
        partial(TableAdapter.fit, kinds=settings.columns or {})
        if name == "table"
        else partial(fit_text, most_words=settings.words, length=settings.length)
    )
    target_fit: Callable[[Any], Any] = {
        "class": ClassAdapter.fit,
        "labels": LabelsAdapter.fit,
        "value": ValueAdapter.fit,
    }[settings.predict]
    data = prepare(
        folder,
        splits["train"],
        {name: input_fit},
        {TARGET: target_fit},
        validation=splits.get("validation", settings.validation_share),
        test=splits.get("test", settings.test_share),
    )
    write_text(index, json.dumps({"prepared": folder.name, "source": settings.data}))
    return data


def _files(data: str) -> list[Path]:
    """The files that ``data`` names; none for what comes with Python or scikit-learn."""
    if data in _BUILT_IN:
        return []
    path = Path(data).expanduser()
    if not path.exists():
        raise DataError(
            f"task.data: {data} does not exist; give a CSV, TSV or Parquet file, or a folder of such files"
        )
    known = (*_SEPARATORS, ".parquet")
    found = sorted(path.iterdir()) if path.is_dir() else [path]
    files = [file for file in found if file.suffix.lower() in known]
    if not files:
        raise DataError(f"task.data: {data} is no CSV, TSV or Parquet file, nor a folder that has one")
    return files


def _frames(data: str, files: list[Path]) -> dict[str, pd.DataFrame]:
    """All rows by split; those whose file does not say are training rows."""
    if not files:
        return {"train": _BUILT_IN[data]()}
    parts: dict[str, list[pd.DataFrame]] = {}
    for file in files:
        parts.setdefault(split_of(file.stem) or "train", []).append(_read(file))
    if list(parts) == ["test"] or list(parts) == ["validation"]:  # a lone file with such a name
        parts = {"train": next(iter(parts.values()))}
    return {split: pd.concat(frames, ignore_index=True) for split, frames in parts.items()}


def _read(file: Path) -> pd.DataFrame:
    try:
        if file.suffix.lower() == ".parquet":
            return pd.read_parquet(file)
        return pd.read_csv(file, sep=_SEPARATORS[file.suffix.lower()])
    except (ValueError, OSError, UnicodeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"task.data: {file} cannot be read as a table ({reason})") from None


def _rows(frame: pd.DataFrame, settings: FileSettings) -> Rows:
    """The input's column or columns, and the target's."""
    target = settings.target
    if target is None:
        target = _one_of(frame, _LABELS, "task.target")
    names = [target] if isinstance(target, str) else list(target)
    for field, wanted in (
        ("task.target", names),
        ("task.drop", settings.drop),
        ("task.text", [settings.text]),
    ):
        for name in wanted:
            if name is not None and name not in frame.columns:
                raise InputError(
                    f"{field}: no column {name!r}; the file has {', '.join(map(str, frame.columns))}"
                )
    targets = frame[names[0]] if isinstance(target, str) and settings.predict != "labels" else frame[names]
    if settings.kind == "text":
        return Rows({"text": frame[settings.text or _one_of(frame, _TEXTS, "task.text")]}, {TARGET: targets})
    return Rows({"table": frame.drop(columns=[*names, *settings.drop])}, {TARGET: targets})


def _one_of(frame: pd.DataFrame, known: tuple[str, ...], field: str) -> str:
    found = next((name for name in known if name in frame.columns), None)
    if found is None:
        raise InputError(f"{field}: name a column; the file has {', '.join(map(str, frame.columns))}")
    return found


def _breast_cancer() -> pd.DataFrame:
    try:
        from sklearn.datasets import load_breast_cancer
    except ImportError:
        raise DataError(
            "task.data: 'breast_cancer' is scikit-learn's, which is not installed; pip install"
            " 'sugata[digits]', or give a file"
        ) from None
    found = load_breast_cancer(as_frame=True)
    names = np.array(found.target_names)[found.target]
    return found.data.assign(target=names)


def _docstrings() -> pd.DataFrame:
    """Docstrings of Python's library, each labelled with its package."""
    library = Path(sysconfig.get_paths()["stdlib"])
    rows = [
        (text[:_LONGEST], package)
        for package in _PACKAGES
        for file in sorted((library / package).rglob("*.py"))
        for text in _documented(file)
    ]
    return pd.DataFrame(rows, columns=["text", "label"]).drop_duplicates("text", ignore_index=True)


def _documented(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_text("utf-8"))
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text and len(text.split()) > 3:
                yield text


_BUILT_IN: Mapping[str, Callable[[], pd.DataFrame]] = {"breast_cancer": _breast_cancer, "stdlib": _docstrings}
