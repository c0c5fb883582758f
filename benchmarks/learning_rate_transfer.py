"""Does one base learning rate serve every width? Sweeps it for hidden 64, 128 and 256.

    python benchmarks/learning_rate_transfer.py                        # about 5 minutes on one idle core
    python benchmarks/learning_rate_transfer.py --mixer mamba --widths 128 --seeds 1 --factor 2 --points 5

Small language models are trained on the running Python's standard library for a fixed number of steps with
base rates on a geometric grid. The optimum of a width is the lowest point of a parabola through the mean
validation bits per byte around the best rate, in the logarithm of the rate. With muP (Yang et al. 2022) the
base rate should not move with the width; demanded is less than a factor of 2 between the widths.
"""

import argparse
import math
import platform
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.tasks import CodeLanguageModelling
from sugata.training import TrainingSettings, train
from sugata.trial import Fidelity

VOCABULARY = 1024


def bits_per_byte(
    task: CodeLanguageModelling, options: argparse.Namespace, width: int, rate: float, seed: int
) -> float:
    """Train one model; its validation bits per byte."""
    config = LanguageModelConfig(
        vocabulary_size=VOCABULARY,
        hidden_dim=width,
        num_heads=width // 32,
        layers=(LayerConfig(options.mixer, 4 * width),) * options.layers,
        tie_embeddings=options.tied,
    )
    model = LanguageModel(config)
    model.initialize(torch.Generator().manual_seed(seed))
    settings = TrainingSettings(learning_rate=rate, batch_size=8, length=128, precision="fp32")
    budget = Fidelity(amount=options.steps, unit="steps")
    architecture = {"vocab_size": VOCABULARY}
    result = train(model, task, architecture, settings, budget=budget, seed=seed)
    if result.status != "completed":
        return math.inf
    return task.evaluate(model, architecture, limit=32_768, length=128)["bits_per_byte"]


def lowest_point(rates: list[float], values: list[float]) -> float:
    """The rate at the bottom of a parabola in log rate, through the best five points."""
    best = int(np.argmin(values))
    first = min(max(best - 2, 0), max(len(rates) - 5, 0))
    near = [i for i in range(first, min(first + 5, len(rates))) if math.isfinite(values[i])]
    a, b, _ = np.polyfit([math.log(rates[i]) for i in near], [values[i] for i in near], 2)
    if best in (0, len(rates) - 1) or a <= 0:
        print(f"(the best rate {rates[best]:.5f} is at the edge of the grid, or no valley: widen the grid)")
        return rates[best]
    return min(max(math.exp(-b / (2 * a)), rates[near[0]]), rates[near[-1]])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--widths", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--mixer", default="transformer")
    parser.add_argument("--tied", action="store_true", help="the head shares the embedding's weight")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--lowest", type=float, default=0.00177)
    parser.add_argument("--points", type=int, default=7)
    parser.add_argument("--factor", type=float, default=math.sqrt(2.0))
    options = parser.parse_args()
    torch.set_num_threads(1)
    started = time.perf_counter()
    task = CodeLanguageModelling(length=128)
    task.prepare(vocabulary_sizes=[VOCABULARY])
    rates = [options.lowest * options.factor**i for i in range(options.points)]

    print(f"Command: python benchmarks/{Path(__file__).name} {' '.join(sys.argv[1:])}".rstrip())
    print(
        f"{options.mixer}{', tied' if options.tied else ''}, {options.layers} layers, {options.steps} steps "
        f"of 8 x 128 tokens, vocabulary {VOCABULARY}; validation bits per byte, mean of seeds "
        f"{', '.join(map(str, range(options.seeds)))}\n"
        f"Machine: {platform.machine()}, one thread; Python {platform.python_version()}, "
        f"torch {torch.__version__}\n"
    )
    print("| hidden | " + " | ".join(f"{rate:.5f}" for rate in rates) + " | best base rate |")
    print("|" + " --- |" * (len(rates) + 2), flush=True)
    optima = []
    for width in options.widths:
        values = [
            statistics.fmean(bits_per_byte(task, options, width, rate, seed) for seed in range(options.seeds))
            for rate in rates
        ]
        optima.append(lowest_point(rates, values))
        cells = " | ".join(f"{value:.3f}" for value in values)
        print(f"| {width} | {cells} | {optima[-1]:.5f} |", flush=True)
    ratio = max(optima) / min(optima)
    print(f"\nGreatest / least best base rate: {ratio:.2f} (demanded: below 2)")
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
