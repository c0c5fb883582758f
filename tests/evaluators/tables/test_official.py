import bz2
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sugata.errors import DataError
from sugata.evaluators import read_table
from sugata.evaluators.tables.official import convert

CELLS = [
    "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|",
    "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
]


def result(epochs: int, accuracy: float) -> dict[str, Any]:
    """What one training left, in the official form; its last epoch is what counts."""
    splits = ("x-valid", "x-test", "ori-test")
    scores = {f"{split}@{epoch}": 1.0 for split in splits for epoch in range(epochs - 1)}
    return {
        "epochs": epochs,
        "seed": "0777",
        "params": np.float64(0.107156),
        "flop": 11.72106,
        "latency": [np.float64(0.0111), 0.0],
        "train_times": OrderedDict({0: 9.75}),
        "eval_acc1es": scores
        | {f"x-valid@{epochs - 1}": accuracy, f"x-test@{epochs - 1}": accuracy + 1}
        | {f"ori-test@{epochs - 1}": accuracy + 2},
        "net_state_dict": None,
    }


def training(index: int, epochs: int) -> dict[str, Any]:
    sets = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
    seeds = {name: [777, 888] if name == "cifar10-valid" else [777] for name in sets}
    return {
        "arch_index": index,
        "arch_str": CELLS[index],
        "all_results": {
            (name, seed): result(epochs, 10 * index + epochs / 10 + (seed - 777) / 111)
            for name in sets
            for seed in seeds[name]
        },
        "dataset_seed": seeds,
        "clear_net_done": True,
    }


def infos(index: int, names: tuple[str, str] = ("12", "200")) -> OrderedDict[str, Any]:
    return OrderedDict({name: training(index, epochs) for name, epochs in zip(names, (12, 200), strict=True)})


def everything(names: tuple[str, str] = ("12", "200")) -> dict[str, Any]:
    return {
        "meta_archs": CELLS,
        "total_archs": 3,
        "arch2infos": {index: infos(index, names) for index in range(3)},
        "evaluated_indexes": {0, 1, 2},
    }


def write(path: Path, value: Any) -> Path:
    path.write_bytes(bz2.compress(pickle.dumps(value, protocol=4)))
    return path


def folder(tmp_path: Path, indices: range = range(3)) -> Path:
    place = tmp_path / "NATS-tss-v1_0-3ffb9-simple"
    place.mkdir()
    meta = everything() | {"arch2infos": None, "evaluated_indexes": set()}
    write(place / "meta.pickle.pbz2", meta)
    for index in indices:
        write(place / f"{index:06d}.pickle.pbz2", infos(index))
    return place


def check(source: Path, target: Path) -> None:
    assert convert(source, target) == 3
    frame = pd.read_parquet(target).set_index("arch")
    row = frame.loc[CELLS[1]]
    assert row["c10valid_val_acc_12"] == pytest.approx(10 + 1.2 + 0.5)  # two seeds, 0 and 1
    assert row["c10_test_acc_200"] == pytest.approx(10 + 20 + 2)
    assert row["c100_test_acc_12"] == pytest.approx(10 + 1.2 + 1)
    assert row["in16_val_acc_200"] == pytest.approx(10 + 20)
    assert (row["c100_params"], row["c100_macs"]) == (107_156, 11_721_060)
    assert row["in16_latency_s"] == pytest.approx(0.0111)
    table = read_table(target, data_set="cifar100")
    assert table.column("test_acc_200").max() == pytest.approx(20 + 20 + 1)


def test_a_folder_of_single_files_becomes_a_table(tmp_path: Path) -> None:
    check(folder(tmp_path), tmp_path / "table.parquet")


def test_one_pickle_of_everything_becomes_a_table(tmp_path: Path) -> None:
    check(write(tmp_path / "NATS-tss-v1_0-3ffb9.pickle.pbz2", everything()), tmp_path / "table.parquet")


@pytest.mark.slow
@pytest.mark.parametrize("zipped", [True, False])
def test_the_older_file_of_torch_becomes_a_table(tmp_path: Path, zipped: bool) -> None:
    import torch

    path = tmp_path / "NAS-Bench-201-v1_1-096897.pth"
    content = everything(("less", "full"))
    content["arch2infos"][0]["full"]["all_results"]["cifar10", 777]["net_state_dict"] = {"w": torch.ones(3)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    check(path, tmp_path / "table.parquet")


def test_some_of_the_files_make_a_table_with_gaps(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    convert(
        folder(tmp_path, range(1, 3)), tmp_path / "t.parquet", lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 2), (2, 2)]
    assert list(pd.read_parquet(tmp_path / "t.parquet")["index"]) == [1, 2]


class Evil:
    def __reduce__(self) -> Any:
        return eval, ("open('harm', 'w')",)


def test_a_pickle_that_wants_to_run_something_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hidden = everything()
    hidden["arch2infos"][2]["12"]["clear_net_done"] = Evil()
    with pytest.raises(DataError, match=r"without running it \(it wants to use builtins.eval\)"):
        convert(write(tmp_path / "evil.pickle.pbz2", hidden), tmp_path / "t.parquet")
    import torch

    torch.save(hidden, tmp_path / "evil.pth")
    with pytest.raises(DataError, match="without running it"):
        convert(tmp_path / "evil.pth", tmp_path / "t.parquet")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.pickle.pbz2", b"not bzip2", "cannot be read"),
        ("x.pickle.pbz2", bz2.compress(pickle.dumps(list(range(9000))))[:900], "cut short"),
        ("x.pickle.pbz2", bz2.compress(pickle.dumps([1, 2])), "has no 'meta_archs'"),
        (
            "x.pickle.pbz2",
            bz2.compress(pickle.dumps({"meta_archs": ["64:64:64"]})),
            "only the topology space",
        ),
        ("x.pickle.pbz2", bz2.compress(pickle.dumps({"meta_archs": CELLS})), "'arch2infos' holds no results"),
        ("x.pth", b"PK nothing", "x.pth"),
        ("x.zip", b"", "give a folder with meta.pickle.pbz2"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_named_in_one_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        convert(tmp_path / name, tmp_path / "t.parquet")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "t.parquet").exists()


def test_results_that_are_not_as_documented_are_named_with_their_architecture(tmp_path: Path) -> None:
    content = everything()
    del content["arch2infos"][1]["200"]["all_results"]["cifar10", 777]["eval_acc1es"]["ori-test@199"]
    with pytest.raises(DataError, match=r"architecture 1: not as documented .*ori-test@199"):
        convert(write(tmp_path / "a.pickle.pbz2", content), tmp_path / "t.parquet")
    content = everything()
    content["meta_archs"] = [CELLS[1], CELLS[0], CELLS[2]]
    with pytest.raises(DataError, match=r"the list says .* its results are of"):
        convert(write(tmp_path / "b.pickle.pbz2", content), tmp_path / "t.parquet")


def test_targets_are_new_tables(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("")
    for target, message in ((tmp_path / "t.csv", "exists already"), (tmp_path / "t.txt", "parquet or .csv")):
        with pytest.raises(DataError, match=message):
            convert(tmp_path / "x", target)
    with pytest.raises(DataError, match="no such file or folder"):
        convert(tmp_path / "x", tmp_path / "u.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has no meta"):
        convert(tmp_path / "empty", tmp_path / "u.csv")
