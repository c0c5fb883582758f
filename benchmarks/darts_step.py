"""How long does a first-order DARTS step take? Edges computed together against each operation by itself.

    python benchmarks/darts_step.py --rounds 3

A step is one update of the logits and one of the weights: the published search network (16 channels, 8 cells,
batches of 64 images of 32x32) by default. The reference calls a module for each of the eight operations of
each of the fourteen edges, in torch's default memory format; it stands once more with the channels last,
which is a change of one line. All take turns in one process of one thread; nothing but the forward pass
differs, but for the last mode, whose products are in bf16. Seconds are those of the processor, so that other
processes matter less; wall-clock seconds beside.

Numbers are compared first: outputs and gradients of all in fp32 with those of the reference in fp64, on the
same weights and images (`--check` of them: fp64 takes twice the memory). Deviations are relative: the largest
difference over the largest number. A network of eight cells whose batch norms follow each other multiplies
rounding; each cell by itself, given the same inputs, does not, and stands beside.
"""

import argparse
import copy
import itertools
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal

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

_COMPARED = ("outputs", "gradient of the mixture", "gradient of the weights")


class OneByOne(DartsSupernet):
    """The reference: the published forward pass, a module call for each operation."""

    memory_format = torch.contiguous_format

    def forward(self, images: Tensor) -> Tensor:
        """`(batch, 3, height, width)` to `(batch, classes)`."""
        before = self.stem0(images.contiguous(memory_format=self.memory_format))
        last = self.stem1(before)
        for cell in self.cells:
            before, last = last, self.cell(cell, before, last)
        return self.classifier(last.mean((2, 3)))

    def cell(self, cell: Any, before: Tensor, last: Tensor) -> Tensor:
        """The output of one cell."""
        selection: Any = self.selection
        states = [cell.first(before), cell.second(last)]
        for _, incoming in itertools.groupby(enumerate(EDGES), key=lambda edge: edge[1][1]):
            terms = []
            for i, (source, _) in incoming:
                options, weights = list(cell.edges[i].options)[1:], selection[cell.names[i]][1:]
                terms += [w * option(states[source]) for option, w in zip(options, weights, strict=True)]
            states.append(sum(terms))
        return torch.cat(states[2:], 1)


class OneByOneChannelsLast(OneByOne):
    """The reference, channels last."""

    memory_format = torch.channels_last


KINDS: dict[str, type[DartsSupernet]] = {
    "one by one": OneByOne,
    "one by one, channels last": OneByOneChannelsLast,
    "together": DartsSupernet,
}
#: What is timed: a kind and the precision of its products.
MODES: dict[str, tuple[type[DartsSupernet], Literal["fp32", "bf16"]]] = {
    **{name: (kind, "fp32") for name, kind in KINDS.items()},
    "together, bf16": (DartsSupernet, "bf16"),
}


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
    folder = None  # nothing is kept
    source = None
    trained = False

    def report(self, step: float, value: float) -> bool:
        return True

    def exclusive(self) -> AbstractContextManager[None]:
        return nullcontext()


def step(supernet: DartsSupernet, task: Task, precision: Literal["fp32", "bf16"]) -> tuple[float, float]:
    """Processor and wall-clock seconds of a step."""
    search = Darts(SupernetSettings(steps=1, checks=1, precision=precision))
    wall, cpu = time.perf_counter(), time.process_time()
    search.fit(supernet, task, Context())  # type: ignore[arg-type]
    return time.process_time() - cpu, time.perf_counter() - wall


def made(kind: type[DartsSupernet], space: DartsSpace, task: Task) -> DartsSupernet:
    """A supernet in training, with the same weights and the same mixture whatever its kind."""
    supernet = kind(space, task.signature({}))
    generator = torch.Generator().manual_seed(0)
    supernet.initialize(generator)
    supernet.mix({name: torch.randn(8, generator=generator).softmax(0) for name in supernet.decisions})
    return supernet.train()


def in_double(supernet: DartsSupernet) -> DartsSupernet:
    """A copy in fp64."""
    double = copy.deepcopy(supernet).double()
    double.mix({name: torch.as_tensor(one).double() for name, one in supernet.selection.items()})
    return double


def numbers(supernet: DartsSupernet, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Outputs, and the gradients of the loss with respect to the mixture and the weights."""
    mixture = {name: torch.as_tensor(one).clone() for name, one in supernet.selection.items()}
    supernet.mix({name: one.requires_grad_() for name, one in mixture.items()})
    outputs = supernet(images)
    F.cross_entropy(outputs, labels).backward()
    gradients = [parameter.grad for parameter in supernet.parameters() if parameter.grad is not None]
    of_mixture = torch.cat([one.grad for one in mixture.values() if one.grad is not None])
    of_weights = torch.cat([one.flatten() for one in gradients])
    return dict(zip(_COMPARED, (outputs.detach(), of_mixture, of_weights), strict=True))


def cell_by_cell(exact: OneByOne, supernet: DartsSupernet, images: Tensor) -> float:
    """The largest deviation of a cell's output where each is given the inputs of the fp64 reference."""
    found = []
    form = getattr(supernet, "memory_format", torch.channels_last)
    with torch.no_grad():
        before = exact.stem0(images.double())
        last = exact.stem1(before)
        for right, cell in zip(exact.cells, supernet.cells, strict=True):
            inputs = [one.float().contiguous(memory_format=form) for one in (before, last)]
            if isinstance(supernet, OneByOne):
                output = supernet.cell(cell, *inputs)
            else:
                output = cell(*inputs, supernet.selection)
            before, last = last, exact.cell(right, before, last)
            found.append(deviation(output, last))
    return max(found)


def deviation(found: Tensor, exact: Tensor) -> float:
    """The largest difference over the largest number."""
    return float((found.double() - exact).abs().max() / exact.abs().max())


def compare(task: "RandomImages", channels: int, cells: int, count: int) -> list[tuple[str, ...]]:
    """Rows of deviations from the reference in fp64."""
    images, labels = task.images[:count], task.labels[:count]
    space = DartsSpace(channels=channels, cells=cells)
    exact = in_double(made(OneByOne, space, task))
    assert isinstance(exact, OneByOne)
    right = numbers(exact, images.double(), labels)
    rows = []
    for name, kind in KINDS.items():
        supernet = made(kind, space, task)
        each = cell_by_cell(exact, supernet, images)
        found = numbers(supernet, images, labels)
        deviations = [deviation(found[what], right[what]) for what in right]
        rows.append((name, str(cells), *(f"{one:.1e}" for one in (each, *deviations))))
        print(f"compared: {name}, {cells} cells", flush=True)
    double = numbers(in_double(made(DartsSupernet, space, task)), images.double(), labels)
    deviations = [deviation(double[what], right[what]) for what in right]
    rows.append(("together, in fp64", str(cells), "", *(f"{one:.1e}" for one in deviations)))
    return rows


def main() -> None:
    """Time all in turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--cells", type=int, default=8)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check", type=int, default=16, help="images that numbers are compared on")
    parser.add_argument("--to", type=Path, default=None, help="write the results to this JSON file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    task, space = RandomImages(options.batch), DartsSpace(channels=options.channels, cells=options.cells)
    compared = [
        row for cells in (2, options.cells) for row in compare(task, options.channels, cells, options.check)
    ]
    cpu: dict[str, list[float]] = {name: [] for name in MODES}
    wall: dict[str, list[float]] = {name: [] for name in MODES}
    for number in range(options.rounds):
        for name, (kind, precision) in MODES.items():
            seconds, waited = step(made(kind, space, task), task, precision)
            cpu[name].append(seconds)
            wall[name].append(waited)
            print(f"round {number + 1}, {name}: {seconds:.2f} s of the processor, {waited:.2f} s", flush=True)
    reference = float(np.median(cpu["one by one"]))
    rows = []
    for name in MODES:
        median = float(np.median(cpu[name]))
        spread = f"{min(cpu[name]):.2f} to {max(cpu[name]):.2f}"
        rows.append(
            (name, f"{median:.2f}", spread, f"{np.median(wall[name]):.2f}", f"{reference / median:.2f}")
        )
    header = ("deviation from fp64", "cells", "each cell by itself", *_COMPARED)
    print(table(header, compared))
    print()
    print(table(("mode", "s a step, median", "spread", "wall s", "times as fast"), rows))
    print(statement())
    if options.to:
        deviations = [dict(zip(header, row, strict=True)) for row in compared]
        times = {"processor_seconds": cpu, "wall_seconds": wall}
        write_json(options.to, {**statement(), **times, "deviations": deviations})


if __name__ == "__main__":
    main()
