"""Cross-validation: where rows are few, a candidate is as good as several of its networks on average."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from sugata.evaluators.base import Context, Evaluation, Evaluator
from sugata.evaluators.blocks import BlockNetworks
from sugata.evaluators.training import TRAINING_SECONDS, TrainingEvaluator, share_checkpoint
from sugata.training import CHECKPOINT
from sugata.trial import Proposal, Status, Value


class FoldsEvaluator(Evaluator):
    """Trains an architecture once for each fold of the rows, which that network is then scored on.

    The metrics are the means. The first fold's network stands for all of them where one network is wanted.

    Args:
        whole: trains on the task's own division of the rows, and measures costs.
        count: of folds, at least 2.
        seed: of the division into folds.
    """

    def __init__(self, whole: TrainingEvaluator, count: int, seed: int) -> None:
        networks = whole.networks
        assert isinstance(networks, BlockNetworks)
        self.whole = whole
        self.folds = [
            TrainingEvaluator(
                networks.on_fold(number, count, seed),
                whole.settings,
                ladder=whole.ladder,
                hardware=whole.hardware,
                logger=whole.logger,
            )
            for number in range(count)
        ]
        self.seed = seed
        self.metrics = whole.metrics
        self.ladder = whole.ladder

    def fingerprint(self) -> str:
        """That of the training, with the folds."""
        return f"{self.whole.fingerprint()}-{len(self.folds)}-{self.seed}"

    def prepare(self) -> None:
        """Prepare the task's data."""
        self.whole.prepare()

    def quick_metrics(
        self,
        architecture: Mapping[str, Value],
        names: Collection[str],
        exclusive: AbstractContextManager[None] | None = None,
    ) -> dict[str, float]:
        """Costs before any training."""
        return self.whole.quick_metrics(architecture, names, exclusive)

    def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
        """Train and score on each fold; the first that fails, or is stopped, ends it."""
        found: list[Evaluation] = []
        for number, evaluator in enumerate(self.folds):
            evaluation = evaluator.evaluate(proposal, _FoldContext(context, number))
            if evaluation.status is not Status.COMPLETED:
                return evaluation
            found.append(evaluation)
        share_checkpoint(_fold(context.folder, 0) / CHECKPOINT, context.folder / CHECKPOINT)
        metrics = {name: fmean(one.metrics[name] for one in found) for name in found[0].metrics}
        metrics[TRAINING_SECONDS.name] *= len(found)
        metrics |= self._costs(proposal, context)
        return replace(found[0], metrics=metrics, details={**found[0].details, "folds": len(found)})

    def _costs(self, proposal: Proposal, context: Context) -> dict[str, float]:
        networks = self.whole.networks
        architecture = networks.space.architecture(proposal.architecture)
        return networks.costs(architecture, [metric.name for metric in networks.metrics], context.exclusive())


class _FoldContext:
    """What the evaluation of a fold sees of the engine; reports are those of the first."""

    def __init__(self, whole: Context, number: int) -> None:
        self._whole, self._number = whole, number
        self.seed, self.trained = whole.seed, whole.trained
        self.source = None if whole.source is None else _fold(whole.source, number)

    @property
    def folder(self) -> Path:
        made = _fold(self._whole.folder, self._number)
        made.mkdir(parents=True, exist_ok=True)
        return made

    def report(self, step: float, value: float) -> bool:
        return self._whole.report(step, value) if self._number == 0 else True

    def exclusive(self) -> AbstractContextManager[None]:
        return self._whole.exclusive()


def checkpoints_of(folder: Path) -> list[Path]:
    """The checkpoints of a trial: one for each fold, or the only one."""
    return sorted(folder.glob(f"fold-*/{CHECKPOINT}")) or [folder / CHECKPOINT]


def _fold(folder: Path, number: int) -> Path:
    return folder / f"fold-{number}"
