"""Copies and near copies are found, and different files stay."""

import random
import time

from hypothesis import given
from hypothesis import strategies as st

from sugata.tasks.corpus.duplicates import THRESHOLD, without_exact, without_near
from sugata.tasks.corpus.sources import Document, find_source, read_source


def document(text: str, path: str = "a.py") -> Document:
    return Document(path, "", None, text.encode())


def words(seed: int, count: int) -> list[str]:
    rng = random.Random(seed)
    return [f"name_{rng.randrange(10_000)}" for _ in range(count)]


def exact_similarity(one: list[str], other: list[str]) -> float:
    first, second = ({tuple(w[i : i + 5]) for i in range(max(1, len(w) - 4))} for w in (one, other))
    return len(first & second) / len(first | second)


def test_the_first_of_equal_contents_stays() -> None:
    kept = without_exact([document("x", "a.py"), document("y", "b.py"), document("x", "c.py")])
    assert [item.path for item in kept] == ["a.py", "b.py"]


@given(st.lists(st.text(min_size=1), max_size=20))
def test_exact_duplicates_go_and_nothing_else(texts: list[str]) -> None:
    kept = [item.content.decode() for item in without_exact([document(text) for text in texts])]
    assert kept == list(dict.fromkeys(texts))


def test_near_copies_go_and_similar_files_stay() -> None:
    original = words(0, 1000)
    near, far = original.copy(), original.copy()
    near[::100] = [f"changed_{n}" for n in range(10)]  # 10 words of 1,000: 50 of 996 shingles
    far[::10] = [f"other_{n}" for n in range(100)]
    assert exact_similarity(original, near) > THRESHOLD > exact_similarity(original, far) > 0.2
    items = [document(" ".join(text), path) for text, path in ((original, "o"), (near, "n"), (far, "f"))]
    assert [item.path for item in without_near(items)] == ["o", "f"]


def test_every_pair_is_decided_as_the_exact_similarity_says() -> None:
    texts = []
    rng = random.Random(1)
    for family in range(30):
        base = words(family, 200)
        for changes in (0, 1, 3, 30):
            copy = base.copy()
            for _ in range(changes):
                copy[rng.randrange(200)] = f"edit_{rng.randrange(10**9)}"
            texts.append(copy)
    kept: list[list[str]] = []
    for text in texts:
        if not any(exact_similarity(text, other) >= THRESHOLD for other in kept):
            kept.append(text)
    assert [
        item.content.decode().split() for item in without_near([document(" ".join(t)) for t in texts])
    ] == kept


def test_short_texts_are_compared_whole() -> None:
    kept = without_near([document("x = 1"), document("x  =  1"), document("x = 2")])
    assert [item.content for item in kept] == [b"x = 1", b"x = 2"]


def test_the_standard_library_takes_a_second_or_two() -> None:
    documents = list(read_source(find_source("stdlib")))
    size = sum(len(item.content) for item in documents)
    start = time.process_time()
    assert len(without_near(documents)) > 0.9 * len(documents)
    assert (time.process_time() - start) / size < 3 / 12e6  # 12 MB in three seconds of processor time
