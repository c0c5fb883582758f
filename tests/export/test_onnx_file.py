"""ONNX files compute what the compressed torch model computes, for every mixer, position and precision."""

import warnings

import numpy as np
import onnx
import pytest
import torch

from sugata.compression import compress
from sugata.decoding import StepGraph, onnx_session
from sugata.export import export_decode_onnx, export_onnx
from sugata.nn import MIXERS, LanguageModel, LanguageModelConfig, LayerConfig

pytestmark = pytest.mark.slow

VARIANTS = {
    "plain": {},
    "llama-like": {
        "position": "rope",
        "normalization": "rmsnorm",
        "activation": "swiglu",
        "tie_embeddings": True,
    },
    "alibi": {"position": "alibi", "normalization": "groupnorm", "activation": "geglu"},
}
ALL_MIXERS = [*([mixer] for mixer in MIXERS), ["mamba", "flash_attention", "rwkv"]]


def model_of(mixers, hidden_dim=32, **changes):
    layers = tuple(LayerConfig(mixer, 48) for mixer in mixers)
    model = LanguageModel(LanguageModelConfig(96, hidden_dim, 4, layers, **changes))
    with torch.no_grad():  # a new model's logits are near zero; larger ones make errors visible
        model.head.weight.mul_(10)
    return model


def random_tokens(*shape):
    return torch.randint(96, shape, generator=torch.Generator().manual_seed(0))


def decode(path, tokens):
    """Logits `(batch, length, vocabulary)`, token by token."""
    sequences = StepGraph(path).start(len(tokens), capacity=5)  # more room must be made on the way
    return np.stack([sequences.feed(token[:, None]) for token in tokens.T], axis=1)


@pytest.mark.parametrize("mixers", ALL_MIXERS, ids="-".join)
@pytest.mark.parametrize("variant", VARIANTS)
def test_both_files_give_the_logits_of_the_model(tmp_path, mixers, variant, capfd):
    compressed = compress(model_of(mixers, **VARIANTS[variant]))
    export_onnx(compressed, tmp_path / "model.onnx")
    export_decode_onnx(compressed, tmp_path / "decode.onnx")
    session = onnx_session(tmp_path / "model.onnx")
    for tokens in (random_tokens(1, 1), random_tokens(3, 150)):  # neither is the length of the trace
        with torch.no_grad():
            expected = compressed.restore()(tokens).numpy()
        (logits,) = session.run(None, {"tokens": tokens.numpy()})
        np.testing.assert_allclose(logits, expected, atol=1e-3)
    steps = decode(tmp_path / "decode.onnx", tokens[:, :12].numpy())
    np.testing.assert_allclose(steps, expected[:, :12], atol=1e-3)
    assert capfd.readouterr() == ("", "")  # onnxruntime warns on stderr, past Python


@pytest.mark.parametrize("quantization", ["int8", "int4"])
@pytest.mark.parametrize("hidden_dim", [64, 40])  # whole groups of 32, ragged ones
@pytest.mark.parametrize("tied", [False, True])
def test_packed_weights_give_the_logits_of_the_compressed_model(tmp_path, quantization, hidden_dim, tied):
    model = model_of(["flash_attention", "rwkv", "mamba"], hidden_dim, tie_embeddings=tied)
    compressed = compress(model, quantization=quantization, pruning_ratio=0.4)
    export_onnx(compressed, tmp_path / "model.onnx")
    export_decode_onnx(compressed, tmp_path / "decode.onnx")
    tokens = random_tokens(2, 20)
    with torch.no_grad():
        expected = compressed.restore()(tokens).numpy()
    (logits,) = onnx_session(tmp_path / "model.onnx").run(None, {"tokens": tokens.numpy()})
    np.testing.assert_allclose(logits, expected, atol=1e-3)
    # int8 decoding rounds the inputs of products as well
    tolerance = 0.03 * np.abs(expected).max() if quantization == "int8" else 1e-3
    np.testing.assert_allclose(decode(tmp_path / "decode.onnx", tokens.numpy()), expected, atol=tolerance)


def test_a_structurally_pruned_model_is_exported_smaller(tmp_path):
    model = model_of(["transformer", "mamba"], activation="swiglu")
    compressed = compress(model, pruning_ratio=0.5, pruning_method="structured")
    export_onnx(compressed, tmp_path / "small.onnx")
    export_onnx(compress(model), tmp_path / "whole.onnx")
    saved = (tmp_path / "whole.onnx").stat().st_size - (tmp_path / "small.onnx").stat().st_size
    assert saved >= 2 * 2 * 3 * 32 * 24  # two layers, 16-bit, three matrices, half of 48 channels
    with torch.no_grad():
        expected = compressed.restore()(random_tokens(2, 9)).numpy()
    (logits,) = onnx_session(tmp_path / "small.onnx").run(None, {"tokens": random_tokens(2, 9).numpy()})
    np.testing.assert_allclose(logits, expected, atol=1e-3)


@pytest.mark.parametrize("which", [export_onnx, export_decode_onnx])
def test_weights_are_stored_at_their_precision(tmp_path, which):
    model = LanguageModel(LanguageModelConfig(4096, 64, 4, (LayerConfig("transformer", 256),)))
    weights = sum(parameter.numel() for parameter in model.parameters())
    for quantization, bits in (("fp16", 16), ("int8", 8), ("int4", 4.5)):
        which(compress(model, quantization=quantization), tmp_path / "m.onnx")
        assert 0 < (tmp_path / "m.onnx").stat().st_size - weights * bits / 8 < 60_000


def test_a_tied_table_is_stored_once(tmp_path):
    for quantization in ("fp16", "int8", "int4"):
        for which in (export_onnx, export_decode_onnx):
            which(
                compress(model_of(["transformer"], tie_embeddings=True), quantization=quantization),
                tmp_path / "m",
            )
            names = [tensor.name for tensor in onnx.load(tmp_path / "m").graph.initializer]
            assert "embedding.weight" in names
            assert not any(name.startswith("head") for name in names)


def test_explicit_and_fused_attention_are_different_graphs(tmp_path):
    operators = {}
    for mixer in ("transformer", "flash_attention"):
        export_onnx(compress(model_of([mixer])), tmp_path / "m.onnx")
        operators[mixer] = {node.op_type for node in onnx.load(tmp_path / "m.onnx").graph.node}
    assert "Attention" in operators["flash_attention"]
    assert "Softmax" not in operators["flash_attention"]
    assert "Softmax" in operators["transformer"]


@pytest.mark.parametrize("mixer", MIXERS)
def test_files_are_valid_onnx_and_exporting_is_silent(tmp_path, mixer, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export_onnx(compress(model_of([mixer])), tmp_path / "model.onnx")
        export_decode_onnx(compress(model_of([mixer])), tmp_path / "decode.onnx")
    assert capfd.readouterr() == ("", "")
    for name in ("model.onnx", "decode.onnx"):
        onnx.checker.check_model(str(tmp_path / name))
