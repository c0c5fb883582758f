"""A network of named blocks: each takes the outputs of others; several inputs and outputs of the whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sugata.nn.dropout import set_generator
from sugata.nn.sequences import Steps
from sugata.space import Block

_RESERVED = frozenset(dir(nn.ModuleDict))


@dataclass(frozen=True)
class Placed:
    """A module, and the names of the blocks or inputs that it takes."""

    name: str
    sources: tuple[str, ...]
    module: nn.Module


class BlockNetwork(nn.Module):
    """Runs its blocks in their order.

    Args:
        inputs: Names of the inputs, in the order of the arguments.
        blocks: Each after those that it takes.
        outputs: Names of the blocks whose results are the network's.
        outline: What the blocks are, for people.
        sequences: Names of the inputs that are sequences of vectors.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        blocks: Sequence[Placed],
        outputs: Sequence[str],
        outline: Sequence[Block] = (),
        sequences: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.sequences = frozenset(sequences)
        self.sources: Mapping[str, tuple[str, ...]] = {block.name: block.sources for block in blocks}
        self.blocks = nn.ModuleDict({_key(block.name): block.module for block in blocks})
        self.outline = tuple(outline)

    def block(self, name: str) -> nn.Module:
        """The module of a block."""
        return self.blocks[_key(name)]

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """All inputs in their order to the output, or to a tuple of all outputs.

        Pixels as bytes become floats from 0 to 1.
        """
        values: dict[str, Tensor | Steps] = {}
        for name, x in zip(self.inputs, inputs, strict=True):
            floats = x.float() / 255 if x.dtype == torch.uint8 else x
            values[name] = Steps(floats, None) if name in self.sequences else floats
        for name, sources in self.sources.items():
            values[name] = self.block(name)(*(values[source] for source in sources))
        found: tuple[Tensor, ...] = tuple(values[name] for name in self.outputs)  # type: ignore[misc]
        return found[0] if len(found) == 1 else found

    def draw_from(self, generator: torch.Generator | None) -> None:
        """Let everything random in training draw from this generator; from torch's own where None."""
        set_generator(self, generator)

    def initialize(self, generator: torch.Generator) -> None:
        """Fill every parameter anew."""
        for module in self.blocks.values():
            initialize_block(module, generator)

    def summary(self) -> str:
        """The blocks with the shapes that leave them and their parameters, as lines of text."""
        rows = [("block", "kind", "output", "parameters")]
        for block in self.outline:
            shape = " x ".join(str(size) for size in block.output[1:])
            rows.append((block.name, block.kind, shape, f"{block.parameters:,}"))
        total = sum(parameter.numel() for parameter in self.parameters())
        rows.append(("in all", "", "", f"{total:,}"))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        return "\n".join(
            "  ".join(cell.ljust(width) if i < 3 else cell.rjust(width) for i, (cell, width) in enumerate(
                zip(row, widths, strict=True)
            ))
            for row in rows
        )  # fmt: skip


@torch.no_grad()
def initialize_block(module: nn.Module, generator: torch.Generator) -> None:
    """Fill every parameter of a block, and reset the statistics of its batch norms.

    Convolutions have variance 2/fan_in (He et al. 2015), linear layers 1/fan_in, recurrent ones torch's
    uniform law, biases are zero. A module with a method `initialize` fills itself and all inside it.

    Raises:
        TypeError: A module has parameters that are not known how to initialize.
    """
    own = getattr(module, "initialize", None)
    if own is not None:
        own(generator)
        return
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
        gain = 1.0 if isinstance(module, nn.Linear) else 2.0
        module.weight.normal_(0.0, (gain / module.weight[0].numel()) ** 0.5, generator=generator)
        if module.bias is not None:
            module.bias.zero_()
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.LayerNorm):
        module.reset_parameters()
    elif isinstance(module, nn.GRU | nn.LSTM):
        bound = module.hidden_size**-0.5
        for parameter in module.parameters():
            parameter.uniform_(-bound, bound, generator=generator)
    elif list(module.parameters(recurse=False)):
        raise TypeError(f"{type(module).__name__} has parameters that are not known how to initialize")
    for child in module.children():
        initialize_block(child, generator)


def _key(name: str) -> str:
    return f"{name}_" if name in _RESERVED else name
