"""Small neural networks that learn together, in NumPy: an ensemble for a few hundred results."""

import numpy as np
from numpy.typing import NDArray

from sugata.strategies.surrogate.tables import Floats

_RATE, _FIRST_DECAY, _SECOND_DECAY = 0.01, 0.9, 0.999
_WEIGHT_DECAY = 1e-3


class Ensemble:
    """Feed-forward networks of two hidden layers, equal but for their initial weights.

    Trained on all data at once by Adam (Kingma & Ba 2015) with decoupled weight decay and a learning rate
    that falls to zero along a cosine; the loss is the mean squared error.

    Args:
        inputs: number of features.
        members: how many networks.
        width: of both hidden layers.
        rng: draws the initial weights (He et al. 2015).
    """

    def __init__(self, inputs: int, members: int, width: int, rng: np.random.Generator) -> None:
        sizes = [(inputs, width), (width, width), (width, 1)]
        self._weights: list[Floats] = []
        for source, target in sizes:
            scale = np.sqrt(2 / max(source, 1))
            drawn = rng.normal(size=(members, source, target)) * scale
            self._weights += [drawn.astype(np.float32), np.zeros((members, 1, target), dtype=np.float32)]

    def fit(self, features: Floats, targets: NDArray[np.float64], steps: int) -> None:
        """Learn ``(rows, inputs)`` to ``(rows,)``."""
        wanted = targets.astype(np.float32)[None, :, None]
        means = [np.zeros_like(weight) for weight in self._weights]
        squares = [np.zeros_like(weight) for weight in self._weights]
        for step in range(1, steps + 1):
            rate = _RATE * 0.5 * (1 + np.cos(np.pi * (step - 1) / steps))
            for i, slope in enumerate(self._slopes(features, wanted)):
                means[i] += (1 - _FIRST_DECAY) * (slope - means[i])
                squares[i] += (1 - _SECOND_DECAY) * (slope**2 - squares[i])
                mean = means[i] / (1 - _FIRST_DECAY**step)
                square = squares[i] / (1 - _SECOND_DECAY**step)
                change = mean / (np.sqrt(square) + 1e-8) + _WEIGHT_DECAY * self._weights[i]
                self._weights[i] -= np.float32(rate) * change.astype(np.float32)

    def predict(self, features: Floats) -> Floats:
        """Every network's prediction, ``(members, rows)``."""
        predicted: Floats = self._forward(features)[-1][:, :, 0]
        return predicted

    def _forward(self, features: Floats) -> list[Floats]:
        """The outputs of all layers, ``(members, rows, width)``, the features first."""
        outputs: list[Floats] = [features[None]]
        for i in range(0, len(self._weights), 2):
            summed: Floats = outputs[-1] @ self._weights[i] + self._weights[i + 1]
            outputs.append(summed if i == len(self._weights) - 2 else np.maximum(summed, 0))
        return outputs

    def _slopes(self, features: Floats, wanted: Floats) -> list[Floats]:
        """The gradient of the loss in every weight, by back-propagation."""
        outputs = self._forward(features)
        error = (2 / wanted.shape[1]) * (outputs[-1] - wanted)
        slopes: list[Floats] = [np.zeros(0, dtype=np.float32)] * len(self._weights)
        for i in range(len(self._weights) - 2, -1, -2):
            before = outputs[i // 2]
            slopes[i] = before.swapaxes(1, 2) @ error
            slopes[i + 1] = error.sum(axis=1, keepdims=True)
            if i:
                error = (error @ self._weights[i].swapaxes(1, 2)) * (before > 0)
        return slopes
