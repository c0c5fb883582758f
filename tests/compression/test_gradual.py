"""Zeros grow along the schedule, stay where they are, and are all the state that there is."""

import pickle

import numpy as np
import pytest
import torch

from sugata.compression import GradualPruning, KeepZeros, compress, sparsity
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig


def small() -> LanguageModel:
    return LanguageModel(LanguageModelConfig(96, 64, 4, (LayerConfig("transformer", 96),)))


def disturb(model: LanguageModel) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01)


def test_zeros_grow_along_the_schedule_and_then_stay() -> None:
    model = small()
    pruning = GradualPruning(model, 0.6)
    pruning(0.0)
    assert sparsity(model) == 0
    for share in np.linspace(0.05, 1, 20):
        disturb(model)
        pruning(float(share))
        time = min(int(32 * share / 0.7) / 32, 1)  # of the last mask
        assert sparsity(model) == pytest.approx(0.6 * (1 - (1 - time) ** 3), abs=0.07)
        if share == 0.05:
            assert sparsity(model) == pytest.approx(0.6 * (1 - (1 - 0.05 / 0.7) ** 3), abs=0.001)
    assert sparsity(model) == pytest.approx(0.6, abs=0.001)
    kept = KeepZeros(model)
    disturb(model)
    kept(0.5)
    assert sparsity(model) == pytest.approx(0.6, abs=0.001)


def test_a_training_of_one_step_reaches_the_share() -> None:
    model = small()
    pruning = GradualPruning(model, 0.4)
    pruning(0.0)
    pruning(1.0)
    assert sparsity(model) == pytest.approx(0.4, abs=0.001)


def test_one_that_is_made_anew_in_between_goes_on_as_the_first_would() -> None:
    models = small(), small()
    first, second = (GradualPruning(model, 0.6) for model in models)
    for share in np.linspace(0, 1, 41):
        for model, pruning in zip(models, (first, second), strict=True):
            if share:
                disturb(model)
            pruning(float(share))
        second = GradualPruning(models[1], 0.6)  # begins with what is there
        second(float(share))
    assert all(torch.equal(a, b) for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True))


def test_more_time_opens_the_masks_and_closes_them_again() -> None:
    model = small()
    GradualPruning(model, 0.6)(0.0)
    pruning = GradualPruning(model, 0.6)
    pruning(0.0)
    pruning(1.0)
    again, found = GradualPruning(model, 0.6), []
    for share in (0.0, 0.1, 0.9):
        if share:
            disturb(model)
        again(share)
        disturb(model)
        again(share)
        found.append(sparsity(model))
    assert found[0] == found[2] == pytest.approx(0.6, abs=0.001)
    assert found[1] == pytest.approx(again.ratio_at(0.1), abs=0.001)


def test_a_model_and_its_pruning_travel_together_to_another_process() -> None:
    model = small()
    model, pruning = pickle.loads(pickle.dumps((model, GradualPruning(model, 0.6))))
    pruning(0.0)
    pruning(1.0)
    assert sparsity(model) == pytest.approx(0.6, abs=0.001)


def test_what_ships_of_a_gradually_pruned_model_is_what_was_left() -> None:
    model = small()
    pruning = GradualPruning(model, 0.6)
    pruning(0.0)
    pruning(1.0)
    shipped = compress(model, pruning_ratio=0.6, pruning_method="gradual")
    matrix = "layers.0.ffn.up.weight"
    assert shipped.tensors[matrix].layout.sparse
    restored = shipped.restore().get_parameter(matrix)
    assert torch.equal(restored == 0, model.get_parameter(matrix) == 0)
    assert shipped.compression.pruning_method == "gradual"
