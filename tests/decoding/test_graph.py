"""Step graphs give the logits of the torch model: sampled architectures, blocks, batches, too little room."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sugata.compression import compress
from sugata.decoding import StepGraph
from sugata.errors import SugataError
from sugata.export import export_decode_onnx, export_onnx
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.spaces.language import HybridLanguageSpace, LanguageSpace

pytestmark = pytest.mark.slow

SMALL = {"hidden_dim": [64, 96], "vocab_size": [512], "num_layers": [2, 3]}
SPACES = [LanguageSpace("full", SMALL), HybridLanguageSpace(SMALL)]


def loud(config: LanguageModelConfig) -> LanguageModel:
    """A model whose weights are all random, and whose logits are large enough to show errors."""
    model = LanguageModel(config).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith("head") or "norm" in name:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model


def attention_of(num_heads: int, **fields) -> LanguageModel:
    return loud(LanguageModelConfig(512, 48, num_heads, (LayerConfig("transformer", 64),) * 2, **fields))


@given(
    seed=st.integers(0, 2**32 - 1),
    made=st.sampled_from(SPACES),
    batch=st.sampled_from([1, 3]),
    blocks=st.lists(st.sampled_from([1, 2, 7, 40]), min_size=1, max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_any_architecture_in_any_blocks(tmp_path_factory, seed, made, batch, blocks) -> None:
    config = made.config(made.sample(np.random.default_rng(seed)))
    check(loud(config), tmp_path_factory.mktemp("graph") / "decode.onnx", batch, blocks)


@torch.no_grad()
def check(model: LanguageModel, path: Path, batch: int, blocks: list[int]) -> StepGraph:
    compressed = compress(model)
    export_decode_onnx(compressed, path)
    graph = StepGraph(path)
    sequences = graph.start(batch, capacity=4)
    tokens = torch.randint(512, (batch, sum(blocks)), generator=torch.Generator().manual_seed(2))
    expected = compressed.restore()(tokens).numpy()
    for block, end in zip(torch.split(tokens, blocks, dim=1), np.cumsum(blocks), strict=True):
        logits = sequences.feed(block.numpy())
        np.testing.assert_allclose(logits, expected[:, end - 1], atol=1e-4, rtol=1e-4)
        assert sequences.length == end
    return graph


@pytest.mark.parametrize("position", ["absolute", "rope", "alibi"])
@pytest.mark.parametrize(("num_heads", "in_place"), [(3, True), (4, False)])  # heads of 16 and of 12
def test_caches_of_any_width(tmp_path, position, num_heads, in_place) -> None:
    model = attention_of(num_heads, position=position)
    assert check(model, tmp_path / "decode.onnx", 1, [9, 1, 1, 5, 1]).in_place == in_place


def test_a_token_is_written_into_its_place(tmp_path) -> None:
    export_decode_onnx(compress(attention_of(3)), tmp_path / "decode.onnx")
    sequences = StepGraph(tmp_path / "decode.onnx").start(1, capacity=8)
    before = {name: pair[0].data_ptr() for name, pair in sequences._pairs.items()}
    for token in range(8):
        sequences.feed(np.array([[token]]))
    name = sequences.graph.caches[0]
    cache = sequences._pairs[name][0]
    assert cache.data_ptr() == before[name]
    assert np.abs(cache.numpy()).min(axis=(1, 3)).all()  # eight tokens, no row left as zeros


def test_timing_may_skip_a_context(tmp_path) -> None:
    for heads in (3, 4):
        export_decode_onnx(compress(attention_of(heads)), tmp_path / "decode.onnx")
        sequences = StepGraph(tmp_path / "decode.onnx").start(1, capacity=16)
        sequences.skip(100)
        assert np.isfinite(sequences.feed(np.array([[1]]))).all()
        assert sequences.length == 101


def test_the_graph_is_valid_and_says_how_it_is_used(tmp_path) -> None:
    export_decode_onnx(compress(attention_of(3)), tmp_path / "decode.onnx")
    onnx.checker.check_model(str(tmp_path / "decode.onnx"))
    assert StepGraph(tmp_path / "decode.onnx").block == 256


def test_other_files_are_refused_in_one_line(tmp_path) -> None:
    export_onnx(compress(attention_of(3)), tmp_path / "model.onnx")
    (tmp_path / "noise.onnx").write_bytes(b"noise")
    # A graph of whole sequences has tokens and no state: it would answer, and forget everything.
    for name, message in (("model.onnx", "not a step graph"), ("noise.onnx", "cannot load it")):
        with pytest.raises(SugataError, match=message):
            StepGraph(tmp_path / name)
