"""Real trainings of scaled networks."""

from pathlib import Path

import numpy as np
import pytest

from sugata.errors import TaskError
from sugata.evaluators.scaling import ScaledTraining
from sugata.space import image_sizes
from sugata.spaces import space
from sugata.spaces.scaling import CompoundScaling, ScaledNetwork, grid_search, scale
from sugata.training import TrainingSettings

pytestmark = pytest.mark.slow
CELL = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUGATA_CACHE", str(tmp_path))


def network(training: ScaledTraining, scaling: CompoundScaling, phi: float = 1) -> ScaledNetwork:
    made = space("nasbench201", channels=4, cells=1)
    return scale(made, made.from_string(CELL), training.signature, scaling, phi, divisor=2)


def test_scaled_networks_are_trained_on_images_of_their_resolution() -> None:
    training = ScaledTraining("digits", epochs=2)
    assert image_sizes(training.signature).height == 8
    larger = network(training, CompoundScaling(1, 1, 1.4))
    assert image_sizes(larger.signature).height == 11
    accuracy = training(larger)
    assert accuracy > 0.5  # chance is 0.1
    assert training(larger) == accuracy


def test_the_grid_is_ranked_by_real_trainings() -> None:
    training = ScaledTraining("digits", epochs=0.5)
    made = space("nasbench201", channels=4, cells=1)
    grid = [CompoundScaling(2, 1, 1), CompoundScaling(1, 1.5, 1)]
    ranked = grid_search(made, made.from_string(CELL), training.signature, training, grid, divisor=2)
    assert {scaling for scaling, _ in ranked} == set(grid)
    assert ranked[0][1] >= ranked[1][1] > 0


def test_a_training_that_diverges_comes_last() -> None:
    settings = TrainingSettings(optimizer="sgd", batch_size=16, learning_rate=1e30, clip=0, precision="fp32")
    training = ScaledTraining("digits", epochs=0.3, settings=settings)
    assert training(network(training, CompoundScaling())) == float("-inf")


def test_images_that_are_not_square_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "images.npz"
    images = np.zeros((40, 6, 8), np.uint8)
    np.savez(file, images=images, labels=np.arange(40) % 2)
    with pytest.raises(TaskError, match="6 x 8"):
        ScaledTraining(str(file))
