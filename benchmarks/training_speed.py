"""Training speed beside `transformers.Trainer`: the same shapes, batches and precision, one thread each.

    python benchmarks/training_speed.py                # everything, about 4 minutes
    python benchmarks/training_speed.py --shapes tiny --precisions fp32 --rounds 9

Both train a GPT-2-like model on the running Python's standard library. Ours is the baseline of the search
space in the real training loop; theirs is `GPT2LMHeadModel` (sdpa attention, exact GELU, untied head, no
dropout) in `transformers.Trainer` with fused AdamW, without logging, saving or loader processes. Each runs in
a process of its own that lives through all rounds; a round lets one after the other take a few steps, so that
a change of the machine's speed meets all. Speeds are tokens per second of CPU time of the process: equal to
wall-clock time on an idle machine, fair on a busy one. Ours runs with the memory settings (glibc tunables)
that the search gives its workers; the column "plain" shows it without them.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: What a round of each shape is: steps, and sequences of how many tokens a step.
SHAPES: dict[str, dict[str, int]] = {
    "tiny": {"steps": 8, "batch": 8, "length": 256},
    "L6 H384": {"steps": 2, "batch": 4, "length": 256},
}
BASELINES = {"tiny": "tiny_gpt2", "L6 H384": "gpt2"}
WARMUP_STEPS = 2
#: As in `sugata.engines`: freed memory is kept, not given back and faulted in again at every step; large
#: buffers lie in huge pages.
MEMORY_SETTINGS = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "MALLOC_TOP_PAD_": str(1 << 26),
}


# ---- in the processes that train


class Pace:
    """Blocks training between rounds and tells how long the steps of a round took."""

    def __init__(self, steps: int) -> None:
        self.steps, self.count = steps, 0
        self.cpu = self.wall = 0.0

    def before_step(self) -> None:
        done = self.count - WARMUP_STEPS
        self.count += 1
        if done < 0 or done % self.steps:
            return
        if done:
            times = {"cpu": time.process_time() - self.cpu, "wall": time.perf_counter() - self.wall}
            print(json.dumps(times), flush=True)
        else:
            print("ready", flush=True)
        if not sys.stdin.readline():
            sys.stdout.flush()
            os._exit(0)  # no more rounds
        self.cpu, self.wall = time.process_time(), time.perf_counter()


def train_ours(shape: str, precision: str) -> None:
    from sugata.spaces import baseline, space
    from sugata.tasks import Batch, CodeLanguageModelling
    from sugata.training import TrainingSettings, train
    from sugata.trial import Fidelity

    pace = Pace(SHAPES[shape]["steps"])

    class PacedTask(CodeLanguageModelling):
        def batches(self, *args: Any, **options: Any) -> Iterator[Batch]:
            for batch in super().batches(*args, **options):
                pace.before_step()
                yield batch

    task = PacedTask(pad_vocabulary=True)
    known = baseline(BASELINES[shape])
    family = space(known.space)
    model = family.build(family.architecture(known.architecture), task.signature(known.architecture))
    settings = TrainingSettings(
        batch_size=SHAPES[shape]["batch"], length=SHAPES[shape]["length"], precision=precision
    )
    train(model, task, known.architecture, settings, budget=Fidelity(amount=10_000, unit="steps"))


def train_theirs(shape: str, precision: str) -> None:
    import numpy as np
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

    from sugata.spaces import baseline
    from sugata.tasks import CodeLanguageModelling

    pace = Pace(SHAPES[shape]["steps"])
    batch, length = SHAPES[shape]["batch"], SHAPES[shape]["length"]
    a = baseline(BASELINES[shape]).architecture
    tokens = CodeLanguageModelling(pad_vocabulary=True).vocabulary(int(a["vocab_size"])).tokens("train")

    class Windows(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
        def __len__(self) -> int:
            return 10_000 * batch

        def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
            start = index * 997 % (len(tokens) - length)
            window = torch.from_numpy(tokens[start : start + length].astype(np.int64))
            return {"input_ids": window, "labels": window}

    class Paced(TrainerCallback):
        def on_step_begin(self, *args: Any, **options: Any) -> None:
            pace.before_step()

    config = GPT2Config(
        vocab_size=int(a["vocab_size"]),
        n_positions=length,
        n_embd=int(a["hidden_dim"]),
        n_layer=int(a["num_layers"]),
        n_head=int(a["num_heads"]),
        n_inner=int(a["ffn_multiplier"]) * int(a["hidden_dim"]),
        activation_function="gelu",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        tie_word_embeddings=False,
        use_cache=False,
        attn_implementation="sdpa",
    )
    arguments = TrainingArguments(
        output_dir="unused",
        per_device_train_batch_size=batch,
        max_steps=10_000,
        learning_rate=1e-3,
        weight_decay=0.1,
        lr_scheduler_type="cosine",
        warmup_steps=100,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        bf16=precision == "bf16",
        use_cpu=True,
        logging_strategy="no",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
    )
    model = GPT2LMHeadModel(config)
    Trainer(model=model, args=arguments, train_dataset=Windows(), callbacks=[Paced()]).train()


# ---- in the process that compares


class Trainee:
    """A process that trains while it is told to."""

    def __init__(self, who: str, shape: str, precision: str, environment: dict[str, str]) -> None:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        command = [sys.executable, __file__, "--train", who, "--shapes", shape, "--precisions", precision]
        self.tokens = SHAPES[shape]["steps"] * SHAPES[shape]["batch"] * SHAPES[shape]["length"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | threads | {"TOKENIZERS_PARALLELISM": "false"} | environment,
        )
        self._line(lambda line: line == "ready")

    def _line(self, wanted: Any) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if wanted(line.strip()):
                return line.strip()
        raise SystemExit(f"{' '.join(map(str, self.process.args))} ended early")  # type: ignore[arg-type]

    def round(self) -> dict[str, float]:
        """Tokens per second of one round, by CPU time and by wall clock."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        times = json.loads(self._line(lambda line: line.startswith("{")))
        return {name: self.tokens / seconds for name, seconds in times.items()}

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def matmul_peak(dtype: Any) -> float:
    """FLOP/s of a large square matrix product on one thread, the best of a few."""
    import torch

    a, b = torch.randn(1024, 1024).to(dtype), torch.randn(1024, 1024).to(dtype)
    best = float("inf")
    for _ in range(8):
        start = time.process_time()
        a @ b
        best = min(best, time.process_time() - start)
    return 2 * 1024**3 / best


def flops_per_token(shape: str) -> float:
    """Forward and backward: 6 for each element of a matrix, and the causal half of attention."""
    from sugata.spaces import baseline

    a = baseline(BASELINES[shape]).architecture
    layers, dim, vocabulary = int(a["num_layers"]), int(a["hidden_dim"]), int(a["vocab_size"])
    matrices = layers * (4 + 2 * int(a["ffn_multiplier"])) * dim**2 + vocabulary * dim
    return 6 * matrices + 6 * layers * dim * SHAPES[shape]["length"]


def compare(shape: str, precision: str, rounds: int) -> None:
    """Print one row of the table."""
    import torch

    trainees = {
        "ours": Trainee("ours", shape, precision, MEMORY_SETTINGS),
        "theirs": Trainee("theirs", shape, precision, {}),
        "plain": Trainee("ours", shape, precision, {}),
    }
    speeds: dict[str, list[dict[str, float]]] = {name: [] for name in trainees}
    peaks = []
    for _ in range(rounds):
        for name, trainee in trainees.items():
            speeds[name].append(trainee.round())
        peaks.append(matmul_peak(torch.bfloat16 if precision == "bf16" else torch.float32))
    for trainee in trainees.values():
        trainee.end()

    def ratio(name: str, clock: str) -> str:
        ratios = [a[clock] / b[clock] for a, b in zip(speeds[name], speeds["theirs"], strict=True)]
        return f"{statistics.median(ratios):.2f}x ({min(ratios):.2f}-{max(ratios):.2f})"

    median = {name: statistics.median(s["cpu"] for s in values) for name, values in speeds.items()}
    share = [s["cpu"] * flops_per_token(shape) / peak for s, peak in zip(speeds["ours"], peaks, strict=True)]
    cells = [
        shape,
        precision,
        *(f"{median[name]:,.0f}" for name in ("ours", "theirs", "plain")),
        ratio("ours", "cpu"),
        ratio("plain", "cpu"),
        ratio("ours", "wall"),
        f"{statistics.median(share):.0%} of {statistics.median(peaks) / 1e9:.0f} GFLOP/s",
    ]
    print("| " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--precisions", nargs="+", choices=["fp32", "bf16"], default=["fp32", "bf16"])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--train", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        import torch

        torch.set_num_threads(1)
        function = train_ours if options.train == "ours" else train_theirs
        function(options.shapes[0], options.precisions[0])
        return

    import torch
    import transformers

    from sugata.tasks import CodeLanguageModelling

    torch.set_num_threads(1)
    task = CodeLanguageModelling(pad_vocabulary=True)
    task.prepare(vocabulary_sizes=[4096, 50_000])
    print(f"Command: python benchmarks/{Path(__file__).name} {' '.join(sys.argv[1:])}".rstrip())
    print(
        f"Machine: {_processor()}, one thread each; Python {platform.python_version()}, torch "
        f"{torch.__version__}, transformers {transformers.__version__}; {options.rounds} interleaved rounds; "
        "median (least-greatest)\n"
    )
    header = ["shape", "precision", "ours tokens/s", "Trainer", "ours plain", "ours / Trainer"]
    header += ["plain / Trainer", "ours / Trainer, wall clock", "ours: share of the matmul peak"]
    print("| " + " | ".join(header) + " |\n|" + " --- |" * len(header), flush=True)
    for precision in options.precisions:
        for shape in options.shapes:
            compare(shape, precision, options.rounds)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
