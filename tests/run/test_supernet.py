"""Runs with shared weights: supernet, search and retraining; each stage alone, given, or killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from sugata import recipe as recipes
from sugata.errors import RecipeError, RunFolderError, SugataError
from sugata.run import Progress, Result, start
from sugata.run.reporting import report_data

pytestmark = pytest.mark.slow

RECIPE: dict[str, Any] = {
    "name": "shared",
    "space": "nasbench201",
    "network": {"channels": 4, "cells": 1},
    "task": {"kind": "image", "data": "digits", "validation_share": 0.3, "evaluation_images": 200},
    "baselines": False,
    "supernet": {
        "method": "single_path",
        "amount": 8,
        "checks": 2,
        "batch_size": 16,
        "ranked": 3,
        "fine_tuning": 2,
    },
    "strategy": {"kind": "random"},
    "funnel": [
        {"name": "shared", "unit": "supernet", "keep": 0.4, "capacity": 5},
        {"name": "alone", "amount": 4, "unit": "steps", "capacity": 2},
    ],
    "promote_by": "accuracy",
    "objectives": {"metrics": ["accuracy", "parameters"]},
    "training": {"optimizer": "sgd", "batch_size": 16},
    "final": {"amount": 6, "unit": "steps"},
    "engine": {"workers": 0},
}
UNRANKED = {"supernet.ranked": 0}


def run(folder: Path, **changes: Any) -> Result:
    """A run in this process."""
    return start(recipes.parse(RECIPE, changes=changes), folder, progress=Progress(quiet=True))


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A finished run of all stages."""
    return run(tmp_path_factory.mktemp("shared") / "run")


def test_one_recipe_trains_the_supernet_searches_it_and_retrains_the_winner(searched: Result) -> None:
    assert list(searched.stages) == ["prepare", "supernet", "search", "ranking", "train", "export", "test"]
    rungs = [trial.proposal.fidelity.name for trial in searched.record.trials]
    assert rungs.count("shared") == 5
    assert rungs.count("alone") == 2
    assert searched.finals[0].curve  # it was trained
    assert (searched.folder / "best" / "model.onnx").is_file()


def test_the_report_compares_the_ranks_of_shared_weights_and_of_trainings_alone(searched: Result) -> None:
    shared = report_data(searched, drawn=False).shared
    assert shared is not None
    assert len(shared.ranked) == 3
    assert all(one.scored != one.alone for one in shared.ranked)
    page = searched.report.read_text()
    assert "Does it rank as trainings alone do?" in page
    assert "parameters, more is better" in page


def test_a_joint_run_tries_what_the_method_derived(tmp_path: Path) -> None:
    alone = [{"name": "alone", "amount": 4, "unit": "steps"}]
    shared = {"method": "darts", "mode": "joint", "derived": 2, "amount": 4, "checks": 2, "batch_size": 16}
    result = run(tmp_path / "run", supernet={**shared, "ranked": 0}, funnel=alone)
    derived = result.stages["supernet"]["derived"]
    assert [dict(trial.architecture) for trial in result.record.trials] == derived
    assert {trial.proposal.origin for trial in result.record.trials} == {"derived"}
    shared_weights = report_data(result, drawn=False).shared
    assert shared_weights is not None
    assert [check["step"] for check in shared_weights.checks] == [2, 4]


def test_given_results_take_the_place_of_stages(searched: Result, tmp_path: Path) -> None:
    weights = str(searched.folder / "supernet" / "supernet.safetensors")
    found = str(searched.folder / "best" / "architecture.json")
    changes = {"stages.skip_train": weights, "stages.skip_search": found, "stages.skip_retrain": "supernet"}
    result = run(tmp_path / "run", **changes, **UNRANKED)
    assert not (result.folder / "supernet").exists()
    assert result.record.trials == []
    final = result.finals[0]
    assert final.architecture == searched.finals[0].architecture
    assert final.details["training"].startswith("shared with")
    scored = next(t for t in searched.record.trials if t.architecture == final.architecture)
    assert final.metrics["accuracy"] == pytest.approx(scored.metrics["accuracy"])


def test_winners_may_be_trained_on_other_data_with_other_settings(searched: Result, tmp_path: Path) -> None:
    images = tmp_path / "images.npz"
    import numpy as np

    rng = np.random.default_rng(0)
    np.savez(images, images=rng.integers(0, 255, (120, 8, 8), np.uint8), labels=np.arange(120) % 3)
    given = {"stages.skip_search": str(searched.folder / "best" / "architecture.json")}
    given |= {"stages.skip_train": str(searched.folder / "supernet" / "supernet.safetensors")}
    other = {"final.data": str(images), "final.training": {"batch_size": 8}}
    result = run(tmp_path / "run", **given, **other, **UNRANKED)
    assert result.model().eval()(torch.zeros(1, 1, 8, 8, dtype=torch.uint8)).shape == (1, 3)


def test_a_killed_supernet_goes_on_from_its_last_check(searched: Result, tmp_path: Path) -> None:
    recipe, folder = tmp_path / "recipe.yaml", tmp_path / "run"
    longer = {**RECIPE["supernet"], "amount": 60, "checks": 30, "ranked": 0}
    recipe.write_text(recipes.parse({**RECIPE, "supernet": longer}).to_yaml())
    command = [sys.executable, "-m", "sugata", "search", str(recipe), "--run-dir", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=os.environ)
    state = folder / "supernet" / "training.pt"
    ends = time.monotonic() + 60
    while not state.exists() and time.monotonic() < ends:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert state.exists()
    assert not (folder / "supernet" / "supernet.safetensors").exists()
    resumed = start(recipes.load(recipe), folder, progress=Progress(quiet=True))
    whole = run(tmp_path / "whole", supernet=longer)
    first, second = (load_file(one.folder / "supernet" / "supernet.safetensors") for one in (resumed, whole))
    assert all(torch.equal(first[name], second[name]) for name in second)


def test_two_processes_train_supernet_and_winner_together(searched: Result, tmp_path: Path) -> None:
    two = {"hardware.devices": 2, "hardware.strategy": "ddp", "supernet.checks": 1, **UNRANKED}
    funnel = [{"name": "shared", "unit": "supernet", "capacity": 2}]
    result = run(tmp_path / "run", **two, funnel=funnel)
    assert result.finals[0].details["steps"] == 6
    one, both = (load_file(each.folder / "supernet" / "supernet.safetensors") for each in (searched, result))
    # Batch norms see half of the rows in each process: alike, not equal.
    name = "stem.0.weight"
    assert not torch.equal(one[name], both[name])
    assert torch.allclose(one[name], both[name], atol=0.1)


def test_event_files_and_a_summary_are_there_when_asked_for(
    searched: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sugata.run import start

    given = {"stages.skip_train": str(searched.folder / "supernet" / "supernet.safetensors"), **UNRANKED}
    given |= {"stages.skip_search": str(searched.folder / "best" / "architecture.json")}
    given |= {"show.logger": "tensorboard", "show.model_summary": True, "show.progress_bar": False}
    result = start(recipes.parse(RECIPE, changes=given), tmp_path / "run")
    assert list(result.folder.glob("final/*/tensorboard/events*"))
    assert list(result.folder.glob("final/*/curve.csv"))
    assert "parameters" in capsys.readouterr().err


def test_a_checkpoint_of_another_space_is_refused_in_one_line(searched: Result, tmp_path: Path) -> None:
    weights = str(searched.folder / "supernet" / "supernet.safetensors")
    with pytest.raises(RunFolderError, match="another space"):
        run(tmp_path / "run", **{"stages.skip_train": weights, "network.channels": 8}, **UNRANKED)


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("stages.skip_train", "nowhere: there is no such file"),
        ("stages.skip_retrain", "nowhere: there is no such file"),
        ("supernet.start", "nowhere: there is no such file"),
        ("stages.skip_search", "nowhere"),
    ],
)
def test_what_is_given_and_missing_is_said_before_there_is_a_run(
    tmp_path: Path, field: str, says: str
) -> None:
    with pytest.raises(SugataError, match=says):
        run(tmp_path / "run", **{field: "nowhere"})
    assert not (tmp_path / "run").exists()


def test_a_given_architecture_needs_no_supernet_to_be_trained(searched: Result, tmp_path: Path) -> None:
    given = {"stages.skip_search": str(searched.folder / "best" / "architecture.json")}
    result = run(tmp_path / "run", **given)
    assert list(result.stages) == ["prepare", "search", "train", "export", "test"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"supernet": None}, "funnel.0.unit is supernet, and there is none"),
        ({"funnel": [{"name": "a", "amount": 1}]}, "no rung asks the supernet"),
        ({"supernet.method": "dartz"}, "'dartz' is not known"),
        ({"supernet.samplin": "fair"}, "did you mean 'sampling'"),
        ({"supernet.methodd": "darts"}, "did you mean 'method'"),
        ({"supernet.unit": "seconds"}, "takes steps or epochs"),
        ({"final.training": {"batchsize": 3}}, "unknown field 'final.training.batchsize'"),
        ({"hardware.devices": 2}, "set hardware.strategy to ddp"),
        ({"stages.skip_train": "x", "supernet.mode": "joint"}, "derives while it trains"),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_runs(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(RecipeError, match=says):
        recipes.parse(RECIPE, changes=changes)


@pytest.mark.parametrize("method", ["proxyless", "proxyless_reinforce", "enas", "asng"])
def test_a_latency_table_of_another_machine_is_refused_before_there_is_a_run(
    method: str, tmp_path: Path
) -> None:
    file, folder = tmp_path / "latency.json", tmp_path / "run"
    measured = {"machine": {"cpu": "Abacus", "cores": 1}, "space": {}, "image": {}, "entries": {}}
    runtime = {"name": "onnxruntime", "version": "1.0", "threads": 1}
    facts = {"format": "sugata.latency-table.1", "runtime": runtime, "whole": 1.0, **measured}
    file.write_text(json.dumps(facts))
    options = {"method": method, "latency_table": str(file), "latency_target": 1.0}
    with pytest.raises(SugataError, match="measured on another machine: cpu Abacus cores 1; this one is cpu"):
        run(folder, supernet={**RECIPE["supernet"], **options})
    assert not folder.exists()


def test_a_space_without_a_supernet_is_said_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="has no supernet"):
        run(tmp_path / "run", space="published", network={})
