"""The image task: batches, proxies of it, scores."""

import pickle
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sugata.errors import DataError, RecipeError
from sugata.tasks import ImageTask
from sugata.trial import Fidelity

COUNT, SIDE = 60, 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright and dark images; the values are their brightness."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    classes = np.arange(COUNT) % 3
    levels = rng.integers(0, 60, (COUNT, SIDE, SIDE, 3)) + 90 * classes[:, None, None, None]
    pixels = levels.clip(0, 255).astype(np.uint8)
    np.savez(folder / "classes.npz", x=pixels, y=classes)
    np.savez(folder / "values.npz", x=pixels, y=10 + pixels.reshape(COUNT, -1).mean(1) / 255)
    return folder


@pytest.fixture
def task(folder: Path) -> ImageTask:
    return ImageTask(folder / "classes.npz", cache_dir=folder / "cache")


@pytest.fixture
def regression(folder: Path) -> ImageTask:
    return ImageTask(folder / "values.npz", predict="value", cache_dir=folder / "cache")


def batches(task: ImageTask, size: int, seed: int = 0, **given: object) -> Iterator[tuple[Tensor, Tensor]]:
    found = task.batches({}, batch_size=size, generator=np.random.default_rng(seed), **given)  # type: ignore[arg-type]
    return ((batch.inputs, batch.targets) for batch in found)


def test_the_signature_says_what_a_network_takes_and_gives(task: ImageTask, regression: ImageTask) -> None:
    signature = task.signature({}, Fidelity(resolution=0.5))
    assert signature.inputs[0].shape == ("batch", 3, 4, 4)
    assert (signature.outputs[0].name, signature.outputs[0].classes) == ("logits", 3)
    assert regression.signature({}).outputs[0].shape == ("batch", 1)
    assert regression.signature({}).outputs[0].classes is None


def test_an_epoch_has_every_training_image_once_and_the_next_in_another_order(task: ImageTask) -> None:
    size = task.epoch_size({})
    assert size == 42
    first, second = islice(batches(task, size), 2)
    everything = torch.from_numpy(task.prepared().images("train") / 255).float()
    for inputs, _ in (first, second):
        assert sorted(inputs.flatten().tolist()) == pytest.approx(
            sorted(task._normalized(everything).flatten().tolist()), abs=1e-6
        )
    assert not torch.equal(first[0], second[0])
    assert first[0].mean().abs() < 1e-4
    assert first[0].std() == pytest.approx(1, abs=1e-3)


def test_equal_generators_give_equal_batches_augmented_or_not(folder: Path) -> None:
    task = ImageTask(
        folder / "classes.npz", augment=("crop", "flip", "cutout", "affine"), cache_dir=folder / "cache"
    )
    for (a, x), (b, y) in zip(islice(batches(task, 5), 12), batches(task, 5), strict=False):
        assert torch.equal(a, b)
        assert torch.equal(x, y)
    assert not torch.equal(next(batches(task, 5))[0], next(batches(task, 5, seed=1))[0])


@pytest.mark.parametrize(("samples", "size"), [(0.5, 21), (10, 10), (1.0, 42), (1000, 42), (None, 42)])
def test_a_fidelity_restricts_the_samples_and_larger_parts_hold_smaller_ones(
    task: ImageTask, samples: float | None, size: int
) -> None:
    assert task.epoch_size({}, Fidelity(samples=samples)) == size
    part = {
        tuple(x.flatten().tolist()) for x in next(batches(task, size, fidelity=Fidelity(samples=samples)))[0]
    }
    few = {tuple(x.flatten().tolist()) for x in next(batches(task, 5, fidelity=Fidelity(samples=5)))[0]}
    assert len(part) == size
    assert few <= part


def test_a_fidelity_shrinks_images_in_training_and_validation(task: ImageTask) -> None:
    half = Fidelity(resolution=0.5)
    assert next(batches(task, 2, fidelity=half))[0].shape == (2, 3, 4, 4)
    seen = []

    class Network(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images.shape[2:])
            return torch.zeros(len(images), 3)

    task.evaluate(Network(), {}, fidelity=half)
    assert set(seen) == {(4, 4)}


class Brightness(nn.Module):
    """Scores that are right for classes of bright and dark images, seen as they are."""

    def forward(self, pixels: Tensor) -> Tensor:
        level = pixels.float().mean((1, 2, 3))
        return -(level[:, None] - torch.tensor([30.0, 120.0, 205.0])).square()


def test_scores_are_those_of_the_images_asked_for(task: ImageTask) -> None:
    perfect = task.score(Brightness(), split="test")
    assert perfect["accuracy"] == 1
    assert perfect["cross_entropy"] < 1e-3
    constant = task.score(lambda pixels: torch.tensor([[0.0, 1.0, 0.0]]).expand(len(pixels), 3), split="test")
    assert constant["accuracy"] == pytest.approx(1 / 3)
    parts = [task.score(Brightness(), split="train", limit=20, batch_size=size) for size in (3, 20)]
    assert parts[0] == pytest.approx(parts[1])


def test_values_are_trained_standardized_and_scored_in_their_unit(regression: ImageTask) -> None:
    _, targets = next(batches(regression, 42))
    assert targets.mean().item() == pytest.approx(0, abs=1e-5)
    assert targets.std(correction=0).item() == pytest.approx(1, abs=1e-4)

    class Mean(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.zeros(len(images), 1)

    values = torch.from_numpy(regression.prepared().targets("validation"))
    error = values - regression.prepared().facts["target_mean"][0]
    found = regression.evaluate(Mean(), {})
    assert found["root_mean_squared_error"] == pytest.approx(error.square().mean().sqrt().item(), rel=1e-5)
    assert found["mean_absolute_error"] == pytest.approx(error.abs().mean().item(), rel=1e-5)


def test_a_task_is_sent_to_workers_without_its_images(task: ImageTask) -> None:
    task.prepare()
    content = pickle.dumps(task)
    assert len(content) < 5_000
    assert pickle.loads(content).fingerprint() == task.fingerprint()


def test_settings_that_change_results_change_the_fingerprint(task: ImageTask, folder: Path) -> None:
    for change in ({"augment": ("flip",)}, {"label_smoothing": 0.1}, {"max_samples": 30}, {"resize": 6}):
        other = ImageTask(folder / "classes.npz", cache_dir=folder / "cache", **change)  # type: ignore[arg-type]
        assert other.fingerprint() != task.fingerprint()


def test_unknown_augmentations_are_refused() -> None:
    with pytest.raises(
        RecipeError, match=r"task.augment: 'rotate' is unknown; use crop, flip, cutout, affine"
    ):
        ImageTask(augment=("rotate",))


def test_a_number_of_images_is_held_for_the_search_in_place_of_a_share(folder: Path) -> None:
    held = ImageTask(folder / "classes.npz", validation_images=12, cache_dir=folder / "cache")
    assert held.prepared().facts["counts"]["validation"] == 12


def test_other_classes_than_were_asked_for_are_refused_in_one_line(folder: Path) -> None:
    wrong = ImageTask(folder / "classes.npz", classes=7, cache_dir=folder / "cache")
    with pytest.raises(DataError, match=r"task\.classes: .* has \d+ classes, not 7; give other data"):
        wrong.prepared()


def test_a_split_that_misses_a_class_is_refused_by_its_name(tmp_path: Path, task: ImageTask) -> None:
    task.require_all_classes("validation")
    pixels = np.zeros((40, SIDE, SIDE, 3), np.uint8)
    np.savez(tmp_path / "rare.npz", x=pixels, y=np.array([0] * 20 + [1] * 19 + [2]))
    rare = ImageTask(tmp_path / "rare.npz", cache_dir=tmp_path / "cache")
    with pytest.raises(DataError, match="no image of class '2' is in the validation split; add some, or"):
        rare.require_all_classes("validation")
