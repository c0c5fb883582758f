"""`sugata compress`: from one exported folder to a smaller one."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from sugata.compression import Record, compress, load, replay, sparsity
from sugata.export import export_folder, load_folder
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.run import Result
from sugata.shrink import Tuning, Wanted, calibrated, shrink
from sugata.tasks import CodeLanguageModelling

pytestmark = pytest.mark.slow

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def best(finished: Result) -> Path:
    return finished.folder / "best"


@pytest.mark.parametrize(
    "asked",
    [
        ("--to", "int4", "--method", "gptq", "--prune", "structured:0.4"),
        ("--to", "int8", "--activations", "int8", "--method", "awq", "--prune", "layers:0.5", "--taylor"),
    ],
)
def test_a_folder_becomes_a_smaller_one_that_runs(
    best: Path, corpus: Path, sugata: Command, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    to = tmp_path / "small"
    text = ("--data", corpus, "--max-bytes", "100kB", "--windows", 4, "--length", 32)
    code, out, err = sugata("compress", best, "--out", to, *asked, *text, "--finetune", 2)
    assert code == 0, err
    assert out.startswith(f"{to}  ")
    assert "bits per byte" in out
    model, _ = load_folder(to)
    tokens = np.arange(20)[None]
    session = onnxruntime.InferenceSession(to / "model.onnx")
    (logits,) = session.run(["logits"], {"tokens": tokens})
    with torch.no_grad():
        ours = model(torch.from_numpy(tokens)).numpy()
    assert np.abs(logits - ours).max() < (0.2 if "int8" in asked else 1e-3) * np.abs(ours).max()
    steps = json.loads((to / "compression.json").read_text())
    assert [step["kind"] for step in steps] == ["prune_structured", "fine_tune", "quantize"]
    assert "prune structured: ratio" in (to / "README.md").read_text()
    code, out, err = sugata("generate", to, "def ", "--tokens", 3)
    assert code == 0, err


def test_heads_go_from_an_exported_model(best: Path, corpus: Path, sugata: Command, tmp_path: Path) -> None:
    vocabulary = load_folder(best)[0].config.vocabulary_size
    layers = (LayerConfig("grouped_query_attention", 64), LayerConfig("mamba", 64))
    model = LanguageModel(LanguageModelConfig(vocabulary, 64, 4, layers, position="alibi"))
    export_folder(tmp_path / "whole", compress(model), {}, best / "tokenizer.json", {})
    to, text = tmp_path / "small", ("--data", corpus, "--max-bytes", "100kB", "--windows", 2, "--length", 32)
    asked = ("--to", "fp16", "--prune", "heads:0.25", "--taylor", "--finetune", 2)
    code, _, err = sugata("compress", tmp_path / "whole", "--out", to, *asked, *text)
    assert code == 0, err
    config = json.loads((to / "config.json").read_text())["model"]
    assert [len(layer.get("heads", ())) for layer in config["layers"]] == [3, 0]
    assert load_folder(to)[0].layers[0].mixer.output.in_features == 48  # type: ignore[union-attr]
    code, _, err = sugata("generate", to, "def ", "--tokens", 3)
    assert code == 0, err


def test_pruning_while_learning_from_a_teacher_replays_bit_for_bit(
    best: Path, corpus: Path, tmp_path: Path
) -> None:
    wanted = Wanted(
        "int8", "gptq", prunings=(("gradual", 0.6),), steps=6, teacher=str(best), windows=4, length=32
    )
    task = CodeLanguageModelling(corpus, max_bytes=100_000)
    shrink(best, tmp_path / "small", task, wanted)
    shipped = load(tmp_path / "small" / "model.safetensors")
    assert sparsity(shipped.restore()) >= 0.59
    given = task.with_tokenizer(best / "tokenizer.json")
    data = calibrated(given, shipped.config.vocabulary_size, wanted)
    tuning = Tuning(given)
    others = {"fine_tune": tuning.fine_tune, "prune_gradually": tuning.prune_gradually}
    record = Record.from_json((tmp_path / "small" / "compression.json").read_text())
    again, _ = replay(load_folder(best)[0], record, {data.fingerprint: data}, others)
    for name, tensor in shipped.tensors.items():
        for part, values in tensor.parts.items():
            assert np.array_equal(values, again.tensors[name].parts[part]), (name, part)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--prune", "heads"), "prune: 'heads' is not KIND:RATIO such as structured:0.4"),
        (("--to", "int3"), "to: 'int3' is not one of fp16, int8, int4"),
        (("--distill", "x"), "a teacher needs training to teach in; give --finetune STEPS"),
        (("--length", 9_999_999), "fewer than a sequence of 9,999,999"),
        (("--data", "nowhere"), "nowhere"),
    ],
)
def test_bad_input_is_one_line(
    best: Path, corpus: Path, sugata: Command, tmp_path: Path, asked: tuple[object, ...], said: str
) -> None:
    text = ("--data", corpus, "--max-bytes", "100kB")
    code, _, err = sugata("compress", best, "--out", tmp_path / "x", *text, *asked)
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()[-1:]) == 1
    assert "Traceback" not in err
    assert not (tmp_path / "x").exists()
