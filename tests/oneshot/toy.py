"""A supernet of two decisions on a task with one right answer, small enough for exact derivatives."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.oneshot import MixedOperation, Supernet
from sugata.space import Choice, SearchSpace, Signature, TensorSpec
from sugata.tasks import Batch, Task
from sugata.trial import Fidelity, Metric, Value

LOSS = Metric("loss")
OPTIONS = ("none", "skip_connect", "tanh", "linear")


class ToySpace(SearchSpace):
    name = "toy"
    choices = tuple(Choice(name, OPTIONS) for name in ("first", "second"))


class Tanh(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(3 * x)


class ToySupernet(Supernet):
    """``head(second(first(x)))``; ``none`` passes nothing on."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(ToySpace(), Signature((TensorSpec("x", ("batch", 3), "float32"),), ()))
        self.decisions = {choice.name: choice.options for choice in self.space.choices}
        torch.manual_seed(seed)
        self.mixed = nn.ModuleDict(
            {
                name: MixedOperation(
                    {"none": None, "skip_connect": nn.Identity(), "tanh": Tanh(), "linear": nn.Linear(3, 3)}
                )
                for name in self.decisions
            }
        )
        self.head = nn.Linear(3, 1)
        self.activate({"first": "linear", "second": "linear"})

    def forward(self, x: Tensor) -> Tensor:
        for name, mixed in self.mixed.items():
            y = mixed(x, self.selection[name])
            x = torch.zeros_like(x) if y is None else y
        return self.head(x)

    def extract(self, architecture: Mapping[str, Value]) -> nn.Module:
        """A copy of the path; without `none`."""
        parts = [
            self.mixed[name].option(options.index(architecture[name]))
            for name, options in self.decisions.items()
        ]
        return copy.deepcopy(nn.Sequential(*parts, self.head))


class ToyTask(Task):
    """A value that only ``tanh`` followed by ``tanh`` can express well."""

    name = "toy"
    metrics = (LOSS,)
    primary = LOSS
    splits: tuple[str, ...] = ()

    def signature(self, architecture, fidelity: Fidelity | None = None) -> Signature:
        return Signature((TensorSpec("x", ("batch", 3), "float32"),), ())

    def prepare(self, options=None, *, say=print) -> None:
        """Nothing."""

    def fingerprint(self) -> str:
        return "toy"

    def batches(
        self, architecture, *, batch_size, length=None, generator, split="train", fidelity=None
    ) -> Iterator[Batch]:
        self.splits = (*self.splits, split)
        while True:
            yield self.batch(np.random.default_rng(generator.integers(2**31)), batch_size)

    @staticmethod
    def batch(rng: np.random.Generator, size: int) -> Batch:
        x = torch.from_numpy(rng.normal(size=(size, 3))).float()
        return Batch(x, torch.tanh(3 * torch.tanh(3 * x)) @ torch.tensor([[1.0], [-1.0], [0.5]]))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return F.mse_loss(model(batch.inputs), batch.targets)

    @torch.no_grad()
    def evaluate(self, model, architecture, **more) -> dict[str, float]:
        return {"loss": float(self.loss(model, self.batch(np.random.default_rng(7), 256)))}


@dataclass
class Quiet:
    """A context that only remembers what was reported."""

    seed: int = 0
    folder: Path | None = None
    source: Path | None = None
    trained: bool = False
    reported: list[tuple[float, float]] = field(default_factory=list)

    def report(self, step: float, value: float) -> bool:
        self.reported.append((step, value))
        return True

    def exclusive(self) -> AbstractContextManager[None]:
        return nullcontext()
