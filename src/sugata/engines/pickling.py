"""The evaluator on its way to workers: pickled once, together with where its modules are imported from."""

import os
import pickle
import pickletools
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import cloudpickle

from sugata.engines.evaluation import one_line
from sugata.errors import TaskError
from sugata.evaluators import Evaluator


class Unsendable(TaskError):  # noqa: N818 - it says what the evaluator is
    """An evaluator that worker processes cannot load."""


def pickled(evaluator: Evaluator) -> bytes:
    """This process's import path and the evaluator, pickled one in the other: the path is needed first.

    Raises:
        Unsendable: something in the evaluator cannot be pickled.
    """
    try:
        content = cloudpickle.dumps(evaluator)
    except Exception as error:
        raise Unsendable(one_line(error)) from error
    return pickle.dumps(([entry or os.getcwd() for entry in sys.path], content))


def found_also_here(content: bytes) -> bytes:
    """The same evaluator, whose modules are looked for on this process's import path too, but last."""
    path, evaluator = pickle.loads(content)
    return pickle.dumps(([*path, *(entry for entry in sys.path if entry not in path)], evaluator))


def in_file(content: bytes) -> IO[bytes]:
    """The content in a file without a name, for processes that inherit it."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by whom it is given to
    file.write(content)
    file.flush()
    return file


def load(descriptor: int) -> Evaluator:
    """Take over the import path of who pickled, then, able to import alike, unpickle the evaluator."""
    size = os.fstat(descriptor).st_size
    content = b""
    while len(content) < size:  # the workers share the descriptor: never move its offset
        content += os.pread(descriptor, size - len(content), len(content))
    os.close(descriptor)
    sys.path[:], evaluator = pickle.loads(content)
    loaded: Evaluator = pickle.loads(evaluator)
    return loaded


def own_modules(content: bytes) -> list[str]:
    """Files and package folders of the user's modules that a pickled evaluator names.

    A user's module is one that is neither installed, nor Python's, nor this package.
    """
    _, evaluator = pickle.loads(content)
    named = {str(argument) for _, argument, _ in pickletools.genops(evaluator) if isinstance(argument, str)}
    tops = sorted({name.partition(".")[0] for name in named if name in sys.modules} - {"sugata", "__main__"})
    return [str(place) for place in _places(tops) if not _is_installed(place)]


def _places(modules: Iterable[str]) -> Iterable[Path]:
    for name in modules:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None:
            yield Path(file).parent if Path(file).name == "__init__.py" else Path(file)


def _is_installed(place: Path) -> bool:
    installed = {
        Path(sysconfig.get_path(key)).resolve() for key in ("stdlib", "platstdlib", "purelib", "platlib")
    }
    return any(folder in place.resolve().parents for folder in installed)
