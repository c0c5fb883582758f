"""A trial's files on their way between machines that share no file system."""

import os
from pathlib import Path

from sugata.errors import SugataError

LARGEST = 512_000_000  # bytes of a trial's folder that are sent


class TooLarge(SugataError):  # noqa: N818 - it says what the folder is
    """A folder that is not sent."""


def packed(folder: Path) -> dict[str, bytes]:
    """The files of a folder by name, without those in folders below it.

    Raises:
        TooLarge: they are too many bytes.
    """
    files = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    size = sum(path.stat().st_size for path in files)
    if size > LARGEST:
        raise TooLarge(
            f"{folder.name}: its files have {size / 1e6:.0f} MB, at most {LARGEST / 1e6:.0f} MB are sent"
            " between machines; put the run on a file system that they share"
        )
    return {path.name: path.read_bytes() for path in files}


def unpack(files: dict[str, bytes], folder: Path) -> None:
    """Write files into a folder, each at once in place of one of the same name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / Path(name).name
        temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
        temporary.write_bytes(content)
        temporary.replace(path)
