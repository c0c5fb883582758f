"""How good are estimates from a latency table? Random networks, estimated and measured as a whole.

    python benchmarks/latency_table.py --space proxyless --image 32 --count 20

Measures a table of the space here (or takes one: `--table FILE`), estimates random architectures with it, and
measures each of them as a whole in onnxruntime, one thread, as sugata measures what ships. Every network is
measured `--rounds` times in turn with the others: how well one round predicts another is the ceiling that no
estimate can pass. Printed: Spearman's rank correlation, the mean relative error, and the bias.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from _common import statement, table, write_json
from scipy.stats import spearmanr

from sugata.evaluators.image import image_costs
from sugata.export import measure_latencies
from sugata.measure import LatencyTable
from sugata.space import Architecture, SearchSpace, Signature, image_signature
from sugata.spaces import space as space_named


def measured(
    space: SearchSpace, architectures: list[Architecture], signature: Signature, rounds: int
) -> np.ndarray:
    """Milliseconds, `(rounds, architectures)`: medians of repeated runs."""
    found = []
    for number in range(rounds):
        row = []
        for architecture in architectures:
            ((_, milliseconds),) = image_costs(space, architecture, signature, ["latency_ms"])
            row.append(milliseconds)
        found.append(row)
        print(f"round {number + 1} of {rounds}: mean {np.mean(row):.3f} ms", flush=True)
    return np.asarray(found)


def main() -> None:
    """Measure, estimate, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--space", default="proxyless")
    parser.add_argument("--image", type=int, default=32)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--count", type=int, default=20, help="random architectures")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", type=Path, help="a table of `sugata latency-table` instead of a new one")
    parser.add_argument("--output", type=Path, help="where to write the numbers as JSON")
    options = parser.parse_args()
    space = space_named(options.space)
    signature = image_signature(3, options.image, options.image, options.classes)
    started = time.perf_counter()
    if options.table:
        latencies = LatencyTable.read(options.table, space, signature)
    else:
        latencies = measure_latencies(space, signature)
    seconds = time.perf_counter() - started
    rng = np.random.default_rng(options.seed)
    architectures = [space.sample(rng) for _ in range(options.count)]
    estimates = np.asarray([latencies.estimate(one) for one in architectures])
    rounds = measured(space, architectures, signature, options.rounds)
    whole = np.median(rounds, axis=0)
    result = {
        **statement(("torch", "onnxruntime", "numpy")),
        "space": space.name,
        "image": options.image,
        "parts": len(latencies.entries),
        "seconds": round(seconds, 1),
        "whole": latencies.whole,
        "estimated_ms": np.round(estimates, 4).tolist(),
        "measured_ms": np.round(rounds, 4).tolist(),
        "spearman": round(float(spearmanr(estimates, whole).statistic), 4),
        "relative_error": round(float(np.mean(np.abs(estimates / whole - 1))), 4),
        "bias": round(float(np.mean(estimates / whole - 1)), 4),
        "ceiling_spearman": round(float(spearmanr(rounds[0], rounds[-1]).statistic), 4),
        "ceiling_relative_error": round(float(np.mean(np.abs(rounds[0] / rounds[-1] - 1))), 4),
    }
    pairs = np.round(np.stack([estimates, whole], axis=1), 3).tolist()
    print("\n" + table(["estimated ms", "measured ms"], pairs))
    print(f"\n{result['command']}\n{result['machine']}, {result['versions']}, commit {result['commit']}")
    print(f"{space.name}, {options.image} pixels: {result['parts']} parts measured in {seconds:.0f} s")
    print(
        f"Spearman {result['spearman']:.3f} (between two rounds {result['ceiling_spearman']:.3f}), mean"
        f" relative error {result['relative_error']:.1%} (between two rounds"
        f" {result['ceiling_relative_error']:.1%}), bias {result['bias']:+.1%}"
    )
    if options.output:
        write_json(options.output, result)


if __name__ == "__main__":
    main()
