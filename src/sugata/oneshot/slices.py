"""Which part of a larger module's weights a smaller module of the same kind uses."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sugata.nn.attention import Attention
from sugata.nn.feed_forward import FeedForward
from sugata.nn.linear_attention import LinearAttention
from sugata.nn.mamba import Mamba


@dataclass(frozen=True)
class Slice:
    """A part of a shared tensor.

    Attributes:
        source: the whole tensor.
        rows: first row and number of rows of every piece, in the order in which they are put together.
        shape: of the result.
        scale: what it is multiplied by.
    """

    source: Tensor
    rows: tuple[tuple[int, int], ...]
    shape: tuple[int, ...]
    scale: float = 1.0

    def take(self) -> Tensor:
        """The part; gradients flow back into the source, and what is written to a view arrives there."""
        if not self.shape:
            return self.source
        columns = tuple(slice(size) for size in self.shape[1:2])
        columns += tuple(_centre(*sizes) for sizes in zip(self.source.shape[2:], self.shape[2:], strict=True))
        pieces = [self.source[(slice(first, first + count), *columns)] for first, count in self.rows]
        part = pieces[0] if len(pieces) == 1 else torch.cat(pieces)
        return part if self.scale == 1.0 else part * self.scale


def slices(small: nn.Module, large: nn.Module, exponent: float = 0.5) -> dict[str, Slice]:
    """The slice for every parameter and buffer of a module, out of a like one that is nowhere smaller.

    The first rows and columns of each matrix, the centre of each kernel; of a projection that makes several
    things at once, the first rows of each of them. Heads are no more than a partition of these rows.

    The weight of a linear layer is multiplied by (fan-in in the large module / fan-in in the small one) to
    the ``exponent``: with 1/2, slices of freshly drawn weights have the variance that the small module would
    have drawn for itself (``sugata.nn.initialization``). Once-for-all networks (Cai et al. 2020) need no
    such factor, because batch norms follow every convolution.
    """
    found: dict[str, Slice] = {}
    sources = large.state_dict(keep_vars=True)
    for name, parameter in small.state_dict(keep_vars=True).items():
        source = sources[name]
        here = _pieces(small, name) or tuple(parameter.shape[:1])
        there = _pieces(large, name) or tuple(source.shape[:1])
        starts = [sum(there[:i]) for i in range(len(there))]
        scale = 1.0
        owner = small.get_submodule(name.rpartition(".")[0])
        if isinstance(owner, nn.Linear) and name.endswith("weight"):
            scale = (source.shape[1] / parameter.shape[1]) ** exponent
        rows = _joined(list(zip(starts, here, strict=True)))
        found[name] = Slice(source, rows, tuple(parameter.shape), scale)
    return found


def _pieces(module: nn.Module, name: str) -> tuple[int, ...]:
    """The rows of each thing that a parameter makes; empty: it makes one."""
    match module, name:
        case Attention(), "qkv.weight":
            keys = module.key_value_heads * module.head_dim
            return module.num_heads * module.head_dim, keys, keys
        case LinearAttention(), "qkv.weight":
            return (module.num_heads * module.head_dim,) * 3
        case Mamba(), "in_proj.weight":
            inner, state = module.inner_dim, module.state_dim
            return inner, inner, state, state, module.num_heads
        case Mamba(), "conv.weight" | "conv.bias":
            return module.inner_dim, module.state_dim, module.state_dim
        case FeedForward(gated=True), "up.weight":
            return (module.up.out_features // 2,) * 2
    return ()


def _centre(large: int, small: int) -> slice:
    start = (large - small) // 2
    return slice(start, start + small)


def _joined(rows: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Neighbouring pieces as one, so that a whole matrix is a view and not a copy."""
    joined = rows[:1]
    for first, count in rows[1:]:
        if sum(joined[-1]) == first:
            joined[-1] = (joined[-1][0], joined[-1][1] + count)
        else:
            joined.append((first, count))
    return tuple(joined)
