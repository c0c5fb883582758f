"""Scores of architectures with the weights of a trained supernet."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import islice

import numpy as np
from torch import nn

from sugata.errors import LimitError
from sugata.evaluators import Context, Evaluation, Evaluator
from sugata.oneshot.base import Supernet
from sugata.oneshot.mixed import recalibrate
from sugata.space import Architecture
from sugata.tasks import Task
from sugata.training import TrainingSettings, train
from sugata.trial import Fidelity, Proposal, Status, Value

_CALIBRATION = 1  # seed of the batches that batch norms are recalibrated on
_FINE_TUNING = 2  # seed of those that a path is trained on alone


class SupernetEvaluator(Evaluator):
    """Scores an architecture by its path of a trained supernet, in seconds instead of a training.

    Batch norms are recalibrated for every path on the same training batches (Guo et al. 2020, section 3.4).

    Shared weights fit all paths, which favours paths that others disturb least. Some steps of training a path
    alone, from the shared weights and on the same batches for every path, take much of that away.

    Args:
        supernet: trained; copied to workers with the evaluator.
        task: gives the data.
        calibration: batches for the batch norms.
        batch_size: of these.
        limit: images (or bytes of text) of the validation split that score a path; None: all.
        fine_tuning: steps that a path trains alone before it is scored.
        training: how; `TrainingSettings`' defaults when None.
    """

    ladder = (Fidelity(0, "supernet", 1, ""),)

    def __init__(
        self,
        supernet: Supernet,
        task: Task,
        *,
        calibration: int = 8,
        batch_size: int = 64,
        limit: int | None = None,
        fine_tuning: int = 0,
        training: TrainingSettings | None = None,
    ) -> None:
        self.supernet = supernet
        self.task = task
        self.calibration = calibration
        self.batch_size = batch_size
        self.limit = limit
        self.fine_tuning = fine_tuning
        self.training = training
        self.metrics = task.metrics

    def fingerprint(self) -> str:
        """Of the task's data, the weights and how they are used."""
        digest = hashlib.sha256()
        settings = [self.task.fingerprint(), self.calibration, self.batch_size, self.limit]
        if self.fine_tuning:
            settings += [self.fine_tuning, repr(self.training)]
        digest.update(json.dumps(settings).encode())
        for parameter in self.supernet.parameters():
            digest.update(parameter.detach().cpu().numpy().tobytes())
        return digest.hexdigest()[:16]

    def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
        """The score of the path."""
        return Evaluation(Status.COMPLETED, self.score(proposal.architecture))

    def score(self, architecture: Mapping[str, Value]) -> dict[str, float]:
        """The task's metrics of a path on the validation split."""
        if self.fine_tuning:
            network = self.network(architecture)
        else:
            self.supernet.activate(architecture)
            network = self.supernet
            self._recalibrate(network, architecture)
        return self.task.evaluate(network, architecture, split="validation", limit=self.limit)

    def network(self, architecture: Mapping[str, Value]) -> nn.Module:
        """The path that is scored, as a network of its own."""
        network = self.supernet.extract(architecture)
        if self.fine_tuning:
            budget = Fidelity(0, "fine-tuning", self.fine_tuning, "steps")
            train(network, self.task, architecture, self.training, budget=budget, seed=_FINE_TUNING)
        self._recalibrate(network, architecture)
        return network

    def _recalibrate(self, network: nn.Module, architecture: Mapping[str, Value]) -> None:
        batches = self.task.batches(
            architecture,
            batch_size=self.batch_size,
            generator=np.random.default_rng(_CALIBRATION),
        )
        device = next(network.parameters()).device
        recalibrate(network, (batch.inputs.to(device) for batch in islice(batches, self.calibration)))


def best_scored(
    evaluator: SupernetEvaluator, architectures: Iterable[Architecture], count: int
) -> list[Architecture]:
    """The best of some architectures, different ones, best first.

    Raises:
        LimitError: fewer of them are different.
    """
    supernet, metric = evaluator.supernet, evaluator.task.primary
    drawn = list(architectures)
    different = {supernet.key(architecture): architecture for architecture in drawn}
    if len(different) < count:
        raise LimitError(
            f"{supernet.space.name}: {len(different)} different architectures among {len(drawn)} drawn ones,"
            f" {count} are asked for; raise supernet.candidates"
        )
    costs = {key: metric.cost(evaluator.score(one)[metric.name]) for key, one in different.items()}
    return [different[key] for key in sorted(costs, key=lambda key: costs[key])[:count]]
