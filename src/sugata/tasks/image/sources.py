"""Where images come from: found by what `data` names, without reading any."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sugata.errors import DataError
from sugata.tasks.image.readers import READERS
from sugata.tasks.image.samples import Samples

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
)
ARRAY_SUFFIXES = frozenset({".npy", ".npz"})


@dataclass(frozen=True)
class Source:
    """Where images come from, and the files that would have to change for them to change.

    Attributes:
        kind: how it is read: ``digits``, ``huggingface``, ``parquet``, ``arrays``, ``table`` or ``folder``.
        place: path or name.
    """

    kind: str
    place: str
    files: tuple[Path, ...] = ()

    def listing(self) -> list[Any]:
        """Equal listings mean unchanged data."""
        described = [(str(path), path.stat()) for path in self.files]
        return [self.kind, self.place, [[name, at.st_size, at.st_mtime_ns] for name, at in described]]

    def read(self) -> Samples:
        """The images and labels.

        Raises:
            DataError: they cannot be read, or have no labels.
        """
        samples = READERS[self.kind](self.place, self.files)
        if not len(samples.images):
            raise DataError(f"data: {self.place} has no images")
        return samples


def find_source(data: str) -> Source:
    """Find out what ``data`` names, without reading images.

    Args:
        data: ``digits``; ``hf:NAME``, ``hf:NAME:CONFIGURATION`` or ``hf:FOLDER``; or the path of a folder
            (class folders of images; images beside a CSV file with columns ``file`` and ``label``; parquet
            files; or ``.npy`` files), or of a CSV, parquet, ``.npz`` or ``.npy`` file.

    Raises:
        DataError: nothing is there, or nothing with images.
    """
    if data == "digits":
        return Source("digits", data)
    if data.startswith("hf:"):
        if not data[3:].strip():
            raise DataError(
                "data: 'hf:' lacks the name of a data set; write hf:NAME, such as hf:ylecun/mnist"
            )
        return Source("huggingface", data[3:])
    path = Path(data).expanduser()
    if not path.exists():
        raise DataError(
            f"data: {data} does not exist; give a folder of images, a parquet, .npz or CSV file, 'digits' or "
            "hf:NAME"
        )
    path = path.resolve()
    files = (path,) if path.is_file() else tuple(sorted(p for p in path.rglob("*") if _is_visible(p, path)))
    for kind, fits in (
        ("parquet", _of(".parquet")),
        ("table", _of(".csv")),
        ("arrays", _of(*ARRAY_SUFFIXES)),
    ):
        chosen = tuple(file for file in files if fits(file))
        if chosen:
            return Source(kind, str(path), chosen)
    images = tuple(file for file in files if file.suffix.lower() in IMAGE_SUFFIXES)
    if path.is_file() or not images:
        what = "is no parquet, CSV, .npz or .npy file" if path.is_file() else "is a folder without images"
        raise DataError(
            f"data: {path} {what}; give class folders of images (CLASS/picture.png), or such a file"
        )
    return Source("folder", str(path), images)


def _is_visible(path: Path, root: Path) -> bool:
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)


def _of(*suffixes: str) -> Any:
    return lambda path: path.suffix.lower() in suffixes
