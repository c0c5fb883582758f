"""Other tools load what is exported for them, and compute the same logits and the same text."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sugata.compression import compress
from sugata.decoding import StepGraph
from sugata.errors import SugataError
from sugata.export import convert_folder, export_folder, load_folder
from sugata.export.formats import write_program
from sugata.export.stock import stock_class, stock_model
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.tasks.corpus import train_tokenizer

pytestmark = pytest.mark.slow

LLAMA = {"position": "rope", "normalization": "rmsnorm", "activation": "swiglu"}
HYBRID = ("mamba", "flash_attention", "rwkv", "linear_transformer")
MODELS = {
    "llama": ("LlamaForCausalLM", ("grouped_query_attention",) * 2, 48, LLAMA),
    "tied llama": (
        "LlamaForCausalLM",
        ("transformer", "flash_attention"),
        48,
        LLAMA | {"tie_embeddings": True},
    ),
    "gpt2": ("GPT2LMHeadModel", ("flash_attention",) * 2, 48, {}),
    "mamba": ("Mamba2ForCausalLM", ("mamba",) * 2, 0, {"normalization": "rmsnorm", "expand": 1}),
    "alibi": ("SugataForCausalLM", ("transformer",) * 2, 48, {"position": "alibi"}),
    "two kinds of heads": ("SugataForCausalLM", ("transformer", "grouped_query_attention"), 48, LLAMA),
    "hybrid": ("SugataForCausalLM", HYBRID, 48, {"normalization": "groupnorm", "activation": "geglu"}),
    "tied rwkv": ("SugataForCausalLM", ("rwkv",) * 2, 48, {"tie_embeddings": True}),
}
PROMPT = "def quicksort(xs):"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    train_tokenizer(["def quicksort(xs):\n    return sorted(xs)\n"] * 3, 300).save(str(path))
    return path


def exported(folder: Path, tokenizer: Path, mixers, ffn_dim: int, **fields) -> Path:
    layers = tuple(LayerConfig(mixer, ffn_dim) for mixer in mixers)
    size = len(json.loads(tokenizer.read_text())["model"]["vocab"])
    model = LanguageModel(LanguageModelConfig(size, 64, 4, layers, **fields))
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith("head") or "norm" in name:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
    export_folder(folder, compress(model), {}, tokenizer, {})
    return folder


@pytest.mark.parametrize("case", MODELS)
@torch.no_grad()
def test_transformers_loads_it_and_continues_text_alike(tmp_path, tokenizer, case) -> None:
    transformers = pytest.importorskip("transformers")
    name, mixers, ffn_dim, fields = MODELS[case]
    folder = exported(tmp_path / "best", tokenizer, mixers, ffn_dim, **fields)
    said = convert_folder(folder, "transformers", tmp_path / "hf")
    own = name == "SugataForCausalLM"
    assert ("trust_remote_code=True" in said) == own
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "hf", trust_remote_code=own)
    assert type(model).__name__ == name
    assert type(model).__module__.startswith("transformers_modules." if own else "transformers.models.")
    ours, read = load_folder(folder)
    tokens = torch.randint(read.get_vocab_size(), (2, 90), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model(tokens).logits, ours(tokens), atol=1e-4, rtol=1e-4)

    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf", trust_remote_code=own)
    prompt = loaded(PROMPT, return_tensors="pt").input_ids
    assert prompt[0].tolist() == read.encode(PROMPT).ids
    written = model.generate(prompt, max_new_tokens=12, do_sample=False, eos_token_id=None)
    expected = prompt
    for _ in range(12):
        expected = torch.cat((expected, ours(expected)[:, -1:].argmax(-1)), dim=1)
    assert torch.equal(written, expected)


@pytest.mark.parametrize(
    ("heads", "name"),
    [(((0, 3), (1, 2)), "LlamaForCausalLM"), (((0, 1), None), None), (((0, 1, 3),) * 2, None)],
    ids=["equally many", "unequally many", "no divisor of the width"],
)
@torch.no_grad()
def test_pruned_heads_are_still_a_llama_where_layers_have_equally_many(heads, name) -> None:
    pytest.importorskip("transformers")
    layers = tuple(LayerConfig("transformer", 48, heads=left) for left in heads)
    model = LanguageModel(LanguageModelConfig(300, 64, 4, layers, **LLAMA)).eval()
    assert stock_class(model.config) == name
    if name is not None:
        tokens = torch.arange(40)[None]
        torch.testing.assert_close(stock_model(model, name)(tokens).logits, model(tokens), atol=1e-4, rtol=0)


def test_the_own_form_needs_no_sugata(tmp_path, tokenizer) -> None:
    pytest.importorskip("transformers")
    folder = exported(tmp_path / "best", tokenizer, HYBRID, 48)
    convert_folder(folder, "transformers", tmp_path / "hf")
    program = (
        "import sys; sys.modules['sugata'] = None\n"
        "import torch; from transformers import AutoModelForCausalLM\n"
        "model = AutoModelForCausalLM.from_pretrained(sys.argv[1], trust_remote_code=True)\n"
        "print(model(torch.arange(40)[None]).logits[0, -1].tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "hf")],
        capture_output=True,
        text=True,
        env={"HF_HOME": str(tmp_path / "home"), "PATH": "", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    with torch.no_grad():
        expected = load_folder(folder)[0](torch.arange(40)[None])[0, -1].numpy()
    np.testing.assert_allclose(json.loads(done.stdout), expected, atol=1e-4)


@torch.no_grad()
def test_the_program_of_torch_runs_at_any_batch_and_length(tmp_path) -> None:
    layers = (LayerConfig("mamba", 48), LayerConfig("rwkv", 48))
    model = LanguageModel(LanguageModelConfig(96, 32, 4, layers, position="alibi")).eval()
    model.head.weight.mul_(10)
    write_program(model, tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module(check_guards=False)
    for batch, length in ((1, 1), (3, 17), (2, 64), (1, 200)):
        tokens = torch.randint(96, (batch, length), generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(program(tokens), model(tokens), atol=1e-5, rtol=1e-5)


def test_onnx_at_another_precision(tmp_path, tokenizer) -> None:
    folder = exported(tmp_path / "best", tokenizer, ("flash_attention",), 48, **LLAMA)
    sizes = {}
    for quantization in ("fp16", "int8", "int4"):
        said = convert_folder(folder, "onnx", tmp_path / quantization, quantization)
        assert quantization in said
        sizes[quantization] = (tmp_path / quantization / "decode.onnx").stat().st_size
        logits = StepGraph(tmp_path / quantization / "decode.onnx").start().feed(np.array([[1, 2, 3]]))
        assert np.isfinite(logits).all()
    assert sizes["int4"] < sizes["int8"] < sizes["fp16"]


def test_what_cannot_be_done_is_said_in_one_line(tmp_path, tokenizer) -> None:
    folder = exported(tmp_path / "best", tokenizer, ("flash_attention",), 48)
    with pytest.raises(SugataError, match="'gguf' is not one of onnx, transformers, torch"):
        convert_folder(folder, "gguf", tmp_path / "out")
    with pytest.raises(SugataError, match="would overwrite"):
        convert_folder(folder, "onnx", folder)
    with pytest.raises(SugataError, match="goes with format onnx"):
        convert_folder(folder, "torch", tmp_path / "out", "int8")
    with pytest.raises(SugataError, match=r"model\.safetensors"):
        convert_folder(tmp_path, "torch", tmp_path / "out")
    assert not (tmp_path / "out").exists()
