"""A teacher's largest logits on disk: it is run once, and students learn from what it said.

A folder holds

- ``logits.json``: ``format`` (1), ``teacher``, ``tokenizer`` (a digest of its tokens), ``vocabulary_size``,
  ``windows``, ``length``, ``k``;
- ``tokens.npy`` ``(windows, length + 1)`` int32: a window's inputs, and the target of its last token;
- ``indices.npy`` ``(windows, length, k)`` int32: the tokens that the teacher finds most probable, best first;
- ``logits.npy`` ``(windows, length, k)`` float16: their logits, less the largest of each position.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from sugata.errors import DataError, RecipeError, SugataError
from sugata.tasks.base import Batch, Say, Task, silent
from sugata.tasks.cache import new_folder
from sugata.training.distillation.teachers import FIELD, Teacher
from sugata.trial import Value

MANIFEST = "logits.json"
FORMAT = 1
_AT_ONCE = 16  # windows of a forward pass


@dataclass(frozen=True)
class StoredLogits:
    """A folder that `write_logits` wrote."""

    folder: Path

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What ``logits.json`` says.

        Raises:
            SugataError: it is damaged or of another version.
        """
        try:
            found = json.loads((self.folder / MANIFEST).read_text("utf-8"))
            if found["format"] != FORMAT:
                raise ValueError(f"its format is {found['format']}, not {FORMAT}")
            missing = {"tokenizer", "vocabulary_size", "windows", "length", "k"} - set(found)
            if missing:
                raise ValueError(f"it lacks {min(missing)}")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SugataError(
                f"{FIELD}: {self.folder / MANIFEST} cannot be used ({error}); write it again"
            ) from None
        return dict(found)

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        windows, length, k = (int(self.facts[name]) for name in ("windows", "length", "k"))
        shapes = {
            "tokens": (windows, length + 1),
            "indices": (windows, length, k),
            "logits": (windows, length, k),
        }
        found = []
        for name, shape in shapes.items():
            path = self.folder / f"{name}.npy"
            try:
                array = np.load(path, mmap_mode="r")
            except (OSError, ValueError) as error:
                raise SugataError(f"{FIELD}: {path} cannot be read ({error}); write it again") from None
            if array.shape != shape:
                raise SugataError(f"{FIELD}: {path} has shape {array.shape}, not {shape}; write it again")
            found.append(array)
        return found[0], found[1], found[2]

    def require(self, student: Tokenizer, length: int | None) -> None:
        """Refuse another tokenizer, or windows that are too short.

        Raises:
            RecipeError: one of them.
        """
        if self.facts["tokenizer"] != digest(student):
            raise RecipeError(
                f"{FIELD}: {self.folder} was written for another tokenizer"
                f" ({self.facts['vocabulary_size']:,} tokens, the student's {student.get_vocab_size():,});"
                " such a teacher can teach at sequence level only, by a JSONL file of its texts"
            )
        if length is not None and length > self.facts["length"]:
            raise RecipeError(
                f"training.length: {length} is longer than the stored windows of {self.facts['length']}"
                " tokens; set it to that, or write longer ones"
            )

    def batches(self, batch_size: int, length: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Windows in a new order each epoch; inputs ``(batch, length + 1)`` begin with their number."""
        tokens, *_ = self._arrays
        if batch_size > len(tokens):
            raise DataError(
                f"{FIELD}: {self.folder} has {len(tokens)} windows; training.batch_size must not be more"
            )
        while True:
            order = rng.permutation(len(tokens))
            for start in range(0, len(order) - batch_size + 1, batch_size):
                numbers = np.sort(order[start : start + batch_size])
                chosen = torch.from_numpy(tokens[numbers][:, : length + 1].astype(np.int64))
                inputs = torch.cat([torch.from_numpy(numbers)[:, None], chosen[:, :-1]], dim=1)
                yield Batch(inputs, chosen[:, 1:])

    def taught(self, numbers: torch.Tensor, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Indices and logits ``(batch, length, k)`` of windows by their numbers."""
        _, indices, logits = self._arrays
        rows = numbers.cpu().numpy()
        return (
            torch.from_numpy(indices[rows][:, :length].astype(np.int64)).to(numbers.device),
            torch.from_numpy(logits[rows][:, :length].astype(np.float32)).to(numbers.device),
        )


def write_logits(
    teacher: Teacher,
    task: Task,
    architecture: Mapping[str, Value],
    folder: str | Path,
    *,
    windows: int,
    k: int = 32,
    length: int = 256,
    seed: int = 0,
    say: Say = silent,
) -> StoredLogits:
    """Run a teacher over random windows of a task's training text, and keep its k largest logits.

    Arrays are written to disk as they are made: they need not fit in memory.

    Args:
        architecture: names the vocabulary.
        windows: how many.
        seed: of the choice of windows.

    Raises:
        RecipeError: the teacher's tokenizer is not the task's, or a number is impossible.
    """
    tokenizer: Tokenizer = task.tokenizer(architecture)  # type: ignore[attr-defined]
    teacher.require_tokenizer(tokenizer)
    size = tokenizer.get_vocab_size()
    if windows < 1 or length < 1 or not 1 <= k <= size:
        raise RecipeError(
            f"stored logits: {windows} windows of {length} tokens with {k} logits each are impossible; give"
            f" positive numbers, and at most {size} logits"
        )
    batches = task.batches(architecture, batch_size=1, length=length, generator=np.random.default_rng(seed))
    with new_folder(Path(folder)) as made:
        opened = np.lib.format.open_memmap
        tokens = opened(made / "tokens.npy", "w+", np.int32, (windows, length + 1))
        indices = opened(made / "indices.npy", "w+", np.int32, (windows, length, k))
        logits = opened(made / "logits.npy", "w+", np.float16, (windows, length, k))
        for start in range(0, windows, _AT_ONCE):
            chosen = [next(batches) for _ in range(min(_AT_ONCE, windows - start))]
            inputs = torch.cat([batch.inputs for batch in chosen])
            top = teacher.see(inputs).logits.float().topk(k, dim=-1)
            rows = slice(start, start + len(chosen))
            tokens[rows, :-1] = inputs.numpy()
            tokens[rows, -1] = torch.cat([batch.targets for batch in chosen])[:, -1].numpy()
            indices[rows] = top.indices.numpy()
            logits[rows] = (top.values - top.values[..., :1]).numpy()
            say(f"{min(start + _AT_ONCE, windows):,} of {windows:,} windows")
        for array in (tokens, indices, logits):
            array.flush()
        facts = {
            "format": FORMAT,
            "teacher": teacher.name,
            "tokenizer": digest(tokenizer),
            "vocabulary_size": size,
            "windows": windows,
            "length": length,
            "k": k,
        }
        (made / MANIFEST).write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    return StoredLogits(Path(folder))


def digest(tokenizer: Tokenizer) -> str:
    """A name for a tokenizer's tokens and their numbers."""
    text = json.dumps(sorted(tokenizer.get_vocab().items()))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
