"""A trained network as a plain module that can say what it consists of."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sugata.report.wording import count


class Model(nn.Module):
    """A trained network.

    It takes what the adapters make of raw rows (``example`` is such a row), and gives logits of classes or
    labels, or standardized values; of several heads a tuple.

    Attributes:
        network: the layers.
        example: one row of each input, zeros.
    """

    def __init__(self, network: nn.Module, example: Sequence[Tensor]) -> None:
        super().__init__()
        self.network = network
        self.example = tuple(example)

    def forward(self, *inputs: Tensor) -> Any:
        """Outputs of ``(batch, ...)`` inputs."""
        return self.network(*inputs)

    def summary(self) -> None:
        """Print the layers: name, kind, shape of the output, parameters."""
        print(table(layers(self.network, self.example)))


def layers(network: nn.Module, example: Sequence[Tensor]) -> list[tuple[str, str, str, int]]:
    """Name, kind, shape of the output (without the batch) and parameters of each layer, in order of use."""
    found: list[tuple[str, str, str, int]] = []
    counted: set[int] = set()

    def record(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            own = [p for p in module.parameters() if id(p) not in counted]
            counted.update(map(id, own))
            found.append((name, type(module).__name__, _shape(output), sum(p.numel() for p in own)))

        return hook

    handles = [
        module.register_forward_hook(record(name))
        for name, module in network.named_modules()
        if name and not any(True for _ in module.children())
    ]
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            network(*example)
    finally:
        for handle in handles:
            handle.remove()
        network.train(training)
    rest = sum(p.numel() for p in network.parameters() if id(p) not in counted)
    if rest:
        found.append(("", "parameters outside layers", "", rest))
    return found


def table(rows: Sequence[tuple[str, str, str, int]]) -> str:
    """Layers as text in columns, the total below."""
    texts = [("layer", "kind", "output", "parameters")]
    texts += [(name, kind, shape, f"{size:,}") for name, kind, shape, size in rows]
    widths = [max(len(row[i]) for row in texts) for i in range(4)]
    lines = [
        "  ".join(
            [
                *(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=False)),
                row[3].rjust(widths[3]),
            ]
        )
        for row in texts
    ]
    total = sum(size for *_, size in rows)
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], f"{count(total)} parameters"])


def _shape(output: Any) -> str:
    if isinstance(output, Tensor):
        return " x ".join(map(str, output.shape[1:])) or "1"
    if isinstance(output, tuple | list) and output:
        return _shape(output[0])
    return ""
