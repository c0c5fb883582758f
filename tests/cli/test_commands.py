"""Every command on a small finished run, read as a person or a program would."""

import json
from pathlib import Path

import pytest
import yaml

from sugata import recipe as recipes
from sugata.run import Result
from sugata.spaces import baselines


@pytest.mark.slow
def test_the_run_left_everything_that_it_promises(finished: Result) -> None:
    files = ("recipe.yaml", "environment.json", "journal.jsonl", "history.csv", "pareto.csv", "report.html")
    assert set(files) <= {path.name for path in finished.folder.iterdir()}
    files = ("architecture.json", "model.safetensors", "config.json", "tokenizer.json", "model.onnx")
    assert {*files, "README.md"} <= {path.name for path in (finished.folder / "best").iterdir()}
    assert list(finished.stages) == ["prepare", "search", "train", "export", "test"]
    assert finished.finished
    assert finished.best is finished.finals[0]


@pytest.mark.slow
def test_as_many_winners_are_exported_as_asked_for(finished: Result) -> None:
    assert len(finished.finals) == 2  # however many of them are on the front, which timings decide
    assert (finished.folder / "best-2" / "model.safetensors").is_file()
    assert not (finished.folder / "best-3").exists()
    names = [json.loads((finished.folder / n / "architecture.json").read_text()) for n in ("best", "best-2")]
    assert names[0]["choices"] == dict(finished.finals[0].architecture)
    assert names[1]["choices"] == dict(finished.finals[1].architecture)


@pytest.mark.slow
def test_test_scores_of_model_and_exported_file_agree(finished: Result) -> None:
    test = finished.stages["test"]
    assert test["test"]["bits_per_byte"] == pytest.approx(test["test_exported"]["bits_per_byte"], rel=1e-3)


@pytest.mark.slow
def test_the_model_is_a_module_with_the_stored_weights(finished: Result) -> None:
    import torch

    model = finished.model()
    with torch.inference_mode():
        assert model(torch.zeros(1, 5, dtype=torch.int64)).shape == (1, 5, 300)


@pytest.mark.slow
def test_status(sugata, finished: Result) -> None:
    code, out, _ = sugata("status", finished.folder)
    assert code == 0
    assert "small: finished; 4 trials" in out
    assert "to go on" not in out
    data = json.loads(sugata("status", finished.folder, "--json")[1])
    assert data["finished"]
    assert not data["running"]
    assert data["trials"] == 4
    assert data["best"]["trial"] in range(4)


@pytest.mark.slow
def test_report_is_written_again(sugata, finished: Result) -> None:
    finished.report.unlink()
    code, out, _ = sugata("report", finished.folder)
    assert code == 0
    assert Path(out.strip()) == finished.report
    assert finished.report.stat().st_size > 10_000


@pytest.mark.slow
def test_compare(sugata, finished: Result) -> None:
    code, out, _ = sugata("compare", finished.folder, finished.folder)
    assert code == 0
    assert "Hypervolume" in out


@pytest.mark.slow
def test_export_of_the_winner_and_of_a_trial(sugata, finished: Result, tmp_path: Path) -> None:
    assert sugata("export", finished.folder, "--to", tmp_path / "winner")[0] == 0
    stored = (finished.folder / "best" / "model.safetensors").read_bytes()
    assert (tmp_path / "winner" / "model.safetensors").read_bytes() == stored
    code, out, _ = sugata("export", finished.folder, "--trial", 1, "--to", tmp_path / "one")
    assert code == 0
    assert out.strip() == str(tmp_path / "one")
    written = json.loads((tmp_path / "one" / "architecture.json").read_text())
    assert written["choices"] == dict(finished.record.trials[1].architecture)


@pytest.mark.slow
def test_generate_repeats_itself_with_a_seed(sugata, finished: Result) -> None:
    arguments = ("generate", finished.folder / "best", "def f(x):", "--tokens", 12, "--top-k", 20)
    code, out, _ = sugata(*arguments, "--seed", 3)
    assert code == 0
    assert out.startswith("def f(x):")
    assert len(out) > len("def f(x):\n")
    assert sugata(*arguments, "--seed", 3)[1] == out
    assert sugata(*arguments, "--seed", 4)[1] != out


@pytest.mark.slow
def test_resume_of_a_finished_run_changes_nothing(sugata, finished: Result) -> None:
    journal = (finished.folder / "journal.jsonl").read_bytes()
    code, out, _ = sugata("resume", finished.folder)
    assert code == 0
    assert "found" in out
    assert (finished.folder / "journal.jsonl").read_bytes() == journal


def test_spaces_lists_all_with_exact_sizes(sugata) -> None:
    code, out, _ = sugata("spaces")
    assert code == 0
    for name, size in {"minimal": "8", "medium": "73,728", "full": "35,831,808"}.items():
        assert any(line.split()[:2] == [f"language/{name}", size] for line in out.splitlines())


def test_spaces_of_one_name_shows_its_choices(sugata) -> None:
    out = sugata("spaces", "tiny")[1]
    assert "hidden_dim" in out
    assert "architecture = hybrid" in out
    assert json.loads(sugata("spaces", "tiny", "--json")[1])["raw"] > 10**6
    explained = sugata("spaces", "tiny", "--explain")[1]
    assert "against:" in explained
    assert "Katharopoulos" in explained


def test_spaces_of_one_name_shows_exact_and_scientific_sizes_and_a_sample(sugata) -> None:
    out = sugata("spaces", "nasbench201")[1]
    sizes = {line.split()[0]: line.split()[1:3] for line in out.splitlines()[1:4]}
    exact = {
        "raw": ["15,625", "1.56e+04"],
        "valid": ["15,625", "1.56e+04"],
        "distinct": ["6,466", "6.47e+03"],
    }
    assert sizes == exact
    command = next(line for line in out.splitlines() if "sugata show" in line)
    assert sugata("show", command.split("'")[1])[0] == 0


def test_spaces_of_one_name_lists_its_baselines_with_all_their_fields(sugata) -> None:
    out = sugata("spaces", "tiny")[1]
    listed = {
        known["name"]: known for known in json.loads(sugata("spaces", "tiny", "--json")[1])["baselines"]
    }
    assert set(listed) == {known.name for known in baselines("tiny")}
    for known in baselines("tiny"):
        assert listed[known.name]["choices"] == dict(known.architecture)
        assert listed[known.name]["description"] in out
        section = out.split(f"\n{known.name}  ", 1)[1].split("\n\n", 1)[0].split()
        assert {f"{name}={value}" for name, value in known.architecture.items()} <= set(section)


def test_methods_lists_all_and_of_one_its_options(sugata) -> None:
    from sugata.oneshot.catalogue import METHODS

    code, out, _ = sugata("methods")
    assert code == 0
    assert all(name in out for name in METHODS)
    code, out, _ = sugata("methods", "darts")
    assert "order" in out
    code, _, err = sugata("methods", "dartz")
    assert code == 2
    assert "'dartz' is not known; use" in err


def test_strategies_lists_all_and_of_one_its_options(sugata) -> None:
    from sugata.strategies import STRATEGIES

    code, out, _ = sugata("strategies")
    assert code == 0
    assert all(name in out for name in STRATEGIES)
    code, out, _ = sugata("strategies", "evolution")
    assert code == 0
    assert "mutation_rate" in out
    assert "local_search" not in out
    code, _, err = sugata("strategies", "evolutoin")
    assert code == 2
    assert "'evolutoin' is not known" in err


def test_recipes_lists_all_that_are_shipped(sugata) -> None:
    out = sugata("recipes")[1]
    assert [line.split()[0] for line in out.splitlines()] == sorted(recipes.shipped())


def test_init_writes_a_recipe_that_says_the_same_as_the_shipped_one(sugata, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    assert sugata("init", path)[0] == 0
    assert recipes.load(path) == recipes.load("tiny")
    fields = [line for line in path.read_text().splitlines() if ":" in line and not line.startswith("#")]
    uncommented = [line for line in fields if "#" not in line and not line.lstrip().startswith("- ")]
    assert not uncommented


@pytest.mark.slow
def test_doctor(sugata) -> None:
    code, out, _ = sugata("doctor")
    assert code == 0
    assert "GFLOP/s" in out
    assert "generated programs run at level " in out
    found = json.loads(sugata("doctor", "--json")[1])
    assert found["cores"] >= 1
    assert found["packages"]["torch"]
    assert found["sandbox"]["level"] in ("bubblewrap", "namespaces", "landlock", "none")


@pytest.mark.parametrize("matrix_units", [False, True])
def test_doctor_says_of_training_what_training_does(
    sugata, matrix_units: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from sugata.cli import doctor
    from sugata.training.precision import choose_precision

    speeds = {torch.float32: 100.0, torch.bfloat16: 50.0 if matrix_units else 900.0}
    monkeypatch.setattr(doctor, "_matmul_speed", speeds.get)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: matrix_units)
    found = json.loads(sugata("doctor", "--json")[1])["training_precision"]
    for size, width in {"small_matrices": 64, "large_matrices": 256}.items():
        model = torch.nn.Linear(width, width)
        assert found[size] == choose_precision("auto", model, torch.device("cpu"))
    assert ("auto: bf16 for networks" if matrix_units else "auto: fp32\n") in sugata("doctor")[1]


@pytest.mark.slow
def test_show_a_baseline_and_a_file(sugata, tmp_path: Path) -> None:
    code, out, _ = sugata("show", "gpt2")
    assert code == 0
    assert "49,026,816" in out
    data = json.loads(sugata("show", "gpt2", "--json")[1])
    assert data["parameters"] == 49_026_816
    assert {f"{name}={value}" for name, value in data["choices"].items()} <= set(out.split())
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"space": data["space"], "choices": data["choices"]}))
    assert sugata("show", path, "--svg", tmp_path / "mine.svg")[1].startswith(out.splitlines()[0])
    assert (tmp_path / "mine.svg").read_text().startswith("<svg")


@pytest.mark.slow
def test_measure(sugata) -> None:
    found = json.loads(sugata("measure", "tiny_gpt2", "--json")[1])
    assert found["latency_ms"] > 0
    assert found["latency_ms_p90"] >= found["latency_ms"]
    assert found["parameters"] > 10**6


@pytest.mark.slow
def test_train_one_network(sugata, corpus: Path, tmp_path: Path) -> None:
    choices = {**yaml.safe_load(SMALLEST), "vocab_size": 2048}
    path = tmp_path / "one.json"
    path.write_text(json.dumps({"space": "language/tiny", "choices": choices}))
    settings = ("final.unit=steps", "final.amount=3", "training.batch_size=2", "training.length=32")
    settings += (
        "task.test_bytes=2kB",
        "task.evaluation_bytes=2kB",
        "task.max_bytes=200kB",
        "engine.workers=0",
    )
    options = [part for setting in settings for part in ("--set", setting)]
    code, out, err = sugata("train", path, "--to", tmp_path / "out", "--data", corpus, *options)
    assert code == 0, err
    assert "bits per byte" in out
    assert (tmp_path / "out" / "model.onnx").is_file()


SMALLEST = """
{architecture: transformer, position: rope, num_heads: 2, hidden_dim: 64, num_layers: 2, ffn_multiplier: 2,
 activation: gelu, normalization: rmsnorm, tie_embeddings: true, quantization: int8, pruning_ratio: 0.0}
"""


@pytest.mark.slow
def test_a_dry_run_says_what_would_run_and_writes_nothing(
    sugata, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = sugata("search", "--dry-run", "--budget", "10m", "--max-size", "5MB", "--data", "stdlib")
    assert code == 0
    for said in ("configurations", "5 MB", "rung", "trained in full"):
        assert said in out
    code, out, _ = sugata("search", small, "--dry-run")
    assert code == 0
    assert "measured here" in out
    assert "(estimated)" in out
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_show_draws_the_cell_of_a_string(sugata, tmp_path: Path) -> None:
    cell = "nasbench201:|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
    code, out, _ = sugata("show", cell, "--svg", tmp_path / "cell.svg")
    assert code == 0
    assert "total" in out
    assert f"cell/{cell}" in out
    drawn = (tmp_path / "cell.svg").read_text()
    assert all(f">{name}<" in drawn for name in ("nor_conv_3x3", "avg_pool_3x3", "nor_conv_1x1", "output"))
