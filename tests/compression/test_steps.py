"""Compression step by step, over all mixers: replayed bit for bit, smaller, never worse than rounding."""

import numpy as np
import pytest
import torch

from sugata.compression import (
    Record,
    calibration_windows,
    load,
    prune_magnitude,
    prune_structured,
    quantize,
    replay,
    sparsity,
)
from sugata.compression.awq import scale_channels, sites
from sugata.compression.steps import _all_inputs, _gptq_layers, _linears
from sugata.errors import SugataError
from sugata.nn import MIXERS, LanguageModel, LanguageModelConfig, LayerConfig

pytestmark = pytest.mark.slow

VOCABULARY = 96


def small(mixers=None, **changes):
    layers = tuple(LayerConfig(mixer, 80) for mixer in mixers or MIXERS)
    model = LanguageModel(LanguageModelConfig(VOCABULARY, 64, num_heads=4, layers=layers, **changes))
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():  # norms that do something, and channels of different sizes
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.mul_(torch.empty_like(parameter).log_normal_(0, 1, generator=generator))
    return model.eval()


@pytest.fixture(scope="module")
def data():
    return calibration_windows(np.random.default_rng(0).integers(0, VOCABULARY, 4000), windows=6, length=64)


CASES = [
    {"tie_embeddings": True, "activation": "gelu", "normalization": "rmsnorm", "position": "rope"},
    {"tie_embeddings": False, "activation": "swiglu", "normalization": "layernorm", "position": "alibi"},
    {"tie_embeddings": False, "activation": "geglu", "normalization": "groupnorm", "position": "absolute"},
]


@pytest.mark.parametrize("case", CASES)
def test_awq_folds_scales_without_changing_what_the_model_computes(case, data):
    model = small(**case)
    tokens = data.tokens[:2]
    with torch.no_grad():
        before = model(tokens)
        seen = _all_inputs(model, data)
        old = {name: p.clone() for name, p in model.named_parameters()}
        scale_channels(model, seen, 4, 32)
        after = model(tokens)
    torch.testing.assert_close(after, before, rtol=2e-4, atol=2e-4)
    moved = {name.rsplit(".", 1)[0] for name, p in model.named_parameters() if not torch.equal(p, old[name])}
    assert len(moved) > len(model.layers)


def test_every_linear_layer_but_down_behind_a_plain_activation_has_a_site():
    for activation, without in (("swiglu", set()), ("gelu", {"transformer", "mamba"})):
        model = small(["transformer", "mamba", "rwkv"], activation=activation, tie_embeddings=False)
        read = {name for site in sites(model) for name in site.readers}
        missing = set(_linears(model)) - read
        expected = [i for i, layer in enumerate(model.config.layers) if layer.mixer in without]
        assert missing == {f"layers.{i}.ffn.down" for i in expected}


@pytest.mark.parametrize("method", ["rtn", "gptq", "awq"])
@pytest.mark.parametrize("storage", ["int8", "int4"])
def test_a_replayed_record_gives_the_same_file(tmp_path, data, method, storage):
    model = small(tie_embeddings=False, activation="swiglu")
    before = {name: p.clone() for name, p in model.named_parameters()}
    pruned, record = prune_structured(model, Record(), ratio=0.4, importance="taylor", calibration=data)
    pruned, record = prune_magnitude(pruned, record, ratio=0.6)
    shipped, record = quantize(pruned, record, storage=storage, method=method, calibration=data)
    shipped.save(tmp_path / "a")
    again, same = replay(model, Record.from_json(record.to_json()), {data.fingerprint: data})
    again.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert shipped.stored_bytes() == (tmp_path / "a").stat().st_size
    assert same == record == load(tmp_path / "a").record
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    assert all(np.isfinite(t.restore()).all() for t in shipped.tensors.values())


@pytest.mark.parametrize("mixer", MIXERS)
def test_calibrated_int4_is_nearer_to_the_model_than_rounding_to_nearest(mixer):
    model = small([mixer] * 2, tie_embeddings=False)
    stream = np.random.default_rng(1).integers(0, VOCABULARY, 20_000)
    data = calibration_windows(stream, windows=24, length=64)
    fresh = calibration_windows(stream, windows=8, length=64, seed=9).tokens

    def distance(method):
        shipped, _ = quantize(model, Record(), storage="int4", method=method, calibration=data)
        with torch.no_grad():
            return float((shipped.restore()(fresh) - model(fresh)).square().mean())

    plain = distance("rtn")
    assert distance("gptq") < plain
    # A model whose output is random weights has little to gain in the last matrix; it must not lose much.
    assert distance("awq") < 1.1 * plain


def test_packed_int4_takes_half_a_byte_a_weight_and_a_scale_for_32(data):
    model = small(["transformer"], tie_embeddings=False)
    shipped, _ = quantize(model, Record(), storage="int4", method="gptq", calibration=data)
    tensor = shipped.tensors["layers.0.mixer.qkv.weight"]
    rows, columns = tensor.shape
    assert tensor.parts[""].nbytes == rows * columns // 2
    assert tensor.parts["scale"].nbytes == 2 * rows * columns // 32


def test_gptq_keeps_pruned_weights_zero_and_stores_them_sparsely(data):
    pruned, record = prune_magnitude(small(), Record(), ratio=0.6)
    shipped, _ = quantize(pruned, record, storage="int8", method="gptq", calibration=data)
    tensor = shipped.tensors["layers.0.ffn.up.weight"]
    assert tensor.layout.sparse
    gone = pruned.get_parameter("layers.0.ffn.up.weight") == 0
    assert not tensor.restore()[gone.numpy()].any()


@pytest.mark.parametrize("scope", ["layer", "global"])
@pytest.mark.parametrize("ratio", [0.2, 0.4, 0.6])
def test_magnitude_pruning_removes_the_share_it_says(scope, ratio):
    model = small()
    pruned, _ = prune_magnitude(model, Record(), ratio=ratio, scope=scope)
    kinds = [p for name, p in pruned.named_parameters() if name.removesuffix(".weight") in _linears(pruned)]
    zeros, count = sum(int((p == 0).sum()) for p in kinds), sum(p.numel() for p in kinds)
    assert zeros / count == pytest.approx(ratio, abs=1e-3)
    if scope == "layer":
        assert sparsity(pruned) == pytest.approx(ratio, abs=1e-3)


@pytest.mark.parametrize("importance", ["magnitude", "taylor"])
def test_structured_pruning_gives_a_smaller_dense_model_that_runs(importance, data):
    model = small(activation="geglu")
    narrow, record = prune_structured(model, Record(), ratio=0.4, importance=importance, calibration=data)
    assert {layer.ffn_dim for layer in narrow.config.layers} == {48}
    shallow, record = prune_structured(
        narrow, record, ratio=0.5, unit="layers", importance=importance, calibration=data
    )
    assert len(shallow.layers) == 3
    assert sum(p.numel() for p in shallow.parameters()) < 0.6 * sum(p.numel() for p in model.parameters())
    loss = shallow(data.tokens).square().mean()
    loss.backward()  # it can be trained on
    assert all(p.grad is not None for p in shallow.parameters())
    assert [step.settings["unit"] for step in record.steps] == ["channels", "layers"]


def test_taylor_importance_finds_what_the_output_does_not_need(data):
    model = small(["transformer"] * 3)
    with torch.no_grad():
        model.layers[1].ffn.down.weight.zero_()
        model.layers[1].mixer.output.weight.zero_()
        model.layers[0].ffn.down.weight[:, :40].zero_()
    shallow, _ = prune_structured(
        model, Record(), ratio=0.34, unit="layers", importance="taylor", calibration=data
    )
    narrow, _ = prune_structured(model, Record(), ratio=0.4, importance="taylor", calibration=data)
    with torch.no_grad():
        torch.testing.assert_close(shallow(data.tokens), model(data.tokens))
    assert torch.equal(narrow.layers[0].ffn.up.weight[8:], model.layers[0].ffn.up.weight[40:])


def test_calibration_is_layer_by_layer_behind_quantized_layers(data):
    """With everything at once the second layer would be calibrated on inputs it never sees again."""
    model = small(["transformer"] * 2)
    rounded = _gptq_layers(model, data, "int4", False, 0.01)
    for name, tensor in rounded.items():  # left in the model are exactly the weights that ship
        assert np.array_equal(model.get_parameter(name).detach().numpy(), tensor.restore())


def test_bad_input_is_one_clear_line(data):
    with pytest.raises(
        SugataError, match=r"calibration: the text has 100 tokens, fewer than a sequence of 256"
    ):
        calibration_windows(np.zeros(100))
    model = small(["mamba"])
    with pytest.raises(SugataError, match="method gptq needs text to calibrate on"):
        quantize(model, Record(), storage="int4", method="gptq")
    with pytest.raises(SugataError, match="int8 goes with int8 weights, not with int4"):
        quantize(model, Record(), storage="int4", activations="int8")
    _, record = quantize(model, Record(), storage="int4", method="awq", calibration=data)
    with pytest.raises(SugataError, match=f"data {data.fingerprint} of step quantize was not given"):
        replay(model, record)
