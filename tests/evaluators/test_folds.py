"""Candidates scored by cross-validation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sugata.engines.evaluation import TrialContext
from sugata.evaluators.blocks import MEASURES, BlockNetworks
from sugata.evaluators.folds import FoldsEvaluator, checkpoints_of
from sugata.evaluators.training import TrainingEvaluator
from sugata.spaces.blocks import BlockSpace
from sugata.spaces.blocks.defaults import default_graph
from sugata.tasks import Batch, PreparedTask
from sugata.tasks.prepared import ClassAdapter, Rows, TableAdapter, prepare
from sugata.training import TrainingSettings
from sugata.trial import Fidelity, Proposal, Status

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
COUNT = 61
FRAME = pd.DataFrame({"x": RNG.normal(size=COUNT), "y": np.arange(COUNT, dtype=float)})
LABELS = np.where(np.arange(COUNT) % 4 == 0, "seldom", "often")


@pytest.fixture
def task(tmp_path: Path) -> PreparedTask:
    rows = Rows({"table": FRAME}, {"size": LABELS})
    prepare(tmp_path / "data", rows, {"table": TableAdapter.fit}, {"size": ClassAdapter.fit})
    return PreparedTask(tmp_path / "data")


def batch(task: PreparedTask, split: str) -> Batch:
    """All rows of a split."""
    count = task.epoch_size({}) if split == "train" else COUNT - task.epoch_size({})
    return next(task.batches({}, batch_size=count, generator=np.random.default_rng(0), split=split))


def test_each_row_is_held_out_once_and_each_class_in_every_fold(task: PreparedTask) -> None:
    folds = [task.on_fold(number, 3, seed=1) for number in range(3)]
    held = [batch(fold, "validation") for fold in folds]
    assert {len(one.targets) for one in held} == {20, 21}
    assert len(np.unique(np.concatenate([one.inputs.numpy() for one in held]), axis=0)) == COUNT
    seldom = task.data.adapters.targets["size"].labels.index("seldom")
    for fold, one in zip(folds, held, strict=True):
        assert 5 <= (one.targets == seldom).sum() <= 6  # of 16
        rows = np.concatenate([one.inputs.numpy(), batch(fold, "train").inputs.numpy()])
        assert len(np.unique(rows, axis=0)) == COUNT


def test_the_metrics_are_the_means_of_the_folds_and_the_costs_those_of_one(
    task: PreparedTask, tmp_path: Path
) -> None:
    space = BlockSpace(**default_graph({"table": "table"}, {"size": "classification"}))
    settings = TrainingSettings(batch_size=16, evaluations=4, patience=4)
    budget = Fidelity(0, "full", 20, "steps")
    whole = TrainingEvaluator(BlockNetworks(space, task), settings, ladder=(budget,))
    evaluator = FoldsEvaluator(whole, 3, seed=1)
    architecture = space.architecture(space.sample(np.random.default_rng(0)))
    told: list[float] = []
    context = TrialContext(7, tmp_path / "trial", None, False, lambda step, value: told.append(value))
    found = evaluator.evaluate(Proposal(0, architecture, budget), context)
    assert found.status is Status.COMPLETED
    assert len(told) == 4  # the first fold's
    assert len(checkpoints_of(tmp_path / "trial")) == 3

    alone = [
        fold.evaluate(
            Proposal(0, architecture, budget),
            TrialContext(7, tmp_path / f"alone-{number}", None, False, lambda step, value: None),
        ).metrics
        for number, fold in enumerate(evaluator.folds)
    ]
    for metric in task.metrics:
        mean = np.mean([one[metric.name] for one in alone])
        assert found.metrics[metric.name] == pytest.approx(mean), metric.name
    assert {one.name for one in MEASURES} <= set(found.metrics)
    assert found.metrics["parameters"] == whole.quick_metrics(architecture, ["parameters"])["parameters"]

    again = TrialContext(7, tmp_path / "again", tmp_path / "trial", True, lambda step, value: None)
    shared = evaluator.evaluate(Proposal(1, architecture, budget), again)
    assert shared.metrics["cross_entropy"] == found.metrics["cross_entropy"]
    assert len(checkpoints_of(tmp_path / "again")) == 3
