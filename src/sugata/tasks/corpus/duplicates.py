"""Exact and near duplicates among documents."""

import hashlib
from collections.abc import Iterable, Sequence
from zlib import crc32

import numpy as np

from sugata.tasks.corpus.sources import Document

SHINGLE = 5  # words
BANDS, ROWS = 16, 4  # two documents of Jaccard similarity s share a band with probability 1 - (1 - s^4)^16
THRESHOLD = 0.8  # Jaccard similarity of sets of shingles; 0.8 is found with probability 0.9998
_BLOCK = 4096  # shingles hashed at a time, so that the products stay in the processor's cache


def digest(content: bytes) -> str:
    """A name for the content, 128 bits."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def without_exact(documents: Iterable[Document]) -> list[Document]:
    """The documents without those whose content came before."""
    seen: dict[str, Document] = {}
    for document in documents:
        seen.setdefault(digest(document.content), document)
    return list(seen.values())


def without_near(documents: Sequence[Document], *, threshold: float = THRESHOLD) -> list[Document]:
    """The documents without those that are nearly a copy of one that came before.

    MinHash (Broder 1997) with locality-sensitive hashing in bands finds candidates; whether a pair is
    a duplicate is then decided on the exact Jaccard similarity of their sets of five-word shingles.
    A document is compared with those kept so far only.
    """
    factors, offsets = _permutations()
    buckets: list[dict[bytes, list[int]]] = [{} for _ in range(BANDS)]
    kept: list[Document] = []
    for document in documents:
        shingles = _shingles(document.content)
        bands = _signature(shingles, factors, offsets).reshape(BANDS, ROWS)
        keys = [band.tobytes() for band in bands]
        candidates = {
            number for bucket, key in zip(buckets, keys, strict=True) for number in bucket.get(key, ())
        }
        if any(
            _jaccard(shingles, _shingles(kept[number].content)) >= threshold for number in sorted(candidates)
        ):
            continue
        for bucket, key in zip(buckets, keys, strict=True):
            bucket.setdefault(key, []).append(len(kept))
        kept.append(document)
    return kept


def _permutations() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(20_1997)
    count = BANDS * ROWS
    factors = rng.integers(0, 2**63, count, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return factors, rng.integers(0, 2**63, count, dtype=np.uint64)


def _shingles(content: bytes) -> np.ndarray:
    """One 64-bit hash for every run of five words, with repetitions; a shorter text is one shingle."""
    hashes = list(map(crc32, content.split()))
    words = np.array(hashes, dtype=np.uint64)
    size = min(SHINGLE, len(words))
    mixed = np.zeros(len(words) - size + 1, dtype=np.uint64)
    for position in range(size):
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + words[position : len(words) - size + 1 + position]
    # A multiplication leaves the low bits weak: fold the high ones into them.
    return (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)


def _signature(shingles: np.ndarray, factors: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The smallest hash of the shingles under each permutation, ``(permutations,)``."""
    smallest = np.full(len(factors), 2**32 - 1, dtype=np.uint64)
    for start in range(0, len(shingles), _BLOCK):
        block = shingles[start : start + _BLOCK]
        hashes = (factors[:, None] * block[None, :] + offsets[:, None]) >> np.uint64(32)
        np.minimum(smallest, hashes.min(axis=1), out=smallest)
    return smallest


def _jaccard(one: np.ndarray, other: np.ndarray) -> float:
    first, second = np.unique(one), np.unique(other)
    shared = np.intersect1d(first, second, assume_unique=True).size
    return shared / (first.size + second.size - shared)
