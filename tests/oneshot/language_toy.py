"""A small elastic language space, and sequences that repeat themselves."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.oneshot import LanguageSupernet
from sugata.space import Signature, TensorSpec
from sugata.spaces.language import HybridLanguageSpace, LanguageSpace
from sugata.tasks import Batch, Task
from sugata.trial import Metric

BITS = Metric("bits")
PERIOD = 4


def signature(vocabulary: int) -> Signature:
    return Signature(
        (TensorSpec("tokens", ("batch", "length"), "int64", classes=vocabulary),),
        (TensorSpec("logits", ("batch", "length", vocabulary), "float32", classes=vocabulary),),
    )


def tiny_space(vocabulary: int = 16, **options) -> LanguageSpace:
    return LanguageSpace("tiny", {"vocab_size": [vocabulary], "hidden_dim": [16, 24, 32], **options})


def plain_space(vocabulary: int = 16) -> LanguageSpace:
    """Transformers alone: quick to train."""
    options = {"architecture": ["transformer"], "position": ["rope"], "num_heads": [2, 4]}
    options |= {"num_layers": [1, 2], "normalization": ["rmsnorm"], "activation": ["gelu", "silu"]}
    options |= {"quantization": ["fp16"], "pruning_ratio": [0.0], "tie_embeddings": [False]}
    return tiny_space(vocabulary, **options)


def hybrid_space(vocabulary: int = 16) -> HybridLanguageSpace:
    options = {"vocab_size": [vocabulary], "hidden_dim": [16, 32], "num_layers": [1, 2, 3]}
    return HybridLanguageSpace(options)


def supernet(space: LanguageSpace) -> LanguageSupernet:
    return LanguageSupernet(space, signature(int(space.options["vocab_size"][0])))


class Repeating(Task):
    """Sequences of four random tokens over and over: what a token is follows from the one four before."""

    name = "repeating"
    metrics = (BITS,)
    primary = BITS

    def __init__(self, vocabulary: int = 16) -> None:
        self.vocabulary = vocabulary

    def signature(self, architecture, fidelity=None) -> Signature:
        return signature(self.vocabulary)

    def prepare(self, options=None, *, say=print) -> None:
        """Nothing."""

    def fingerprint(self) -> str:
        return f"repeating-{self.vocabulary}"

    def batches(
        self, architecture: Mapping, *, batch_size, length=None, generator, split="train", fidelity=None
    ) -> Iterator[Batch]:
        while True:
            yield self.batch(generator, batch_size)

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        words = torch.from_numpy(rng.integers(self.vocabulary, size=(size, PERIOD)))
        rows = words.repeat(1, 4)
        return Batch(rows[:, :-1], rows[:, 1:])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Of what can be known, in nats."""
        logits = model(batch.inputs)[:, PERIOD - 1 :]
        return F.cross_entropy(logits.flatten(0, 1), batch.targets[:, PERIOD - 1 :].flatten())

    @torch.no_grad()
    def evaluate(self, model, architecture, **more) -> dict[str, float]:
        return {"bits": float(self.loss(model, self.batch(np.random.default_rng(7), 64))) / math.log(2)}
