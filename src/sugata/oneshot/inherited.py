"""The evaluator of a search with shared weights: scores by the supernet first, trainings above."""

import copy
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager

from sugata.evaluators import Context, Evaluation, Evaluator
from sugata.evaluators.training import TRAINING_SECONDS, TrainingEvaluator
from sugata.oneshot.scores import SupernetEvaluator
from sugata.trial import SHARED, Proposal, Status, Value


class InheritedEvaluator(Evaluator):
    """Scores an architecture by its path of the supernet on rungs in the unit ``supernet``.

    On all other rungs it trains the architecture alone. What a network costs is that of the one that ships,
    on every rung.

    Args:
        training: trains alone; its networks and its ladder are used.
        costs: the costs that are measured on the rung of the supernet, by the names of metrics; there,
            measuring takes longer than scoring.
        scores: of the trained supernet; None before it is trained.
    """

    def __init__(
        self,
        training: TrainingEvaluator,
        *,
        costs: Collection[str] = (),
        scores: SupernetEvaluator | None = None,
    ) -> None:
        self.training = training
        self.costs = frozenset(costs)
        self.scores = scores
        self.metrics = training.metrics
        self.ladder = training.ladder

    def scored_by(self, scores: SupernetEvaluator) -> "InheritedEvaluator":
        """The same evaluator, now that there is a trained supernet."""
        made = copy.copy(self)
        made.scores = scores
        return made

    def fingerprint(self) -> str:
        """Of the training, and of the supernet's weights once they are trained."""
        shared = "" if self.scores is None else self.scores.fingerprint()
        return f"{self.training.fingerprint()}{shared}"

    def prepare(self) -> None:
        """Prepare the task's data."""
        self.training.prepare()

    def quick_metrics(
        self,
        architecture: Mapping[str, Value],
        names: Collection[str],
        exclusive: AbstractContextManager[None] | None = None,
    ) -> dict[str, float]:
        """Costs before any training."""
        return self.training.quick_metrics(architecture, names, exclusive)

    def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
        """Score the path, or train."""
        if proposal.fidelity.unit != SHARED:
            return self.training.evaluate(proposal, context)
        assert self.scores is not None, "the stage before has trained the supernet"
        networks = self.training.networks
        architecture = networks.space.architecture(proposal.architecture)
        quality = self.scores.score(architecture)
        costs = networks.costs(architecture, self.costs, context.exclusive())
        return Evaluation(Status.COMPLETED, {**quality, **costs, TRAINING_SECONDS.name: 0.0})
