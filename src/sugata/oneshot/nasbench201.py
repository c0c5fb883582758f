"""All cells of NAS-Bench-201 in one network."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.nn.batch_norm import follow, normalized
from sugata.nn.nasbench201 import OPERATIONS, NasBench201Cell, NasBench201Network, ResidualReduction
from sugata.oneshot.base import Supernet
from sugata.oneshot.mixed import MixedOperation, copy_weights, without_affine
from sugata.oneshot.partial import PartialMixedOperation, check_parts, refuse_extraction
from sugata.space import Signature, image_sizes
from sugata.spaces.cell import NasBench201Space
from sugata.spaces.cell.nasbench201 import EDGES
from sugata.trial import Value

_SKIP, _CONVOLUTIONS, _POOL = 1, (2, 3), 4  # positions in the order of the official string


class MixedCell(nn.Module):
    """A cell whose edges hold all operations.

    Args:
        names: Decisions, one for each edge.
        options: Of every edge.
        channels: Of every node.
        affine: Whether batch norms have a scale and a shift; without, weights of operations can be compared.
        partial: Into how many parts the channels of an edge are divided.
    """

    def __init__(
        self, names: tuple[str, ...], options: tuple[Value, ...], channels: int, affine: bool, partial: int
    ) -> None:
        super().__init__()
        self.names = names
        self.together = partial == 1 and not affine  # mixtures of whole edges have a fast form
        self.edges = nn.ModuleList()
        for _ in names:
            modules = {option: _operation(str(option), channels // partial, affine) for option in options}
            self.edges.append(
                MixedOperation(modules) if partial == 1 else PartialMixedOperation(modules, partial)
            )

    def forward(self, x: Tensor, selection: Mapping[str, int | Tensor]) -> Tensor:
        """`(batch, channels, height, width)`, the shape is kept."""
        if self.together and self.training and all(_whole(selection[name]) for name in self.names):
            return self._together(x, selection)
        nodes: list[Tensor] = [x]
        edges = zip(EDGES, self.names, self.edges, strict=True)
        for _, incoming in groupby(edges, key=lambda edge: edge[0][1]):  # all edges of a node
            terms = [edge(nodes[source], selection[name]) for (source, _), name, edge in incoming]
            added = [term for term in terms if term is not None]
            nodes.append(sum(added[1:], added[0]) if added else torch.zeros_like(x))
        return nodes[-1]

    def _together(self, x: Tensor, selection: Mapping[str, Any]) -> Tensor:
        """The same for mixtures of all options: the edges from one node share ReLU, pool and convolutions."""
        parts = {edge: i for i, edge in enumerate(EDGES)}
        nodes: list[Tensor] = [x]
        terms: dict[int, list[Tensor]] = {1: [], 2: [], 3: []}
        for source in (0, 1, 2):
            targets = [target for target in terms if target > source]
            edges: list[Any] = [self.edges[parts[source, target]] for target in targets]
            weights = [selection[self.names[parts[source, target]]] for target in targets]
            state = nodes[source]
            positive, pooled = F.relu(state), edges[0].option(_POOL)(state)
            plain = [one[_SKIP] * state + one[_POOL] * pooled for one in weights]
            for position in _CONVOLUTIONS:
                options = [edge.option(position) for edge in edges]
                norms = [option[2] for option in options]
                kernel = torch.cat([option[1].weight for option in options])
                y = F.conv2d(positive, kernel, padding=kernel.shape[2] // 2)
                # The weight of an option is the scale of its batch norm.
                scale = torch.cat([one[position].expand(state.shape[1]) for one in weights])
                y = _normalized_together(norms, y, scale)
                plain = [total + part for total, part in zip(plain, y.chunk(len(edges), 1), strict=True)]
            for target, term in zip(targets, plain, strict=True):
                terms[target].append(term)
            nodes.append(sum(terms[source + 1][1:], terms[source + 1][0]))
        return nodes[-1]


class NasBench201Supernet(Supernet):
    """The published macro network with all five operations on each edge of every cell.

    Args:
        space: Gives channels and cells.
        signature: Of the image task.
        affine: Whether batch norms of the cells have a scale and a shift.
        partial: Partial channels: into how many parts they are divided; 1: none. For search alone.

    Raises:
        RecipeError: `partial` does not divide the channels.
    """

    space: NasBench201Space

    def __init__(
        self, space: NasBench201Space, signature: Signature, *, affine: bool = False, partial: int = 1
    ) -> None:
        super().__init__(space, signature)
        check_parts(partial, space.channels)
        self.partial = partial
        self.decisions = {choice.name: choice.options for choice in space.choices}
        self.sums = {
            str(node): tuple(
                name for name, (_, target) in zip(self.decisions, EDGES, strict=True) if target == node
            )
            for node in (1, 2, 3)
        }
        sizes, channels = image_sizes(signature), space.channels
        self.stem = nn.Sequential(
            nn.Conv2d(sizes.channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        names, options = tuple(self.decisions), space.choices[0].options
        layers: list[nn.Module] = []
        for stage in range(3):
            width = channels * 2**stage
            if stage:
                layers.append(ResidualReduction(width // 2, width))
            layers += [MixedCell(names, options, width, affine, partial) for _ in range(space.cells)]
        self.layers = nn.ModuleList(layers)
        self.norm = nn.Sequential(nn.BatchNorm2d(4 * channels), nn.ReLU())
        self.classifier = nn.Linear(4 * channels, sizes.outputs)
        self.activate(dict.fromkeys(names, options[-1]))

    def forward(self, images: Tensor) -> Tensor:
        """`(batch, image_channels, height, width)` to `(batch, outputs)`."""
        x = self.stem(images.contiguous(memory_format=torch.channels_last))  # pools are ten times faster
        for layer in self.layers:
            x = layer(x, self.selection) if isinstance(layer, MixedCell) else layer(x)
        return self.classifier(self.norm(x).mean((2, 3)))

    def extract(self, architecture: Mapping[str, Value]) -> NasBench201Network:
        """The network of a cell, with copied weights.

        Raises:
            InvalidArchitecture: the supernet has partial channels.
        """
        refuse_extraction(self.partial)
        network = self.space.build(architecture, self.signature)
        path = self.path(architecture)
        for part in ("stem", "norm", "classifier"):
            copy_weights(getattr(self, part), getattr(network, part))
        for mixed, layer in zip(self.layers, network.layers, strict=True):
            if not isinstance(mixed, MixedCell):
                copy_weights(mixed, layer)
                continue
            assert isinstance(layer, NasBench201Cell)
            built = iter(layer.operations)  # of the edges that are not none, in their order
            for name, edge in zip(mixed.names, mixed.edges, strict=True):
                if path[name] != "none":
                    position = self.decisions[name].index(path[name])
                    copy_weights(edge.option(position), next(built))  # type: ignore[operator]
        return network


def _whole(selected: int | Tensor) -> bool:
    """Whether this is a mixture in which no option is left out but `none`, which is nothing."""
    return isinstance(selected, Tensor) and bool((selected[_SKIP:] != 0).all())


def _normalized_together(norms: list[nn.BatchNorm2d], x: Tensor, scale: Tensor) -> Tensor:
    """Batch norms without scale and shift side by side: as one, whose statistics are theirs."""
    y, mean, variance = normalized(x, scale, eps=norms[0].eps)
    count, parts = x.numel() // x.shape[1], len(norms)
    for norm, one, other in zip(norms, mean.chunk(parts), variance.chunk(parts), strict=True):
        follow(norm, one, other, count)
    return y


def _operation(option: str, channels: int, affine: bool) -> nn.Module | None:
    if option == "none":
        return None
    module = OPERATIONS[option](channels)
    if not affine:
        without_affine(module)
    return module
