"""Auxiliary classifier and drop path in the training of cell networks."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sugata.errors import RecipeError
from sugata.nn.cell_network import CellNetwork
from sugata.space import image_signature
from sugata.spaces.cell import DartsSpace
from sugata.tasks import Batch
from sugata.training import CHECKPOINT, TrainingSettings, loop, train
from sugata.training.regularization import loss
from sugata.trial import Fidelity

from .toy import Counting, small_model

SPACE = DartsSpace(channels=2, cells=3, auxiliary=True)
ARCHITECTURE = SPACE.sample(np.random.default_rng(3))


class Stripes(Counting):
    """Images whose class is the brighter half."""

    def batches(self, architecture: Any, *, batch_size: int, generator: Any, **options: Any) -> Any:
        while True:
            images = torch.from_numpy(generator.normal(size=(batch_size, 1, 8, 8)).astype(np.float32))
            yield Batch(images, (images[:, 0, :4].mean((1, 2)) > images[:, 0, 4:].mean((1, 2))).long())

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        return F.cross_entropy(model(batch.inputs), batch.targets)


def network() -> CellNetwork:
    made = SPACE.build(ARCHITECTURE, image_signature(1, 8, 8, 2))
    made.initialize(torch.Generator().manual_seed(0))
    return made


def trained(steps: int = 6, folder: Path | None = None, **settings: Any) -> CellNetwork:
    made = network()
    train(
        made,
        Stripes(),
        ARCHITECTURE,
        TrainingSettings(batch_size=4, optimizer="sgd", **settings),
        budget=Fidelity(amount=steps, unit="steps"),
        seed=1,
        folder=folder,
    )
    return made


def weights(model: nn.Module) -> list[torch.Tensor]:
    return [parameter.detach() for parameter in model.parameters()]


def test_the_auxiliary_loss_is_added_with_its_weight() -> None:
    made, task = network(), Stripes()
    batch = next(task.batches({}, batch_size=4, generator=np.random.default_rng(0)))
    outputs, auxiliary = made.forward_with_auxiliary(batch.inputs)
    assert auxiliary is not None
    both = F.cross_entropy(outputs, batch.targets) + 0.4 * F.cross_entropy(auxiliary, batch.targets)
    assert torch.allclose(loss(made, task, batch, 0.4), both)
    assert torch.equal(loss(made, task, batch, 0.0), task.loss(made, batch))


def test_the_auxiliary_head_is_trained_unless_its_weight_is_zero() -> None:
    before = network().auxiliary.classifier.weight
    assert not torch.equal(trained().auxiliary.classifier.weight, before)
    assert torch.equal(trained(auxiliary_weight=0.0, weight_decay=0.0).auxiliary.classifier.weight, before)


def test_drop_path_changes_training_and_is_decided_by_the_seed() -> None:
    first, second, without = trained(drop_path=0.5), trained(drop_path=0.5), trained()
    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(weights(first), weights(without), strict=True))
    assert first.drop_path.probability == 0
    copy.deepcopy(first)


def test_the_probability_grows_linearly_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    forward = CellNetwork.forward_with_auxiliary

    def watched(self: CellNetwork, images: torch.Tensor) -> Any:
        seen.append(self.drop_path.probability)
        return forward(self, images)

    monkeypatch.setattr(CellNetwork, "forward_with_auxiliary", watched)
    trained(steps=4, drop_path=0.2)
    assert seen == pytest.approx([0.0, 0.05, 0.1, 0.15])


def test_a_killed_training_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(drop_path=0.5)
    step = loop._Run.step

    def dies(self: Any) -> None:
        if self.progress.step == 3:
            self.save(tmp_path)
            raise KeyboardInterrupt
        step(self)

    monkeypatch.setattr(loop._Run, "step", dies)
    with pytest.raises(KeyboardInterrupt):
        trained(drop_path=0.5, folder=tmp_path)
    monkeypatch.setattr(loop._Run, "step", step)
    again = network()
    train(
        again,
        Stripes(),
        ARCHITECTURE,
        TrainingSettings(batch_size=4, optimizer="sgd", drop_path=0.5),
        budget=Fidelity(amount=6, unit="steps"),
        seed=1,
        resume_from=tmp_path / CHECKPOINT,
    )
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(again), strict=True))


def test_a_network_without_paths_cannot_drop_them() -> None:
    settings = TrainingSettings(batch_size=8, length=16, drop_path=0.1)
    with pytest.raises(RecipeError, match="LanguageModel has no paths"):
        train(small_model(), Counting(), {}, settings, budget=Fidelity(amount=2, unit="steps"))
    with pytest.raises(RecipeError, match="drop_path is 1"):
        TrainingSettings(drop_path=1.0)
