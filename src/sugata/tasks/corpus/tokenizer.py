"""Byte-level byte pair encoding: training, exact byte counts and fast encoding of a whole corpus.

The pre-tokenizer divides text into words (GPT-2's pattern: Radford et al. 2019, section 2.2) before any
merge happens, so the words of a corpus are the same for every vocabulary. A corpus is therefore divided
into words once, and each vocabulary only has to encode the distinct words.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from sugata.decoding import BYTE_OF_CHARACTER, END_OF_TEXT
from sugata.errors import DataError

MIN_VOCABULARY = 257  # every byte and the end of text
SEPARATOR = 0  # the word id that stands between documents

_SPACE = r"\t\n\v\f\r "
# The pattern of pre_tokenizers.ByteLevel, written for ASCII text, where classes of characters are plain.
_ASCII_WORDS = re.compile(
    rf"'(?:[sdmt]|ll|ve|re)| ?[A-Za-z]+| ?[0-9]+| ?[^{_SPACE}A-Za-z0-9]+"
    rf"|[{_SPACE}]+(?![^{_SPACE}])|[{_SPACE}]+"
)
# A line break after a visible ASCII character always begins a word, so text may be cut there.
_CUTS = re.compile(r"(?<=[!-~])(?=\n)")


def train_tokenizer(texts: Sequence[str], vocabulary_size: int) -> Tokenizer:
    """Train a byte-level BPE without any normalization; the end of text is token 0.

    The vocabulary is smaller than asked for where the texts have fewer different words and parts of words.
    """
    tokenizer = _empty_tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(BYTE_OF_CHARACTER),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer, length=len(texts))
    return tokenizer


def smaller_tokenizer(tokenizer: Tokenizer, vocabulary_size: int) -> Tokenizer:
    """The tokenizer that training on the same texts for a smaller vocabulary gives: the first merges."""
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].__getitem__)[:vocabulary_size]
    # Two merges may make the same token, so they are counted by the tokens that they add.
    merges: list[tuple[str, str]] = []
    made: set[str] = set()
    for left, right in model["merges"]:
        if len(made) == vocabulary_size - MIN_VOCABULARY:
            break
        merges.append((left, right))
        made.add(left + right)
    small = _empty_tokenizer(models.BPE(vocab={token: n for n, token in enumerate(tokens)}, merges=merges))
    small.add_special_tokens([END_OF_TEXT])
    return small


def padded_tokenizer(tokenizer: Tokenizer, vocabulary_size: int) -> Tokenizer:
    """The tokenizer with tokens added that no text ever yields, up to exactly this vocabulary size."""
    missing = vocabulary_size - tokenizer.get_vocab_size()
    if missing > 0:
        tokenizer.add_special_tokens([f"<|unused_{number}|>" for number in range(missing)])
    return tokenizer


def load_tokenizer(path: str) -> Tokenizer:
    """Read a ``tokenizer.json``; names of special tokens inside a text are encoded as ordinary text."""
    tokenizer = Tokenizer.from_file(path)
    tokenizer.encode_special_tokens = True
    return tokenizer


def _empty_tokenizer(model: models.Model) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.encode_special_tokens = True
    return tokenizer


def split_words(text: str) -> list[str]:
    """The words of a text as the pre-tokenizer divides it; joined again they are the text."""
    if text.isascii():
        return _ASCII_WORDS.findall(text)
    words: list[str] = []
    for piece in _CUTS.split(text):
        words += _ASCII_WORDS.findall(piece) if piece.isascii() else _unicode_words(piece)
    return words


def _unicode_words(text: str) -> list[str]:
    pieces = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    return [bytes(map(BYTE_OF_CHARACTER.__getitem__, word)).decode("utf-8") for word, _ in pieces]


@dataclass(frozen=True)
class WordStream:
    """A corpus as ids of words: ``words[stream]`` is its text, with 0 after every document.

    Attributes:
        words: the distinct words; the first stands for the separator.
        streams: the ids of each split, int32.
    """

    words: list[str]
    streams: dict[str, np.ndarray]

    @classmethod
    def of(cls, splits: Mapping[str, Iterable[str]]) -> "WordStream":
        """Divide the texts of each split into words."""
        numbers: defaultdict[str, int] = defaultdict()
        numbers.default_factory = numbers.__len__
        numbers[END_OF_TEXT + "\0separator"] = SEPARATOR
        streams = {}
        for name, texts in splits.items():
            parts = []
            for text in texts:
                ids = list(map(numbers.__getitem__, split_words(text)))
                ids.append(SEPARATOR)
                parts.append(np.array(ids, dtype=np.int32))
            streams[name] = np.concatenate(parts)
        return cls(list(numbers), streams)

    def encode(self, tokenizer: Tokenizer) -> dict[str, np.ndarray]:
        """The tokens of each split, with the end of text after every document; uint16 if that is enough."""
        encodings = tokenizer.encode_batch_fast(self.words[1:], add_special_tokens=False)
        ids = [[tokenizer.token_to_id(END_OF_TEXT)]] + [encoding.ids for encoding in encodings]
        kind = np.uint16 if tokenizer.get_vocab_size() <= 2**16 else np.uint32
        counts = np.array(list(map(len, ids)), dtype=np.int64)
        flat = np.array([token for word in ids for token in word], dtype=kind)
        starts = np.cumsum(counts) - counts
        return {name: _gather(flat, starts[stream], counts[stream]) for name, stream in self.streams.items()}


def _gather(flat: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Concatenate ``flat[start : start + count]`` over all pairs."""
    ends = np.cumsum(counts)
    shifts = np.repeat(starts - (ends - counts), counts)
    return flat[shifts + np.arange(ends[-1] if len(ends) else 0)]


def require_size(tokenizer: Tokenizer, vocabulary_size: int, text_bytes: int) -> None:
    """Refuse a vocabulary that the corpus is too small for.

    Raises:
        DataError: the trained vocabulary is smaller than the one asked for.
    """
    size = tokenizer.get_vocab_size()
    if size < vocabulary_size:
        raise DataError(
            f"vocab_size: {vocabulary_size} is too large for a training text of {text_bytes} bytes, which "
            f"yields {size} tokens; choose at most {size}, add data, or set pad_vocabulary"
        )


def check_vocabulary_size(vocabulary_size: int) -> None:
    """Refuse sizes that cannot hold every byte.

    Raises:
        DataError: the size is below 257.
    """
    if vocabulary_size < MIN_VOCABULARY:
        raise DataError(f"vocab_size: {vocabulary_size} is too small; a byte-level vocabulary has at least "
                        f"{MIN_VOCABULARY} tokens (256 bytes and the end of text)")  # fmt: skip
