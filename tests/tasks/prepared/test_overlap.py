"""Texts that are parts of one another are held out together."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sugata.tasks import PreparedTask
from sugata.tasks.prepared import ClassAdapter, Rows, fit_text, prepare
from sugata.tasks.prepared.overlap import hold_out_with_parts

RNG = np.random.default_rng(0)
WORDS = np.array([f"w{i}" for i in range(400)])
SENTENCES = [" ".join(WORDS[RNG.integers(0, 400, 12)]) for _ in range(60)]
PHRASES = [
    *(" ".join(sentence.split()[a : a + n]) for sentence in SENTENCES for a, n in ((0, 6), (3, 5), (2, 9))),
    *(sentence.split()[0] for sentence in SENTENCES),
]
ROWS = [*SENTENCES, *PHRASES]


def contained(part: str, whole: str) -> bool:
    return f" {part} " in f" {whole} "


@pytest.mark.parametrize("raw", [ROWS, np.array(ROWS), pd.Series(ROWS)], ids=["list", "array", "series"])
def test_no_training_text_of_some_length_is_a_part_of_a_held_out_one(raw: object) -> None:
    split = hold_out_with_parts(raw, 0.2, np.random.default_rng(1))
    assert split is not None
    assert sorted([*split.train, *split.drawn, *split.parts]) == list(range(len(ROWS)))
    assert 0.2 * len(ROWS) <= len(split.drawn) + len(split.parts) < 0.2 * len(ROWS) + 5
    whole = [ROWS[number] for number in split.drawn]
    assert set(whole) <= set(SENTENCES)
    assert len(whole) >= 10
    assert all(any(contained(ROWS[number], text) for text in whole) for number in split.parts)
    for number in split.train:
        if len(ROWS[number].split()) >= 4:
            assert not any(contained(ROWS[number], text) for text in whole)


def test_texts_that_are_no_parts_of_others_are_drawn_as_usual() -> None:
    rng = np.random.default_rng(1)
    assert hold_out_with_parts(SENTENCES, 0.2, rng) is None
    assert hold_out_with_parts(np.zeros((9, 3)), 0.2, rng) is None
    assert hold_out_with_parts([["a", "b"], ["c"]], 0.2, rng) is None
    assert hold_out_with_parts(["a"], 0.2, rng) is None


def test_prepared_texts_are_divided_so(tmp_path: Path) -> None:
    labels = np.array(["no", "yes"])[np.arange(len(ROWS)) % 2]
    rows = Rows({"text": ROWS}, {"label": labels})
    data = prepare(tmp_path / "data", rows, {"text": fit_text}, {"label": ClassAdapter.fit}, validation=60)
    train, validation = (data.array(split, "text") for split in ("train", "validation"))
    counts = data.facts["counts"]
    assert counts == {"train": len(train), "validation": len(validation), "aside": counts["aside"]}
    assert sum(counts.values()) == len(ROWS)
    assert len(validation) < counts["aside"] < 60
    assert PreparedTask(data.folder).on_all_rows().epoch_size({}) == len(ROWS)
    known = {" ".join(map(str, row[row > 0])) for row in train}
    held = np.concatenate([validation, data.array("aside", "text")])
    assert not any(" ".join(map(str, row[row > 0])) in known for row in held if (row > 0).sum() >= 4)
