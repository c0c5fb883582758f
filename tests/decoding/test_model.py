"""An exported folder writes text, also where torch cannot be imported."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from sugata.compression import compress
from sugata.decoding import load
from sugata.errors import SugataError
from sugata.export import export_folder, load_folder
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.tasks import generate
from sugata.tasks.corpus import train_tokenizer

pytestmark = pytest.mark.slow

PROMPT = "def quicksort(xs):\n    return"
WITHOUT_TORCH = """
import sys
class Forbidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "transformers"):
            raise ImportError(f"{name} is forbidden here")
sys.meta_path.insert(0, Forbidden())
from sugata.cli import main
sys.argv = ["sugata", "generate", *sys.argv[1:]]
main()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model of all kinds of layers, int8, which always prefers some tokens to others."""
    target = tmp_path_factory.mktemp("exported")
    tokenizer = train_tokenizer(["def quicksort(xs):\n    return sorted(xs)\n"] * 3, 300)
    tokenizer.save(str(target / "tokens.json"))
    mixers = ("flash_attention", "mamba", "rwkv", "linear_transformer")
    layers = tuple(LayerConfig(mixer, 48) for mixer in mixers)
    model = LanguageModel(LanguageModelConfig(tokenizer.get_vocab_size(), 32, 4, layers, position="rope"))
    with torch.no_grad():
        model.head.weight.mul_(30)
        model.head.weight[0] = 0.0  # the end of text would end it at once
    export_folder(target / "best", compress(model), {"mixers": list(mixers)}, target / "tokens.json", {})
    return target / "best"


def test_greedy_text_is_that_of_the_torch_model(folder: Path) -> None:
    model, tokenizer = load_folder(folder)
    expected = "".join(generate(model, tokenizer, PROMPT, max_new_tokens=40, temperature=0))
    assert "".join(load(folder).generate(PROMPT, max_new_tokens=40, temperature=0)) == expected
    assert len(expected) >= 20


def test_the_command_generates_without_torch(folder: Path) -> None:
    arguments = [str(folder), PROMPT, "--tokens", "30", "--temperature", "0"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    expected = "".join(load(folder).generate(PROMPT, max_new_tokens=30, temperature=0))
    assert done.stdout == PROMPT + expected + "\n"
    assert done.stderr == ""


def test_the_guard_of_that_test_works() -> None:
    program = WITHOUT_TORCH.partition("from sugata")[0] + "import torch"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "torch is forbidden here" in done.stderr


def test_generation_stops_where_it_is_told(folder: Path) -> None:
    model = load(folder)
    whole = "".join(model.generate(PROMPT, max_new_tokens=40, seed=1))
    assert "".join(model.generate(PROMPT, max_new_tokens=40, seed=1)) == whole
    stop = whole[10:13]
    assert "".join(model.generate(PROMPT, max_new_tokens=40, seed=1, stop=[stop])) == whole.partition(stop)[0]


def test_a_broken_tokenizer_is_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SugataError, match="tokenizer"):
        load(tmp_path)
