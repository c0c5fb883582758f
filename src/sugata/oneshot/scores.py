"""Scores of architectures with the weights of a trained supernet."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import islice

import numpy as np

from sugata.errors import LimitError
from sugata.evaluators import Context, Evaluation, Evaluator
from sugata.oneshot.base import Supernet
from sugata.oneshot.mixed import recalibrate
from sugata.space import Architecture
from sugata.tasks import Task
from sugata.trial import Fidelity, Proposal, Status, Value

_CALIBRATION = 1  # seed of the batches that batch norms are recalibrated on


class SupernetEvaluator(Evaluator):
    """Scores an architecture by its path of a trained supernet, in seconds instead of a training.

    Batch norms are recalibrated for every path on the same training batches (Guo et al. 2020, section 3.4).

    Args:
        supernet: trained; copied to workers with the evaluator.
        task: gives the data.
        calibration: batches for the batch norms.
        batch_size: of these.
        limit: images (or bytes of text) of the validation split that score a path; None: all.
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
    ) -> None:
        self.supernet = supernet
        self.task = task
        self.calibration = calibration
        self.batch_size = batch_size
        self.limit = limit
        self.metrics = task.metrics

    def fingerprint(self) -> str:
        """Of the task's data, the weights and how they are used."""
        digest = hashlib.sha256()
        settings = [self.task.fingerprint(), self.calibration, self.batch_size, self.limit]
        digest.update(json.dumps(settings).encode())
        for parameter in self.supernet.parameters():
            digest.update(parameter.detach().cpu().numpy().tobytes())
        return digest.hexdigest()[:16]

    def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
        """The score of the path."""
        return Evaluation(Status.COMPLETED, self.score(proposal.architecture))

    def score(self, architecture: Mapping[str, Value]) -> dict[str, float]:
        """The task's metrics of a path on the validation split."""
        self.supernet.activate(architecture)
        batches = self.task.batches(
            architecture,
            batch_size=self.batch_size,
            generator=np.random.default_rng(_CALIBRATION),
        )
        device = next(self.supernet.parameters()).device
        recalibrate(self.supernet, (batch.inputs.to(device) for batch in islice(batches, self.calibration)))
        return self.task.evaluate(self.supernet, architecture, split="validation", limit=self.limit)


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
