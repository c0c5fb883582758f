from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sugata.engines import InProcessEngine, SimulatedEngine
from sugata.errors import DataError, InvalidArchitecture
from sugata.evaluators import TableEvaluator, read_table
from sugata.evaluators.table import direction_of, epochs_of
from sugata.journal import Journal
from sugata.loop import Budget, search
from sugata.objectives import Objectives
from sugata.spaces import space
from sugata.strategies import RandomSearch
from sugata.trial import Fidelity, Proposal, Status


def own(tmp_path: Path, rows: int = 6) -> Path:
    frame = pd.DataFrame(
        {
            "depth": [1, 1, 2, 2, 3, 3],
            "kind": ["a", "b"] * 3,
            "accuracy": [50.0, 60, 70, 80, 90, 55],
            "latency": [1.0, 2, 3, 4, 5, 6],
        }
    )
    path = tmp_path / "own.csv"
    frame.iloc[:rows].to_csv(path, index=False)
    return path


def nasbench201(tmp_path: Path, change: dict | None = None, repeat: bool = False) -> Path:
    """Three cells that are the same function, one edge carries it, and another."""
    texts = [
        "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|",
        "|skip_connect~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
    ]
    frame = pd.DataFrame(
        {
            "arch": texts,
            "c10valid_val_acc_12": [80.0, 82, 84, 70],
            "c10_test_acc_200": [90.0, 92, 94, 85],
            "c100_val_acc_12": [50.0] * 4,
            "c100_test_acc_200": [60.0] * 4,
            "c10_macs": [10, 20, 30, 5],
            "lat_ms_pixel2": [1.0, 2, 3, 4],
        }
        | (change or {})
    )
    if repeat:
        frame = pd.concat([frame, frame.iloc[:1]])
    path = tmp_path / "cells.parquet"
    frame.to_parquet(path)
    return path


def test_a_table_of_its_own_columns_is_a_space_of_choices(tmp_path: Path) -> None:
    table = read_table(own(tmp_path))
    assert [(choice.name, choice.options) for choice in table.space.choices] == [
        ("depth", (1, 2, 3)),
        ("kind", ("a", "b")),
    ]
    assert set(table.columns) == {"accuracy", "latency"}
    row = table.row({"depth": 2, "kind": "b"})
    assert table.column("accuracy")[row] == 80


def test_a_table_with_gaps_restricts_the_search_and_says_so(tmp_path: Path) -> None:
    table = read_table(own(tmp_path, rows=5))
    assert "5 different architectures of 6; the search is restricted" in table.note
    assert table.space.distinct() == 5
    with pytest.raises(InvalidArchitecture, match="listed"):
        table.space.architecture({"depth": 3, "kind": "b"})


def test_equal_functions_have_the_mean_of_their_rows(tmp_path: Path) -> None:
    table = read_table(nasbench201(tmp_path), data_set="cifar10")
    cell = space("nasbench201").from_string("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|")
    assert len(table.keys) == 2
    assert table.column("val_acc_12")[table.row(cell)] == 82
    assert table.column("flops")[table.row(cell)] == 2 * 20
    assert list(table.multiplicity) == [3, 1]


def test_the_columns_of_another_data_set_are_not_there(tmp_path: Path) -> None:
    table = read_table(nasbench201(tmp_path), data_set="cifar100")
    assert set(table.columns) == {"val_acc_12", "test_acc_200", "lat_ms_pixel2"}
    with pytest.raises(DataError, match="name one of cifar10, cifar100"):
        read_table(nasbench201(tmp_path))
    with pytest.raises(DataError, match="no data set 'mnist'"):
        read_table(nasbench201(tmp_path), data_set="mnist")


def test_rungs_are_columns(tmp_path: Path) -> None:
    table = read_table(nasbench201(tmp_path), data_set="cifar10")
    evaluator = TableEvaluator(table, ("val_acc_12", "test_acc_200"), others=["macs"])
    assert [rung.name for rung in evaluator.ladder] == ["12 epochs", "200 epochs"]
    assert evaluator.primary.name == "accuracy"
    cell = table.space.sample(np.random.default_rng(0))
    short, full = (
        evaluator.evaluate(Proposal(0, cell, rung), None).metrics["accuracy"]  # type: ignore[arg-type]
        for rung in evaluator.ladder
    )
    assert (short, full) in {(82, 92), (70, 85)}
    assert evaluator.quick_metrics(cell, {"macs", "accuracy"}).keys() == {"macs"}
    with pytest.raises(DataError, match="rung 2"):
        evaluator.evaluate(Proposal(0, cell, Fidelity(2)), None)  # type: ignore[arg-type]


def test_what_a_trial_is_told_never_has_the_reported_column(tmp_path: Path) -> None:
    table = read_table(nasbench201(tmp_path), data_set="cifar10")
    evaluator = TableEvaluator(table, "val_acc_12", others=["macs", "lat_ms_pixel2"])
    found = evaluator.evaluate(Proposal(0, table.space.sample(np.random.default_rng(0))), None)  # type: ignore[arg-type]
    assert found.metrics.keys() == {"val_acc_12", "macs", "lat_ms_pixel2"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arch": ["|nor_conv_5x5~0|+|none~0|none~1|+|none~0|none~1|none~2|"] * 4}, "row 0: .*nor_conv_5x5"),
        ({"arch": ["|none~0|"] * 4}, "row 0"),
        ({"c10valid_val_acc_12": [1.0, 2.0, 3.0, np.nan]}, "'val_acc_12' is not a finite number in 1 of 2"),
        ({"c10valid_val_acc_12": ["1", "2", "3", "many"]}, "'val_acc_12' is not a finite number in 1 of 2"),
    ],
)
def test_a_broken_table_is_named_in_one_line(tmp_path: Path, change: dict, message: str) -> None:
    path = nasbench201(tmp_path, change)
    with pytest.raises(DataError, match=message) as caught:
        TableEvaluator(read_table(path, data_set="cifar10"), "val_acc_12")
    assert "\n" not in str(caught.value)
    assert "cells.parquet" in str(caught.value) or "nasbench201 cifar10" in str(caught.value)


def test_the_row_of_a_missing_value_is_named(tmp_path: Path) -> None:
    path = nasbench201(tmp_path, {"c10valid_val_acc_12": [1.0, 2.0, np.nan, np.inf]})
    with pytest.raises(DataError, match=r"cells.parquet, row 2: 'val_acc_12' .* as in 1 more row"):
        read_table(path, data_set="cifar10", metrics=["val_acc_12"])


def test_rows_that_stand_twice_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="rows 0 and 4 are the same architecture"):
        read_table(nasbench201(tmp_path, repeat=True), data_set="cifar10")


def test_wrong_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="needs column 'layer_1' and 7 more; the table has depth"):
        read_table(own(tmp_path), space="nasbench_macro")
    with pytest.raises(DataError, match="no column 'width'"):
        read_table(own(tmp_path), choices=["width"])
    with pytest.raises(DataError, match="no column 'speed'; it has accuracy, latency"):
        TableEvaluator(read_table(own(tmp_path)), "speed")
    floats = tmp_path / "floats.csv"
    floats.write_text("x,y\n0.5,1.5\n2.5,3.5\n")
    with pytest.raises(DataError, match="no column describes an architecture"):
        read_table(floats)
    with pytest.raises(DataError, match="no such table"):
        read_table(tmp_path / "none.parquet")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="cannot be read as parquet"):
        read_table(broken)


def test_columns_of_a_space_in_the_catalogue_are_its_choices(tmp_path: Path) -> None:
    macro = space("nasbench_macro")
    rng = np.random.default_rng(0)
    cells = list({macro.sample(rng) for _ in range(20)})
    frame = pd.DataFrame([dict(cell) for cell in cells])
    frame["accuracy"] = range(len(cells))
    path = tmp_path / "macro.csv"
    frame.to_csv(path, index=False)
    table = read_table(path, space="nasbench_macro")
    assert sum(table.multiplicity) == len(cells)
    assert set(table.columns) == {"accuracy"}


def test_names_say_which_direction_is_better() -> None:
    assert direction_of("val_acc_12") == "maximize"
    assert direction_of("validation_loss") == "minimize"
    assert direction_of("lat_ms_pixel2") == "minimize"
    with pytest.raises(DataError, match="does not say whether large is good"):
        direction_of("y")
    assert epochs_of("test_acc_108_mean") == 108
    assert epochs_of("accuracy") is None


def test_a_search_on_a_table_is_an_ordinary_search(tmp_path: Path) -> None:
    evaluator = TableEvaluator(read_table(own(tmp_path)), "accuracy", others=["latency"])
    objectives = Objectives((evaluator.primary,))
    for engine in (InProcessEngine(evaluator), SimulatedEngine(evaluator)):
        trials = search(
            RandomSearch(evaluator.table.space, objectives, seed=1),
            evaluator,
            engine,
            Journal.in_memory(),
            space=evaluator.table.space,
            folder=tmp_path / "trials",
            budget=Budget(trials=6),
        )
        assert objectives.best(trials).metrics == {"accuracy": 90.0, "latency": 5.0}
        assert {trial.status for trial in trials} == {Status.COMPLETED}


@pytest.mark.slow
def test_the_real_table_has_the_published_optima(real_data: Path) -> None:
    file = real_data / "nasbench201" / "nasbench201.parquet"
    for data_set, optimum in (("cifar10", 94.373), ("cifar100", 73.513), ("imagenet16-120", 47.311)):
        table = read_table(file, data_set=data_set)
        assert len(table.keys) == 6466
        assert table.multiplicity.sum() == 15_625
        assert table.column("test_acc_200").max() == pytest.approx(optimum, abs=1e-3)
        assert sum(name.startswith("lat_ms_") for name in table.columns) == 27
        assert table.column("lat_ms_pixel3").min() > 1
    with pytest.raises(DataError, match="'zc_naswot' is not a finite number"):
        table.column("zc_naswot")


def test_the_real_macro_table_has_its_best(real_data: Path) -> None:
    table = read_table(real_data / "nasbench_macro")
    assert table.column("mean_acc").max() == pytest.approx(93.127, abs=1e-3)
    assert table.multiplicity.sum() == 6561


def test_a_part_of_nasbench101_is_searched_and_its_hashes_are_checked(
    real_data: Path, tmp_path: Path
) -> None:
    file = real_data / "nasbench101_sample" / "nasbench101_sample.parquet"
    table = read_table(file)
    assert "2,000 different architectures of 423,624; the search is restricted to them" in table.note
    assert table.column("test_acc_108_mean").max() == pytest.approx(0.93937, abs=1e-4)
    assert table.column("parameters").min() == 293_130
    frame = pd.read_parquet(file).iloc[:50]
    frame["ops"] = [text[::-1] for text in frame["ops"].astype(str)]
    frame.to_parquet(tmp_path / "reversed.parquet")
    with pytest.raises(DataError, match="is not that of its graph"):
        read_table(tmp_path / "reversed.parquet")
    frame["ops"] = ["13" + text[2:] for text in frame["ops"]]
    frame.to_parquet(tmp_path / "unknown.parquet")
    with pytest.raises(DataError, match="row 0: unknown operation '3'"):
        read_table(tmp_path / "unknown.parquet")
