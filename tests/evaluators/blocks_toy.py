"""A task of blocks that is learned in a moment: the class, or the value, is plain in every input."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.space import Signature, TensorSpec
from sugata.tasks import Batch, Task
from sugata.trial import Fidelity, Metric, Value

CLASSES = 3
INPUTS = {
    "image": TensorSpec("image", ("batch", 1, 8, 8), "float32"),
    "text": TensorSpec("text", ("batch", 6), "int64", 20),
    "table": TensorSpec("table", ("batch", 4), "float32", None, (3, 5)),
    "array": TensorSpec("array", ("batch", 5), "float32"),
    "signal": TensorSpec("signal", ("batch", 7, 2), "float32"),
}


class Toy(Task):
    """Rows of one of the inputs, 90 to train and 60 to validate and to test."""

    name = "toy"
    metrics = (Metric("accuracy", "", "maximize"),)
    primary = metrics[0]
    targets = "rows"

    def __init__(self, kind: str = "image") -> None:
        self.kind = kind
        rng = np.random.default_rng(0)
        classes = np.arange(150) % CLASSES
        self.classes = torch.from_numpy(classes)
        self.rows = torch.from_numpy(_rows(kind, classes, rng))

    def facts(self) -> dict[str, Any]:
        values = self.rows[:90].float()
        axes = [axis for axis in range(values.ndim) if axis != (1 if values.ndim == 4 else values.ndim - 1)]
        return {"inputs": {self.kind: {"mean": values.mean(axes).tolist(), "std": values.std(axes).tolist()}}}

    def signature(self, architecture: Mapping[str, Value], fidelity: Fidelity | None = None) -> Signature:
        label = TensorSpec("label", ("batch", CLASSES), "float32", CLASSES)
        return Signature((INPUTS[self.kind],), (label,))

    def prepare(self, options: Mapping[str, Sequence[Value]] | None = None, *, say: Any = None) -> None:
        pass

    def fingerprint(self) -> str:
        return self.kind

    def epoch_size(self, architecture: Any, fidelity: Any = None) -> int:
        return 90

    def batches(self, architecture: Any, *, batch_size: int, generator: Any, **other: Any) -> Iterator[Batch]:
        while True:
            chosen = torch.from_numpy(generator.permutation(90)[:batch_size])
            yield Batch(self.rows[chosen], self.classes[chosen])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return F.cross_entropy(model(batch.inputs).float(), batch.targets)

    @torch.no_grad()
    def evaluate(self, model: nn.Module, architecture: Any, **options: Any) -> dict[str, float]:
        found = model(self.rows[90:]).argmax(1)
        return {"accuracy": float((found == self.classes[90:]).float().mean())}


def _rows(kind: str, classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    rows = len(classes)
    if kind == "image":
        pixels = rng.random((rows, 1, 8, 8), np.float32) / 4
        for picture, number in zip(pixels, classes, strict=True):
            picture[0, 2:6, 2 * number : 2 * number + 3] += 0.6
        return pixels
    if kind == "text":
        words = rng.integers(5, 20, (rows, 6))
        words[np.arange(rows), rng.integers(0, 3, rows)] = 2 + classes
        words[:, 4:] = 0
        return words
    if kind == "table":
        numbers = rng.normal(size=(rows, 2)).astype(np.float32)
        return np.column_stack([numbers, classes, rng.integers(0, 5, rows)]).astype(np.float32)
    shape = INPUTS[kind].shape[1:]
    values = rng.normal(size=(rows, *shape)).astype(np.float32) / 4
    values[..., 1] += classes.reshape(-1, *(1,) * (len(shape) - 1))
    return values
