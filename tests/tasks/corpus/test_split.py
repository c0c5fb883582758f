"""Splits are deterministic, complete, divided by package, and respect those that the source gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sugata.errors import DataError
from sugata.tasks.corpus.sources import SPLITS, Document
from sugata.tasks.corpus.split import divide, subset

SHARES = {"validation": 0.1, "test": 0.1}


def documents(packages: int, files: int, split: str | None = None) -> list[Document]:
    return [
        Document(f"p{p}/{f}.py", f"p{p}", split, f"{split} package {p} file {f} ".encode() * 10)
        for p in range(packages)
        for f in range(files)
    ]


def paths(parts: dict[str, list[Document]]) -> dict[str, list[str]]:
    return {name: sorted(document.path for document in members) for name, members in parts.items()}


def test_no_package_is_in_two_splits() -> None:
    parts, unit = divide(documents(40, 5), SHARES, "x")
    assert unit == "package"
    packages = [{document.package for document in parts[name]} for name in SPLITS]
    assert sum(map(len, packages)) == len(set.union(*packages)) == 40
    sizes = {name: len(parts[name]) / 200 for name in SPLITS}
    assert 0.05 <= sizes["validation"] <= 0.2
    assert 0.05 <= sizes["test"] <= 0.2


def test_files_are_divided_where_packages_are_too_large() -> None:
    parts, unit = divide(documents(2, 50), SHARES, "x")
    assert unit == "file"
    assert 5 <= len(parts["validation"]) <= 20


def test_the_order_of_reading_does_not_matter() -> None:
    forward = subset(documents(30, 4), 20_000, SHARES)
    backward = subset(documents(30, 4)[::-1], 20_000, SHARES)
    assert forward == backward
    assert paths(divide(forward, SHARES, "x")[0]) == paths(divide(backward, SHARES, "x")[0])


@given(st.integers(1, 8), st.integers(1, 8))
def test_splits_are_a_partition_and_none_is_empty(packages: int, files: int) -> None:
    everything = documents(packages, files)
    if len(everything) < 3:
        with pytest.raises(DataError, match="at least one each"):
            divide(everything, SHARES, "x")
        return
    parts, _ = divide(everything, SHARES, "x")
    assert all(parts[name] for name in SPLITS)
    assert sorted(d.path for name in SPLITS for d in parts[name]) == sorted(d.path for d in everything)
    assert all(document.split == name for name in SPLITS for document in parts[name])


def test_splits_of_the_source_stay_and_missing_ones_come_from_train() -> None:
    train, validation = documents(20, 5, "train"), documents(3, 2, "validation")
    parts, _ = divide(train + validation, SHARES, "x")
    assert parts["validation"] == validation
    assert parts["test"]
    assert {d.path for d in parts["test"]} <= {d.path for d in train}
    assert len(parts["train"]) + len(parts["test"]) == 100


def test_complete_splits_of_the_source_are_taken_as_they_are() -> None:
    given_parts = {name: documents(2, 2, name) for name in SPLITS}
    parts, unit = divide([d for members in given_parts.values() for d in members], SHARES, "x")
    assert (parts, unit) == (given_parts, "source")


def test_a_subset_is_diverse_and_keeps_to_its_size() -> None:
    everything = documents(10, 100)
    size = len(everything[0].content)
    taken = subset(everything, 20 * size + 300, SHARES)
    assert sum(len(document.content) for document in taken) <= 20 * size + 300
    counts = [sum(document.package == f"p{p}" for document in taken) for p in range(10)]
    assert max(counts) - min(counts) <= 1


def test_a_subset_keeps_the_shares_of_given_splits() -> None:
    everything = documents(10, 10, "train") + documents(10, 10, "validation")
    taken = subset(everything, 10_000, SHARES)
    held = sum(len(document.content) for document in taken if document.split == "validation")
    assert 500 < held <= 1000
    assert sum(len(document.content) for document in taken) > 9_000


def test_a_corpus_without_train_documents_is_refused() -> None:
    with pytest.raises(DataError, match="add source files"):
        divide(documents(2, 2, "validation") + documents(2, 2, "test"), SHARES, "x")
