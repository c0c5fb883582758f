"""An exported folder is complete: it loads again, and it runs without torch and without sugata."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from sugata.compression import Record, compress, prune_magnitude, prune_structured, quantize
from sugata.errors import SugataError
from sugata.export import export_folder, load_folder
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.tasks.corpus.tokenizer import train_tokenizer

BLOCK = "import sys\nfor name in ('torch', 'sugata', 'onnx'): sys.modules[name] = None\n"
COMPARE = """
import numpy, onnxruntime
inputs = numpy.load("inputs.npz")
session = onnxruntime.InferenceSession("model.onnx")
(logits,) = session.run(None, {"tokens": inputs["tokens"]})
print(abs(logits - inputs["logits"]).max())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("best")
    tokenizer = train_tokenizer(["def quicksort(xs):\n    return sorted(xs)\n"] * 3, 300)
    tokenizer.save(str(path / "source.json"))
    layers = tuple(LayerConfig(mixer, 64) for mixer in ("flash_attention", "mamba", "rwkv"))
    model = LanguageModel(LanguageModelConfig(tokenizer.get_vocab_size(), 32, 4, layers))
    compressed = compress(model, quantization="int8", pruning_ratio=0.4)
    info = {"bits per byte (test)": 1.23456, "trained on": "a | b"}
    export_folder(path / "out", compressed, {"hidden_dim": 32}, path / "source.json", info, name="tiny")
    return path / "out", compressed


def run(program, folder):
    done = subprocess.run(
        [sys.executable, "-c", BLOCK + program], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_everything_is_there(folder):
    path, compressed = folder
    names = "README.md architecture.json config.json decode.onnx model.onnx model.safetensors tokenizer.json"
    assert sorted(file.name for file in path.iterdir()) == names.split()
    assert (path / "model.safetensors").stat().st_size == compressed.stored_bytes()
    config = json.loads((path / "config.json").read_text())
    assert LanguageModelConfig.from_dict(config["model"]) == compressed.config
    assert config["compression"]["quantization"] == "int8"


def test_the_loaded_model_is_the_one_that_was_exported(folder):
    path, compressed = folder
    model, tokenizer = load_folder(path)
    tokens = torch.tensor([tokenizer.encode("def f(x): return x").ids])
    with torch.no_grad():
        assert torch.equal(model(tokens), compressed.restore()(tokens))


def test_the_file_gives_the_same_logits_where_neither_torch_nor_sugata_can_be_imported(folder):
    path, compressed = folder
    tokens = torch.arange(40).reshape(2, 20)
    with torch.no_grad():
        logits = compressed.restore()(tokens).numpy()
    np.savez(path / "inputs.npz", tokens=tokens.numpy(), logits=logits)
    try:
        assert float(run(COMPARE, path)) < 1e-3
    finally:
        (path / "inputs.npz").unlink()


def test_the_program_of_the_model_card_runs_as_it_stands(folder):
    path, _ = folder
    (program,) = re.findall(r"```python\n(.*?)```", (path / "README.md").read_text(), flags=re.DOTALL)
    assert run(program, path).startswith("def quicksort(xs):")


def test_the_card_says_what_was_measured(folder):
    card = (folder[0] / "README.md").read_text()
    for text in ("# tiny", "1.235", "a \\| b", "int8, 40% pruned", "hidden_dim", "3 layers"):
        assert text in card


def test_the_card_shows_the_layers_as_they_were_built_and_what_computes(folder):
    card = (folder[0] / "README.md").read_text()
    assert "| 1 | flash_attention | 4 of 8 | 64 |\n| 2 | mamba |  | 64 |\n| 3 | rwkv |  | 64 |" in card
    assert (
        "MatMulNBits on packed weights, inputs rounded to 8 bits, in decode.onnx; model.onnx unpacks" in card
    )
    assert "the choices that the search made" in card


@pytest.mark.parametrize(
    ("storage", "said"),
    [("fp16", "| computed by | 32-bit floats"), ("int4", "| computed by | onnxruntime's Mat")],
)
def test_a_compressed_folder_says_what_was_built(folder, tmp_path, storage, said):
    path, _ = folder
    layers = tuple(
        LayerConfig(mixer, 96) for mixer in ("grouped_query_attention", "rwkv", "linear_transformer")
    )
    size = load_folder(path)[0].config.vocabulary_size
    model = LanguageModel(LanguageModelConfig(size, 64, 8, layers, position="rope"))
    small, record = prune_structured(model, Record(), ratio=0.5, unit="heads")
    small, record = prune_structured(small, record, ratio=0.5)
    small, record = prune_magnitude(small, record, ratio=0.25)
    shipped, _ = quantize(small, record, storage=storage)
    choices = {"space": "language/tiny", "choices": {"ffn_multiplier": 1.5, "num_heads": 8}}
    for origin in (choices, {"built": {}, "compressed_from": choices}):  # also where it is compressed again
        export_folder(tmp_path / "out", shipped, origin, path / "tokenizer.json", {}, name="small")
        written = json.loads((tmp_path / "out" / "architecture.json").read_text())
        assert written["compressed_from"] == choices
        assert written["built"]["layers"] == [
            {
                "mixer": "grouped_query_attention",
                "heads": 4,
                "key_value_heads": 2,
                "head_dim": 8,
                "ffn_dim": 48,
            },
            {"mixer": "rwkv", "ffn_dim": 48},
            {"mixer": "linear_transformer", "heads": 4, "key_value_heads": 4, "head_dim": 8, "ffn_dim": 48},
        ]
        assert (written["built"]["weights"], written["built"]["zeros"]) == (storage, 0.25)
    card = (tmp_path / "out" / "README.md").read_text()
    for text in (
        said,
        "| 1 | grouped_query_attention | 4 of 8, 2 for keys and values | 48 |",
        "25% of those in",
    ):
        assert text in card
    assert "was compressed from:\n\n| choice | value |\n| --- | --- |\n| ffn_multiplier | 1.5 |" in card


def test_a_folder_without_a_model_is_one_clear_error(tmp_path):
    with pytest.raises(SugataError, match=r"model\.safetensors"):
        load_folder(tmp_path)


def test_a_failing_export_leaves_the_old_folder_as_it_was(folder, tmp_path, monkeypatch):
    path, compressed = folder
    before = {file.name: file.read_bytes() for file in path.iterdir()}

    def fail(*arguments):
        raise SugataError("no")

    monkeypatch.setattr("sugata.export.folder.export_decode_onnx", fail)
    with pytest.raises(SugataError):
        export_folder(path, compressed, {"hidden_dim": 64}, path / "tokenizer.json", {}, name="other")
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before
    assert not list(path.parent.glob(".export-*"))
