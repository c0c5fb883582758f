"""Prepared pairs on disk: deduplicated, divided into splits, and tokenized once for every vocabulary.

Layout of the cache folder::

    sources/KEY.json             which pairs a listing of files and the settings give
    pairs-FINGERPRINT/pairs.json what they are: counts, source
                      SPLIT.jsonl
                      vocabulary-SIZE/tokenizer.json, SPLIT.PART.npy (tokens), SPLIT.PART.ends.npy
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tokenizers import Tokenizer

from sugata.errors import DataError
from sugata.nn.text_encoder import END
from sugata.tasks.base import Say
from sugata.tasks.cache import new_folder, write_text
from sugata.tasks.code_search.pairs import Pair
from sugata.tasks.code_search.sources import read_pairs
from sugata.tasks.corpus import SPLITS, find_source, load_tokenizer, train_tokenizer
from sugata.tasks.corpus.duplicates import digest
from sugata.tasks.corpus.split import HELD_OUT
from sugata.tasks.corpus.tokenizer import (
    check_vocabulary_size,
    padded_tokenizer,
    require_size,
    smaller_tokenizer,
)

Part = Literal["query", "code"]
PARTS: tuple[Part, Part] = ("query", "code")

FORMAT = 1  # of what is stored and how it is made: a change makes everything anew
LONGEST = 4000  # characters of a text that are tokenized: no encoder here reads more
_ENCODED_AT_ONCE = 2000


@dataclass(frozen=True)
class PairsSettings:
    """What decides which pairs there are.

    Attributes:
        data: as `sugata.tasks.corpus.find_source` takes it.
        max_pairs: at most so many train; all when None.
        held_out: so many are held out for validation, and for test, where the source gives no such split; a
            quarter of all where there are too few.
    """

    data: str | tuple[str, ...] = "stdlib"
    max_pairs: int | None = None
    held_out: int = 1000

    def __post_init__(self) -> None:
        for name in ("max_pairs", "held_out"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise DataError(f"{name}: {getattr(self, name)} is not positive; try 1000")


@dataclass(frozen=True)
class PairTokens:
    """One vocabulary of prepared pairs: ``folder`` holds its tokenizer and the tokens of all texts."""

    folder: Path

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The byte-level BPE."""
        return load_tokenizer(str(self.folder / "tokenizer.json"))

    @cached_property
    def _arrays(self) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
        return {
            (split, part): (
                np.load(self.folder / f"{split}.{part}.npy", mmap_mode="r"),
                np.load(self.folder / f"{split}.{part}.ends.npy"),
            )
            for split in SPLITS
            for part in PARTS
        }

    def count(self, split: str) -> int:
        """How many pairs the split has."""
        return len(self._arrays[split, "code"][1])

    def lengths(self, split: str, part: Part) -> np.ndarray:
        """Tokens of every text, without the end."""
        return np.diff(self._arrays[split, part][1], prepend=0)

    def rows(self, split: str, part: Part, numbers: np.ndarray, length: int) -> np.ndarray:
        """The beginnings of these texts, ``(texts, length)`` int64; each row ends with an end of text."""
        tokens, ends = self._arrays[split, part]
        starts = np.where(numbers > 0, ends[numbers - 1], 0)
        counts = np.minimum(ends[numbers] - starts, length - 1)
        columns = np.arange(length)
        places = np.minimum(starts[:, None] + columns, max(0, len(tokens) - 1))
        return np.where(columns < counts[:, None], tokens[places], END).astype(np.int64)


@dataclass(frozen=True)
class Pairs:
    """Prepared pairs: a folder with their texts and, for every vocabulary, their tokens."""

    folder: Path

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """``source``, ``counts`` of each split, ``duplicates``, ``split_by``."""
        return dict(json.loads((self.folder / "pairs.json").read_text("utf-8")))

    @property
    def fingerprint(self) -> str:
        """Of the texts and their division into splits."""
        return self.folder.name.removeprefix("pairs-")

    def texts(self, split: str) -> list[Pair]:
        """The pairs of a split."""
        with (self.folder / f"{split}.jsonl").open(encoding="utf-8") as file:
            return [Pair(**json.loads(line)) for line in file]

    def vocabulary(self, size: int, *, pad: bool) -> PairTokens:
        """The tokens of a vocabulary that is prepared."""
        return PairTokens(self.folder / f"vocabulary-{size}{'-padded' if pad else ''}")

    def prepare(self, sizes: Iterable[int], *, pad: bool, say: Say) -> None:
        """Train the tokenizers that are missing, on training pairs, and tokenize all texts.

        Raises:
            DataError: a size is too small, or too large for the texts and `pad` is false.
        """
        missing = [s for s in sorted(set(sizes)) if not self.vocabulary(s, pad=pad).folder.is_dir()]
        if not missing:
            return
        check_vocabulary_size(missing[0])
        texts = {split: self.texts(split) for split in SPLITS}
        trained_on = [text[:LONGEST] for pair in texts["train"] for text in (pair.query, pair.code)]
        say(f"training a tokenizer of {missing[-1]:,} tokens")
        largest = train_tokenizer(trained_on, missing[-1])
        if not pad:
            require_size(largest, missing[-1], sum(map(len, trained_on)))
        for size in missing:
            tokenizer = largest if size >= largest.get_vocab_size() else smaller_tokenizer(largest, size)
            if tokenizer.get_vocab_size() < size:
                tokenizer = padded_tokenizer(Tokenizer.from_str(tokenizer.to_str()), size)
            tokenizer.encode_special_tokens = True
            with new_folder(self.vocabulary(size, pad=pad).folder) as folder:
                tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
                for split, pairs in texts.items():
                    for part in PARTS:
                        _store_tokens(
                            folder / f"{split}.{part}", tokenizer, [getattr(p, part) for p in pairs]
                        )
            say(f"tokenized all pairs with a vocabulary of {size:,}")


def _store_tokens(path: Path, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
    kind = np.uint16 if tokenizer.get_vocab_size() <= 2**16 else np.uint32
    parts, ends, total = [np.zeros(0, kind)], [], 0
    for start in range(0, len(texts), _ENCODED_AT_ONCE):
        chunk = [text[:LONGEST] for text in texts[start : start + _ENCODED_AT_ONCE]]
        for encoding in tokenizer.encode_batch_fast(chunk, add_special_tokens=False):
            parts.append(np.array(encoding.ids, kind))
            total += len(encoding.ids)
            ends.append(total)
    np.save(path.with_name(path.name + ".npy"), np.concatenate(parts))
    np.save(path.with_name(path.name + ".ends.npy"), np.array(ends, np.int64))


def open_pairs(settings: PairsSettings, cache_dir: Path, *, say: Say) -> Pairs:
    """The pairs that the settings describe, from the cache where their source has not changed.

    Raises:
        DataError: the source is missing, unreadable, or has too few pairs.
    """
    source = find_source(settings.data if isinstance(settings.data, str) else list(settings.data))
    described = ["pairs", FORMAT, source.listing(), settings.max_pairs, settings.held_out]
    key = hashlib.blake2b(json.dumps(described).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    index = cache_dir / "sources" / f"{key}.json"
    try:
        pairs = Pairs(cache_dir / json.loads(index.read_text("utf-8"))["pairs"])
        if pairs.folder.is_dir():
            return pairs
    except (OSError, ValueError, KeyError):
        pass  # not prepared yet, or an index that was damaged: it is written anew
    say(f"reading pairs of docstring and function from {source.description}")
    found = list(read_pairs(source))
    # Held-out pairs first: of two copies in different splits the one in train goes.
    found.sort(key=lambda pair: pair.split not in HELD_OUT)
    unique = list({digest(" ".join(pair.code.split()).encode()): pair for pair in reversed(found)}.values())
    splits, unit = divide(unique[::-1], settings, source.description)
    facts = {
        "source": source.description,
        "pairs_read": len(found),
        "duplicates": len(found) - len(unique),
        "split_by": unit,
        "counts": {name: len(splits[name]) for name in SPLITS},
    }
    say(", ".join(f"{len(splits[name]):,} {name}" for name in SPLITS) + " pairs")
    pairs = _store(splits, facts, cache_dir)
    write_text(index, json.dumps({"pairs": pairs.folder.name, "source": source.description}))
    return pairs


def divide(pairs: Sequence[Pair], settings: PairsSettings, where: str) -> tuple[dict[str, list[Pair]], str]:
    """Give every pair its split; whole packages are held out where the source gives no such split.

    Returns:
        The pairs of each split, and ``package`` or ``source`` for what decided it.

    Raises:
        DataError: there are too few pairs or packages.
    """
    parts = {name: [pair for pair in pairs if pair.split == name] for name in SPLITS}
    pool = [pair for pair in pairs if pair.split in (None, "train")]
    missing = [name for name in HELD_OUT if not parts[name]]
    wanted = min(settings.held_out, len(pool) // 4)
    groups: dict[str, list[Pair]] = {}
    for pair in pool if missing else ():
        groups.setdefault(pair.package or digest(pair.code.encode()), []).append(pair)
    order = sorted(groups, key=lambda name: digest(name.encode("utf-8", "surrogatepass")))
    for name in missing:
        # A package that would make the split more than twice as large as wanted stays in train.
        for package in list(order):
            if len(parts[name]) >= wanted:
                break
            if len(parts[name]) + len(groups[package]) <= 2 * wanted:
                parts[name] += groups[package]
                order.remove(package)
    train = [pair for package in order for pair in groups[package]] if missing else pool
    train.sort(key=lambda pair: digest(pair.code.encode()))
    parts["train"] = train[: settings.max_pairs]
    if min(map(len, parts.values())) < 2:
        raise DataError(
            f"data: {where} has {len(pairs)} different pairs of docstring and function; train, validation and"
            " test need at least two each: add documented functions"
        )
    divided = {name: [replace(pair, split=name) for pair in parts[name]] for name in SPLITS}
    return divided, "package" if missing else "source"


def _store(splits: Mapping[str, list[Pair]], facts: Mapping[str, Any], cache_dir: Path) -> Pairs:
    contents = json.dumps([FORMAT, {name: [astuple(pair) for pair in splits[name]] for name in SPLITS}])
    fingerprint = hashlib.blake2b(contents.encode(), digest_size=8).hexdigest()
    pairs = Pairs(cache_dir / f"pairs-{fingerprint}")
    if pairs.folder.is_dir():
        return pairs
    with new_folder(pairs.folder) as folder:
        for name in SPLITS:
            lines = (json.dumps(asdict(pair), ensure_ascii=True) + "\n" for pair in splits[name])
            (folder / f"{name}.jsonl").write_text("".join(lines), "utf-8")
        (folder / "pairs.json").write_text(json.dumps(facts, indent=1), "utf-8")
    return pairs
