"""Image networks in the evaluator that trains: proxies, what ships, and a whole run, on tiny images."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from sugata import recipe as recipes
from sugata.evaluators.image import ImageNetworks, image_costs
from sugata.evaluators.training import TrainingEvaluator
from sugata.run import Progress, Result, start
from sugata.space import image_signature
from sugata.spaces import find, signature_of, space
from sugata.tasks import ImageTask
from sugata.training import TrainingSettings, train
from sugata.trial import Fidelity, Proposal, Status

pytestmark = pytest.mark.slow

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|avg_pool_3x3~1|none~2|"
SETTINGS = TrainingSettings(optimizer="sgd", batch_size=16, length=None, clip=0.0)


@dataclass
class Quiet:
    """A context that nobody listens to."""

    folder: Path
    source: Path | None = None
    trained: bool = False
    seed: int = 0

    def report(self, step: float, value: float) -> bool:
        return True

    def exclusive(self) -> AbstractContextManager[None]:
        return nullcontext()


def images(values: bool = False) -> dict[str, np.ndarray]:
    """Pictures of a bright square in one of three places; the values are its column."""
    rng = np.random.default_rng(0)
    classes = np.arange(150) % 3
    pixels = rng.integers(0, 60, (150, 8, 8), dtype=np.uint8)
    for picture, number in zip(pixels, classes, strict=True):
        picture[2:6, 2 * number : 2 * number + 3] += 150
    return {"x": pixels, "y": 100.0 + classes if values else classes}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    np.savez(folder / "classes.npz", **images())
    np.savez(folder / "values.npz", **images(values=True))
    return folder


@pytest.fixture
def networks(data: Path) -> ImageNetworks:
    task = ImageTask(data / "classes.npz", cache_dir=data / "cache")
    return ImageNetworks(space("nasbench201", channels=4, cells=1), task, ships=Fidelity(channels=2.0))


@pytest.fixture
def proposal(networks: ImageNetworks) -> Proposal:
    return Proposal(0, networks.space.from_string(CELL), Fidelity(0, "few", 2, "epochs"))


def evaluator(networks: ImageNetworks) -> TrainingEvaluator:
    return TrainingEvaluator(networks, SETTINGS, ladder=(Fidelity(),))


def test_quality_is_that_of_the_rung_and_costs_are_those_of_what_ships(
    networks: ImageNetworks, proposal: Proposal, tmp_path: Path
) -> None:
    found = evaluator(networks).evaluate(proposal, Quiet(tmp_path))
    assert found.status is Status.COMPLETED
    assert {metric.name for metric in evaluator(networks).metrics} == set(found.metrics)
    shipped = networks.build(proposal.architecture, Fidelity(channels=2.0))
    trained = networks.build(proposal.architecture, proposal.fidelity)
    counts = [sum(p.numel() for p in network.parameters()) for network in (shipped, trained)]
    assert found.metrics["parameters"] == counts[0] > counts[1]
    assert found.details == {"steps": 14, "images": 224}
    assert (tmp_path / "curve.csv").read_text().startswith("images,training_bits_per_image\n")


def test_costs_are_known_before_training(networks: ImageNetworks, proposal: Proposal, tmp_path: Path) -> None:
    counted = {"parameters", "size_bytes", "flops"}
    before = evaluator(networks).quick_metrics(proposal.architecture, counted)
    after = evaluator(networks).evaluate(proposal, Quiet(tmp_path)).metrics
    assert before == {name: after[name] for name in counted}
    assert set(evaluator(networks).quick_metrics(proposal.architecture, ["latency_ms_p90"])) == {
        "latency_ms_p90"
    }


def test_cells_that_compute_the_same_are_one_network(networks: ImageNetworks) -> None:
    form = "|nor_conv_3x3~0|+|none~0|{}~1|+|skip_connect~0|avg_pool_3x3~1|none~2|"
    dead, none = (networks.space.from_string(form.format(name)) for name in ("nor_conv_3x3", "none"))
    shapes = [
        {name: tensor.shape for name, tensor in networks.build(one, Fidelity()).state_dict().items()}
        for one in (dead, none)
    ]
    assert networks.space.training_key(dead) == networks.space.training_key(none)
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("change", [{"channels": 0.5}, {"resolution": 0.5}, {"samples": 0.5}])
def test_a_promotion_from_a_proxy_keeps_weights_where_they_are_of_the_same_network(
    networks: ImageNetworks, proposal: Proposal, tmp_path: Path, change: dict[str, float]
) -> None:
    folders = [tmp_path / name for name in ("0000", "0001")]
    for folder in folders:
        folder.mkdir()
    proxy = Proposal(0, proposal.architecture, Fidelity(0, "proxy", 1, "epochs", **change))
    first = evaluator(networks).evaluate(proxy, Quiet(folders[0]))
    full = Proposal(1, proposal.architecture, Fidelity(1, "full", 2, "epochs"), continues=0)
    second = evaluator(networks).evaluate(full, Quiet(folders[1], source=folders[0]))
    assert second.status is Status.COMPLETED
    started_anew = second.curve[: len(first.curve)] != first.curve
    assert started_anew == ("channels" in change)
    assert first.metrics["parameters"] == second.metrics["parameters"]


def test_an_interrupted_training_goes_on_bit_for_bit_with_statistics_and_momentum(
    networks: ImageNetworks, proposal: Proposal, tmp_path: Path
) -> None:
    budget = Fidelity(0, "few", 8, "steps")

    def run(folder: Path, resume: Path | None, stop: bool) -> torch.nn.Module:
        model = networks.build(proposal.architecture, budget, seed=3)
        settings = TrainingSettings(
            optimizer="sgd", batch_size=8, length=None, evaluations=2, checkpoint_seconds=0.0
        )

        def report(step: float, value: float) -> bool:
            if stop:
                raise KeyboardInterrupt
            return True

        train(
            model,
            networks.task,
            {},
            settings,
            budget=budget,
            report=report,
            folder=folder,
            resume_from=resume,
        )
        return model

    whole = run(tmp_path / "whole", None, False)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "part", None, True)
    again = run(tmp_path / "part", tmp_path / "part" / "checkpoint.safetensors", False)
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], tensor, rtol=0, atol=0, msg=name)


def recipe(data: Path, **changes: object) -> recipes.Recipe:
    rung = {"amount": 1, "unit": "epochs", "capacity": 3, "keep": 0.4}
    full = {"name": "full", "amount": 3, "unit": "epochs", "capacity": 1}
    return recipes.parse(
        {
            "name": "squares",
            "space": "nasbench201",
            "network": {"channels": 4, "cells": 1},
            "task": {"kind": "image", "data": str(data / "classes.npz"), "augment": ["crop"]},
            "strategy": {"kind": "random"},
            "funnel": [{"name": "proxy", "channels": 0.5, "samples": 0.5, **rung}, full],
            "promote_by": "accuracy",
            "objectives": {"metrics": ["accuracy", "parameters"]},
            "baselines": False,
            "training": {"optimizer": "sgd", "batch_size": 8, "weight_decay": 0.0005, "clip": 0},
            "final": {"amount": 6, "unit": "epochs", "channels": 2},
            "engine": {"workers": 0},
            **changes,
        }
    )


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SUGATA_CACHE", str(data / "cache"))
        return start(recipe(data), tmp_path_factory.mktemp("run") / "squares", progress=Progress(quiet=True))


def test_a_run_ends_with_a_winner_that_ships_and_is_scored_once(run: Result) -> None:
    assert run.finished
    test = run.stages["test"]
    assert test["test"]["accuracy"] > 0.9
    assert test["test_exported"] == pytest.approx(test["test"], rel=1e-4)
    best = run.folder / "best"
    names = {"README.md", "architecture.json", "config.json", "model.onnx", "model.safetensors"}
    assert {path.name for path in best.iterdir()} == names
    assert (best / "model.safetensors").stat().st_size == run.best.metrics["size_bytes"]
    (final,) = run.finals
    assert final.proposal.fidelity.channels == 2
    searched = next(trial for trial in run.record.trials if trial.number in final.proposal.parents)
    assert final.metrics["latency_ms"] == searched.metrics["latency_ms"]
    page = run.report.read_text()
    assert "training loss, bits an image" in page
    assert "sugata generate" not in page


def test_what_ships_takes_pixels_in_torch_as_in_onnx(run: Result) -> None:
    import onnxruntime

    pixels = images()["x"][:7, None]
    session = onnxruntime.InferenceSession(str(run.folder / "best" / "model.onnx"))
    expected = session.run(["logits"], {"image": pixels})[0]
    found = run.model()(torch.from_numpy(pixels)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    assert (expected.argmax(1) == images()["y"][:7]).mean() > 0.8


def test_an_exported_network_says_its_size_and_its_images(run: Result) -> None:
    path = str(run.folder / "best" / "architecture.json")
    found, architecture = find(path)
    assert found.parameters == {"channels": 8, "cells": 1}
    assert architecture == found.canonical(run.best.proposal.architecture)
    signature = signature_of(path)
    assert signature == image_signature(1, 8, 8, 3)
    costs = {metric.name: value for metric, value in image_costs(found, architecture, signature)}
    assert costs["parameters"] == run.best.metrics["parameters"]
    assert found.outline(architecture, signature)[0].output == ("batch", 8, 8, 8)


def test_the_program_of_the_card_runs(run: Result, tmp_path: Path) -> None:
    import subprocess
    import sys

    from PIL import Image

    best = run.folder / "best"
    program = (best / "README.md").read_text().split("```python\n")[1].split("```")[0]
    Image.fromarray(images()["x"][1]).save(tmp_path / "picture.png")
    command = [sys.executable, "-c", program, str(tmp_path / "picture.png")]
    done = subprocess.run(command, cwd=best, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("1  ")


def test_values_are_predicted_in_their_unit_by_what_ships(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUGATA_CACHE", str(data / "cache"))
    task = {"kind": "image", "data": str(data / "values.npz"), "predict": "value"}
    objectives = {"metrics": ["root_mean_squared_error", "latency_ms"]}
    changed = recipe(data, task=task, objectives=objectives, promote_by="root_mean_squared_error")
    result = start(changed, tmp_path / "run", progress=Progress(quiet=True))
    test = result.stages["test"]
    assert test["test"]["root_mean_squared_error"] < 0.7  # always the mean: 0.82
    assert test["test_exported"] == pytest.approx(test["test"], rel=1e-3)
    predicted = result.model()(torch.from_numpy(images()["x"][:30, None])).detach()
    assert predicted.mean().item() == pytest.approx(101, abs=0.5)
