"""The benchmark of inference times what it says, and writes down everything."""

import json
from pathlib import Path

import pytest
import torch

from sugata.bench.inference import bench_inference
from sugata.bench.writers import bytes_of_token
from sugata.compression import compress
from sugata.errors import SugataError
from sugata.export import export_folder
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.tasks.corpus import train_tokenizer

pytestmark = pytest.mark.slow


def exported(folder: Path, mixer: str) -> Path:
    tokenizer = train_tokenizer(["def quicksort(xs):\n    return sorted(xs)\n"] * 3, 300)
    tokenizer.save(str(folder / "tokens.json"))
    layers = (LayerConfig(mixer, 64),)
    choices = {"normalization": "rmsnorm", "activation": "swiglu", "position": "rope"}
    model = LanguageModel(LanguageModelConfig(tokenizer.get_vocab_size(), 32, 4, layers, **choices))
    export_folder(folder / "best", compress(model), {}, folder / "tokens.json", {})
    return folder / "best"


def test_every_precision_stands_beside_the_library(tmp_path) -> None:
    pytest.importorskip("transformers")
    folder = exported(tmp_path, "flash_attention")
    to = tmp_path / "results" / "inference.json"
    tables = bench_inference(folder, prompt=8, tokens=4, rounds=2, to=to)
    result = json.loads(to.read_text())
    assert list(result["rows"]) == ["fp32", "int8", "int4", "transformers fp32", "transformers bf16"]
    for name, row in result["rows"].items():
        assert f"| {name} |" in tables
        assert 0 < row["token_ms"]["p10"] <= row["token_ms"]["median"] <= row["token_ms"]["p90"]
        assert row["peak_memory_bytes"] > 0
    assert result["rows"]["fp32"]["decoding_over_transformers fp32"]["median"] > 1
    assert result["rows"]["int4"]["bytes_per_token"] < result["rows"]["int8"]["bytes_per_token"]


def test_an_architecture_that_the_library_lacks_stands_alone(tmp_path) -> None:
    tables = bench_inference(exported(tmp_path, "rwkv"), prompt=4, tokens=3, rounds=1)
    assert "transformers: has no class for this architecture" in tables
    assert "| transformers fp32 |" not in tables


def test_a_token_reads_all_matrices_one_row_of_the_table_and_the_cache() -> None:
    config = LanguageModelConfig(100, 32, 4, (LayerConfig("grouped_query_attention", 64),))
    model = LanguageModel(config, device=torch.device("meta"))
    read = sum(p.numel() for p in model.parameters()) - 100 * 32
    assert bytes_of_token(model, 32, 0) == 4 * read
    assert bytes_of_token(model, 8, 10) == read + 4 * 10 * 2 * config.key_value_heads * 8


def test_impossible_settings_are_one_line(tmp_path) -> None:
    with pytest.raises(SugataError, match="tokens 1"):
        bench_inference(tmp_path, tokens=1)
