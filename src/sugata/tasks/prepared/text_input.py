"""Text: sentences as numbers of words, or sequences of numbers as they are."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from sugata.errors import InputError
from sugata.space import TensorSpec
from sugata.tasks.prepared.adapters import Array, InputAdapter

PADDING, UNKNOWN = 0, 1
MOST_WORDS = 20_000
MOST_LENGTH = 400
_COVERED = 0.95  # of the training texts are not cut
_MOST_NUMBERS = 10_000_000  # of words: each has a vector
_FEW_TEXTS = 1000  # below, words that occur once are kept
#: Words with their apostrophes ("don't", "n't"), and single signs.
_WORDS = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[^\w\s]|_")


@dataclass(frozen=True)
class TextAdapter(InputAdapter):
    """Texts as numbers of lower-cased words and signs of punctuation, cut or padded to one length.

    0 pads, 1 stands for words that are not in the vocabulary. Of a text that is too long both ends are kept,
    which told more of a review than its beginning alone (Sun et al. 2019, "How to fine-tune BERT for text
    classification", section 5.3.1, with other shares than these halves).

    Attributes:
        words: the vocabulary, most frequent first; the first word's number is 2.
        length: numbers of each text.
    """

    kind: ClassVar[str] = "text"
    words: tuple[str, ...] = field(repr=False)
    length: int

    @classmethod
    def fit(
        cls,
        raw: Any,
        *,
        most_words: int = MOST_WORDS,
        length: int | None = None,
        most_length: int = MOST_LENGTH,
    ) -> Self:
        """Count the words of the training texts.

        Args:
            raw: a sequence of strings; an array or column of them.
            most_words: of the vocabulary. Words that occur once are left out, unless there are few texts.
            length: of each text in words; None: what 95 % of the texts need, at most ``most_length``.

        Raises:
            InputError: rows that are no texts, or none with a word.
        """
        texts = _texts(raw)
        split = [_WORDS.findall(text.lower()) for text in texts]
        counts = Counter(word for words in split for word in words)
        if not counts:
            raise InputError("text: no row has a word; give texts")
        least = 1 if len(texts) < _FEW_TEXTS else 2
        kept = [(-count, word) for word, count in counts.items() if count >= least]
        needed = float(np.quantile([len(words) for words in split], _COVERED))
        words = tuple(word for _, word in sorted(kept)[:most_words])
        return cls(words, length or int(np.clip(np.ceil(needed), 1, most_length)))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, 2)}

    def transform(self, raw: Any) -> Array:
        """Numbers of words, ``(rows, length)`` int32."""
        texts = _texts(raw)
        found = np.zeros((len(texts), self.length), np.int32)
        for row, text in zip(found, texts, strict=True):
            words = _cut(_WORDS.findall(text.lower()), self.length)
            row[: len(words)] = [self._numbers.get(word, UNKNOWN) for word in words]
        return found

    def spec(self, name: str) -> TensorSpec:
        """``(batch, length)`` of so many words, the two numbers above among them."""
        return TensorSpec(name, ("batch", self.length), "int64", len(self.words) + 2)

    def tensor(self, stored: Array) -> Any:
        """``(batch, length)`` int64."""
        return super().tensor(stored).long()

    def describe(self) -> str:
        """Vocabulary and length."""
        return f"texts of {self.length} words of a vocabulary of {len(self.words):,}"


@dataclass(frozen=True)
class TokenAdapter(InputAdapter):
    """Sequences of whole numbers, as they are; 0 pads, and numbers above the vocabulary become 1.

    Attributes:
        size: of the vocabulary, 0 and 1 included.
        length: of each sequence; longer ones are cut, shorter ones padded at the end.
    """

    kind: ClassVar[str] = "tokens"
    size: int
    length: int

    @classmethod
    def fit(cls, raw: Any, *, length: int | None = None) -> Self:
        """Take length and vocabulary of the sequences.

        Args:
            raw: an array ``(rows, length)`` of whole numbers from 0, or lists of them.

        Raises:
            InputError: other than whole numbers from 0, or such as are no numbers of words.
        """
        rows = _sequences(raw)
        largest = [int(row.max(initial=0)) for row in rows]
        if max(largest) >= _MOST_NUMBERS:
            raise InputError(
                f"text: row {{row}} has {max(largest):,}; give numbers of words, below {_MOST_NUMBERS:,}",
                largest.index(max(largest)),
            )
        return cls(max(2, 1 + max(largest)), length or max(map(len, rows)))

    def transform(self, raw: Any) -> Array:
        """``(rows, length)`` int32."""
        rows = _sequences(raw)
        found = np.zeros((len(rows), self.length), np.int32)
        for target, row in zip(found, rows, strict=True):
            target[: len(row)] = np.where(row < self.size, row, UNKNOWN)[: self.length]
        return found

    def spec(self, name: str) -> TensorSpec:
        """``(batch, length)`` of so many numbers."""
        return TensorSpec(name, ("batch", self.length), "int64", self.size)

    def tensor(self, stored: Array) -> Any:
        """``(batch, length)`` int64."""
        return super().tensor(stored).long()

    def describe(self) -> str:
        """Vocabulary and length."""
        return f"sequences of {self.length} numbers below {self.size:,}"


def fit_text(raw: Any, **options: Any) -> TextAdapter | TokenAdapter:
    """The adapter that suits the rows: texts, or sequences of whole numbers.

    Args:
        options: of :meth:`TextAdapter.fit`; sequences know ``length`` alone.

    Raises:
        InputError: rows are neither.
    """
    array = raw if isinstance(raw, np.ndarray) else None
    first = None if array is not None else next(iter(raw), None)
    if (array is not None and array.dtype.kind in "iu" and array.ndim == 2) or isinstance(
        first, list | tuple | np.ndarray
    ):
        return TokenAdapter.fit(raw, length=options.get("length"))
    return TextAdapter.fit(raw, **options)


def _cut(words: Sequence[str], length: int) -> Sequence[str]:
    """At most so many, from both ends."""
    if len(words) <= length:
        return words
    return [*words[: length - length // 2], *words[len(words) - length // 2 :]]


def _texts(raw: Any) -> list[str]:
    if isinstance(raw, str):
        raise InputError(f"text: one string, {raw[:30]!r}; give a list of texts")
    if isinstance(raw, np.ndarray) and raw.ndim == 2 and raw.shape[1] == 1:
        raw = raw[:, 0]
    if hasattr(raw, "columns"):
        if len(raw.columns) != 1:
            raise InputError(
                f"text: a frame with columns {', '.join(map(str, raw.columns))}; give one column of texts"
            )
        raw = raw.iloc[:, 0]
    texts = list(raw)
    if not texts:
        raise InputError("text: there are no rows; give at least one text")
    if not any(isinstance(text, str) for text in texts):
        column = f"column {raw.name!r} holds" if getattr(raw, "name", None) is not None else "the rows hold"
        raise InputError(
            f"text: {column} {type(texts[0]).__name__}, such as {texts[0]}, not texts; give strings, or use a"
            " table's class for numbers"
        )
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            if text is None or text != text or type(text).__name__ == "NAType":
                raise InputError(
                    "text: row {row} has none (missing); fill it with '', or leave the row out", row
                )
            raise InputError(f"text: row {{row}} is a {type(text).__name__}, {text!r}; give strings", row)
    if all(_is_number(text) for text in texts[:1000]) and all(map(_is_number, texts)):
        raise InputError(
            f"text: every row is a number, such as {texts[0]!r}, not a text; use a table's class for numbers"
        )
    return texts


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _sequences(raw: Any) -> list[Array]:
    rows = []
    for number, row in enumerate(raw):
        found = np.asarray(row)
        if found.ndim != 1 or (found.size and (found.dtype.kind not in "biu" or found.min() < 0)):
            raise InputError(
                "text: row {row} is no sequence of whole numbers from 0; give those, or strings", number
            )
        rows.append(found.astype(np.int64))
    if not rows or not max(map(len, rows)):
        raise InputError("text: there are no numbers in the rows; give at least one")
    return rows
