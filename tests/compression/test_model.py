"""Compressed models: sizes known beforehand, files that come back, networks that compute the same."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from sugata.compression import compress, load, matrix_kinds, stored_size
from sugata.errors import SugataError
from sugata.nn import MIXERS, LanguageModel, LanguageModelConfig, LayerConfig

pytestmark = pytest.mark.slow

QUANTIZATIONS = ["fp16", "int8", "int4"]
PRUNINGS = [(0.0, "magnitude"), (0.2, "magnitude"), (0.4, "magnitude"), (0.6, "magnitude")] + [
    (0.2, "structured"),
    (0.4, "structured"),
    (0.6, "structured"),
]


def tiny(mixers=None, *, ffn_dim=96, hidden_dim=64, **changes):
    mixers = mixers or list(MIXERS)
    layers = tuple(LayerConfig(mixer, ffn_dim) for mixer in mixers)
    return LanguageModelConfig(200, hidden_dim, num_heads=4, layers=layers, **changes)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("activation", ["gelu", "swiglu"])
def test_the_size_known_beforehand_is_that_of_the_file(tmp_path, tied, activation):
    config = tiny(tie_embeddings=tied, activation=activation, normalization="groupnorm")
    model = LanguageModel(config)
    for quantization, (ratio, method) in itertools.product(QUANTIZATIONS, PRUNINGS):
        compressed = compress(model, quantization=quantization, pruning_ratio=ratio, pruning_method=method)
        path = tmp_path / "model.safetensors"
        compressed.save(path)
        size = path.stat().st_size
        assert stored_size(config, quantization, ratio, method) == size
        assert compressed.stored_bytes() == size


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
@pytest.mark.parametrize(("ratio", "method"), [(0.0, "magnitude"), (0.6, "magnitude"), (0.6, "structured")])
@pytest.mark.parametrize("tied", [False, True])
def test_a_saved_model_comes_back_with_the_same_weights(tmp_path, quantization, ratio, method, tied):
    model = LanguageModel(tiny(tie_embeddings=tied, hidden_dim=36, ffn_dim=70, activation="geglu"))
    compressed = compress(model, quantization=quantization, pruning_ratio=ratio, pruning_method=method)
    compressed.save(tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    assert again.config == compressed.config
    assert again.compression == compressed.compression
    assert again.stored_bytes() == compressed.stored_bytes()
    ours, theirs = compressed.restore(), again.restore()
    for (name, a), (same, b) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == same
        assert torch.equal(a, b)
    assert (theirs.head.weight is theirs.embedding.weight) == tied


def test_the_same_model_always_gives_the_same_bytes(tmp_path):
    for name in "ab":
        compress(LanguageModel(tiny()), quantization="int4", pruning_ratio=0.4).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_any_safetensors_reader_opens_the_file(tmp_path):
    compress(LanguageModel(tiny()), quantization="int8", pruning_ratio=0.4).save(tmp_path / "m")
    with safe_open(tmp_path / "m", framework="numpy") as file:
        assert file.get_tensor("embedding.weight").dtype == np.int8
        assert json.loads(file.metadata()["config"])["hidden_dim"] == 64


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
def test_outputs_stay_near_those_of_the_trained_model(quantization):
    model = LanguageModel(tiny()).eval()
    tokens = torch.randint(200, (2, 16), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = model(tokens), compress(model, quantization=quantization).restore()(tokens)
    error = (after - before).norm() / before.norm()
    assert error < {"fp16": 2e-3, "int8": 0.05, "int4": 0.5}[quantization]


def test_magnitude_pruning_zeroes_the_exact_share_of_every_linear_layer():
    model = LanguageModel(tiny())
    restored = compress(model, pruning_ratio=0.4).restore()
    kinds = matrix_kinds(model)
    assert "linear" in kinds.values()
    for name, parameter in restored.named_parameters():
        if kinds[name] == "linear":
            assert (parameter == 0).sum() == round(0.4 * parameter.numel()), name
        elif kinds[name] == "embedding":
            assert (parameter == 0).float().mean() < 0.01


def test_a_tied_head_is_one_whole_embedding():
    kinds = matrix_kinds(LanguageModel(tiny(tie_embeddings=True)))
    assert kinds["embedding.weight"] == "embedding"
    assert "head.weight" not in kinds


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("activation", ["gelu", "swiglu"])
def test_removing_dead_channels_changes_nothing(mixer, activation):
    model = LanguageModel(tiny([mixer, mixer], activation=activation)).eval()
    dead = torch.arange(0, 96, 2)
    with torch.no_grad():
        for layer in model.layers:
            for name, parameter in layer.ffn.named_parameters():
                if parameter.ndim == 2 and parameter.shape[1] == 96:
                    parameter[:, dead] *= 1e-6
                    assert name == "down.weight"
        compressed = compress(model, pruning_ratio=0.5, pruning_method="structured")
        smaller = compressed.restore()
        tokens = torch.arange(32).reshape(2, 16)
        assert [layer.ffn_dim for layer in compressed.config.layers] == [48, 48]
        assert sum(p.numel() for p in smaller.parameters()) < sum(p.numel() for p in model.parameters())
        torch.testing.assert_close(smaller(tokens), model(tokens), atol=2e-3, rtol=2e-2)


def test_the_trained_model_is_left_alone():
    model = LanguageModel(tiny())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    compress(model, quantization="int4", pruning_ratio=0.6)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_restoring_does_not_touch_the_global_random_state():
    compressed = compress(LanguageModel(tiny()))
    state = torch.random.get_rng_state()
    compressed.restore()
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"quantization": "int3"}, "int3"),
        ({"pruning_ratio": 1.0}, "pruning_ratio"),
        ({"pruning_method": "random"}, "random"),
    ],
)
def test_unknown_choices_are_named(arguments, word):
    with pytest.raises(SugataError, match=word):
        compress(LanguageModel(tiny()), **arguments)


def test_weights_that_are_not_numbers_are_named():
    model = LanguageModel(tiny())
    with torch.no_grad():
        model.norm.weight[0] = float("nan")
    with pytest.raises(SugataError, match=r"norm\.weight"):
        compress(model)


def test_a_file_without_one_of_its_tensors_names_it(tmp_path):
    compressed = compress(LanguageModel(tiny()))
    tensors = {name: tensor for name, tensor in compressed.tensors.items() if name != "norm.weight"}
    replace(compressed, tensors=tensors).save(tmp_path / "m")
    with pytest.raises(SugataError, match=r"norm\.weight"):
        load(tmp_path / "m")


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "m").write_bytes(b"not safetensors at all")
    with pytest.raises(SugataError, match="safetensors"):
        load(tmp_path / "m")
