"""Prepared data on disk: what every worker opens, and what a model is stored with.

Layout of the folder::

    adapters.json     how raw rows become these arrays, and outputs become labels and values
    facts.json        counts, statistics of the training rows, and a fingerprint of everything
    SPLIT.NAME.npy    the rows of an input or a target; SPLIT is train, validation, test or aside
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sugata.errors import DataError, InputError
from sugata.tasks.cache import new_folder
from sugata.tasks.prepared.adapters import Adapters, Array, InputAdapter, TargetAdapter
from sugata.tasks.prepared.class_target import ClassAdapter
from sugata.tasks.prepared.overlap import HeldOut, hold_out_with_parts
from sugata.tasks.prepared.splits import Rows, hold_out
from sugata.tasks.prepared.value_target import ValueAdapter

FORMAT = 1
ASIDE = "aside"  # the split of rows that neither train nor score candidates: parts of validation texts
_IN_MEMORY = 200_000_000  # bytes: larger arrays are mapped from the disk

InputFit = Callable[[Any], InputAdapter]
TargetFit = Callable[[Any], TargetAdapter]


@dataclass(frozen=True)
class PreparedData:
    """Prepared data in their folder."""

    folder: Path

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The contents of ``facts.json``: ``counts`` by split; ``inputs`` and ``targets`` by name.

        Raises:
            DataError: the folder is missing or damaged.
        """
        facts: dict[str, Any] = self._json("facts.json")
        return facts

    @cached_property
    def adapters(self) -> Adapters:
        """The adapters that made the arrays.

        Raises:
            DataError: the folder is missing or damaged.
        """
        return Adapters.from_json(self._json("adapters.json"))

    @property
    def fingerprint(self) -> str:
        """A name for all arrays, their adapters and their division into splits."""
        return str(self.facts["fingerprint"])

    def array(self, split: str, name: str) -> Array:
        """The rows of an input or a target; mapped from the disk where they are large.

        Raises:
            DataError: there are none.
        """
        path = self.folder / f"{split}.{name}.npy"
        try:
            large = path.stat().st_size > _IN_MEMORY
            found: Array = np.load(path, mmap_mode="r" if large else None, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: cannot be read ({error}); prepare the data anew") from None
        return found

    def _json(self, name: str) -> Any:
        try:
            return json.loads((self.folder / name).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{self.folder / name}: cannot be read ({error}); prepare the data anew"
            ) from None


def joined(parts: Sequence[Array]) -> Array:
    """Rows of several arrays as one; where they are mapped from the disk, so is that, without a name."""
    if not any(isinstance(part, np.memmap) for part in parts):
        return np.concatenate(parts)
    shape = (sum(len(part) for part in parts), *parts[0].shape[1:])
    with tempfile.TemporaryFile() as file:  # the mapping keeps it
        whole = np.memmap(file, parts[0].dtype, "w+", shape=shape)
    return np.concatenate(parts, out=whole)


def prepare(
    folder: Path,
    rows: Rows,
    inputs: Mapping[str, InputFit],
    targets: Mapping[str, TargetFit],
    *,
    validation: Rows | float = 0.2,
    test: Rows | float | None = None,
    seed: int = 0,
) -> PreparedData:
    """Divide rows, fit adapters on those that train, and write all of them.

    Args:
        folder: is made; an older one there is replaced.
        inputs: by the inputs' names, in the order of the network's arguments: what fits an adapter to raw
            training rows, such as ``ImageAdapter.fit``.
        targets: likewise.
        validation: rows of their own, or the share (from 1 on: the number) of the rows that is held out, in
            proportion to the classes of the first target where it has classes. Where many texts are parts of
            others, whole ones are held out, and their parts set aside: they train the winner alone.
        test: likewise, taken first; None where there are none.
        seed: of what is held out.

    Raises:
        InputError: what an adapter refuses; names the input or target, and column or row.
    """
    whole = {name: _named(name, fit, rows) for name, fit in targets.items()}
    splits: dict[str, Rows] = {}
    for number, (split, given) in enumerate((("test", test), ("validation", validation))):
        if isinstance(given, Rows):
            splits[split] = given
        elif given is not None:
            held = _held_out(rows, given, _classes(whole, rows), np.random.default_rng((seed, number)))
            splits[split] = rows.take(held.drawn)
            if split == "validation" and len(held.parts):
                splits[ASIDE] = rows.take(held.parts)
            rows = rows.take(held.train)
    fitted = Adapters(
        {name: _named(name, fit, rows) for name, fit in inputs.items()},
        # Labels that only held-out rows have are labels too; values are scaled by rows that train.
        {
            name: _named(name, fit, rows) if isinstance(whole[name], ValueAdapter) else whole[name]
            for name, fit in targets.items()
        },
    )
    return write_prepared(folder, fitted, {"train": rows, **splits})


def write_prepared(folder: Path, adapters: Adapters, splits: Mapping[str, Rows]) -> PreparedData:
    """Write the rows of each split as arrays, beside their adapters.

    Args:
        folder: is made; an older one there is replaced.
        splits: ``train`` and ``validation``, perhaps ``test``.

    Raises:
        InputError: what an adapter refuses; names the input or target, and column or row.
    """
    facts: dict[str, Any] = {"format": FORMAT, "counts": {split: len(rows) for split, rows in splits.items()}}
    described = json.dumps(adapters.to_json(), sort_keys=True)
    digest = hashlib.blake2b(json.dumps([FORMAT, facts["counts"], described]).encode(), digest_size=12)
    facts["inputs"] = {name: {"kind": one.kind} for name, one in adapters.inputs.items()}
    facts["targets"] = {name: {"kind": one.kind} for name, one in adapters.targets.items()}
    shutil.rmtree(folder, ignore_errors=True)
    with new_folder(folder) as made:
        for split, rows in splits.items():
            for name, adapter in (*adapters.inputs.items(), *adapters.targets.items()):
                stored = np.ascontiguousarray(_named(name, adapter.transform, rows))
                digest.update(f"{split} {name} {stored.dtype} {stored.shape}".encode())
                digest.update(stored.data.cast("B") if stored.size else b"")
                np.save(made / f"{split}.{name}.npy", stored)
                if split == "train" and name in adapters.inputs:
                    facts["inputs"][name] |= adapters.inputs[name].statistics(stored)
                if split == "train" and isinstance(adapter, ClassAdapter):
                    counts = np.bincount(stored, minlength=len(adapter.labels))
                    facts["targets"][name]["counts"] = counts.tolist()
        facts["fingerprint"] = digest.hexdigest()
        (made / "adapters.json").write_text(json.dumps(adapters.to_json()), "utf-8")
        (made / "facts.json").write_text(json.dumps(facts, indent=1), "utf-8")
    return PreparedData(folder)


def _held_out(rows: Rows, held: float, classes: Array | None, rng: np.random.Generator) -> HeldOut:
    """Row numbers to train on and to hold out: of a single input of texts, with their parts."""
    if len(rows.inputs) == 1:
        together = hold_out_with_parts(next(iter(rows.inputs.values())), held, rng)
        if together is not None and (classes is None or set(classes[together.train]) == set(classes)):
            return together
    return HeldOut(*hold_out(len(rows), held, classes, rng), np.zeros(0, np.int64))


def _classes(fitted: Mapping[str, TargetAdapter], rows: Rows) -> Array | None:
    """The class of each row by the first target, where that has classes."""
    name, adapter = next(iter(fitted.items()))
    return adapter.transform(rows.targets[name]) if isinstance(adapter, ClassAdapter) else None


def _named(name: str, step: Callable[[Any], Any], rows: Rows) -> Any:
    """The result of a step on an input or target; errors name it, and its rows as the user counts them."""
    raw = rows.inputs[name] if name in rows.inputs else rows.targets[name]
    try:
        return step(raw)
    except InputError as error:
        row = error.row if error.row is None or rows.numbers is None else int(rows.numbers[error.row])
        named = error.template.startswith(f"{name}: ")  # after its kind, as inputs are where there is one
        raise InputError(error.template if named else f"{name}: {error.template}", row) from None
