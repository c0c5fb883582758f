"""Is a student that learns from a teacher better than the same student that trains alone for the same time?

    python benchmarks/distillation.py --data ../shared/data/pycorpus     # about 8 CPU minutes, one thread

A teacher is trained once and exported. Then, for every seed, students of the same shape, from the same
initial weights, train for the same CPU time on one thread: alone; with the teacher's logits, whose forward
pass is part of that time; with `--states`, with hidden states matched as well; and with stored logits, which
cost the student no forward pass. The teacher's own time, training and storing, is counted for nobody: it is
there already. Given are differences of validation bits per byte, paired by seed, with a bootstrap interval.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from _common import bootstrap, processor, statement, table, verdict

from sugata.compression import compress
from sugata.export import export_folder, load_folder
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.tasks import CodeLanguageModelling
from sugata.training import DistillationSettings, TrainingSettings, train
from sugata.training.distillation import open_teacher, write_logits
from sugata.trial import Fidelity

LENGTH = 256
ALONE = "alone"


def language_model(vocabulary: int, width: int, layers: int, seed: int) -> LanguageModel:
    """A transformer with initial weights."""
    config = LanguageModelConfig(
        vocabulary_size=vocabulary,
        hidden_dim=width,
        num_heads=4,
        layers=(LayerConfig("flash_attention", 4 * width),) * layers,
        normalization="rmsnorm",
        position="rope",
        tie_embeddings=True,
    )
    model = LanguageModel(config)
    model.initialize(torch.Generator().manual_seed(seed))
    return model


def trained(
    model: LanguageModel,
    task: CodeLanguageModelling,
    settings: TrainingSettings,
    seconds: float,
    seed: int,
    options: argparse.Namespace,
) -> tuple[float, int]:
    """Bits per byte on validation text, and the steps that the time was enough for."""
    architecture = {"vocab_size": options.vocabulary}
    budget = Fidelity(amount=seconds, unit="seconds")
    result = train(model, task, architecture, settings, budget=budget, seed=seed)
    score = task.evaluate(model, architecture, limit=options.evaluation_bytes, length=LENGTH)
    return score["bits_per_byte"], result.steps


def arms(teacher: Path, logits: Path, options: argparse.Namespace) -> dict[str, DistillationSettings | None]:
    """What the students differ in."""
    soft = DistillationSettings(str(teacher), weight=options.weight, temperature=options.temperature)
    return {
        ALONE: None,
        "logits": soft,
        "stored logits": replace(soft, teacher=str(logits)),
        **({"logits, states": replace(soft, hidden=0.1)} if options.states else {}),
    }


def _teacher(
    task: CodeLanguageModelling, settings: TrainingSettings, folder: Path, options: argparse.Namespace
) -> Path:
    """Train and export one."""
    model = language_model(options.vocabulary, 192, 4, seed=1000)
    trained(model, task, settings, options.teacher_seconds, 1000, options)
    architecture = {"vocab_size": options.vocabulary}
    task.tokenizer(architecture).save(str(folder / "tokenizer.json"))
    export_folder(folder / "teacher", compress(model), architecture, folder / "tokenizer.json", {})
    return folder / "teacher"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", default="stdlib")
    parser.add_argument("--max-bytes", type=float, default=8e6)
    parser.add_argument("--teacher-seconds", type=float, default=240)
    parser.add_argument("--teacher", type=Path, help="an exported one, in place of a training")
    parser.add_argument("--logits", type=Path, help="its stored logits")
    parser.add_argument("--seconds", type=float, default=20, help="CPU time of every student")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--windows", type=int, default=2500, help="of stored logits")
    parser.add_argument("--weight", type=float, default=0.5)
    parser.add_argument("--temperature", type=float, default=2.0)
    parser.add_argument("--states", action="store_true", help="match hidden states as well")
    parser.add_argument("--vocabulary", type=int, default=4096)
    parser.add_argument("--evaluation-bytes", type=int, default=100_000)
    parser.add_argument("--out", type=Path, help="write everything as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = CodeLanguageModelling(options.data, max_bytes=int(options.max_bytes))
    task.prepare(vocabulary_sizes=[options.vocabulary])
    architecture = {"vocab_size": options.vocabulary}
    settings = TrainingSettings(batch_size=4, length=LENGTH, precision="fp32")
    scores: dict[str, list[float]] = {}
    steps: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = options.teacher or _teacher(task, settings, Path(name), options)
        model, _ = load_folder(folder)
        score = task.evaluate(model, architecture, limit=options.evaluation_bytes, length=LENGTH)
        best = score["bits_per_byte"]
        logits = options.logits or Path(name) / "logits"
        started = time.process_time()
        if options.logits is None:
            write_logits(
                open_teacher(folder), task, architecture, logits, windows=options.windows, length=LENGTH
            )
        storing = time.process_time() - started
        megabytes = sum(path.stat().st_size for path in logits.iterdir()) / 1e6
        print(f"teacher: {best:.4f} bits per byte; logits stored in {storing:.0f} CPU s, {megabytes:.0f} MB",
              file=sys.stderr)  # fmt: skip
        for seed in range(options.seeds):
            for arm, distill in arms(folder, logits, options).items():
                student = language_model(options.vocabulary, 96, 2, seed)
                score, steps[arm] = trained(
                    student, task, replace(settings, distill=distill), options.seconds, seed, options
                )
                scores.setdefault(arm, []).append(score)
                print(f"seed {seed}, {arm}: {score:.4f} after {steps[arm]} steps", file=sys.stderr)
    intervals = {
        arm: bootstrap([ours - theirs for ours, theirs in zip(values, scores[ALONE], strict=True)])
        for arm, values in scores.items()
        if arm != ALONE
    }
    rows = [
        [
            arm,
            f"{sum(values) / len(values):.4f}",
            f"{min(values):.4f} to {max(values):.4f}",
            steps[arm],
            intervals[arm].shown() if arm in intervals else "",
            verdict(intervals[arm], smaller_is_better=True) if arm in intervals else "",
        ]
        for arm, values in scores.items()
    ]
    print(f"{processor()}; {json.dumps(statement())}")
    print(f"teacher (width 192, 4 layers): {best:.4f} bits per byte")
    print(f"students (width 96, 2 layers), {options.seconds:g} CPU s each, {options.seeds} seeds\n")
    print(table(["student", "bits per byte", "range", "steps", "minus alone", "the teacher"], rows))
    if options.out:
        record = {
            **statement(),
            "options": {name: str(value) for name, value in vars(options).items()},
            "teacher": best,
            "scores": scores,
            "steps": steps,
        }
        options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
