import pytest
import torch
from torch import nn

from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.training import TrainingSettings, parameter_groups


def rates_and_decays(model: nn.Module) -> dict[str, tuple[float, float]]:
    groups = parameter_groups(model, 0.01, 0.1, 128)
    by_parameter = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}
    return {name: by_parameter[id(p)] for name, p in model.named_parameters()}


def language_model(mixer: str, width: int, tied: bool = False) -> LanguageModel:
    layers = (LayerConfig(mixer, 4 * width),)
    return LanguageModel(LanguageModelConfig(50, width, 2, layers, tie_embeddings=tied), device="meta")


def test_rates_of_matrices_fall_with_their_fan_in() -> None:
    found = rates_and_decays(language_model("transformer", 256))
    assert found["layers.0.mixer.qkv.weight"][0] == pytest.approx(0.005)
    assert found["layers.0.ffn.down.weight"][0] == pytest.approx(0.01 * 128 / 1024)
    assert found["head.weight"][0] == pytest.approx(0.005)
    assert found["embedding.weight"][0] == pytest.approx(0.01)
    assert found["norm.weight"] == (0.01, 0.0)


@pytest.mark.parametrize("mixer", ["transformer", "linear_transformer", "mamba", "rwkv"])
@pytest.mark.parametrize("width", [64, 256])
def test_every_parameter_is_trained_once_and_decays_alike(mixer: str, width: int) -> None:
    model = language_model(mixer, width)
    grouped = [id(p) for g in parameter_groups(model, 0.01, 0.1, 128) for p in g["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())
    for name, (rate, decay) in rates_and_decays(model).items():
        # What a step takes away does not depend on the width.
        assert rate * decay == pytest.approx(0.001) or decay == 0.0
        parameter = model.get_parameter(name)
        if parameter.ndim < 2:
            assert decay == 0.0, name


def test_a_tied_weight_trains_at_the_heads_rate() -> None:
    assert rates_and_decays(language_model("transformer", 256, tied=True))["embedding.weight"][
        0
    ] == pytest.approx(0.005)


def test_recurrent_mixers_train_faster_by_their_own_factor() -> None:
    for mixer, factor in (("transformer", 1.0), ("mamba", 4.0), ("rwkv", 4.0)):
        found = rates_and_decays(language_model(mixer, 128))
        rates = [rate for name, (rate, _) in found.items() if name.startswith("layers.0.mixer.")]
        assert min(rates) >= 0.01 * factor / 2  # an expanded inner width halves its output's rate
        assert max(rates) == pytest.approx(0.01 * factor)
        assert found["embedding.weight"][0] == pytest.approx(0.01)


def test_frozen_parameters_are_left_out() -> None:
    model = nn.Sequential(nn.Linear(128, 128), nn.Linear(128, 4))
    model[0].requires_grad_(False)
    grouped = [p for g in parameter_groups(model, 0.01, 0.1, 128) for p in g["params"]]
    assert {id(p) for p in grouped} == {id(p) for p in model[1].parameters()}


def test_small_inputs_have_a_bounded_rate() -> None:
    assert rates_and_decays(nn.Linear(3, 64))["weight"][0] == pytest.approx(0.04)


def test_a_step_changes_outputs_alike_at_every_width() -> None:
    # The point of it all: a few steps at one base rate move the logits alike, however wide the network.
    changes = []
    for width in (32, 512):
        config = LanguageModelConfig(50, width, 4, (LayerConfig("transformer", 4 * width),) * 2)
        model = LanguageModel(config)
        optimizer = torch.optim.AdamW(parameter_groups(model, 0.01, 0.0, 128))
        tokens = torch.arange(64).view(2, 32) * 7 % 50
        with torch.no_grad():
            before = model(tokens)
        for _ in range(3):
            nn.functional.cross_entropy(
                model(tokens)[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()
            ).backward()
            optimizer.step()
            optimizer.zero_grad()
        with torch.no_grad():
            changes.append((model(tokens) - before).std().item())
    assert changes[1] / changes[0] == pytest.approx(1.0, abs=0.7)


def test_the_default_settings_are_valid() -> None:
    assert TrainingSettings().rate > 0
