"""Heads that go: a smaller dense model that computes what the masked one does, in every form."""

import numpy as np
import onnxruntime
import pytest
import torch

from sugata.compression import Record, calibration_windows, load, prune_structured, quantize, replay
from sugata.compression.structured import heads_left
from sugata.errors import InvalidArchitecture, SugataError
from sugata.export import export_decode_onnx
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig

pytestmark = pytest.mark.slow

VOCABULARY = 96
WITH_HEADS = ("transformer", "flash_attention", "grouped_query_attention", "linear_transformer")
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def model_of(*mixers, **changes):
    fields = {"position": "rope", "num_heads": 8, **changes}
    layers = tuple(LayerConfig(mixer, 48) for mixer in mixers)
    model = LanguageModel(LanguageModelConfig(VOCABULARY, 64, layers=layers, **fields))
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():  # norms that do something, heads of different sizes, logits of order one
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.mul_(torch.empty_like(parameter).log_normal_(0, 0.5, generator=generator))
            if name.startswith("head"):
                parameter.mul_(8)
    return model.eval()


@pytest.fixture(scope="module")
def data():
    return calibration_windows(np.random.default_rng(0).integers(0, VOCABULARY, 4000), windows=4, length=40)


def masked(model, smaller):
    """The whole model, with what the heads that are gone give set to zero."""
    copy = LanguageModel(model.config)
    copy.load_state_dict(model.state_dict())
    with torch.no_grad():
        for whole, left, layer in zip(model.config.layers, smaller.config.layers, copy.layers, strict=True):
            for head in range(model.config.heads_of(whole)[0]):
                if left.heads is not None and head not in left.heads:
                    width = model.config.head_dim
                    layer.mixer.output.weight[:, head * width : (head + 1) * width] = 0
    return copy.eval()


@pytest.mark.parametrize("importance", ["magnitude", "taylor"])
@pytest.mark.parametrize("position", ["absolute", "rope", "alibi"])
@pytest.mark.parametrize("mixer", WITH_HEADS)
def test_the_smaller_model_computes_what_the_masked_one_does(data, mixer, position, importance):
    model = model_of(mixer, "rwkv", mixer, position=position)
    smaller, _ = prune_structured(
        model, Record(), ratio=0.4, unit="heads", importance=importance, calibration=data
    )
    left = (4, 2) if mixer == "grouped_query_attention" else (5, 5)
    assert [smaller.config.heads_of(layer) for layer in smaller.config.layers] == [left, (0, 0), left]
    assert smaller.layers[0].mixer.qkv.weight.shape[0] < model.layers[0].mixer.qkv.weight.shape[0]
    whole, tokens = masked(model, smaller), data.tokens[:2]
    with torch.no_grad():
        expected = whole(tokens)
        torch.testing.assert_close(smaller(tokens), expected, **CLOSE)
        assert (model(tokens) - expected).abs().max() > 0.01  # what went was not nothing
        torch.testing.assert_close(smaller.train()(tokens), expected, **CLOSE)
        state = smaller.eval().initial_state(2)
        read, state = smaller.extend(tokens[:, :20], state)
        stepped, _ = smaller.step(tokens[:, 20], state)
        torch.testing.assert_close(
            torch.cat((read, stepped[:, None]), 1), expected[:, :21], rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("ratio", [0.25, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("pairs", [1, 2, 4, 8])
def test_key_value_heads_serve_equally_many_at_every_ratio(data, pairs, ratio):
    model = model_of("grouped_query_attention", num_key_value_heads=pairs, position="alibi")
    smaller, _ = prune_structured(model, Record(), ratio=ratio, unit="heads")
    heads, groups = smaller.config.heads_of(smaller.config.layers[0])
    assert heads % groups == 0
    assert abs(heads - 8 * (1 - ratio)) <= 1
    with torch.no_grad():
        torch.testing.assert_close(smaller(data.tokens), masked(model, smaller)(data.tokens), **CLOSE)


def test_what_stays_is_nearest_to_the_share_and_keeps_key_value_heads():
    assert heads_left(8, 1, 0.25) == (6, 1)
    assert heads_left(2, 4, 0.25) == (2, 3)
    assert heads_left(4, 2, 0.25) == (3, 2)
    assert heads_left(4, 2, 0.5) == (4, 1)
    assert heads_left(1, 2, 0.99) == (1, 1)


@pytest.mark.parametrize("importance", ["magnitude", "taylor"])
def test_a_head_that_does_nothing_goes_first(data, importance):
    model = model_of("transformer", "linear_transformer", num_heads=4)
    with torch.no_grad():
        model.layers[0].mixer.output.weight[:, 16:32] = 0
        model.layers[1].mixer.output.weight[:, 48:] = 0
    smaller, _ = prune_structured(
        model, Record(), ratio=0.25, unit="heads", importance=importance, calibration=data
    )
    assert [layer.heads for layer in smaller.config.layers] == [(0, 2, 3), (0, 1, 2)]
    with torch.no_grad():
        torch.testing.assert_close(smaller(data.tokens), model(data.tokens), **CLOSE)


def test_magnitude_does_not_change_when_factors_move_between_values_and_output():
    model, moved = (model_of("flash_attention", num_heads=4) for _ in range(2))
    with torch.no_grad():
        turn = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(0)))[0] * 9
        values, output = (
            moved.layers[0].mixer.qkv.weight[128:144],
            moved.layers[0].mixer.output.weight[:, :16],
        )
        values.copy_(turn @ values)
        output.copy_(output @ torch.linalg.inv(turn))
    kept = [
        prune_structured(one, Record(), ratio=0.5, unit="heads")[0].config.layers[0].heads
        for one in (model, moved)
    ]
    assert kept[0] == kept[1]


def test_pruned_again_and_in_turn_with_layers_the_numbers_stay_those_of_the_whole_model(data):
    model = model_of(*["flash_attention"] * 3, position="alibi")
    once, record = prune_structured(model, Record(), ratio=0.25, unit="heads")
    twice, record = prune_structured(once, record, ratio=0.34, unit="heads")
    assert all(
        set(b.heads) < set(a.heads) for a, b in zip(once.config.layers, twice.config.layers, strict=True)
    )
    with torch.no_grad():
        torch.testing.assert_close(twice(data.tokens), masked(model, twice)(data.tokens), **CLOSE)
    shallow, _ = prune_structured(twice, record, ratio=0.34, unit="layers")
    assert len(shallow.config.layers) == 2
    assert LanguageModelConfig.from_dict(shallow.config.to_dict()) == shallow.config


@pytest.mark.parametrize("mixer", WITH_HEADS)
def test_a_pruned_model_replays_saves_trains_and_decodes(tmp_path, data, mixer):
    model = model_of(mixer, "mamba", position="alibi", tie_embeddings=True)
    smaller, record = prune_structured(
        model, Record(), ratio=0.25, unit="heads", importance="taylor", calibration=data
    )
    smaller(data.tokens).square().mean().backward()
    assert all(parameter.grad is not None for parameter in smaller.parameters())
    shipped, record = quantize(smaller, record, storage="int4", method="awq", calibration=data)
    shipped.save(tmp_path / "a")
    again, _ = replay(model, Record.from_json(record.to_json()), {data.fingerprint: data})
    again.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert load(tmp_path / "a").config == smaller.config
    assert shipped.stored_bytes() == (tmp_path / "a").stat().st_size
    export_decode_onnx(shipped, tmp_path / "decode.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "decode.onnx")
    feeds = {"tokens": data.tokens[:1, :9].numpy()}
    for value in session.get_inputs()[1:]:
        shape = [{"batch": 1, "past": 0}.get(axis, axis) for axis in value.shape]
        feeds[value.name] = np.zeros(shape, np.int64 if "int64" in value.type else np.float32)
    logits = session.run(["logits"], feeds)[0]
    with torch.no_grad():
        expected = shipped.restore()(data.tokens[:1, :9])[:, -1]
    assert np.abs(logits - expected.numpy()).max() < 1e-3 * float(expected.abs().max())


def test_models_without_heads_and_shares_below_one_head_are_one_clear_line():
    with pytest.raises(SugataError, match="heads: no layer of mamba, rwkv has attention heads; prune struct"):
        prune_structured(model_of("mamba", "rwkv"), Record(), ratio=0.5, unit="heads")
    with pytest.raises(SugataError, match="heads: none goes at 25% of 2 query heads on 2 key"):
        prune_structured(model_of("transformer", num_heads=2), Record(), ratio=0.25, unit="heads")
    with pytest.raises(SugataError, match="layers: none goes at 20% of 2; give a larger share"):
        prune_structured(model_of("rwkv", "rwkv"), Record(), ratio=0.2, unit="layers")


@pytest.mark.parametrize(
    "layer",
    [
        LayerConfig("transformer", 8, heads=(0, 9)),
        LayerConfig("transformer", 8, heads=(2, 1)),
        LayerConfig("transformer", 8, heads=()),
        LayerConfig("grouped_query_attention", 8, heads=(0, 1, 4)),
    ],
)
def test_impossible_heads_are_refused(layer):
    with pytest.raises(InvalidArchitecture, match="give ascending numbers below num_heads 8, equally many"):
        LanguageModelConfig(VOCABULARY, 64, 8, (layer,))
    with pytest.raises(InvalidArchitecture, match="mamba has no attention heads"):
        LayerConfig("mamba", 8, heads=(0,))
