"""What a fit leaves: a network, the adapters around it, and what was tried."""

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sugata.automl.graph import Graph
from sugata.automl.model import Model
from sugata.export.blocks import example_inputs
from sugata.nn.block_network import BlockNetwork
from sugata.space import Signature
from sugata.spaces.blocks import BlockSpace
from sugata.tasks.prepared import Adapters, Rows
from sugata.tasks.prepared.heads import head_of
from sugata.trial import Metric, Trial

if TYPE_CHECKING:
    import pandas as pd

_BATCH = 512  # rows at a time
_EXACT = 20_000_000  # parameters below which networks of tables predict in double precision
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """A trained network for raw rows.

    Attributes:
        graph: of inputs and heads.
        adapters: between raw rows and tensors.
        network: trained; takes tensors, gives logits and standardized values.
        trial: of the network: its architecture and validation metrics.
        trials: a row for each evaluation of the search, best first.
        space: what the architecture is of.
        objectives: what candidates were compared by.
        folder: of the run; None where it is gone, as in another process.
    """

    graph: Graph
    adapters: Adapters
    network: BlockNetwork
    trial: Trial
    trials: "pd.DataFrame"
    space: BlockSpace
    objectives: tuple[Metric, ...]
    folder: Path | None = field(default=None)

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the folder, which may be temporary."""
        return {**self.__dict__, "folder": None}

    @property
    def signature(self) -> Signature:
        """The named inputs and outputs of the network."""
        return Signature(
            tuple(adapter.spec(name) for name, adapter in self.adapters.inputs.items()),
            tuple(adapter.spec(name) for name, adapter in self.adapters.targets.items()),
        )

    def scores(self) -> list[tuple[Metric, float]]:
        """What the network reached on validation data, of that which was aimed at."""
        found = self.trial.metrics
        return [(metric, found[metric.name]) for metric in self.objectives if metric.name in found]

    def outputs(self, rows: Rows) -> dict[str, Floats]:
        """The network's outputs for raw rows, by head: ``(rows, outputs)``.

        Networks of tables compute in double precision, so that a row's prediction does not depend on the rows
        beside it.

        Raises:
            InputError: rows that are not as those that were learned from.
        """
        tensors = self.adapters.network_inputs(rows.inputs)
        exact = all(port.kind in ("table", "array") for port in self.graph.inputs) and (
            sum(p.numel() for p in self.network.parameters()) <= _EXACT
        )
        network: nn.Module = copy.deepcopy(self.network).double() if exact else self.network
        parts: list[tuple[Any, ...]] = []
        with torch.no_grad():
            for start in range(0, len(rows), _BATCH):
                batch = [one[start : start + _BATCH] for one in tensors]
                made = network(*(one.double() if exact and one.is_floating_point() else one for one in batch))
                parts.append(made if isinstance(made, tuple) else (made,))
        return {
            port.name: torch.cat([part[i] for part in parts]).double().numpy()
            for i, port in enumerate(self.graph.heads)
        }

    def labels(self, rows: Rows) -> dict[str, Any]:
        """Labels or values of raw rows, by head, as they were given to learn from."""
        return {name: self.adapters.targets[name].inverse(one) for name, one in self.outputs(rows).items()}

    def probabilities(self, rows: Rows) -> dict[str, Floats]:
        """Of each class or label, by head; of heads with values, the values."""
        kinds = {port.name: port.kind for port in self.graph.heads}
        return {
            name: _probabilities(kinds[name], outputs, self.adapters.targets[name])
            for name, outputs in self.outputs(rows).items()
        }

    def evaluate(self, rows: Rows) -> dict[str, float]:
        """``loss`` and metrics on raw rows with targets; of several heads each with its name before it."""
        outputs, total = self.outputs(rows), 0.0
        found: dict[str, float] = {}
        for port in self.graph.heads:
            target = self.adapters.targets[port.name]
            right = target.transform(rows.targets[port.name])
            values = head_of(port.name, target, None, None, 0.0).score(outputs[port.name], right)
            if port.kind == "regression":
                loss = float(np.mean((outputs[port.name] - right) ** 2))
            else:
                loss = values["cross_entropy"]
            total += float(port.options.get("loss_weight", 1.0)) * loss
            before = f"{port.name}." if len(self.graph.heads) > 1 else ""
            found |= {f"{before}{name}": value for name, value in values.items()}
        return {"loss": total, **found}

    def module(self) -> Model:
        """The network alone."""
        example = tuple(torch.from_numpy(one) for one in example_inputs(self.signature, 1).values())
        return Model(copy.deepcopy(self.network), example).eval()


def _probabilities(kind: str, outputs: Floats, target: Any) -> Any:
    if kind == "classification":
        powers = np.exp(outputs - outputs.max(1, keepdims=True))
        return powers / powers.sum(1, keepdims=True)
    if kind == "multi_label":
        return torch.from_numpy(outputs).sigmoid().numpy()
    return target.inverse(outputs)
