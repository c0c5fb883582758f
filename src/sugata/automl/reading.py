"""From what a user holds to rows in memory: files, folders, frames, data sets of torch and Hugging Face."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sugata.errors import InputError

_TABLES = {".csv": ",", ".tsv": "\t"}
_COMPRESSED = (".gz", ".bz2", ".xz", ".zip", ".zst")  # of which pandas reads tables
_LABELS = ("label", "labels", "target", "class", "y")  # columns that are taken where none is named
_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff")


def read(kind: str, x: Any, y: Any = None, *, without: str | None = None) -> tuple[Any, Any]:
    """Rows of one input, and their targets where there are any.

    Args:
        kind: of the input: ``image``, ``text``, ``table`` or ``array``.
        x: rows, or where they are: a CSV or Parquet file, a folder of class folders, a torch or Hugging Face
            data set; of images a file too, which is one row; of tables mappings by the names of columns too.
        y: targets; a column's name where `x` has columns; None where `x` holds them, or there are none.
        without: a column that is no input, and may be there or not.

    Raises:
        InputError: a file or a column that is not there, an empty folder, or what holds no rows.
    """
    if isinstance(x, str | Path):
        x = _place(kind, x)
        if isinstance(x, Path):
            return _folder(x, y)
    elif _is_hugging_face(x):
        if kind == "image":
            return _columns_of(x, kind, y)
        x = x.to_pandas()
    elif hasattr(x, "to_pandas") and not hasattr(x, "iloc"):  # Polars, Arrow
        x = x.to_pandas()
    elif _is_torch(x):
        return _items(x, y)
    elif hasattr(x, "detach"):
        x = x.detach().cpu().numpy()
    else:
        _refuse_collections(x)
        x = _records(x) if kind == "table" else x
    if hasattr(y, "detach"):
        y = y.detach().cpu().numpy()
    if hasattr(x, "columns"):
        return _frame(x, kind, y, without)
    if isinstance(y, str):
        raise InputError(f"y is {y!r}, a column's name, but x has no named columns; give labels or values")
    return x, y


def _records(x: Any) -> Any:
    """A mapping of columns, one of a single row's values, or a list of such rows, as a frame."""
    import pandas as pd

    columns = isinstance(x, Mapping) and not hasattr(x, "shape")  # as SciPy's sparse arrays of keys have
    if not columns and not (isinstance(x, list) and x and isinstance(x[0], Mapping)):
        return x
    row = columns and all(np.ndim(one) == 0 for one in x.values())
    try:
        return pd.DataFrame([x] if row else x)
    except ValueError as error:
        raise InputError(f"table: {error}; give every column equally many values") from None


def _place(kind: str, x: str | Path) -> Any:
    """What is at a path: a frame, a list of one image, or for images the folder itself.

    Raises:
        InputError: nothing that can be read; of texts, a text in place of a list.
    """
    path = Path(x)
    suffix = _suffix(path)
    if kind == "text" and isinstance(x, str) and suffix not in (*_TABLES, ".parquet"):
        raise InputError(
            f"text: one string, {x[:30]!r}; give a list of texts, or a .csv, .tsv or .parquet file"
        )
    if kind == "image" and path.is_dir():
        return path
    if kind == "image" and suffix in _IMAGES and path.is_file():
        return [path]
    return _file(path)


def _suffix(path: Path) -> str:
    """What kind of file it is, compressed or not."""
    compressed = path.suffix.lower() in _COMPRESSED
    return Path(path.stem if compressed else path.name).suffix.lower()


def _file(path: Path) -> Any:
    import pandas as pd

    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder")
    suffix = _suffix(path)
    if suffix not in (*_TABLES, ".parquet"):
        raise InputError(
            f"{path}: give a .csv, .tsv or .parquet file, or for images a folder of class folders"
        )
    try:
        if suffix == ".parquet":
            return pd.read_parquet(path)
        found = pd.read_csv(path, sep=_TABLES[suffix])
        if found.shape[1] == 1 and ";" in str(found.columns[0]):
            found = pd.read_csv(path, sep=";")
            if any(_has_decimal_commas(found[name]) for name in found.columns):
                found = pd.read_csv(path, sep=";", decimal=",")
        return found
    except (ValueError, OSError, UnicodeError, ImportError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"{path}: cannot be read as a table ({reason})") from None


def _has_decimal_commas(column: Any) -> bool:
    return _holds_texts(column) and column.dropna().str.fullmatch(r"-?\d+,\d+").mean() > 0.5


def _frame(frame: Any, kind: str, y: Any, without: str | None) -> tuple[Any, Any]:
    """Targets out of a frame's columns; for texts and images the one column that holds them."""
    if isinstance(y, str):
        if y not in frame.columns:
            raise InputError(f"column {y!r} is not in the table; it has {_some(frame.columns)}")
        frame, y = frame.drop(columns=[y]), frame[y]
    if without is not None:
        frame = frame.drop(columns=[without], errors="ignore")
    if kind == "table":
        return frame, y
    if y is None and frame.shape[1] > 1:
        label = next((name for name in _LABELS if name in frame.columns), None)
        if label is not None:
            frame, y = frame.drop(columns=[label]), frame[label]
    if frame.shape[1] == 1:
        return frame.iloc[:, 0].tolist(), y
    texts = [name for name in frame.columns if _holds_texts(frame[name])]
    if kind == "text" and (len(texts) == 1 or "text" in texts):
        return frame["text" if "text" in texts else texts[0]].tolist(), y
    raise InputError(
        f"which column is the {kind}? The table has {_some(frame.columns)}; give one column as x"
    )


def _holds_texts(column: Any) -> bool:
    return any(isinstance(value, str) for value in column.head(100))


def _folder(path: Path, y: Any) -> tuple[list[Path], Any]:
    """Images of a folder: of class folders, whose names are the labels, or flat, in the order of names."""
    classes = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if classes and y is None:
        found = [(file, one.name) for one in classes for file in _images(one)]
        if not found:
            raise InputError(f"{path}: no image in its class folders; put images into {classes[0].name}/")
        return [file for file, _ in found], np.array([label for _, label in found])
    files = _images(path)
    if not files:
        raise InputError(f"{path}: an empty folder; it needs images, or a folder of images for each class")
    return files, y


def _images(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.suffix.lower() in _IMAGES)


def _is_hugging_face(x: Any) -> bool:
    return type(x).__module__.startswith("datasets.") and hasattr(x, "features")


def _columns_of(data: Any, kind: str, y: Any) -> tuple[Any, Any]:
    names = list(data.column_names)
    label = y if isinstance(y, str) else next((name for name in _LABELS if name in names), None)
    if isinstance(y, str) and y not in names:
        raise InputError(f"column {y!r} is not in the data set; it has {_some(names)}")
    images = [name for name in names if type(data.features[name]).__name__ == "Image"]
    if not images:
        raise InputError(f"no column of the data set is an {kind}; it has {_some(names)}")
    targets = y if y is not None and not isinstance(y, str) else None
    if targets is None and label is not None:
        targets = np.asarray(data[label][:])
    return list(data[images[0]][:]), targets


def _is_torch(x: Any) -> bool:
    torch = sys.modules.get("torch")
    return (
        torch is not None
        and isinstance(x, torch.utils.data.Dataset)
        and not isinstance(x, torch.utils.data.IterableDataset)
    )


def _refuse_collections(x: Any) -> None:
    """What holds data sets or batches, rather than rows."""
    if type(x).__module__.startswith("datasets.") and hasattr(x, "keys"):
        raise InputError(f"x has the splits {_some(x)}; give one, such as data[{next(iter(x), 'train')!r}]")
    if type(x).__module__.startswith("torch.utils.data") and hasattr(x, "dataset"):
        raise InputError("x is a DataLoader; give its data set, loader.dataset: fit makes its own batches")
    if any(kind.__name__ in ("IterableDataset", "IterableDatasetDict") for kind in type(x).__mro__):
        raise InputError(f"x is a {type(x).__name__}, which has no length; give a data set of known length")


def _items(data: Any, y: Any) -> tuple[Any, Any]:
    """A torch data set of inputs, or of pairs of an input and its target."""
    items = [data[i] for i in range(len(data))]
    if not items:
        raise InputError("the data set is empty; it needs at least two rows")
    paired = isinstance(items[0], tuple | list) and len(items[0]) == 2
    inputs = _stacked([item[0] if paired else item for item in items])
    if y is None and paired:
        y = _stacked([item[1] for item in items])
    return inputs, y


def _stacked(items: Sequence[Any]) -> Any:
    """Tensors and arrays of one shape as one array; anything else as a list."""
    arrays = [item.detach().cpu().numpy() if hasattr(item, "detach") else item for item in items]
    if isinstance(arrays[0], np.ndarray | np.generic | int | float):
        shapes = {np.shape(one) for one in arrays}
        if len(shapes) == 1:
            return np.stack([np.asarray(one) for one in arrays])
    return arrays


def _some(names: Any) -> str:
    shown = [str(name) for name in names]
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")
