"""Settings of a training, and the precision that follows from them."""

from typing import Any

import pytest
import torch
from torch import nn

from sugata.errors import RecipeError
from sugata.training import TrainingSettings
from sugata.training.precision import choose_precision


@pytest.mark.parametrize(
    ("field", "value"),
    [("learning_rate", 0.0), ("warmup", 1.5), ("precision", "int8"), ("clip", -1.0), ("accumulation", 0)],
)
def test_impossible_settings_name_the_field(field: str, value: Any) -> None:
    with pytest.raises(RecipeError, match=field):
        TrainingSettings(**{field: value})


def test_patience_needs_validations() -> None:
    with pytest.raises(RecipeError, match="evaluations"):
        TrainingSettings(patience=2)


def test_fp16_is_refused_on_a_cpu() -> None:
    with pytest.raises(RecipeError, match="fp16"):
        choose_precision("fp16", nn.Linear(2, 2), torch.device("cpu"))


def test_automatic_precision_is_bf16_only_for_large_matrices_on_matrix_units(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cpu, small, large = torch.device("cpu"), nn.Linear(64, 64), nn.Linear(512, 512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert choose_precision("auto", small, cpu) == "fp32"
    assert choose_precision("auto", large, cpu) == "bf16"
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert choose_precision("auto", large, cpu) == "fp32"
    assert choose_precision("bf16", small, cpu) == "bf16"


def test_rate_and_decay_are_the_usual_ones_of_the_optimizer() -> None:
    assert (TrainingSettings().rate, TrainingSettings().decay) == (0.004, 0.1)
    sgd = TrainingSettings(optimizer="sgd")
    assert (sgd.rate, sgd.decay) == (0.1, 5e-4)
    assert TrainingSettings(optimizer="sgd", weight_decay=0.0).decay == 0
