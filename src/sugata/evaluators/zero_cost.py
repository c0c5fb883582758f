"""The evaluator that does not train: zero-cost proxies of the built network, from one batch."""

import hashlib
import json
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import nn

import sugata
from sugata.errors import RecipeError
from sugata.evaluators.base import Context, Evaluation, Evaluator
from sugata.measure import PROXIES, Probe, count_parameters, decoder_parameters, flops
from sugata.space import SearchSpace, Signature
from sugata.tasks import Task
from sugata.trial import Fidelity, Metric, Proposal, Status, Value

_BATCH = 32
_TOKENS = 64
_COUNTED = (
    Metric("parameters", "", "minimize", "trained parameters of the built network"),
    Metric("flops", "FLOP", "minimize", "forward pass over one image, or over the batch's length of tokens"),
    Metric("decoder_parameters", "", "maximize", "parameters without embedding and head"),
)


class ZeroCostEvaluator(Evaluator):
    """Scores untrained networks on one batch of a task's training data, the same for all of them.

    The metrics are those of :data:`sugata.measure.PROXIES`, larger is meant to be better; parameters, FLOPs
    and the parameters of the decoder (without embedding and head; Javaheripi et al. 2022) stand beside
    them, because they are what a proxy has to beat.

    Args:
        space: builds the networks.
        task: gives the batch.
        proxies: names of the proxies to compute.
        batch_size: images, or sequences, of the batch.
        length: tokens of a sequence; image tasks have none.

    Raises:
        RecipeError: an unknown proxy.
    """

    ladder = (Fidelity(0, "untrained", 1, ""),)

    def __init__(
        self,
        space: SearchSpace,
        task: Task,
        *,
        proxies: Collection[str] = tuple(PROXIES),
        batch_size: int = _BATCH,
        length: int | None = None,
    ) -> None:
        for name in proxies:
            if name not in PROXIES:
                raise RecipeError(f"proxies: {name!r} is not known; use {', '.join(PROXIES)}")
        self.space = space
        self.task = task
        self.proxies = tuple(proxies)
        self.batch_size = batch_size
        self.length = length
        self.metrics = (
            *(Metric(name, "", "maximize", "zero-cost proxy") for name in self.proxies),
            *_COUNTED,
        )

    def fingerprint(self) -> str:
        """Of task data, the batch's shape and the versions of sugata and torch."""
        parts = [self.task.fingerprint(), self.batch_size, self.length, sugata.__version__, torch.__version__]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def prepare(self) -> None:
        """Prepare the task's data."""
        self.task.prepare({choice.name: choice.options for choice in self.space.choices})

    def quick_metrics(
        self,
        architecture: Mapping[str, Value],
        names: Collection[str],
        exclusive: AbstractContextManager[None] | None = None,
    ) -> dict[str, float]:
        """Parameters and FLOPs."""
        if not {"parameters", "flops"} & set(names):
            return {}
        counted = self._counted(architecture)
        return {name: value for name, value in counted.items() if name in names}

    def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
        """Build, initialize from the trial's seed, and score."""
        scores = self.scores(proposal.architecture, context.seed)
        return Evaluation(Status.COMPLETED, scores)

    def scores(self, architecture: Mapping[str, Value], seed: int = 0) -> dict[str, float]:
        """Every metric of an architecture whose weights are drawn from that seed.

        A proxy that is not finite (a network that does not pass on any gradient has the logarithm of zero)
        is the most negative float: the worst there is, and still a number.
        """
        model = self.space.build(architecture, self.task.signature(architecture))
        initialize(model, seed)
        batches = self.task.batches(
            architecture,
            batch_size=self.batch_size,
            length=self.length,
            generator=np.random.default_rng([seed, _BATCH]),
        )
        batch = next(batches)
        probe = Probe(model, batch.inputs, batch.targets, seed)
        found = {name: _finite(PROXIES[name](probe)) for name in self.proxies}
        return found | self._counted(architecture)

    def _counted(self, architecture: Mapping[str, Value]) -> dict[str, float]:
        signature = self.task.signature(architecture)
        with torch.device("meta"):
            model = self.space.build(architecture, signature)
        return {
            "parameters": float(count_parameters(lambda: model)),
            "flops": float(flops(model, _shape(signature, self.length), dtype=_dtype(signature))),
            "decoder_parameters": float(decoder_parameters(model)),
        }


def initialize(model: nn.Module, seed: int) -> None:
    """Draw the weights of a network that knows how from that seed."""
    own = getattr(model, "initialize", None)
    if callable(own):
        own(torch.Generator().manual_seed(seed))


def _shape(signature: Signature, length: int | None) -> tuple[int, ...]:
    """The shape of one sample of the only input."""
    sizes = {"batch": 1, "length": length or _TOKENS}
    return tuple(sizes[axis] if isinstance(axis, str) else axis for axis in signature.inputs[0].shape)


def _dtype(signature: Signature) -> torch.dtype:
    found: torch.dtype = getattr(torch, signature.inputs[0].dtype)
    return found


def _finite(score: float) -> float:
    return float(np.nan_to_num(score, nan=-np.finfo(np.float64).max))
