"""Texts that are parts of one another, held out together.

In some data many rows are parts of others: SST-2 has the phrases of its sentences as rows. Drawn row by row,
held-out texts are mostly known from training then, and a network that learns them by heart looks best.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sugata.tasks.prepared.splits import Numbers

_LEAST = 4  # words of a part: fewer stand in other texts by chance
_LOOKED_AT = 500  # rows that say whether a table of texts is such
_SHARE = 0.2  # of them, from which it is
_MOST_COMPARED = 200  # rows that one is looked for in

Words = tuple[str, ...]


@dataclass(frozen=True)
class HeldOut:
    """Row numbers, each sorted.

    Attributes:
        train: rows to train on.
        drawn: whole texts that are held out.
        parts: of those; they are no further evidence of what is good.
    """

    train: Numbers
    drawn: Numbers
    parts: Numbers


def hold_out_with_parts(raw: Any, held: float, rng: np.random.Generator) -> HeldOut | None:
    """Draw whole texts, and keep what is a part of them from training, where many texts are parts of others.

    Parts are rows of four words or more that a drawn row has.

    Args:
        raw: rows of an input.
        held: a share below 1, or a number of rows, drawn ones and parts together; reached, or passed by the
            parts of one row.

    Returns:
        None where rows are no texts, or seldom parts of others.
    """
    texts = list(raw) if isinstance(raw, Sequence | np.ndarray) or hasattr(raw, "tolist") else []
    if len(texts) < 2 or not all(isinstance(text, str) for text in texts):
        return None
    rows = [tuple(text.lower().split()) for text in texts]
    long = [number for number, words in enumerate(rows) if len(words) >= _LEAST]
    looked_at = rng.permutation(long)[:_LOOKED_AT].tolist()
    index = _Index(rows)
    if sum(index.is_part(number) for number in looked_at) < _SHARE * max(1, len(looked_at)):
        return None
    drawn, parts = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    wanted = min(max(1, round(held * len(rows) if held < 1 else held)), len(rows) - 1)
    for number in rng.permutation(len(rows)).tolist():
        if (drawn | parts).sum() >= wanted:
            break
        if not index.is_part(number):
            drawn[number] = True
            parts[index.parts(number)] = True
    numbers = np.arange(len(rows), dtype=np.int64)
    return HeldOut(numbers[~(drawn | parts)], numbers[drawn], numbers[parts & ~drawn])


class _Index:
    """Rows by their words."""

    def __init__(self, rows: Sequence[Words]) -> None:
        self.rows = rows
        self.having: dict[str, list[int]] = defaultdict(list)
        self.equal: dict[Words, list[int]] = defaultdict(list)
        for number, words in enumerate(rows):
            for word in set(words):
                self.having[word].append(number)
            if len(words) >= _LEAST:
                self.equal[words].append(number)
        self.lengths = sorted({len(words) for words in self.equal})

    def is_part(self, number: int) -> bool:
        """Whether a longer row has these words one after the other."""
        words = self.rows[number]
        if not words:
            return True
        rarest = min((self.having[word] for word in words), key=len)
        joined = f" {' '.join(words)} "
        return any(
            len(self.rows[other]) > len(words) and joined in f" {' '.join(self.rows[other])} "
            for other in rarest[:_MOST_COMPARED]
        )

    def parts(self, number: int) -> list[int]:
        """The rows of enough words that are parts of a row or equal to it."""
        words, found = self.rows[number], []
        for length in self.lengths:
            for start in range(len(words) - length + 1):
                found += self.equal.get(words[start : start + length], [])
        return found
