"""Image networks as the evaluator that trains sees them: cheaper at lower rungs, larger at the end."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sugata.evaluators.networks import Networks
from sugata.export import (
    Pixels,
    ShippedImageNetwork,
    export_image_folder,
    export_image_onnx,
    load_image_folder,
    stored_image_size,
)
from sugata.measure import count_parameters, flops, onnx_latency, onnx_session
from sugata.nn.initialization import initialize_convolutional
from sugata.space import SearchSpace, Signature, image_sizes
from sugata.spaces.scaling import scaled_space
from sugata.tasks import ImageTask
from sugata.trial import Fidelity, Metric, Trial, Value

_MEASURES = (
    Metric("parameters", "", "minimize", "trained parameters of the network that ships"),
    Metric("size_bytes", "bytes", "minimize", "its stored file"),
    Metric("flops", "FLOP", "minimize", "forward pass of one image"),
    Metric("latency_ms", "ms", "minimize", "one image in onnxruntime, one thread, median"),
    Metric("latency_ms_p90", "ms", "minimize", "90th percentile of the same; limits are decided on it"),
)
_TIMED = frozenset({"latency_ms", "latency_ms_p90"})
_EVERYTHING = tuple(metric.name for metric in _MEASURES)


class ImageNetworks(Networks):
    """Networks of a space for an image task, each built in its canonical form.

    The quality is that of the network that a fidelity trains: with its share of channels and cells, on its
    share of the data and of the resolution. Parameters, size, FLOPs and latency are those of the network that
    ships, at every fidelity, so that limits and objectives mean what is delivered.

    Args:
        space: builds image networks.
        task: what they are for.
        ships: the fidelity whose channels and cells the winner will have.
        evaluation_images: validation images that score a candidate; None: all.
        source: what the recipe calls the space; its name where None.
    """

    metrics = _MEASURES

    def __init__(
        self,
        space: SearchSpace,
        task: ImageTask,
        *,
        ships: Fidelity | None = None,
        evaluation_images: int | None = None,
        source: str | None = None,
    ) -> None:
        self.space = space
        self.task: ImageTask = task
        self.ships = ships or Fidelity()
        self.evaluation_images = evaluation_images
        self.source = source or space.name

    def settings(self) -> list[Any]:
        """The sizes of networks, and how many images score a candidate."""
        size = [self.ships.channels, self.ships.cells]
        return [self.space.name, dict(self.space.parameters), size, self.evaluation_images]

    def build(
        self, architecture: Mapping[str, Value], fidelity: Fidelity, seed: int | None = None
    ) -> nn.Module:
        """The network for images of the fidelity's resolution."""
        space = self._sized(fidelity)
        network = space.build(space.canonical(architecture), self.task.signature(architecture, fidelity))
        _initialize(network, seed)
        return network

    def measure(
        self,
        model: nn.Module,
        architecture: Mapping[str, Value],
        fidelity: Fidelity,
        exclusive: AbstractContextManager[None],
    ) -> dict[str, float]:
        """The quality of this network, the costs of the one that ships."""
        quality = self.task.evaluate(
            model, architecture, split="validation", limit=self.evaluation_images, fidelity=fidelity
        )
        return {**quality, **self.costs(architecture, _EVERYTHING, exclusive)}

    def costs(
        self,
        architecture: Mapping[str, Value],
        names: Collection[str],
        exclusive: AbstractContextManager[None],
    ) -> dict[str, float]:
        """Parameters, exact stored size, FLOPs; latency of a freshly initialized network."""
        build = partial(self.build, architecture, self.ships)
        return _costs(build, self._pixels(), names, exclusive)

    def export(self, folder: Path, model: nn.Module, trial: Trial, name: str) -> None:
        """Weights, ONNX, model card."""
        fidelity = trial.proposal.fidelity
        known = {metric.name for metric in self.task.metrics}
        if (fidelity.channels, fidelity.cells) == (self.ships.channels, self.ships.cells):
            known |= _TIMED | {"flops"}
        export_image_folder(
            folder,
            model,
            self._pixels(fidelity),
            self._sized(fidelity),
            self.space.canonical(trial.proposal.architecture),
            {metric: value for metric, value in trial.metrics.items() if metric in known},
            source=self.source,
            name=name,
        )

    def score(self, folder: Path, architecture: Mapping[str, Value]) -> dict[str, Any]:
        """Metrics on all test images."""
        shipped = load_image_folder(folder, self._sized(self.ships))
        session, output = onnx_session(folder / "model.onnx"), shipped.pixels.output

        def exported(image: Tensor) -> Tensor:
            return torch.from_numpy(session.run([output], {"image": image.numpy()})[0])

        return {
            "test": self.task.score(shipped, split="test"),
            "test_exported": self.task.score(exported, split="test"),
        }

    def _sized(self, fidelity: Fidelity) -> SearchSpace:
        return scaled_space(self.space, width=fidelity.channels, depth=fidelity.cells, divisor=1)

    def _pixels(self, fidelity: Fidelity | None = None) -> Pixels:
        facts = self.task.prepared().facts
        _, *shape = self.task.signature({}, fidelity).inputs[0].shape
        names = ("mean", "std", "target_mean", "target_std", "classes")
        values = {name: tuple(facts[name]) for name in names}
        return Pixels(tuple(map(int, shape)), int(facts["outputs"]), **values)  # type: ignore[arg-type]


def image_costs(
    space: SearchSpace,
    architecture: Mapping[str, Value],
    signature: Signature,
    names: Collection[str] = _EVERYTHING,
    exclusive: AbstractContextManager[None] | None = None,
) -> list[tuple[Metric, float]]:
    """What a network costs where it ships, measured here and now, for images of that signature.

    Args:
        names: of the metrics that are wanted.
        exclusive: held while something is timed.
    """

    def build(seed: int | None = None) -> nn.Module:
        network = space.build(space.canonical(architecture), signature)
        _initialize(network, seed)
        return network

    sizes = image_sizes(signature)
    classes = tuple(map(str, range(sizes.outputs)))
    shape = (sizes.channels, sizes.height, sizes.width)
    level = (0.5,) * sizes.channels
    pixels = Pixels(shape, sizes.outputs, mean=level, std=level, classes=classes)
    values = _costs(build, pixels, names, exclusive or nullcontext())
    return [(metric, values[metric.name]) for metric in _MEASURES if metric.name in values]


def _costs(
    build: Callable[..., nn.Module],
    pixels: Pixels,
    names: Collection[str],
    exclusive: AbstractContextManager[None],
) -> dict[str, float]:
    """Those of the named costs, of the network that ``build(seed=...)`` makes."""
    with torch.device("meta"):
        network = build().eval()
    counts: dict[str, Callable[[], int]] = {
        "parameters": lambda: count_parameters(lambda: network),
        "size_bytes": lambda: stored_image_size(network),
        "flops": lambda: flops(network, (1, *pixels.shape), dtype=torch.float32),
    }
    found = {name: float(count()) for name, count in counts.items() if name in names}
    if not _TIMED.intersection(names):
        return found
    with TemporaryDirectory(prefix="sugata-") as folder:
        path = Path(folder) / "model.onnx"
        export_image_onnx(ShippedImageNetwork(build(seed=0), pixels), path)
        image = np.zeros((1, *pixels.shape), np.uint8)
        with exclusive:
            latency = onnx_latency(path, {"image": image})
    timed = {"latency_ms": latency.median, "latency_ms_p90": latency.p90}
    return found | {name: value for name, value in timed.items() if name in names}


def _initialize(network: nn.Module, seed: int | None) -> None:
    if seed is not None:
        own = getattr(network, "initialize", partial(initialize_convolutional, network))
        own(torch.Generator().manual_seed(seed))
