"""Rows out of files, folders, frames and data sets."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from sugata.automl.reading import read
from sugata.errors import InputError


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame({"age": [30, 40, 50], "city": ["a", "b", None], "paid": ["yes", "no", "yes"]})


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_a_column_of_a_file_is_the_target(table: pd.DataFrame, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"people{suffix}"
    if suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, sep="\t" if suffix == ".tsv" else ",", index=False)
    x, y = read("table", str(path), "paid")
    assert list(x.columns) == ["age", "city"]
    assert list(y) == ["yes", "no", "yes"]


def test_a_target_that_is_no_column_is_named(table: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="'pays' is not in the table; it has age, city, paid"):
        read("table", table, "pays")


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv: there is no such file"):
        read("table", "nowhere.csv")


def test_texts_are_the_column_of_strings_and_labels_the_column_of_that_name(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    pd.DataFrame({"text": ["good", "bad"], "label": [1, 0]}).to_csv(path, index=False)
    x, y = read("text", path)
    assert x == ["good", "bad"]
    assert list(y) == [1, 0]


def test_class_folders_give_paths_and_labels(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        for number in range(2):
            Image.new("L", (4, 4)).save(tmp_path / name / f"{number}.png")
    x, y = read("image", tmp_path)
    assert [path.name for path in x] == ["0.png", "1.png"] * 2
    assert list(y) == ["cats", "cats", "dogs", "dogs"]


@pytest.mark.parametrize("inside", [(), ("cats", "dogs")])
def test_an_empty_folder_is_refused(tmp_path: Path, inside: tuple[str, ...]) -> None:
    for name in inside:
        (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=r"no image|empty folder"):
        read("image", tmp_path)


def test_a_torch_data_set_is_read_in_its_order() -> None:
    images, labels = torch.arange(12.0).reshape(3, 2, 2), torch.tensor([1, 0, 1])
    x, y = read("image", torch.utils.data.TensorDataset(images, labels))
    assert np.array_equal(x, images.numpy())
    assert list(y) == [1, 0, 1]


def test_a_hugging_face_data_set_gives_its_text_and_label() -> None:
    datasets = pytest.importorskip("datasets")
    x, y = read("text", datasets.Dataset.from_dict({"text": ["good", "bad"], "label": [1, 0]}))
    assert x == ["good", "bad"]
    assert list(y) == [1, 0]


def test_arrays_pass_as_they_are() -> None:
    x = np.zeros((2, 3))
    assert read("table", x, [0, 1]) == (x, [0, 1])


def test_one_image_file_is_one_row(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "cat.png")
    assert read("image", str(tmp_path / "cat.png")) == ([tmp_path / "cat.png"], None)


def test_one_text_is_no_list_of_them() -> None:
    with pytest.raises(InputError, match="one string, 'a lovely film'; give a list of texts"):
        read("text", "a lovely film")
    with pytest.raises(InputError, match="one string"):
        read("text", "very long " * 1000)  # longer than a path may be


def test_frames_of_arrow_are_read(table: pd.DataFrame) -> None:
    arrow = pytest.importorskip("pyarrow")
    x, y = read("table", arrow.Table.from_pandas(table), "paid")
    assert list(x.columns) == ["age", "city"]
    assert list(y) == ["yes", "no", "yes"]


@pytest.mark.parametrize("there", [True, False])
def test_a_column_that_is_no_input_is_left_out(there: bool) -> None:
    reviews = pd.DataFrame({"review": ["good", "bad"], "mood": ["+", "-"]})
    x, y = read("text", reviews if there else reviews[["review"]], without="mood")
    assert (x, y) == (["good", "bad"], None)


def test_a_name_for_the_target_needs_columns_with_names() -> None:
    with pytest.raises(InputError, match="y is 'paid', a column's name, but x has no named columns"):
        read("table", np.zeros((2, 3)), "paid")


def test_what_holds_batches_or_splits_is_refused() -> None:
    rows = torch.utils.data.TensorDataset(torch.zeros(4, 2), torch.zeros(4))
    with pytest.raises(InputError, match="DataLoader; give its data set"):
        read("table", torch.utils.data.DataLoader(rows))

    class Stream(torch.utils.data.IterableDataset[int]):
        def __iter__(self) -> Any:
            return iter(range(3))

    with pytest.raises(InputError, match="Stream, which has no length"):
        read("table", Stream())
    datasets = pytest.importorskip("datasets")
    split = datasets.Dataset.from_dict({"text": ["good", "bad"], "label": [1, 0]})
    with pytest.raises(InputError, match=r"splits train, test; give one, such as data\['train'\]"):
        read("text", datasets.DatasetDict(train=split, test=split))


def test_tables_with_semicolons_and_compressed_ones_are_read(table: pd.DataFrame, tmp_path: Path) -> None:
    table.assign(size=[1.5, 2.5, 3.5]).to_csv(tmp_path / "a.csv", sep=";", decimal=",", index=False)
    table.assign(size=[1.5, 2.5, 3.5]).to_csv(tmp_path / "b.csv", sep=";", index=False)
    table.assign(size=[1.5, 2.5, 3.5]).to_csv(tmp_path / "c.csv.gz", index=False)
    for name in ("a.csv", "b.csv", "c.csv.gz"):
        x, y = read("table", tmp_path / name, "paid")
        assert (list(x["size"]), list(y)) == ([1.5, 2.5, 3.5], ["yes", "no", "yes"])


@pytest.mark.parametrize(
    "rows",
    [
        {"age": [30], "city": ["a"]},
        {"age": np.array([30]), "city": pd.Series(["a"])},
        {"age": 30, "city": "a"},
        [{"age": 30, "city": "a"}],
    ],
)
def test_rows_of_a_table_may_be_named_values(rows: Any) -> None:
    x, _ = read("table", rows)
    assert x.to_dict("list") == {"age": [30], "city": ["a"]}


def test_sparse_arrays_pass_whole_though_some_are_mappings() -> None:
    sparse = pytest.importorskip("scipy.sparse").dok_array((2, 3))
    assert read("table", sparse)[0] is sparse


def test_columns_of_several_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="same length; give every column equally many"):
        read("table", {"age": [30], "city": ["a", "b"]})
