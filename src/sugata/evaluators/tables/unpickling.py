"""Reading pickles of benchmark tables without running what is in them.

A pickle can call any function it names. Here it may name plain containers and numpy's numbers and arrays, and
nothing else; weights of torch become an empty object, since a table has no use for them.
"""

import bz2
import io
import pickle
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from sugata.errors import DataError


class Weights:
    """What stands for everything that torch would make: it takes anything, and keeps nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def _numpy_makers() -> dict[tuple[str, str], Any]:
    """numpy's own functions by the names under which they are pickled, before and since version 2."""
    makers = {}
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        makers[module, "scalar"] = np._core.multiarray.scalar  # type: ignore[attr-defined]
        makers[module, "_reconstruct"] = np._core.multiarray._reconstruct  # type: ignore[attr-defined]
    return makers | {("numpy", "dtype"): np.dtype, ("numpy", "ndarray"): np.ndarray}


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): defaultdict,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "list"): list,
    ("builtins", "dict"): dict,
    **_numpy_makers(),
}


class _TableUnpickler(pickle.Unpickler):
    """Makes nothing but what a table consists of."""

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle may name."""
        if module == "torch" or module.startswith("torch."):
            return Weights
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it wants to use {module}.{name}") from None

    def persistent_load(self, identifier: Any) -> Any:
        """Storages beside the pickle: weights."""
        return Weights()


def unpickled(file: IO[bytes]) -> Any:
    """The value of one pickle.

    Raises:
        pickle.UnpicklingError: no pickle, or it names something that no table needs.
        EOFError, and whatever else a broken pickle leads to.
    """
    return _TableUnpickler(file).load()


def read_pbz2(path: Path) -> Any:
    """A pickle in a bzip2 file, as NATS-Bench's are.

    Raises:
        DataError: missing, of another kind, cut short, or not harmless.
    """
    return _explained(path, lambda: unpickled(io.BufferedReader(bz2.BZ2File(path), 1 << 20)))


def read_pth(path: Path) -> Any:
    """A file of torch, as NAS-Bench-201's is; read with torch's own restrictions.

    Raises:
        DataError: as :func:`read_pbz2`.
    """
    import torch

    numpy_types = [type(np.dtype(kind)) for kind in ("float64", "float32", "int64", "int32", "bool")]
    harmless = [defaultdict, set, *set(map(_named, _ALLOWED)), *numpy_types]

    def load() -> Any:
        with torch.serialization.safe_globals(harmless):
            return torch.load(path, map_location="cpu", weights_only=True)

    return _explained(path, load)


def _named(place: tuple[str, str]) -> Any:
    """A maker as torch wants it: with the name that stands in the file."""
    return _ALLOWED[place], ".".join(place)


def _explained(path: Path, load: Callable[[], Any]) -> Any:
    """What was read, or one line on why not."""
    try:
        return load()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except EOFError:
        raise DataError(f"{path}: cut short; download it again") from None
    except pickle.UnpicklingError as error:
        text = str(error).strip().splitlines()[0]
        raise DataError(f"{path}: not a table that can be read without running it ({text[:160]})") from None
    except MemoryError:
        raise DataError(f"{path}: does not fit into memory; convert the folder of single files") from None
    except Exception as error:  # whatever a broken file leads to
        text = (str(error).strip().splitlines() or [""])[0]
        raise DataError(f"{path}: cannot be read ({type(error).__name__}: {text[:160]})") from None
