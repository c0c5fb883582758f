"""Drawing tokens with numpy follows the distribution that torch's sampling follows."""

import numpy as np
import pytest
import torch

from sugata.decoding import Sampling
from sugata.tasks import Sampling as OfTorch

DRAWS = 4000


def shares(sampling: Sampling, logits: np.ndarray) -> np.ndarray:
    generator = np.random.default_rng(0)
    tokens = [sampling.choose(logits, generator) for _ in range(DRAWS)]
    return np.bincount(tokens, minlength=len(logits)) / DRAWS


@pytest.mark.parametrize(
    "settings", [(0.8, 0, 0.95), (1.5, 5, 1.0), (1.0, 0, 1.0), (0.7, 7, 0.6), (2, 0, 0.2)]
)
@pytest.mark.parametrize("scale", [0.1, 2.0])  # flat: the nucleus is larger than what is sorted first
def test_numpy_and_torch_draw_alike(settings: tuple[float, int, float], scale: float) -> None:
    logits = (scale * np.random.default_rng(1).standard_normal(300)).astype(np.float32)
    rows = torch.from_numpy(logits)[None].expand(DRAWS, -1)
    drawn = OfTorch(*settings).draw(rows, torch.Generator().manual_seed(0)).numpy()
    expected = np.bincount(drawn, minlength=len(logits)) / DRAWS
    got = shares(Sampling(*settings), logits)
    assert np.abs(got - expected).sum() < 2.5 * np.sqrt(np.count_nonzero(expected) / DRAWS)
    if settings[1]:
        assert np.count_nonzero(got) <= settings[1]


def test_greedy_takes_the_most_probable() -> None:
    assert Sampling(0).choose(np.array([0.0, 3.0, 1.0]), np.random.default_rng(0)) == 1
