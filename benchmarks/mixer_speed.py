"""Training speed of every token mixer beside attention, at equal shape.

A step is forward and backward of a whole language model with a cross-entropy loss, on one thread. The models
take turns, so that a disturbance of the machine hits all of them; the median step counts. CPU time stands
beside wall-clock time, since it suffers less from a busy neighbour.

    python benchmarks/mixer_speed.py --hidden 128 --length 512
"""

import argparse
import os
import platform
import statistics
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import torch
from _common import processor
from torch.nn import functional as F

from sugata.nn import MIXERS, LanguageModel, LanguageModelConfig, LayerConfig


def main() -> None:
    """Measure and print one table."""
    arguments = parse_arguments()
    torch.set_num_threads(1)
    print(f"command: mixer_speed.py {' '.join(f'--{k} {v}' for k, v in vars(arguments).items())}")
    print(f"machine: {processor()}, 1 thread; torch {torch.__version__}, Python {platform.python_version()}")
    models = {name: build(name, arguments) for name in MIXERS}
    generator = torch.Generator().manual_seed(0)
    shape = (arguments.batch, arguments.length + 1)
    tokens = torch.randint(arguments.vocabulary, shape, generator=generator)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    for repeat in range(arguments.repeats + 1):
        for name, model in models.items():
            elapsed = time_step(model, tokens, arguments.precision)
            if repeat:  # the first round warms up
                seconds[name].append(elapsed)
    print_table(models, seconds, arguments.batch * arguments.length)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--vocabulary", type=int, default=4096)
    parser.add_argument("--position", default="absolute", choices=("absolute", "rope", "alibi"))
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--repeats", type=int, default=7)
    return parser.parse_args()


def build(mixer: str, arguments: argparse.Namespace) -> LanguageModel:
    """A model all of whose layers have this mixer and a feed-forward network four times as wide."""
    layer = LayerConfig(mixer, 4 * arguments.hidden)
    config = LanguageModelConfig(
        vocabulary_size=arguments.vocabulary,
        hidden_dim=arguments.hidden,
        num_heads=arguments.heads,
        layers=(layer,) * arguments.layers,
        position=arguments.position,
    )
    return LanguageModel(config)


def time_step(model: LanguageModel, tokens: torch.Tensor, precision: str) -> tuple[float, float]:
    """Seconds of one forward and backward pass, by the wall clock and of the processor."""
    model.zero_grad(set_to_none=True)
    start = time.perf_counter(), time.process_time()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        logits = model(tokens[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    loss.backward()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def print_table(
    models: dict[str, LanguageModel], seconds: dict[str, list[tuple[float, float]]], tokens: int
) -> None:
    """One line per mixer: median, quartiles, ratios to both forms of attention (wall clock; CPU)."""
    wall = {name: statistics.median(w for w, _ in times) for name, times in seconds.items()}
    cpu = {name: statistics.median(c for _, c in times) for name, times in seconds.items()}
    print(
        f"{'mixer':<24} {'parameters':>10} {'tokens/s':>9} {'ms/step':>8} {'quartiles':>11} {'CPU ms':>8} "
        f"{'/ transformer':>13} {'/ flash':>11}"
    )
    for name, times in seconds.items():
        low, _, high = (1e3 * q for q in statistics.quantiles((w for w, _ in times), n=4))
        ratios = [
            f"{wall[other] / wall[name]:.2f}; {cpu[other] / cpu[name]:.2f}"
            for other in ("transformer", "flash_attention")
        ]
        parameters = sum(p.numel() for p in models[name].parameters())
        print(
            f"{name:<24} {parameters:>10,} {tokens / wall[name]:>9,.0f} "
            f"{1e3 * wall[name]:>8.0f} {f'{low:.0f}-{high:.0f}':>11} {1e3 * cpu[name]:>8.0f} "
            f"{ratios[0]:>13} {ratios[1]:>11}"
        )


if __name__ == "__main__":
    main()
