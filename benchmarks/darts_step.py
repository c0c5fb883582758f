"""How long does a first-order DARTS step take? Edges computed together against each operation by itself.

    python benchmarks/darts_step.py --rounds 3

A step is one update of the logits and one of the weights: the published search network (16 channels, 8 cells,
batches of 64 images of 32x32) by default. The reference calls a module for each of the eight operations of
each of the fourteen edges, in torch's default memory format; it stands once more with the channels last,
which is a change of one line. All take turns in one process of one thread; nothing but the forward pass
differs. Seconds are those of the processor, so that other processes matter less; wall-clock seconds beside.
"""

import argparse
import itertools
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _common import statement, table, write_json
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.oneshot import Darts, DartsSupernet, SupernetSettings
from sugata.oneshot.darts_cell import EDGES
from sugata.space import Signature, image_signature
from sugata.spaces.cell import DartsSpace
from sugata.tasks import Batch, Task
from sugata.trial import Metric


class OneByOne(DartsSupernet):
    """The reference: the published forward pass, a module call for each operation."""

    memory_format = torch.contiguous_format

    def forward(self, images: Tensor) -> Tensor:
        """`(batch, 3, height, width)` to `(batch, classes)`."""
        selection: Any = self.selection
        before = self.stem0(images.contiguous(memory_format=self.memory_format))
        last = self.stem1(before)
        for cell in self.cells:
            states = [cell.first(before), cell.second(last)]
            for _, incoming in itertools.groupby(enumerate(EDGES), key=lambda edge: edge[1][1]):
                terms = []
                for i, (source, _) in incoming:
                    options, weights = list(cell.edges[i].options)[1:], selection[cell.names[i]][1:]
                    terms += [w * option(states[source]) for option, w in zip(options, weights, strict=True)]
                states.append(sum(terms))
            before, last = last, torch.cat(states[2:], 1)
        return self.classifier(last.mean((2, 3)))


class OneByOneChannelsLast(OneByOne):
    """The reference, channels last."""

    memory_format = torch.channels_last


class RandomImages(Task):
    """One batch of noise, again and again."""

    name = "noise"
    metrics = (Metric("loss"),)
    primary = metrics[0]

    def __init__(self, size: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.images = torch.randn(size, 3, 32, 32, generator=generator)
        self.labels = torch.randint(0, 10, (size,), generator=generator)

    def signature(self, architecture: Any, fidelity: Any = None) -> Signature:
        return image_signature(3, 32, 32, 10)

    def prepare(self, options: Any = None, *, say: Any = print) -> None:
        """Nothing."""

    def fingerprint(self) -> str:
        return "noise"

    def batches(self, architecture: Any, **options: Any) -> Iterator[Batch]:
        return itertools.repeat(Batch(self.images, self.labels))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return F.cross_entropy(model(batch.inputs), batch.targets)

    def evaluate(self, model: nn.Module, architecture: Any, **options: Any) -> dict[str, float]:
        return {}


class Context:
    """What a method needs to know of its surroundings."""

    seed = 0
    folder = Path()
    source = None
    trained = False

    def report(self, step: float, value: float) -> bool:
        return True

    def exclusive(self) -> AbstractContextManager[None]:
        return nullcontext()


def step(supernet: DartsSupernet, task: Task, steps: int = 1) -> tuple[float, float, Mapping[str, Tensor]]:
    """Processor and wall-clock seconds of a step, and the logits after it."""
    search = Darts(SupernetSettings(steps=steps, checks=1))
    wall, cpu = time.perf_counter(), time.process_time()
    search.fit(supernet, task, Context())  # type: ignore[arg-type]
    seconds = (time.process_time() - cpu) / steps, (time.perf_counter() - wall) / steps
    return *seconds, {name: logits.detach() for name, logits in search.logits.items()}


def main() -> None:
    """Time all in turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--cells", type=int, default=8)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--to", type=Path, default=None, help="write the seconds to this JSON file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    kinds = {
        "one by one": OneByOne,
        "one by one, channels last": OneByOneChannelsLast,
        "together": DartsSupernet,
    }
    task, space = RandomImages(options.batch), DartsSpace(channels=options.channels, cells=options.cells)
    cpu: dict[str, list[float]] = {name: [] for name in kinds}
    wall: dict[str, list[float]] = {name: [] for name in kinds}
    for number in range(options.rounds):
        for name, kind in kinds.items():
            supernet = kind(space, task.signature({}))
            supernet.initialize(torch.Generator().manual_seed(0))
            seconds, waited, _ = step(supernet, task)
            cpu[name].append(seconds)
            wall[name].append(waited)
            print(f"round {number + 1}, {name}: {seconds:.2f} s of the processor, {waited:.2f} s", flush=True)
    reference = float(np.median(cpu["one by one"]))
    rows = []
    for name in kinds:
        median = float(np.median(cpu[name]))
        spread = f"{min(cpu[name]):.2f} to {max(cpu[name]):.2f}"
        rows.append(
            (name, f"{median:.2f}", spread, f"{np.median(wall[name]):.2f}", f"{reference / median:.2f}")
        )
    print(table(("fp32", "s a step, median", "spread", "wall s", "times as fast"), rows))
    print(statement())
    if options.to:
        write_json(options.to, {**statement(), "processor_seconds": cpu, "wall_seconds": wall})


if __name__ == "__main__":
    main()
