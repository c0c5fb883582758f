"""Readers of each kind of source: scikit-learn's digits, folders, CSV, parquet, NumPy, Hugging Face.

Each takes the source's path or name and its files, and gives `Samples`; nothing is decoded.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sugata.errors import DataError
from sugata.tasks.image.samples import SPLIT_NAMES, Image, Label, Samples, split_of

IMAGE_COLUMNS = ("image", "img", "pixels")
LABEL_COLUMNS = ("label", "labels", "target", "class", "fine_label", "value")
FILE_COLUMNS = ("file", "file_name", "filename", "path", "image")


def _digits(place: str, files: Sequence[Path]) -> Samples:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataError(
            "data: 'digits' are scikit-learn's, which is not installed; pip install 'sugata[digits]', or"
            " give other data"
        ) from None
    found = load_digits()
    pixels = np.round(found.images * (255 / 16)).astype(np.uint8)  # 17 grey levels
    return Samples(pixels, found.target.tolist(), [None] * len(pixels), tuple("0123456789"))


def _folder(place: str, files: Sequence[Path]) -> Samples:
    """``CLASS/picture.png``, or ``SPLIT/CLASS/picture.png``."""
    root = Path(place)
    relative = [file.relative_to(root) for file in files]
    divided = all(len(path.parts) > 2 and path.parts[0].lower() in SPLIT_NAMES for path in relative)
    at = 1 if divided else 0
    loose = next((path for path in relative if len(path.parts) < at + 2), None)
    if loose is not None:
        raise DataError(
            f"data: {place}: {loose} has no label; put images into class folders "
            f"(CLASS/{loose.name}), or add a CSV file with columns file and label"
        )
    splits = [SPLIT_NAMES[path.parts[0].lower()] if divided else None for path in relative]
    labels = [path.parts[at] for path in relative]
    return Samples(files, labels, splits, places=[str(path) for path in relative])


def _table(place: str, files: Sequence[Path]) -> Samples:
    """A CSV file with a column of files, beside it, one of labels, and perhaps one of splits."""
    import pandas as pd

    root = Path(place)
    root = root if root.is_dir() else root.parent
    images: list[Path] = []
    labels: list[Label] = []
    splits: list[str | None] = []
    for path in files:
        try:
            read = pd.read_csv(path)
        except (ValueError, OSError) as error:
            raise DataError(f"data: {path} cannot be read as CSV ({error})") from None
        file_column = _column(read.columns, FILE_COLUMNS, "files", path)
        label_column = _column(read.columns, LABEL_COLUMNS, "labels", path)
        images += [path.parent / str(name) for name in read[file_column]]
        labels += read[label_column].tolist()
        own = read["split"] if "split" in read.columns else [split_of(path.stem)] * len(read)
        splits += [SPLIT_NAMES.get(str(name).lower()) for name in own]
    missing = next((image for image in images if not image.is_file()), None)
    if missing is not None:
        raise DataError(f"data: {files[0]} names {missing}, which does not exist")
    return Samples(images, labels, splits, places=[str(image.relative_to(root)) for image in images])


def _parquet(place: str, files: Sequence[Path]) -> Samples:
    import pyarrow as pa
    import pyarrow.parquet as pq

    images: list[bytes] = []
    labels: list[Label] = []
    splits: list[str | None] = []
    names: tuple[str, ...] = ()
    for path in files:
        try:
            columns = pq.read_schema(path).names
            image_column = _column(columns, IMAGE_COLUMNS, "images", path)
            label_column = _column(columns, LABEL_COLUMNS, "labels", path)
            read = pq.read_table(path, columns=[image_column, label_column])
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"data: {path} cannot be read as parquet ({error})") from None
        names = names or _class_names(read.schema.metadata, label_column)
        images += [_content(value, path) for value in read[image_column].to_pylist()]
        labels += read[label_column].to_pylist()
        splits += [split_of(path.stem)] * read.num_rows
    return Samples(images, labels, splits, names)


def _content(value: Any, path: Path) -> bytes:
    """The bytes of an image column, which is of bytes or of structs with bytes."""
    found = value.get("bytes") if isinstance(value, Mapping) else value
    if not isinstance(found, bytes):
        raise DataError(f"data: {path}: its images are {type(found).__name__}, not the bytes of image files")
    return found


def _class_names(metadata: Mapping[bytes, bytes] | None, column: str) -> tuple[str, ...]:
    """The names of classes that Hugging Face's library writes into the file."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return tuple(map(str, features[column]["names"]))
    except (KeyError, ValueError, TypeError):
        return ()


def _arrays(place: str, files: Sequence[Path]) -> Samples:
    """``x_train``, ``y_train``, ``x_test``, ``y_test`` (and ``_val``), or ``x`` and ``y``."""
    found: dict[str, NDArray[Any]] = {}
    for path in files:
        try:
            read = np.load(path, allow_pickle=False)
            found |= dict(read) if path.suffix.lower() == ".npz" else {path.stem: read}
        except (ValueError, OSError, EOFError) as error:
            raise DataError(f"data: {path} cannot be read as NumPy file ({error})") from None
    pairs = {name: _partner(name, found) for name in found if _is_images(name)}
    if not pairs or None in pairs.values():
        shown = ", ".join(found)
        raise DataError(
            f"data: {place} has arrays {shown}; name them x_train, y_train, x_test, y_test, or x and y"
        )
    images: list[NDArray[Any]] = []
    labels: list[Label] = []
    splits: list[str | None] = []
    for name, partner in pairs.items():
        x, y = found[name], found[str(partner)]
        if len(x) != len(y):
            raise DataError(f"data: {place}: {name} has {len(x)} images, {partner} has {len(y)} labels")
        images += list(x)
        labels += y.reshape(len(y), -1).tolist() if y.ndim > 1 and y.shape[1] > 1 else y.reshape(-1).tolist()
        splits += [split_of(name)] * len(x)
    return Samples(images, labels, splits)


def _is_images(name: str) -> bool:
    return name.lower().split("_")[0] in ("x", "images", "image") or name.lower().endswith("_images")


def _partner(name: str, found: Iterable[str]) -> str | None:
    """The array of labels that belongs to one of images: the name with another first or last word."""
    swaps = (("x", "y"), ("images", "labels"), ("image", "label"))
    words = name.split("_")
    for image, label in swaps:
        for wanted in ("_".join(label if word.lower() == image else word for word in words),):
            if wanted != name and wanted in found:
                return wanted
    return None


def _huggingface(place: str, files: Sequence[Path]) -> Samples:
    try:
        import datasets
    except ImportError:
        raise DataError("data: hf:NAME needs the datasets library; pip install 'sugata[hf]'") from None
    name, _, configuration = place.partition(":")
    local = Path(place).expanduser()
    arguments = (str(local),) if local.exists() else (name, *filter(None, [configuration]))
    try:
        found = datasets.load_dataset(*arguments)
    except Exception as error:  # of many kinds: the network, the name, the files
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"data: hf:{place} cannot be loaded: {line}") from None
    images: list[Image] = []
    labels: list[Label] = []
    splits: list[str | None] = []
    names: tuple[str, ...] = ()
    known = {split: part for split, part in found.items() if str(split).lower() in SPLIT_NAMES}
    for split, part in (known or found).items():  # not those without labels, such as "unsupervised"
        image_column = _column(part.column_names, IMAGE_COLUMNS, "images", place)
        label_column = _column(part.column_names, LABEL_COLUMNS, "labels", place)
        names = names or tuple(getattr(part.features[label_column], "names", None) or ())
        raw = part.cast_column(image_column, datasets.Image(decode=False))
        images += [row["bytes"] or Path(row["path"]) for row in raw[image_column]]
        labels += list(part[label_column])
        splits += [SPLIT_NAMES.get(str(split).lower())] * len(part)
    return Samples(images, labels, splits, names)


def _column(columns: Iterable[str], known: Sequence[str], what: str, where: object) -> str:
    by_lower = {str(column).lower(): str(column) for column in columns}
    found = next((by_lower[name] for name in known if name in by_lower), None)
    if found is None:
        remedy = f"name it {' or '.join(known[:2])}"
        raise DataError(f"data: {where} has no column of {what} (it has {', '.join(by_lower)}); {remedy}")
    return found


#: How each kind of source is read.
READERS: Mapping[str, Callable[[str, Sequence[Path]], Samples]] = {
    "digits": _digits,
    "folder": _folder,
    "table": _table,
    "parquet": _parquet,
    "arrays": _arrays,
    "huggingface": _huggingface,
}
