"""Measuring a latency table: networks in pieces, each piece in onnxruntime as it would ship."""

import io
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from sugata.export.image import Pixels, ShippedImageNetwork
from sugata.export.onnx_file import IR_VERSION
from sugata.export.tracing import OPSET, quiet
from sugata.measure import LatencyTable, PartLatency, onnx_session
from sugata.measure.latency_table import this_machine, this_runtime
from sugata.nn.initialization import initialize_convolutional
from sugata.space import Architecture, NetworkPart, SearchSpace, Signature, image_sizes

T = TypeVar("T")
Progress = Callable[[int, int], None]
_TURNS = 3  # of the whole network and its parts
_FEWEST = 2  # passes of a turn


def measure_latencies(
    space: SearchSpace,
    signature: Signature,
    *,
    passes: int = 30,
    seconds: float = 2.0,
    progress: Progress = lambda done, total: None,
    exclusive: AbstractContextManager[None] | None = None,
) -> LatencyTable:
    """Measure every operation of every block of a space once, at its shape.

    A few networks that together have all parts are cut into them. The parts of a network run one after the
    other, each on what the one before has given, so that caches hold what they hold in the whole network: a
    part that is repeated by itself finds its weights there and seems a quarter faster. Every pass gives one
    timing of each part, and the median over passes is kept. Whole networks are timed in turn with the parts,
    and what they take as a share of the sum of their parts corrects estimates.

    Time is that of the processor in the one thread that runs: the latency on an idle machine, also where
    other processes interrupt it.

    Args:
        space: divides its networks into parts (:meth:`SearchSpace.parts`).
        signature: of an image task.
        passes: timed passes through a network and through its parts, at most.
        seconds: no further passes through a network or its parts when they took this long together; six are
            made in any case.
        progress: is told how many networks are done, and of how many.
        exclusive: held while networks are timed.

    Raises:
        InvalidArchitecture: the space does not divide its networks, or the task has no images.
    """
    covering = _needed(space, signature)
    timings: dict[str, list[float]] = {}
    together = np.zeros(2)  # whole networks, and their parts
    with TemporaryDirectory(prefix="sugata-") as folder:
        graphs = _Graphs(Path(folder), signature)
        for done, architecture in enumerate(covering):
            progress(done, len(covering))
            parts = space.parts(
                architecture, signature
            )  # not kept: they hold a whole network once it is built
            pieces = _Pieces(space, architecture, parts, graphs)
            with exclusive or nullcontext():
                whole, each = pieces.time(passes, seconds)
            together += np.median(whole), np.median(each, axis=0).sum()
            for part, column in zip(parts, each.T, strict=True):
                timings.setdefault(part.name, []).extend(column)
    progress(len(covering), len(covering))
    entries = {name: _latency(values) for name, values in sorted(timings.items())}
    share = round(float(together[0] / together[1]), 4)
    return LatencyTable(space, signature, entries, share, this_machine(), this_runtime())


def _needed(space: SearchSpace, signature: Signature) -> list[Architecture]:
    """Of the covering architectures those that have a part which none before has."""
    known: set[str] = set()
    needed = []
    for architecture in space.covering():
        names = {part.name for part in space.parts(architecture, signature)}
        if not names <= known:
            known |= names
            needed.append(architecture)
    return needed


class _Graphs:
    """Exported parts in a folder, each written once."""

    def __init__(self, folder: Path, signature: Signature) -> None:
        self.folder = folder
        self.pixels = _pixels(signature)
        self.signature = signature
        self.files: dict[str, Path] = {}

    def session(self, part: NetworkPart, takes_pixels: bool) -> Any:
        """The part in onnxruntime."""
        if part.name not in self.files:
            file = self.folder / f"{len(self.files)}.onnx"
            module = part.build()
            initialize_convolutional(module, torch.Generator().manual_seed(len(self.files)))
            file.write_bytes(self._first(module) if takes_pixels else _exported(module, part.shape))
            self.files[part.name] = file
        return onnx_session(self.files[part.name])

    def whole(self, network: nn.Module) -> Any:
        """A network in onnxruntime."""
        file = self.folder / "whole.onnx"
        file.write_bytes(self._first(network))
        return onnx_session(file)

    def _first(self, module: nn.Module) -> bytes:
        """A module that takes pixels, with the normalization that ships."""
        return _exported(ShippedImageNetwork(module, self.pixels), self.pixels.shape, torch.uint8)


class _Pieces:
    """A network as onnxruntime sessions: the whole, and one for each part."""

    def __init__(
        self, space: SearchSpace, architecture: Architecture, parts: Sequence[NetworkPart], graphs: _Graphs
    ) -> None:
        network = space.build(space.canonical(architecture), graphs.signature)
        own = getattr(network, "initialize", partial(initialize_convolutional, network))
        own(torch.Generator().manual_seed(0))
        self.whole = graphs.whole(network)
        self.parts = [(graphs.session(part, i == 0), part.shape) for i, part in enumerate(parts)]
        self.image = np.random.default_rng(0).integers(0, 256, (1, *graphs.pixels.shape), np.uint8)

    def time(self, passes: int, seconds: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Milliseconds of every pass, of the whole ``(passes,)`` and of its parts ``(passes, parts)``."""
        whole: list[float] = []
        each: list[list[float]] = []
        for _ in range(_TURNS):
            whole += _repeated(self._whole_pass, passes // _TURNS, seconds / _TURNS)
            each += _repeated(self._part_pass, passes // _TURNS, seconds / _TURNS)
        return np.asarray(whole), np.asarray(each)

    def _whole_pass(self) -> float:
        start = time.thread_time()
        self.whole.run(None, {"x": self.image})
        return 1e3 * (time.thread_time() - start)

    def _part_pass(self) -> list[float]:
        timed = []
        given: dict[
            tuple[int, ...], Any
        ] = {}  # the last result of each shape, for parts that do not follow it
        x = self.image
        for session, shape in self.parts:
            if x.shape[1:] != shape:
                x = given[shape]
            start = time.thread_time()
            (x,) = session.run(None, {"x": x})
            timed.append(1e3 * (time.thread_time() - start))
            given[x.shape[1:]] = x
        return timed


def _repeated(run: Callable[[], T], passes: int, seconds: float) -> list[T]:
    run()  # caches are those of what ran before
    results: list[T] = []
    start = time.perf_counter()
    while len(results) < max(passes, _FEWEST):
        if len(results) >= _FEWEST and time.perf_counter() - start > seconds:
            break
        results.append(run())
    return results


def _exported(module: nn.Module, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> bytes:
    """The graph of a module: `x` `(batch, *shape)` to `y`."""
    buffer = io.BytesIO()
    with torch.no_grad(), quiet():
        torch.onnx.export(
            module.eval(),
            (torch.zeros(2, *shape, dtype=dtype),),
            buffer,  # type: ignore[arg-type] # the older exporter writes to any file object
            dynamo=False,
            input_names=["x"],
            output_names=["y"],
            dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}},
            opset_version=OPSET,
        )
    graph = onnx.load_from_string(buffer.getvalue())
    graph.ir_version = IR_VERSION
    return graph.SerializeToString()


def _pixels(signature: Signature) -> Pixels:
    sizes = image_sizes(signature)
    level = (0.5,) * sizes.channels
    shape = (sizes.channels, sizes.height, sizes.width)
    return Pixels(shape, sizes.outputs, level, level, classes=tuple(map(str, range(sizes.outputs))))


def _latency(values: Sequence[float]) -> PartLatency:
    p10, median, p90 = (round(float(q), 5) for q in np.quantile(values, [0.1, 0.5, 0.9]))
    return PartLatency(median, p10, p90)
