"""How good are estimates from a latency table? Random networks, estimated and measured as a whole.

    python benchmarks/latency_table.py --space proxyless --image 32 --count 20

Measures a table of the space here (or takes one: `--table FILE`), estimates random architectures with it, and
measures each of them as a whole in onnxruntime, one thread, as sugata measures what ships. Every network is
measured `--rounds` times in turn with the others: how well one round predicts another is the ceiling that no
estimate can pass. Printed: Spearman's rank correlation, the mean relative error, and the bias, against the
time of the processor, and against the clock on the wall, which other processes disturb.
"""

import argparse
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from _common import statement, table, write_json
from scipy.stats import spearmanr

from sugata.export import Pixels, ShippedImageNetwork, export_image_onnx, measure_latencies
from sugata.measure import LatencyTable, onnx_session
from sugata.space import Architecture, SearchSpace, Signature, image_signature, image_sizes
from sugata.spaces import space as space_named


def sessions(space: SearchSpace, architectures: list[Architecture], signature: Signature) -> list[Any]:
    """Every network as it ships: normalization inside, pixels in."""
    sizes = image_sizes(signature)
    shape, level = (sizes.channels, sizes.height, sizes.width), (0.5,) * sizes.channels
    pixels = Pixels(shape, sizes.outputs, level, level, classes=tuple(map(str, range(sizes.outputs))))
    found = []
    with TemporaryDirectory() as folder:
        for architecture in architectures:
            network = space.build(space.canonical(architecture), signature)
            network.initialize(torch.Generator().manual_seed(0))
            export_image_onnx(ShippedImageNetwork(network, pixels), Path(folder) / "model.onnx")
            found.append(onnx_session(Path(folder) / "model.onnx"))
    return found


def measured(networks: list[Any], signature: Signature, rounds: int, repeats: int) -> np.ndarray:
    """Milliseconds `(clocks, rounds, networks)`, medians of repeats: on the wall, and of the processor."""
    sizes = image_sizes(signature)
    image = np.zeros((1, sizes.channels, sizes.height, sizes.width), np.uint8)
    clocks = (time.perf_counter, time.thread_time)
    found = np.zeros((len(clocks), rounds, len(networks)))
    for number in range(rounds):
        for i, network in enumerate(networks):
            timed = []
            for repeat in range(repeats + 3):
                before = [clock() for clock in clocks]
                network.run(None, {"image": image})
                if repeat >= 3:
                    timed.append([clock() - start for clock, start in zip(clocks, before, strict=True)])
            found[:, number, i] = 1e3 * np.median(timed, axis=0)
        wall, processor = found[:, number].mean(1)
        print(f"round {number + 1} of {rounds}: {wall:.3f} ms, processor {processor:.3f} ms", flush=True)
    return found


def comparison(estimates: np.ndarray, rounds: np.ndarray) -> dict[str, float]:
    """Rank correlation and relative errors against the median of all rounds, and of one round by another."""
    whole, first, last = np.median(rounds, axis=0), rounds[0], rounds[-1]
    return {
        "spearman": round(float(spearmanr(estimates, whole).statistic), 4),
        "relative_error": round(float(np.mean(np.abs(estimates / whole - 1))), 4),
        "bias": round(float(np.mean(estimates / whole - 1)), 4),
        "spearman_of_rounds": round(float(spearmanr(first, last).statistic), 4),
        "relative_error_of_rounds": round(float(np.mean(np.abs(first / last - 1))), 4),
    }


def main() -> None:
    """Measure, estimate, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--space", default="proxyless")
    parser.add_argument("--image", type=int, default=32)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--count", type=int, default=20, help="random architectures")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=30, help="runs of a network in a round")
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
    networks = sessions(space, architectures, signature)
    wall, processor = measured(networks, signature, options.rounds, options.repeats)
    result = {
        **statement(("torch", "onnxruntime", "numpy")),
        "space": space.name,
        "image": options.image,
        "load": os.getloadavg()[0],
        "parts": len(latencies.entries),
        "seconds": round(seconds, 1),
        "whole": latencies.whole,
        "estimated_ms": np.round(estimates, 4).tolist(),
        "wall_ms": np.round(wall, 4).tolist(),
        "processor_ms": np.round(processor, 4).tolist(),
        "against_wall": comparison(estimates, wall),
        "against_processor": comparison(estimates, processor),
    }
    columns = [estimates, np.median(processor, axis=0), np.median(wall, axis=0)]
    pairs = np.round(np.stack(columns, axis=1), 3).tolist()
    print("\n" + table(["estimated ms", "processor ms", "wall ms"], pairs))
    print(f"\n{result['command']}\n{result['machine']}, {result['versions']}, commit {result['commit']}")
    print(f"{space.name}, {options.image} pixels: {result['parts']} parts measured in {seconds:.0f} s")
    for clock in ("processor", "wall"):
        found = result[f"against_{clock}"]
        print(
            f"{clock}: Spearman {found['spearman']:.3f} (one round by another"
            f" {found['spearman_of_rounds']:.3f}), mean relative error {found['relative_error']:.1%}"
            f" (one round by another {found['relative_error_of_rounds']:.1%}), bias {found['bias']:+.1%}"
        )
    if options.output:
        write_json(options.output, result)


if __name__ == "__main__":
    main()
