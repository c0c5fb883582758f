"""Networks of blocks as the evaluator that trains sees them."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from sugata.errors import InvalidArchitecture
from sugata.evaluators.networks import Networks
from sugata.export.blocks import (
    example_inputs,
    export_blocks_folder,
    export_blocks_onnx,
    load_blocks_network,
    stored_blocks_size,
)
from sugata.measure import count_parameters, flops, onnx_latency, onnx_session
from sugata.nn.block_network import BlockNetwork
from sugata.nn.image_blocks import Normalization
from sugata.nn.table_embedding import PiecewiseLinearNumbers
from sugata.space import Signature
from sugata.spaces.blocks import BlockSpace
from sugata.tasks import PreparedTask
from sugata.training import TrainingSettings
from sugata.trial import Fidelity, Metric, Trial, Value

MEASURES = (
    Metric("parameters", "", "minimize", "trained parameters of the network"),
    Metric("size_bytes", "bytes", "minimize", "its stored file"),
    Metric("flops", "FLOP", "minimize", "forward pass of one row"),
    Metric("latency_ms", "ms", "minimize", "one row in onnxruntime, one thread, median"),
    Metric("latency_ms_p90", "ms", "minimize", "90th percentile of the same; limits are decided on it"),
)
_TIMED = frozenset({"latency_ms", "latency_ms_p90"})
_EVERYTHING = tuple(metric.name for metric in MEASURES)
_FULL = Fidelity()


class BlockNetworks(Networks):
    """Networks of a graph of blocks for a task with the same inputs and outputs.

    The quality is that of the network that a fidelity trains, on its share of the data. Costs are those of
    the network that ships, at every fidelity.

    Args:
        space: of the graph.
        task: what they are for.
        evaluation_rows: validation rows that score a candidate; None: all.
    """

    metrics = MEASURES

    def __init__(self, space: BlockSpace, task: PreparedTask, evaluation_rows: int | None = None) -> None:
        self.space: BlockSpace = space
        self.task: PreparedTask = task
        self.evaluation_rows = evaluation_rows
        self._first_blocks = space.first_blocks()

    def settings(self) -> list[Any]:
        """The graph, and how many rows score a candidate."""
        return [self.space.name, dict(self.space.parameters), self.evaluation_rows]

    def training_settings(
        self, architecture: Mapping[str, Value], settings: TrainingSettings
    ) -> TrainingSettings:
        """The run's settings with what the graph fixes or the architecture chooses."""
        return replace(settings, **self.space.training(architecture))  # type: ignore[arg-type]

    def build(
        self, architecture: Mapping[str, Value], fidelity: Fidelity, seed: int | None = None
    ) -> BlockNetwork:
        """The network for the task's tensors at this fidelity, with what it must know of the training."""
        signature = self.task.signature(architecture, fidelity)
        self.space.check(signature)
        network = self.space.build(architecture, signature)
        for name, source in self._first_blocks.items():
            _fill(network.block(name), self.task.facts()["inputs"][source])
        if seed is not None:
            network.initialize(torch.Generator().manual_seed(seed))
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
            model, architecture, split="validation", limit=self.evaluation_rows, fidelity=fidelity
        )
        return {**quality, **self.costs(architecture, _EVERYTHING, exclusive)}

    def on_all_rows(self) -> "BlockNetworks":
        """The same networks, trained on validation rows as well, of which nothing is measured."""
        return _OnAllRows(self.space, self.task.on_all_rows())

    def on_fold(self, number: int, count: int, seed: int) -> "BlockNetworks":
        """The same networks, of which only the quality is measured, on a fold of all rows."""
        return _OnFold(self.space, self.task.on_fold(number, count, seed), self.evaluation_rows)

    def costs(
        self,
        architecture: Mapping[str, Value],
        names: Collection[str],
        exclusive: AbstractContextManager[None],
    ) -> dict[str, float]:
        """Parameters, exact stored size, FLOPs; latency of a freshly initialized network."""
        signature = self.task.signature(architecture, _FULL)
        return dict(block_costs(self.space, architecture, signature, names, exclusive))

    def export(self, folder: Path, model: nn.Module, trial: Trial, name: str) -> None:
        """Weights, ONNX, adapters, model card."""
        if not isinstance(model, BlockNetwork):
            raise InvalidArchitecture(f"a {type(model).__name__} is no network of blocks; build one")
        architecture = self.space.architecture(trial.proposal.architecture)
        known = {metric.name for metric in self.task.metrics} | _TIMED | {"flops"}
        info: dict[str, object] = {name: value for name, value in trial.metrics.items() if name in known}
        if "again" in trial.details:
            info["weights"] = trial.details["again"]
        export_blocks_folder(
            folder,
            model,
            self.space,
            architecture,
            self.task.signature(architecture, _FULL),
            info,
            adapters=self.task.data.adapters,
            name=name,
        )

    def score(self, folder: Path, architecture: Mapping[str, Value]) -> dict[str, Any]:
        """Metrics on all test data, of the stored weights in torch and of the ONNX file."""
        network, _ = load_blocks_network(folder)
        exported = _Exported(folder / "model.onnx", network)
        return {
            "test": self.task.evaluate(network, architecture, split="test"),
            "test_exported": self.task.evaluate(exported, architecture, split="test"),
        }


class _OnFold(BlockNetworks):
    """Networks whose costs are known."""

    def costs(
        self,
        architecture: Mapping[str, Value],
        names: Collection[str],
        exclusive: AbstractContextManager[None],
    ) -> dict[str, float]:
        """None."""
        return {}


class _OnAllRows(_OnFold):
    """Networks for which no rows are left to be scored on."""

    def measure(
        self,
        model: nn.Module,
        architecture: Mapping[str, Value],
        fidelity: Fidelity,
        exclusive: AbstractContextManager[None],
    ) -> dict[str, float]:
        """Nothing."""
        return {}


def _fill(block: nn.Module, facts: Mapping[str, Any]) -> None:
    """What a block has to know of the training data of its input."""
    for module in block.modules():
        if isinstance(module, Normalization):
            module.fill(facts["mean"], facts["std"])
        if isinstance(module, PiecewiseLinearNumbers) and "edges" in facts:
            module.fill(facts["edges"])


def block_costs(
    space: BlockSpace,
    architecture: Mapping[str, Value],
    signature: Signature,
    names: Collection[str] = _EVERYTHING,
    exclusive: AbstractContextManager[None] | None = None,
) -> dict[str, float]:
    """What a network costs where it ships, measured here and now, for tensors of that signature.

    Args:
        names: of the metrics that are wanted.
        exclusive: held while something is timed.
    """
    with torch.device("meta"):
        network = space.build(architecture, signature).eval()
    rows = example_inputs(signature, 1)
    shapes = [array.shape for array in rows.values()]
    types = [getattr(torch, str(array.dtype)) for array in rows.values()]
    counts: dict[str, Callable[[], int]] = {
        "parameters": lambda: count_parameters(lambda: network),
        "size_bytes": lambda: stored_blocks_size(network),
        "flops": lambda: flops(network, *shapes, dtype=types),
    }
    found = {name: float(count()) for name, count in counts.items() if name in names}
    if not _TIMED.intersection(names):
        return found
    with TemporaryDirectory(prefix="sugata-") as folder:
        path = Path(folder) / "model.onnx"
        initialized = space.build(architecture, signature)
        initialized.initialize(torch.Generator().manual_seed(0))
        export_blocks_onnx(initialized, signature, path)
        with exclusive or nullcontext():
            latency = onnx_latency(path, rows)
    timed = {"latency_ms": latency.median, "latency_ms_p90": latency.p90}
    return found | {name: value for name, value in timed.items() if name in names}


class _Exported(nn.Module):
    """An ONNX file as a network."""

    def __init__(self, path: Path, network: BlockNetwork) -> None:
        super().__init__()
        self.session = onnx_session(path)
        self.inputs, self.outputs = network.inputs, list(network.outputs)

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """As the network's own."""
        feeds = {name: x.numpy() for name, x in zip(self.inputs, inputs, strict=True)}
        found = tuple(torch.from_numpy(value) for value in self.session.run(self.outputs, feeds))
        return found[0] if len(found) == 1 else found
