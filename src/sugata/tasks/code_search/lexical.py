"""What needs no training: TF-IDF and BM25 over the words of names and comments."""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

Scores = Callable[[Sequence[str], Sequence[str]], np.ndarray]

# The parts of identifiers in snake_case and camelCase; numbers are words.
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")


def words(text: str) -> list[str]:
    """The words of a text, lower case; identifiers are divided: ``readHTTPLine_2`` has four."""
    return [word.lower() for word in _WORD.findall(text)]


def bm25(queries: Sequence[str], texts: Sequence[str], *, k1: float = 1.2, b: float = 0.75) -> np.ndarray:
    """Scores ``(queries, texts)`` (Robertson & Zaragoza 2009, equations 3.3 and 3.15).

    Frequencies of words are those of these texts. Departure: the logarithm of one plus the odds, so that
    no weight is negative.
    """
    counts = [Counter(words(text)) for text in texts]
    lengths = np.array([sum(count.values()) for count in counts], dtype=np.float64)
    normal = k1 * (1 - b + b * lengths / max(1.0, lengths.mean()))

    def weight(found: np.ndarray, frequency: np.ndarray) -> np.ndarray:
        odds = (len(texts) - len(found) + 0.5) / (len(found) + 0.5)
        return math.log(1 + odds) * frequency * (k1 + 1) / (frequency + normal[found])

    return _summed(queries, counts, weight, lambda count, _: float(count))


def tf_idf(queries: Sequence[str], texts: Sequence[str]) -> np.ndarray:
    """Cosine similarities ``(queries, texts)`` of TF-IDF vectors (Salton & Buckley 1988).

    Smoothed inverse frequencies ``1 + ln((1 + n) / (1 + found))`` over these texts, as in scikit-learn.
    Those of a query are not divided by its length, which changes no rank.
    """
    counts = [Counter(words(text)) for text in texts]
    frequencies = Counter(word for count in counts for word in count)
    inverse = {word: 1 + math.log((1 + len(texts)) / (1 + found)) for word, found in frequencies.items()}
    norms = np.array(
        [max(1e-12, math.hypot(*(n * inverse[word] for word, n in count.items()))) for count in counts]
    )

    def weight(found: np.ndarray, frequency: np.ndarray) -> np.ndarray:
        return frequency / norms[found]

    return _summed(queries, counts, weight, lambda count, word: count * inverse[word] ** 2)


def _summed(
    queries: Sequence[str],
    counts: Sequence[Counter[str]],
    weight: Callable[[np.ndarray, np.ndarray], np.ndarray],
    query_weight: Callable[[int, str], float],
) -> np.ndarray:
    """Sums over the words of a query of the weights that a word has in every text."""
    places: dict[str, tuple[list[int], list[int]]] = {}
    for number, count in enumerate(counts):
        for word, frequency in count.items():
            found, times_found = places.setdefault(word, ([], []))
            found.append(number)
            times_found.append(frequency)
    scores = np.zeros((len(queries), len(counts)))
    for row, query in zip(scores, queries, strict=True):
        for word, times in Counter(words(query)).items():
            if word in places:
                numbers, frequencies = (np.array(values) for values in places[word])
                row[numbers] += query_weight(times, word) * weight(numbers, frequencies.astype(np.float64))
    return scores


#: Every lexical method by its name.
LEXICAL: dict[str, Scores] = {"tf_idf": tf_idf, "bm25": bm25}
