"""A task and a model small enough to train in a test."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.space import Signature
from sugata.tasks import Batch, Task
from sugata.trial import Fidelity, Metric, Value

VOCABULARY = 23


class Counting(Task):
    """Sequences in which every token follows from the one before it, now and then disturbed."""

    name = "counting"
    metrics = (Metric("bits"),)
    primary = metrics[0]

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        steps = np.where(rng.random(5000) < 0.9, 1, rng.integers(0, VOCABULARY, 5000))
        self.tokens = torch.from_numpy(np.cumsum(steps) % VOCABULARY)

    def signature(self, architecture: Mapping[str, Value], fidelity: Fidelity | None = None) -> Signature:
        return Signature((), ())

    def prepare(self, options: Mapping[str, Sequence[Value]] | None = None, *, say: Any = None) -> None:
        pass

    def fingerprint(self) -> str:
        return self.name

    def batches(
        self,
        architecture: Any,
        *,
        batch_size: int,
        length: int | None = None,
        generator: Any,
        split: str = "train",
        fidelity: Any = None,
    ) -> Iterator[Batch]:
        while True:
            starts = generator.integers(0, 4000 - (length or 16), batch_size)
            rows = torch.stack([self.tokens[s : s + (length or 16) + 1] for s in starts])
            yield Batch(rows[:, :-1], rows[:, 1:])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return F.cross_entropy(model(batch.inputs).flatten(0, 1), batch.targets.flatten())

    @torch.no_grad()
    def evaluate(self, model: nn.Module, architecture: Any, **options: Any) -> dict[str, float]:
        rows = self.tokens[4000:4960].view(-1, 16)
        return {"bits": self.loss(model, Batch(rows[:, :-1], rows[:, 1:])).item() / np.log(2)}


def small_model(width: int = 16) -> LanguageModel:
    layers = (LayerConfig("transformer", 2 * width),) * 2
    return LanguageModel(LanguageModelConfig(VOCABULARY, width, 2, layers))
