"""Adapters of images, texts, arrays and targets: what they make, that they survive JSON, what they refuse."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from sugata.errors import DataError, InputError, SugataError
from sugata.tasks.prepared import (
    Adapters,
    ArrayAdapter,
    ClassAdapter,
    ImageAdapter,
    LabelsAdapter,
    PreparedData,
    Rows,
    TextAdapter,
    TokenAdapter,
    ValueAdapter,
    fit_text,
    hold_out,
    prepare,
)
from sugata.tasks.prepared.adapters import adapter_from_json

Pillow = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (6, 8, 10, 3)).astype(np.uint8)


def again(adapter: Any) -> Any:
    return adapter_from_json(json.loads(json.dumps(adapter.to_json())))


# -- images ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "shape"),
    [
        (COLOURS, (3, 8, 10)),
        (COLOURS.transpose(0, 3, 1, 2), (3, 8, 10)),
        (COLOURS[..., 0], (1, 8, 10)),
        (COLOURS.astype(np.float32), (3, 8, 10)),
        (COLOURS.astype(np.int64)[..., :1], (1, 8, 10)),
        (torch.from_numpy(COLOURS), (3, 8, 10)),
        (list(COLOURS), (3, 8, 10)),
        ([Pillow.fromarray(one) for one in COLOURS], (3, 8, 10)),
    ],
)
def test_images_of_any_layout_become_bytes_with_channels_first(raw: Any, shape: tuple[int, ...]) -> None:
    adapter = ImageAdapter.fit(raw)
    found = adapter.transform(raw)
    assert found.dtype == np.uint8
    assert found.shape == (6, *shape)
    np.testing.assert_array_equal(found, COLOURS.transpose(0, 3, 1, 2)[:, : shape[0]])
    assert again(adapter) == adapter


def test_images_of_fractions_stay_floats_and_are_seen_as_they_are() -> None:
    raw = RNG.normal(size=(5, 4, 4)).astype(np.float32)
    adapter = ImageAdapter.fit(raw)
    seen = adapter.tensor(adapter.transform(raw))
    np.testing.assert_allclose(seen.numpy()[:, 0], raw, rtol=1e-6)
    facts = adapter.statistics(adapter.transform(raw))
    assert (facts["mean"][0], facts["std"][0]) == pytest.approx((raw.mean(), raw.std()), rel=1e-5)


def test_statistics_of_bytes_are_those_that_the_network_sees() -> None:
    adapter = ImageAdapter.fit(COLOURS)
    stored = adapter.transform(COLOURS)
    seen, facts = adapter.tensor(stored).double(), adapter.statistics(stored)
    assert seen.max() <= 1
    assert facts["mean"] == pytest.approx(seen.mean((0, 2, 3)).tolist(), rel=1e-5)
    assert facts["std"] == pytest.approx(seen.std((0, 2, 3), correction=0).tolist(), rel=1e-5)


def test_images_are_brought_to_one_size_and_to_the_channels_of_training(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(2)]
    for path, side in zip(paths, (8, 12), strict=True):
        Pillow.fromarray(RNG.integers(0, 256, (side, side, 3)).astype(np.uint8)).save(path)
    adapter = ImageAdapter.fit(paths, resize=6)
    assert adapter.transform([str(path) for path in paths]).shape == (2, 3, 6, 6)
    assert adapter.transform(COLOURS[:, :, :, 0]).shape == (6, 3, 6, 6)
    with pytest.raises(InputError, match=r"mixed sizes.*0.png is 8 x 8.*1.png is 12 x 12; set resize"):
        ImageAdapter.fit(paths)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (COLOURS[:, :4], "4 x 10 pixels with 3 channels; the model was fitted on 8 x 10"),
        (COLOURS / 255.0, "the model was fitted on whole numbers from 0 to 255"),
        (COLOURS[:0], "there are none"),
        ("picture.png", "is one path; give a list"),
        (np.full((2, 8, 10, 3), np.nan), "image 0 has NaN or infinity"),
        ([object()], "image 0 is a object"),
    ],
)
def test_other_images_than_those_of_training_get_one_line(raw: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ImageAdapter.fit(COLOURS).transform(raw)


# -- texts ----------------------------------------------------------------------------------------------


def test_words_are_numbered_by_frequency_and_the_unknown_are_one() -> None:
    adapter = TextAdapter.fit(["Good, good film!", "a GOOD film", "don't"])
    assert adapter.words[:2] == ("good", "film")
    assert "don't" in adapter.words
    assert adapter.length == 5
    row = adapter.transform(["good unheard film"])[0]
    assert row.tolist() == [2, 1, 3, 0, 0]
    assert again(adapter) == adapter
    assert adapter.spec("text").classes == len(adapter.words) + 2
    assert adapter.tensor(adapter.transform(["good"])).dtype == torch.int64


def test_a_long_text_keeps_both_ends() -> None:
    adapter = TextAdapter.fit(["a b c d e f g h"], length=4)
    words = ["-", "?", *adapter.words]
    assert [words[number] for number in adapter.transform(["a b c d e f g h"])[0]] == ["a", "b", "g", "h"]


def test_most_texts_are_not_cut_and_a_few_long_ones_do_not_lengthen_all() -> None:
    texts = ["word " * 10] * 97 + ["word " * 5000] * 3
    assert TextAdapter.fit(texts).length == 10
    assert TextAdapter.fit(["word " * 900] * 10).length == 400


def test_words_that_occur_once_in_many_texts_are_unknown() -> None:
    adapter = TextAdapter.fit([f"common only{number}" for number in range(1500)])
    assert adapter.words == ("common",)
    assert len(TextAdapter.fit(["many words in here"] * 1500, most_words=2).words) == 2


def test_sequences_of_numbers_are_taken_as_they_are() -> None:
    adapter = fit_text(np.array([[5, 6, 0], [7, 0, 0]]))
    assert isinstance(adapter, TokenAdapter)
    assert (adapter.size, adapter.length) == (8, 3)
    assert adapter.transform([[9, 5], [1, 2, 3, 4]]).tolist() == [[1, 5, 0], [1, 2, 3]]
    assert again(adapter) == adapter


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (pd.Series([1.5, 2.5], name="price"), "column 'price' holds float, such as 1.5, not texts"),
        (["1", "2.5", "3"], "every row is a number"),
        (["a text", None], "row 1 has none"),
        (["a text", 3], "row 1 is a int, 3"),
        ("one text", "one string"),
        (["", "  "], "no row has a word"),
        ([], "no rows"),
        ([[1, -2]], "row 0 is no sequence of whole numbers"),
        ([[1, 2], [3, 2_000_000_000]], "row 1 has 2,000,000,000; give numbers of words"),
    ],
)
def test_what_is_no_text_gets_one_line(raw: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_text(raw)


# -- arrays ---------------------------------------------------------------------------------------------


def test_arrays_keep_their_shape_and_single_numbers_get_a_column() -> None:
    raw = RNG.normal(size=(7, 5, 3))
    adapter = ArrayAdapter.fit(raw)
    np.testing.assert_allclose(adapter.transform(raw), raw, rtol=1e-6)
    assert adapter.statistics(adapter.transform(raw))["mean"] == pytest.approx(raw.mean((0, 1)), abs=1e-6)
    assert ArrayAdapter.fit([1, 2, 3]).shape == (1,)
    assert again(adapter) == adapter
    with pytest.raises(InputError, match=r"rows of shape \(4, 3\)"):
        adapter.transform(raw[:, :4])
    with pytest.raises(InputError, match="row 2 has NaN"):
        ArrayAdapter.fit([1.0, 2.0, np.nan])


# -- targets --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        ["b", "a", "b"],
        np.array([3, 1, 3]),
        np.array([True, False, True]),
        pd.Series(["b", "a", "b"], dtype="category"),
        pd.Series([3, 1, 3], dtype="Int64"),
        np.array([2.0, 1.0, 2.0]),
    ],
)
def test_labels_of_any_type_are_given_back(labels: Any) -> None:
    adapter = again(ClassAdapter.fit(labels))
    codes = adapter.transform(labels)
    assert codes.tolist() == [1, 0, 1]
    back = adapter.inverse(np.eye(2)[codes])
    assert back.tolist() == np.asarray(labels).tolist()
    assert back.dtype.kind == np.asarray(labels).dtype.kind or back.dtype == object
    assert np.array_equal(adapter.classes, np.unique(np.asarray(labels).tolist()))


def test_one_hot_rows_are_classes() -> None:
    assert ClassAdapter.fit(np.eye(3)[[2, 0, 1]]).transform(np.eye(3)[[2, 0, 1]]).tolist() == [2, 0, 1]


def test_values_are_standardized_and_given_back_in_their_unit() -> None:
    values = RNG.normal(100, 20, (50, 2))
    adapter = again(ValueAdapter.fit(values))
    stored = adapter.transform(values)
    np.testing.assert_allclose(stored.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(stored.std(0), 1, atol=1e-6)
    np.testing.assert_allclose(adapter.inverse(stored), values, rtol=1e-5)
    assert ValueAdapter.fit([1.0, 2.0]).inverse(np.zeros((3, 1))).shape == (3,)
    assert ValueAdapter.fit([2.0, 2.0]).transform([2.0, 3.0]).tolist() == [[0], [1]]


def test_labels_come_as_lists_or_as_a_matrix_and_go_back_likewise() -> None:
    lists = [["red", "blue"], [], ["red"]]
    adapter = again(LabelsAdapter.fit(lists))
    stored = adapter.transform(lists)
    assert stored.tolist() == [[1, 1], [0, 0], [0, 1]]
    assert adapter.inverse(stored - 0.5) == [["blue", "red"], [], ["red"]]
    matrix = pd.DataFrame({"red": [1, 0], "blue": [1, 1]})
    named = LabelsAdapter.fit(matrix)
    assert named.labels == ("red", "blue")
    assert named.inverse(named.transform(matrix) - 0.5).tolist() == matrix.to_numpy().tolist()


@pytest.mark.parametrize(
    ("fit", "raw", "message"),
    [
        (ClassAdapter.fit, ["a", None, "b"], r"row 1 has none \(NaN\)"),
        (ClassAdapter.fit, [1.0, np.nan], r"row 1 has none \(NaN\)"),
        (ClassAdapter.fit, ["a", float("nan"), "b"], r"row 1 has none \(NaN\)"),
        (ClassAdapter.fit, ["a", "a"], "all rows are of one class, 'a'"),
        (ClassAdapter.fit, [0.5, 1.5], "0.5 of row 0 is no class"),
        (ClassAdapter.fit, ["a", 1], "some are int, some str"),
        (ClassAdapter.fit, [[1, 1], [0, 1]], "several labels a row are multi-label"),
        (ClassAdapter.fit, [], "there are none"),
        (ClassAdapter.fit, None, "none are given"),
        (ValueAdapter.fit, [1.0, np.inf], "row 1 has NaN or infinity"),
        (ValueAdapter.fit, ["1", "many"], "row 1 has 'many', which is no number"),
        (LabelsAdapter.fit, np.array([[0, 2]]), "row 0 has others than zeros and ones"),
        (LabelsAdapter.fit, [["a"], "b"], "row 1 is 'b'; give a list"),
        (LabelsAdapter.fit, [[], []], "no row has one"),
    ],
)
def test_bad_targets_get_one_line_and_are_value_errors(fit: Any, raw: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        fit(raw)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, SugataError)


def test_labels_that_training_did_not_have_are_named() -> None:
    with pytest.raises(InputError, match=r"row 1 has 'c', which no training row has \('a', 'b'\)"):
        ClassAdapter.fit(["a", "b"]).transform(["a", "c"])


# -- folders and splits ---------------------------------------------------------------------------------


def test_classes_are_held_out_in_proportion_and_none_entirely() -> None:
    selection = pytest.importorskip("sklearn.model_selection")
    classes = np.repeat([0, 1, 2, 3], [60, 30, 10, 1])
    train, held = hold_out(len(classes), 0.2, classes, np.random.default_rng(0))
    _, reference = selection.train_test_split(
        np.arange(100), test_size=0.2, stratify=classes[:100], random_state=0
    )
    expected = np.bincount(classes[reference], minlength=4)
    assert np.abs(np.bincount(classes[held], minlength=4) - expected).max() <= 1
    assert set(classes[train]) == {0, 1, 2, 3}
    assert len(held) == 20
    assert sorted([*train, *held]) == list(range(101))


def test_a_bad_row_is_named_as_the_user_counts_rows(tmp_path: Path) -> None:
    values = RNG.normal(size=(40, 2))
    values[33, 1] = np.inf
    rows = Rows({"x": values}, {"y": np.arange(40) % 2})
    with pytest.raises(InputError, match="x: array: row 33 has NaN or infinity"):
        prepare(tmp_path / "data", rows, {"x": ArrayAdapter.fit}, {"y": ClassAdapter.fit})


def test_adapters_see_training_rows_alone(tmp_path: Path) -> None:
    prices = np.arange(100.0)
    rows = Rows({"x": prices[:, None]}, {"y": prices})
    data = prepare(tmp_path / "data", rows, {"x": ArrayAdapter.fit}, {"y": ValueAdapter.fit}, test=0.1)
    train = data.array("train", "x")[:, 0]
    assert len(train) == 72
    assert data.adapters.targets["y"].mean == pytest.approx((train.mean(),))  # type: ignore[attr-defined]
    assert data.facts["inputs"]["x"]["mean"] == pytest.approx([train.mean()])
    parts = [data.array(split, "x")[:, 0] for split in ("train", "validation", "test")]
    assert sorted(np.concatenate(parts)) == prices.tolist()


def test_stored_adapters_feed_a_network_from_raw_rows_elsewhere(tmp_path: Path) -> None:
    rows = Rows({"x": COLOURS, "t": ["a b"] * 6}, {"y": [0, 1] * 3})
    fits = {"x": ImageAdapter.fit, "t": fit_text}
    prepare(tmp_path / "data", rows, fits, {"y": ClassAdapter.fit})
    adapters = PreparedData(tmp_path / "data").adapters
    image, text = adapters.network_inputs({"x": COLOURS[:2], "t": ["b", "c"]})
    np.testing.assert_allclose(image.numpy(), COLOURS[:2].transpose(0, 3, 1, 2) / 255, rtol=1e-6)
    assert text.tolist() == [[3, 0], [1, 0]]


def test_adapters_of_another_sugata_get_one_line() -> None:
    with pytest.raises(DataError, match="kind 'sound' is unknown"):
        Adapters.from_json({"inputs": {"x": {"kind": "sound"}}, "targets": {}})
    with pytest.raises(DataError, match="prepare the data anew"):
        Adapters.from_json({"inputs": {}})


def test_bytes_are_refused_where_shares_were_fitted() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 5)).astype(np.uint8)
    adapter = ImageAdapter.fit(pixels / 255)
    assert np.array_equal(
        adapter_from_json(adapter.to_json()).transform(pixels / 255), adapter.transform(pixels / 255)
    )
    with pytest.raises(InputError, match="fitted on values up to 1: divide by 255"):
        adapter.transform(pixels)
    assert (adapter.transform(np.zeros((1, 5, 5), np.uint8)) == 0).all()


def test_labels_that_only_held_out_rows_have_are_labels_all_the_same(tmp_path: Path) -> None:
    x, kinds, tags = np.zeros((40, 1)), np.array(["a", "b"] * 20), [["u"], ["v"]] * 20
    _, held = hold_out(40, 0.2, ClassAdapter.fit(kinds).transform(kinds), np.random.default_rng((0, 1)))
    kinds_too = kinds.copy()
    tags[held[0]], kinds_too[held[1]] = ["w"], "c"
    rows = Rows({"x": x}, {"kind": kinds, "tags": tags, "other": kinds_too})
    fits = {"kind": ClassAdapter.fit, "tags": LabelsAdapter.fit, "other": ClassAdapter.fit}
    targets = prepare(tmp_path / "d", rows, {"x": ArrayAdapter.fit}, fits).adapters.targets
    assert targets["tags"].labels == ("u", "v", "w")  # type: ignore[attr-defined]
    assert targets["other"].labels == ("a", "b", "c")  # type: ignore[attr-defined]


def test_half_a_character_in_a_text_is_stored(tmp_path: Path) -> None:
    rows = Rows({"x": ["a \ud800 b", "c"] * 5}, {"y": ["p", "q"] * 5})
    data = prepare(tmp_path / "d", rows, {"x": fit_text}, {"y": ClassAdapter.fit})
    assert "\ud800" in data.adapters.inputs["x"].words  # type: ignore[attr-defined]


@pytest.mark.parametrize("as_file", [True, False])
def test_images_of_sixteen_bits_are_scaled_and_not_cut_off(as_file: bool, tmp_path: Path) -> None:
    levels = (COLOURS[..., 0].astype(np.uint16) * 257)[:2]
    images = [Pillow.fromarray(one) for one in levels]
    if as_file:
        for number, one in enumerate(images):
            one.save(tmp_path / f"{number}.png")
        images = sorted(tmp_path.iterdir())
    adapter = ImageAdapter.fit(images)
    assert np.array_equal(adapter.transform(images)[:, 0], COLOURS[:2, ..., 0])


def test_deep_images_of_an_unknown_range_get_one_line() -> None:
    with pytest.raises(InputError, match="image 0: its values go from 0 to 1000; give 0 to 255"):
        ImageAdapter.fit([Pillow.fromarray(np.array([[0, 1000]], np.int32))] * 2)
