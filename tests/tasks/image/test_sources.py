"""Every kind of source, on tiny generated images, and one clear line for each thing that can be wrong."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sugata.errors import DataError
from sugata.tasks.image import ImageSettings, open_images

RNG = np.random.default_rng(0)


def picture(size: tuple[int, int] = (6, 6), channels: int = 3) -> np.ndarray:
    return RNG.integers(0, 256, (*size, channels) if channels > 1 else size, dtype=np.uint8)


def png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png")
    return file.getvalue()


def class_folders(root: Path, each: int = 10, classes: tuple[str, ...] = ("cat", "dog")) -> Path:
    for name in classes:
        (root / name).mkdir(parents=True)
        for i in range(each):
            (root / name / f"{i}.png").write_bytes(png(picture()))
    return root


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., object]:
    def run(data: object, **settings: object) -> object:
        return open_images(ImageSettings(str(data), **settings), tmp_path / "cache")  # type: ignore[arg-type]

    return run


def test_class_folders_are_classes_and_splits_hold_all_of_them(opened, tmp_path: Path) -> None:
    found = opened(class_folders(tmp_path / "data"))
    assert found.facts["classes"] == ["cat", "dog"]
    assert found.facts["shape"] == [3, 6, 6]
    assert found.facts["counts"] == {"train": 14, "validation": 2, "test": 4}
    for split, count in found.facts["counts"].items():
        assert np.bincount(found.targets(split)).tolist() == [count // 2, count // 2]


def test_folders_of_splits_keep_the_test_images_apart(opened, tmp_path: Path) -> None:
    class_folders(tmp_path / "data" / "train")
    class_folders(tmp_path / "data" / "test", each=3)
    assert opened(tmp_path / "data").facts["counts"] == {"train": 18, "validation": 2, "test": 6}


def test_a_table_of_files_gives_values(opened, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for i in range(20):
        (folder / f"{i}.png").write_bytes(png(picture(channels=1)))
    rows = {"file": [f"{i}.png" for i in range(20)], "value": np.linspace(-1, 3, 20)}
    pd.DataFrame(rows).to_csv(folder / "labels.csv", index=False)
    found = opened(folder, predict="value")
    assert found.facts["shape"] == [1, 6, 6]
    assert found.facts["outputs"] == 1
    targets = found.targets("train")
    assert targets.shape == (14, 1)
    assert found.facts["target_mean"] == pytest.approx([targets.mean()])


@pytest.mark.parametrize("struct", [True, False])
def test_parquet_of_bytes_or_structs(opened, tmp_path: Path, struct: bool) -> None:
    contents = [png(picture()) for _ in range(20)]
    images = [{"bytes": one, "path": None} for one in contents] if struct else contents
    table = pd.DataFrame({"image": images, "label": [0, 1] * 10})
    table.to_parquet(tmp_path / "train-0.parquet")
    table.to_parquet(tmp_path / "test-0.parquet")
    found = opened(tmp_path)
    assert found.facts["counts"] == {"train": 18, "validation": 2, "test": 20}
    assert np.array_equal(
        found.images("test")[3], np.asarray(Image.open(io.BytesIO(contents[3]))).transpose(2, 0, 1)
    )


def test_numpy_files_in_one_and_in_pairs(opened, tmp_path: Path) -> None:
    x, y = RNG.random((20, 5, 5)), np.arange(20) % 2
    arrays = {"x_train": x, "y_train": y[:, None], "x_test": x[:8], "y_test": y[:8]}
    np.savez(tmp_path / "all.npz", **arrays)
    (tmp_path / "pairs").mkdir()
    for name, array in arrays.items():
        np.save(tmp_path / "pairs" / f"{name}.npy", array)
    one, pairs = opened(tmp_path / "all.npz"), opened(tmp_path / "pairs")
    assert one.facts["counts"] == {"train": 18, "validation": 2, "test": 8}
    assert one.fingerprint == pairs.fingerprint
    assert np.array_equal(one.images("test")[0, 0], np.round(x[0] * 255))


def test_a_local_hugging_face_data_set(opened, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["no", "yes"])}
    )
    rows = {"image": [{"bytes": png(picture()), "path": None} for _ in range(20)], "label": [0, 1] * 10}
    folder = tmp_path / "data"
    folder.mkdir()
    datasets.Dataset.from_dict(rows, features).to_parquet(folder / "train-00000.parquet")
    direct, loaded = opened(folder), opened(f"hf:{folder}")
    assert loaded.facts["classes"] == direct.facts["classes"] == ["no", "yes"]
    assert loaded.fingerprint == direct.fingerprint


def test_digits_need_no_file(opened) -> None:
    pytest.importorskip("sklearn")
    found = opened("digits", max_samples=100)
    assert found.facts["shape"] == [1, 8, 8]
    assert found.facts["counts"]["train"] == 100
    assert np.bincount(found.targets("train")).tolist() == pytest.approx([10] * 10, abs=1)


def test_what_is_prepared_is_opened_again_until_a_file_changes(opened, tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "data")
    first = opened(folder)
    images = first.folder / "train.images.npy"
    before = images.stat().st_mtime_ns
    assert opened(folder).folder == first.folder
    assert images.stat().st_mtime_ns == before
    (folder / "cat" / "0.png").write_bytes(png(picture()))
    assert opened(folder).folder != first.folder


def test_mixed_sizes_are_refused_with_the_remedy_which_works(opened, tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "data")
    (folder / "dog" / "7.png").write_bytes(png(picture((9, 5))))
    with pytest.raises(DataError, match=r"mixed sizes: .* is 6 x 6, dog/7.png is 9 x 5; set task.resize"):
        opened(folder)
    assert opened(folder, resize=8).facts["shape"] == [3, 8, 8]


def test_unreadable_and_missing_images_are_named(opened, tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "data")
    (folder / "dog" / "7.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"dog/7.png is not an image"):
        opened(folder)
    (folder / "dog" / "7.png").write_bytes(png(picture())[:60])
    with pytest.raises(DataError, match=r"dog/7.png cannot be read"):
        opened(folder)
    (folder / "labels.csv").write_text("file,label\ncat/0.png,1\ncat/99.png,0\n")
    with pytest.raises(DataError, match=r"labels.csv names .*99.png, which does not exist"):
        opened(folder)


def labelled(tmp_path: Path, labels: list[object], **more: object) -> Path:
    images = [png(picture()) for _ in labels]
    path = tmp_path / "images.parquet"
    pd.DataFrame({"image": images, "label": labels, **more}).to_parquet(path)
    return path


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1] * 9 + [0, 255], "label 255 of image 19 is out of range: there are 3 classes"),
        ([0, 1] * 9 + [0, -1], "label -1 of image 19 is out of range"),
        ([1] * 20, "all images are of one class"),
        (["cat"] * 20, "all images are of one class, 'cat'"),
        ([0.5, 1.5] * 10, "label 0.5 of image 0 is no class; for values set task.predict: value"),
        (["cat", None] * 10, "image 1 has no label"),
    ],
)
def test_wrong_classes_get_one_line(opened, tmp_path: Path, labels: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        opened(labelled(tmp_path, labels))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([3.0] * 20, "there is nothing to learn"),
        ([1.0, float("nan")] * 10, "image 1 has no value"),
        ([1.0, float("inf")] * 10, "label inf of image 1 is not finite"),
        (["high", "low"] * 10, "'high' of image 0 is no number; for classes set task.predict: class"),
    ],
)
def test_wrong_values_get_one_line(opened, tmp_path: Path, labels: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        opened(labelled(tmp_path, labels), predict="value")


def test_what_is_not_there_gets_one_line(opened, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="folder without images"):
        opened(tmp_path / "empty")
    with pytest.raises(DataError, match="does not exist; give a folder of images"):
        opened(tmp_path / "nowhere")
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "a.png").write_bytes(png(picture()))
    with pytest.raises(DataError, match=r"a.png has no label; put images into class folders"):
        opened(tmp_path / "loose")
    path = tmp_path / "other.parquet"
    pd.DataFrame({"image": [b""], "price": [1]}).to_parquet(path)
    with pytest.raises(DataError, match=r"has no column of labels \(it has image, price\)"):
        opened(path)
    (tmp_path / "text.npz").write_text("not numpy")
    with pytest.raises(DataError, match="cannot be read as NumPy file"):
        opened(tmp_path / "text.npz")
    with pytest.raises(DataError, match=r"hf:.* cannot be loaded"):
        opened(f"hf:{tmp_path / 'empty'}")
