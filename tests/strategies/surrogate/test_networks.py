"""Small networks: their gradient, and that they learn."""

import numpy as np

from sugata.strategies.surrogate.networks import Ensemble


def test_slopes_are_those_of_finite_differences() -> None:
    rng = np.random.default_rng(0)
    ensemble = Ensemble(3, 2, 4, rng)
    features, wanted = (
        rng.normal(size=(5, 3)).astype(np.float32),
        rng.normal(size=(1, 5, 1)).astype(np.float32),
    )

    def loss() -> float:
        predicted = ensemble.predict(features)[:, :, None].astype(np.float64)
        return float(((predicted - wanted) ** 2).mean(axis=1).sum())

    slopes = ensemble._slopes(features, wanted)
    for weights, slope in zip(ensemble._weights, slopes, strict=True):
        place = tuple(rng.integers(size) for size in weights.shape)
        kept, step = weights[place], np.float32(1e-2)
        weights[place] = kept + step
        above = loss()
        weights[place] = kept - step
        below = loss()
        weights[place] = kept
        np.testing.assert_allclose(slope[place], (above - below) / 0.02, atol=2e-2)


def test_an_ensemble_learns_and_its_members_disagree_away_from_the_data() -> None:
    rng = np.random.default_rng(1)
    features = rng.uniform(-1, 1, size=(80, 4)).astype(np.float32)
    targets = features[:, 0] * features[:, 1] + features[:, 2]
    ensemble = Ensemble(4, 5, 32, rng)
    ensemble.fit(features[:60], targets[:60], 300)
    error = ensemble.predict(features[60:]).mean(axis=0) - targets[60:]
    assert float((error**2).mean()) < 0.2 * float(targets.var())
    far = ensemble.predict(5 * features[60:]).std(axis=0).mean()
    assert far > 3 * ensemble.predict(features[:60]).std(axis=0).mean()
