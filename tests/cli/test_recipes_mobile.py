"""The shipped recipes with shared weights, at reduced size on a folder of class folders."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sugata import recipe as recipes
from sugata.measure import LatencyTable, PartLatency
from sugata.measure.latency_table import this_machine, this_runtime
from sugata.run import Progress, Result, start
from sugata.space import image_signature
from sugata.spaces import space as space_named

pytestmark = pytest.mark.slow
REDUCED = {
    "network": {"width": 0.1},
    "task.resize": 12,
    "task.validation_images": 9,
    "supernet.amount": 2,
    "supernet.unit": "steps",
    "supernet.batch_size": 6,
    "supernet.checks": 1,
    "supernet.ranked": 0,
    "training.batch_size": 6,
    "final.amount": 3,
    "final.unit": "steps",
    "engine.workers": 0,
}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of each of three classes to train on, three to test."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for number in range(45):
        part, colour = ("train" if number < 36 else "test"), number % 3
        pixels = rng.integers(0, 100, (14, 16, 3), dtype=np.uint8)
        pixels[..., colour] += 120
        place = folder / part / ("red", "green", "blue")[colour]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Latencies for these pictures, made up: measuring is tested elsewhere."""
    file = tmp_path_factory.mktemp("table") / "latency.json"
    space, signature = space_named("proxyless", width=0.1), image_signature(3, 12, 12, 3)
    names = {part.name for one in space.covering() for part in space.parts(one, signature)}
    entries = {name: PartLatency(0.01, 0.01, 0.01) for name in names}
    LatencyTable(space, signature, entries, 1.0, this_machine(), this_runtime()).write(file)
    return str(file)


def reduced(name: str, images: Path, folder: Path, **more: object) -> Result:
    rungs = [
        {**rung.model_dump(), "amount": 2, "unit": rung.unit if rung.unit == "supernet" else "steps"}
        for rung in recipes.load(name).funnel
    ]
    for rung in rungs:
        if rung["capacity"] is not None:
            rung |= {"capacity": 3 if rung["unit"] == "supernet" else 1}
    changes = {**REDUCED, "task.data": str(images), "funnel": rungs, **more}
    # What follows the winner's training is the same for all: the shorter pair goes through it.
    ships = name.endswith("cifar10")
    return start(recipes.load(name, changes), folder, progress=Progress(quiet=True), ships=ships)


def check(result: Result) -> None:
    assert list(result.stages)[:3] == ["prepare", "supernet", "search"]
    # Three steps may leave a network worse than the search did, which is the winner then.
    assert 3 in [final.details.get("steps") for final in result.finals]
    if result.recipe.name.endswith("cifar10"):
        assert result.finished
        assert (result.folder / "best" / "model.onnx").is_file()
        assert result.stages["test"]["test"].keys() == {"accuracy", "cross_entropy"}


@pytest.mark.parametrize("name", ["proxyless_cifar10", "proxyless_imagenet"])
def test_proxyless_derives_by_gradient_and_latency(
    name: str, images: Path, table: str, tmp_path: Path
) -> None:
    latency = {"supernet.latency_table": table, "supernet.latency_target": 0.1}
    result = reduced(name, images, tmp_path / "run", **latency)
    check(result)
    derived = result.stages["supernet"]["derived"]
    assert derived
    assert [dict(trial.architecture) for trial in result.record.trials] == derived
    (expected,) = result.stages["supernet"]["expected_latency_ms"]
    assert expected > 0


@pytest.mark.parametrize("name", ["mnasnet_cifar10", "mnasnet_imagenet"])
def test_mnasnet_is_searched_by_a_controller_on_shared_weights(
    name: str, images: Path, tmp_path: Path
) -> None:
    result = reduced(name, images, tmp_path / "run")
    check(result)
    rungs = [trial.proposal.fidelity.name for trial in result.record.trials]
    assert (rungs.count("shared"), rungs.count("alone")) == (3, 1)
    assert all(trial.metrics["latency_ms"] > 0 for trial in result.record.trials)
    rewards = {trial.number: result.objectives.reward(trial) for trial in result.record.trials}
    shared = [trial for trial in result.record.trials if trial.proposal.fidelity.name == "shared"]
    best = max(shared, key=lambda trial: rewards[trial.number])
    assert result.finals[0].architecture == best.architecture


def test_mnasnet_without_shared_weights_is_one_change_away(images: Path) -> None:
    alone = {"supernet": None, "budget.trials": 100, "task.data": str(images)}
    alone["funnel"] = [{"name": "alone", "amount": 5, "unit": "epochs"}]
    recipe = recipes.load("mnasnet_cifar10", alone)
    assert (recipe.supernet, recipe.strategy.kind, recipe.objectives.kind) == (None, "reinforce", "mnasnet")
