"""Does latency in ProxylessNAS' loss buy speed, and what does it cost in accuracy?

    python benchmarks/proxyless_latency.py --data cifar10 --weights 0 0.3 1 3

Measures a latency table here, then trains a supernet of ProxylessNAS' space once for every weight of latency
in the loss, each on the same images from the same start. Printed of the network that each derives: latency
estimated by the table and measured as a whole (time of the processor), parameters, and its validation
accuracy by the supernet's weights. One seed and a short training: it shows the direction, not the price.
"""

import argparse
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from _common import statement, table, write_json
from latency_table import measured, sessions

from sugata.export import measure_latencies
from sugata.measure import count_parameters
from sugata.oneshot import Proxyless, ProxylessSupernet, SupernetSettings
from sugata.spaces.mobile import ProxylessSpace
from sugata.tasks import ImageTask


def main() -> None:
    """Measure, train, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", required=True, help="images with classes")
    parser.add_argument("--resize", type=int, default=16)
    parser.add_argument("--samples", type=int, default=10_000, help="training images")
    parser.add_argument("--width", type=float, default=0.25, help="share of the published channels")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--weights", type=float, nargs="+", default=[0.0, 0.3, 1.0, 3.0])
    parser.add_argument("--rate", type=float, default=0.03, help="of the logits: high, for few steps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    task = ImageTask(options.data, resize=options.resize, max_samples=options.samples, augment=["flip"])
    task.prepare()
    space, signature = ProxylessSpace(width=options.width), task.signature({})
    latencies = measure_latencies(space, signature)
    file = Path("latency.json").absolute()
    latencies.write(file)
    target = latencies.estimate({choice.name: "mbconv_3x3_e3" for choice in space.choices})
    rows, results = [], []
    for weight in options.weights:
        supernet = ProxylessSupernet(space, signature)
        supernet.initialize(torch.Generator().manual_seed(options.seed))
        method = Proxyless(
            SupernetSettings(steps=options.steps, batch_size=32, learning_rate=0.05, checks=10),
            logit_rate=options.rate,
            latency_table=str(file),
            latency_target=target,
            latency_weight=weight,
        )
        context = SimpleNamespace(seed=options.seed, folder=None, report=lambda share, loss: True)
        method.fit(supernet, task, context)
        (best,) = method.derive(1)
        processor = measured(sessions(space, [best], signature), signature, rounds=3, repeats=30)[1]
        with torch.device("meta"):
            parameters = count_parameters(lambda best=best: space.build(best, signature))
        accuracy = supernet.evaluator(task, 2000).score(best)["accuracy"]
        result = {
            "latency_weight": weight,
            "estimated_ms": latencies.estimate(best),
            "measured_ms": float(np.median(processor)),
            "expected_ms": method.latencies,
            "parameters": parameters,
            "blocks": sum(option != "skip" for option in best.values()),
            "accuracy": accuracy,
        }
        results.append(result)
        print(result, flush=True)
        rows.append(
            [
                weight,
                f"{result['estimated_ms']:.3f}",
                f"{result['measured_ms']:.3f}",
                result["blocks"],
                f"{parameters:,}",
                f"{accuracy:.3f}",
            ]
        )
    header = ["latency weight", "estimated ms", "measured ms", "blocks", "parameters", "supernet accuracy"]
    said = statement(("torch", "onnxruntime", "numpy"))
    print(f"\n{table(header, rows)}\n\ntarget {target:.3f} ms\n{said}")
    if options.output:
        write_json(options.output, {**said, "target_ms": target, "results": results})


if __name__ == "__main__":
    main()
