"""What each way of compression costs in quality: bits per byte of validation text, in percent.

    python benchmarks/compression_quality.py --data CORPUS --keep DIR       # trains what is not in DIR yet
    python benchmarks/compression_quality.py --data CORPUS --model DIR ...  # exported models, trained before

Models: six layers of width 256, and three winners of searches of `tiny` as `benchmarks/search_quality.py`
recorded them (`SHAPES`), trained uncompressed. A model is compressed in every way, once for every seed where
calibration text is drawn, and scored with the weights that ship; `int8, activations too` is scored in
onnxruntime, whose kernels round the activations. The loss is that against the exported model. Forms that are
tuned learn for a few steps from the same text after pruning (or meanwhile, from the unpruned model as the
teacher: `gradual`). A form that a model has no parts for, such as a fourth of two heads, is left out. Results
are written after each form, and what is there is not measured again.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from _common import statement, table, write_json

from sugata.compression import compress
from sugata.decoding import onnx_session
from sugata.errors import SugataError
from sugata.export import export_folder, export_onnx, load_folder
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.shrink import Wanted, calibrated, compressed_as
from sugata.spaces.language import LanguageSpace
from sugata.tasks import CodeLanguageModelling
from sugata.training import TrainingSettings, train
from sugata.trial import Fidelity

VOCABULARY = 4096
COMMON = {"hidden_dim": 64, "position": "rope", "vocab_size": VOCABULARY, "tie_embeddings": True}


def _winner(**choices: Any) -> tuple[float, int, LanguageModelConfig]:
    """A found architecture, trained as the recipe `tiny` does, only longer."""
    values = {choice.name: choice.default for choice in LanguageSpace("tiny").choices}
    return 80, 2, LanguageSpace("tiny").config({**values, **COMMON, **choices})


#: Name: CPU seconds and batch size of its training, and its configuration.
SHAPES: dict[str, tuple[float, int, LanguageModelConfig]] = {
    "l6h256": (
        300,
        8,
        LanguageModelConfig(
            vocabulary_size=VOCABULARY,
            hidden_dim=256,
            num_heads=8,
            layers=(LayerConfig("flash_attention", 1024),) * 6,
            normalization="rmsnorm",
            position="rope",
            tie_embeddings=True,
        ),
    ),
    "transformer": _winner(architecture="transformer", num_heads=2, num_layers=2, ffn_multiplier=2),
    "geglu": _winner(
        architecture="transformer", num_heads=8, num_layers=2, ffn_multiplier=4,
        activation="geglu", normalization="layernorm",
    ),
    "hybrid": _winner(
        architecture="hybrid", first_mixer="mamba", second_mixer="transformer",
        num_heads=2, num_layers=3, ffn_multiplier=4, activation="silu",
    ),
}  # fmt: skip
PACKAGES = ("sugata", "torch", "onnxruntime", "numpy")
PLAIN = Wanted("fp16", "rtn")


def forms(options: argparse.Namespace) -> Iterator[tuple[str, Wanted, bool]]:
    """Name, what is done, and whether the calibration seed matters."""
    yield "int8", Wanted("int8", "rtn"), False
    yield "int8, activations too", Wanted("int8", "rtn", activations="int8"), False
    yield "int4, round to nearest", Wanted("int4", "rtn"), False
    yield "int4, GPTQ", Wanted("int4", "gptq"), True
    yield "int4, AWQ", Wanted("int4", "awq"), True
    for kind in ("magnitude", "global"):
        for ratio in (0.2, 0.4, 0.6):
            yield f"{kind} {ratio:.0%}", replace(PLAIN, prunings=((kind, ratio),)), False
    parts = (("structured", 0.2), ("structured", 0.4), ("heads", 0.25), ("heads", 0.5))
    for kind, ratio in (*parts, ("layers", 0.17), ("layers", 0.34)):
        one = replace(PLAIN, prunings=((kind, ratio),))
        yield f"{kind} {ratio:.0%} by magnitude", one, False
        yield f"{kind} {ratio:.0%} by Taylor", replace(one, taylor=True), True
    if not options.steps:
        return
    tuned = replace(PLAIN, steps=options.steps)
    yield f"nothing, {options.steps} steps more", tuned, False
    for name, one in (
        ("magnitude 60%", replace(tuned, prunings=(("magnitude", 0.6),))),
        ("structured 40% by Taylor", replace(tuned, prunings=(("structured", 0.4),), taylor=True)),
        ("heads 25% by Taylor", replace(tuned, prunings=(("heads", 0.25),), taylor=True)),
        ("gradual 60%, distilled", replace(tuned, prunings=(("gradual", 0.6),), teacher="itself")),
    ):
        yield f"{name}, {options.steps} steps", one, False


class Exported(torch.nn.Module):
    """An ONNX file that a task can score."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.session = onnx_session(path)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Logits of tokens."""
        return torch.from_numpy(self.session.run(["logits"], {"tokens": tokens.numpy()})[0])


def trained(task: CodeLanguageModelling, folder: Path) -> None:
    """A model of one of the shapes, trained and exported to the folder of its name."""
    seconds, batch_size, config = SHAPES[folder.name]
    model = LanguageModel(config)
    facts = {"vocab_size": VOCABULARY}
    settings = TrainingSettings(batch_size=batch_size, length=256, precision="fp32")
    result = train(model, task, facts, settings, budget=Fidelity(amount=seconds, unit="seconds"))
    with TemporaryDirectory() as name:
        task.tokenizer(facts).save(f"{name}/tokenizer.json")
        info = {"training": f"{result.seconds:.0f} CPU s, {result.steps} steps"}
        export_folder(folder, compress(model), facts, f"{name}/tokenizer.json", info, name=folder.name)


def measured(folder: Path, task: CodeLanguageModelling, wanted: Wanted, limit: int) -> dict[str, float]:
    """One form with one seed: bits per byte, stored bytes, CPU seconds of compression."""
    model, _ = load_folder(folder)
    size = model.config.vocabulary_size
    if wanted.teacher is not None:
        wanted = replace(wanted, teacher=str(folder))
    began = time.process_time()
    compressed, _ = compressed_as(model, task, wanted, calibrated(task, size, wanted))
    spent = time.process_time() - began
    with TemporaryDirectory() as name:
        if wanted.activations == "int8":
            export_onnx(compressed, Path(name) / "model.onnx")
            network: torch.nn.Module = Exported(Path(name) / "model.onnx")
        else:
            network = compressed.restore()
        score = task.evaluate(network, {"vocab_size": size}, limit=limit)["bits_per_byte"]
    return {"bits_per_byte": score, "bytes": compressed.stored_bytes(), "cpu_seconds": spent}


def losses(found: dict[str, Any]) -> dict[str, Any]:
    """Of each form, with each seed, in percent."""
    plain = found["as it was exported"][0]["bits_per_byte"]
    return {
        form: np.array([100 * (one["bits_per_byte"] / plain - 1) for one in runs])
        for form, runs in found.items()
        if runs
    }


def spread(values: Any, sign: str = "+") -> str:
    """Mean, and standard deviation where there are several."""
    more = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):{sign}.2f}{more}"


def report(results: dict[str, Any]) -> str:
    """A table for every model, and one over all of them."""
    lines = []
    for model, found in results.items():
        rows = []
        for form, loss in losses(found).items():
            mean = {name: np.mean([one[name] for one in found[form]]) for name in found[form][0]}
            size, bits, spent = (mean[name] for name in ("bytes", "bits_per_byte", "cpu_seconds"))
            rows.append((form, f"{size / 1e6:.3f}", f"{bits:.4f}", spread(loss), f"{spent:.1f}"))
        header = ("form", "MB", "bits per byte", "loss, %", "CPU s")
        lines += [f"{model}:", "", table(header, rows), ""]
    all_losses = {model: losses(found) for model, found in results.items()}
    rows = []
    known = dict.fromkeys(form for one in all_losses.values() for form in one)  # some models lack forms
    for form in list(known)[1:]:
        means = [float(one[form].mean()) if form in one else None for one in all_losses.values()]
        each = ["" if mean is None else f"{mean:+.2f}" for mean in means]
        rows.append((form, *each, spread([mean for mean in means if mean is not None])))
    header = ("loss, %", *all_losses, "mean ± deviation over models")
    return "\n".join([*lines, table(header, rows)])


def main() -> None:
    """Measure what is missing, then print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="stdlib")
    parser.add_argument("--max-bytes", type=float, default=8e6)
    parser.add_argument("--model", type=Path, action="append", help="an exported folder; repeatable")
    parser.add_argument("--keep", type=Path, help="without --model: where the trained ones are kept")
    parser.add_argument("--seeds", type=int, default=3, help="of calibration text")
    parser.add_argument("--steps", type=int, default=30, help="of tuning after pruning; 0 leaves it out")
    parser.add_argument("--evaluation-bytes", type=int, default=32_768)
    parser.add_argument("--to", type=Path, default=Path(__file__).parent / "results/compression_quality.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = CodeLanguageModelling(options.data, max_bytes=int(options.max_bytes))
    folders = options.model
    if not folders:
        if options.keep is None:
            parser.error("give --model DIR, or --keep DIR for those that are trained now")
        folders = [options.keep / name for name in SHAPES]
        for folder in folders:
            if not (folder / "model.safetensors").is_file():
                trained(task, folder)
    given = {name: getattr(options, name) for name in ("max_bytes", "seeds", "steps", "evaluation_bytes")}
    before = json.loads(options.to.read_text()) if options.to.exists() else {}
    results: dict[str, Any] = before.get("models", {}) if before.get("settings") == given else {}
    for folder in folders:
        found = results.setdefault(folder.name, {})
        own = task.with_tokenizer(folder / "tokenizer.json")
        for form, wanted, drawn in [("as it was exported", PLAIN, False), *forms(options)]:
            if form in found:
                continue
            seeds = range(options.seeds if drawn else 1)
            try:
                found[form] = [
                    measured(folder, own, replace(wanted, seed=seed), options.evaluation_bytes)
                    for seed in seeds
                ]
            except SugataError as error:
                print(f"{folder.name}, {form}: {error}", flush=True)
                continue
            write_json(options.to, {**statement(PACKAGES), "settings": given, "models": results})
            print(
                f"{folder.name}, {form}: {[round(one['bits_per_byte'], 4) for one in found[form]]}",
                flush=True,
            )
    print(f"\n{report(results)}")


if __name__ == "__main__":
    main()
