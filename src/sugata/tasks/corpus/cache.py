"""The prepared corpus on disk: texts, splits, tokenizers and packed tokens, each written once.

Layout of the cache folder::

    sources/KEY.json                 which corpus a listing of files and the settings give
    corpus-FINGERPRINT/corpus.json   what it is: counts, bytes, how it was split
                       SPLIT.text    the documents, one after another; SPLIT.ends.npy where each ends
                       vocabulary-SIZE/tokenizer.json, token_bytes.npy, SPLIT.npy

Every folder and file appears whole (`sugata.tasks.cache`); what is written last is identical.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from sugata.decoding import token_bytes
from sugata.errors import DataError
from sugata.tasks.cache import new_folder, write_text
from sugata.tasks.corpus.duplicates import digest, without_exact, without_near
from sugata.tasks.corpus.sources import SPLITS, Document, find_source, read_source
from sugata.tasks.corpus.split import divide, subset
from sugata.tasks.corpus.tokenizer import (
    END_OF_TEXT,
    WordStream,
    check_vocabulary_size,
    load_tokenizer,
    padded_tokenizer,
    require_size,
    smaller_tokenizer,
    train_tokenizer,
)

END_ID = 0  # the end of text, in every vocabulary
FORMAT = 1  # of what is stored and how it is made: a change makes everything anew


@dataclass(frozen=True)
class CorpusSettings:
    """What decides the contents of a corpus.

    Attributes:
        data: as ``find_source`` takes it.
        max_bytes: a package-diverse subset of at most this much text; everything when None.
        validation_share: part of the bytes held out for validation, where the source gives no such split.
        test_share: the same for test.
    """

    data: str | tuple[str, ...] = "stdlib"
    max_bytes: int | None = None
    validation_share: float = 0.05
    test_share: float = 0.05

    def __post_init__(self) -> None:
        for name in ("validation_share", "test_share"):
            if not 0 < getattr(self, name) < 0.5:
                raise DataError(f"{name}: {getattr(self, name)} is not between 0 and 0.5; try 0.05")
        if self.max_bytes is not None and self.max_bytes <= 0:
            raise DataError(f"max_bytes: {self.max_bytes} is not positive; leave it out to use everything")

    @property
    def shares(self) -> dict[str, float]:
        """The wanted share of each held-out split."""
        return {"validation": self.validation_share, "test": self.test_share}


@dataclass(frozen=True)
class Vocabulary:
    """One vocabulary of a corpus: ``folder`` holds its tokenizer and the packed tokens."""

    folder: Path

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The byte-level BPE."""
        return load_tokenizer(str(self.folder / "tokenizer.json"))

    @cached_property
    def token_bytes(self) -> np.ndarray:
        """How many bytes of text each token stands for, ``(vocabulary,)`` int64; 0 for special tokens."""
        return np.load(self.folder / "token_bytes.npy")

    def tokens(self, split: str) -> np.ndarray:
        """The packed tokens of a split, memory-mapped, ``(tokens,)`` uint16 or uint32."""
        return np.load(self.folder / f"{split}.npy", mmap_mode="r")


@dataclass(frozen=True)
class Corpus:
    """A prepared corpus in its folder."""

    folder: Path

    @property
    def fingerprint(self) -> str:
        """A name for the texts and their division into splits."""
        return self.folder.name.removeprefix("corpus-")

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The contents of ``corpus.json``."""
        facts: dict[str, Any] = json.loads((self.folder / "corpus.json").read_text("utf-8"))
        return facts

    def text(self, split: str) -> np.ndarray:
        """The UTF-8 bytes of all documents of a split one after another, memory-mapped."""
        return np.memmap(self.folder / f"{split}.text", dtype=np.uint8, mode="r")

    def documents(self, split: str) -> list[str]:
        """The texts of a split."""
        raw = self.text(split).tobytes()
        ends = [0, *np.load(self.folder / f"{split}.ends.npy").tolist()]
        return [raw[start:end].decode("utf-8") for start, end in pairwise(ends)]

    def vocabulary(self, size: int, *, pad: bool = False) -> Vocabulary | None:
        """A vocabulary that has been prepared, or None."""
        folder = self.folder / f"vocabulary-{size}{'-padded' if pad else ''}"
        return Vocabulary(folder) if folder.is_dir() else None

    def prepare(self, sizes: Iterable[int], *, pad: bool = False, say: Any = lambda message: None) -> None:
        """Train the tokenizers that are missing and pack the tokens of every split.

        Only the largest is trained: byte pair encoding adds merges one by one, so the smaller ones are its
        beginnings.

        Args:
            pad: fill a vocabulary that the corpus is too small for with tokens that never occur.

        Raises:
            DataError: the corpus is too small for a vocabulary, or a size below 257.
        """
        wanted = sorted(set(sizes))
        for size in wanted:
            check_vocabulary_size(size)
        missing = [size for size in wanted if self.vocabulary(size, pad=pad) is None]
        if not missing:
            return
        texts = {name: self.documents(name) for name in SPLITS}
        train_bytes = self.facts["bytes"]["train"]
        say(f"training a byte-level BPE of {missing[-1]:,} tokens on {train_bytes / 1e6:.1f} MB")
        largest = train_tokenizer(texts["train"], missing[-1])
        if not pad:
            require_size(largest, missing[-1], train_bytes)
        say("dividing the texts into words")
        stream = WordStream.of(texts)
        for size in missing:
            tokenizer = largest if size >= largest.get_vocab_size() else smaller_tokenizer(largest, size)
            real = tokenizer.get_vocab_size()
            if size > real:
                say(f"the corpus yields only {real:,} tokens: {size - real:,} of {size:,} are padding")
                tokenizer = padded_tokenizer(Tokenizer.from_str(tokenizer.to_str()), size)
            packed = stream.encode(tokenizer)
            say(f"packed {sum(map(len, packed.values())):,} tokens of a vocabulary of {size:,}")
            self._store(f"vocabulary-{size}{'-padded' if pad else ''}", tokenizer, packed)

    def given(self, tokenizer: Tokenizer) -> Vocabulary:
        """The corpus as tokens of a tokenizer that is given, such as an exported model's.

        Raises:
            DataError: it is no byte-level one whose token 0 is the end of text.
        """
        if tokenizer.token_to_id(END_OF_TEXT) != END_ID:
            raise DataError(
                f"tokenizer: its token {END_ID} is not {END_OF_TEXT}; give one that sugata trained"
            )
        name = f"vocabulary-given-{digest(tokenizer.to_str().encode())}"
        if not (self.folder / name).is_dir():
            texts = {split: self.documents(split) for split in SPLITS}
            self._store(name, tokenizer, WordStream.of(texts).encode(tokenizer))
        return Vocabulary(self.folder / name)

    def _store(self, name: str, tokenizer: Tokenizer, packed: Mapping[str, np.ndarray]) -> None:
        with new_folder(self.folder / name) as folder:
            tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
            lengths = [len(token) for token in token_bytes(tokenizer)]
            np.save(folder / "token_bytes.npy", np.array(lengths, np.int64))
            for split, tokens in packed.items():
                np.save(folder / f"{split}.npy", tokens)


def open_corpus(settings: CorpusSettings, cache_dir: Path, *, say: Any = lambda message: None) -> Corpus:
    """The corpus that the settings describe, from the cache where its source has not changed.

    Raises:
        DataError: the source is missing, empty, unreadable or too small.
    """
    source = find_source(settings.data if isinstance(settings.data, str) else list(settings.data))
    described = [FORMAT, source.listing(), settings.max_bytes, settings.validation_share, settings.test_share]
    key = hashlib.blake2b(json.dumps(described).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    index = cache_dir / "sources" / f"{key}.json"
    try:
        corpus = Corpus(cache_dir / json.loads(index.read_text("utf-8"))["corpus"])
        if corpus.folder.is_dir():
            return corpus
    except (OSError, ValueError, KeyError):
        pass  # not prepared yet, or an index that was damaged: it is written anew
    say(f"reading {source.description}")
    found = list(read_source(source, max_bytes=settings.max_bytes))
    # Held-out documents first: of two copies in different splits the one in train goes.
    found.sort(key=lambda document: document.split not in ("validation", "test"))
    exact = without_exact(found)
    chosen = subset(exact, settings.max_bytes, settings.shares)
    chosen.sort(key=lambda document: document.split not in ("validation", "test"))
    say(f"looking for near duplicates in {len(chosen):,} files")
    unique = without_near(chosen)
    splits, unit = divide(unique, settings.shares, source.description)
    facts = {
        "source": source.description,
        "files_read": len(found),
        "exact_duplicates": len(found) - len(exact),
        "near_duplicates": len(chosen) - len(unique),
        "split_by": unit,
        "files": {name: len(splits[name]) for name in SPLITS},
        "bytes": {name: sum(len(document.content) for document in splits[name]) for name in SPLITS},
        "packages": {name: len({document.package for document in splits[name]}) for name in SPLITS},
    }
    corpus = _store(splits, facts, cache_dir)
    write_text(index, json.dumps({"corpus": corpus.folder.name, "source": source.description}))
    return corpus


def _store(splits: dict[str, list[Document]], facts: dict[str, Any], cache_dir: Path) -> Corpus:
    contents = json.dumps([FORMAT, *[[name, *[digest(d.content) for d in splits[name]]] for name in SPLITS]])
    fingerprint = hashlib.blake2b(contents.encode(), digest_size=8).hexdigest()
    corpus = Corpus(cache_dir / f"corpus-{fingerprint}")
    if corpus.folder.is_dir():
        return corpus
    with new_folder(corpus.folder) as folder:
        for name in SPLITS:
            (folder / f"{name}.text").write_bytes(b"".join(document.content for document in splits[name]))
            np.save(
                folder / f"{name}.ends.npy", np.cumsum([len(document.content) for document in splits[name]])
            )
        listing = {name: [document.path for document in splits[name]] for name in SPLITS}
        (folder / "files.json").write_text(json.dumps(listing, indent=1), "utf-8")
        (folder / "corpus.json").write_text(json.dumps(facts, indent=1), "utf-8")
    return corpus
