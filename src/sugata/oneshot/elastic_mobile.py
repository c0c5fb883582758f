"""Mobile spaces as elastic supernets: kernels, expansions, widths and depths as slices."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.func import functional_call

from sugata.errors import RecipeError
from sugata.nn.initialization import initialize_convolutional
from sugata.nn.mobile import MobileNetwork
from sugata.oneshot.elastic import ElasticSupernet
from sugata.oneshot.plans import Plans
from sugata.oneshot.slices import Slice, slices
from sugata.space import Architecture, SearchSpace, Signature
from sugata.spaces.mobile import MnasNetSpace, ProxylessSpace
from sugata.spaces.mobile.layout import BlockShape, Layout
from sugata.spaces.mobile.proxyless import SKIP
from sugata.trial import Value


@dataclass(frozen=True)
class _Kernel:
    """A kernel cut out of a larger one and transformed on the way: 7x7 to 5x5 to 3x3 (OFA, section 3.3)."""

    whole: Slice
    size: int
    transforms: Mapping[str, Tensor]

    def take(self) -> Tensor:
        kernel = self.whole.take()
        for size in range(kernel.shape[-1] - 2, self.size - 1, -2):
            centre = kernel[..., 1:-1, 1:-1]
            kernel = (centre.flatten(-2) @ self.transforms[str(size)]).view(centre.shape)
        return kernel


@dataclass(frozen=True)
class _Plan:
    """An architecture's ordinary network, without storage, and where its tensors come from."""

    network: MobileNetwork
    slices: dict[str, Slice | _Kernel]
    norms: list[tuple[nn.BatchNorm2d, nn.BatchNorm2d]]  # its own and the shared ones

    def tensors(self) -> dict[str, Tensor]:
        return {name: one.take() for name, one in self.slices.items()}


class ElasticMobileSupernet(ElasticSupernet):
    """Once-for-all mobile networks (Cai et al. 2020) for the spaces of ProxylessNAS and MnasNet.

    Shared: the first channels of every convolution among widths and expansions, the centre of kernels among
    kernel sizes, the first layers of a stage among depths. Not shared: operations, and layers with and
    without squeeze-and-excitation. Batch norms share scales and shifts; running statistics are those of
    whatever was computed last, so recalibrate before a path is evaluated.

    Args:
        space: whose networks these are.
        signature: of the image task.
        transform: whether a smaller kernel is the centre of the larger one times a matrix that is learned for
            each layer and shared among its channels, at first the identity (OFA, section 3.3); else the
            centre itself.

    Raises:
        RecipeError: another space.
    """

    space: SearchSpace

    def __init__(self, space: SearchSpace, signature: Signature, *, transform: bool = True) -> None:
        if not isinstance(space, ProxylessSpace | MnasNetSpace):
            raise RecipeError(
                f"{space.name}: not an elastic mobile space; use mobile/proxyless or mobile/mnasnet"
            )
        super().__init__(space, signature)
        self.decisions = {choice.name: choice.options for choice in space.choices}
        self.sizes = _sizes(space)
        layouts = [self._layout(architecture) for architecture in _widest(space, self.sizes)]
        networks = [layout.build(signature) for layout in layouts]
        blocks: dict[str, nn.Module] = {}
        for layout, network in zip(layouts, networks, strict=True):
            for key, layer in zip(_keys(layout.blocks), network.layers, strict=True):
                blocks.setdefault(key, layer)
        self.stem, self.head, self.classifier = networks[0].stem, networks[0].head, networks[0].classifier
        self.blocks = nn.ModuleDict(blocks)
        self.transforms = nn.ModuleDict()
        if transform:
            self.transforms.update({key: _transforms(block) for key, block in blocks.items()})
        self._plans: Plans[str, _Plan] = Plans()
        self.initialize(torch.Generator().manual_seed(0))
        self.activate(_widest(space, self.sizes)[0])

    def activate(self, architecture: Mapping[str, Value]) -> None:
        """From now on compute this architecture alone.

        Raises:
            InvalidArchitecture: the space does not have it.
        """
        self.active = self.space.architecture(architecture)
        super().activate(self.active)

    def forward(self, images: Tensor) -> Tensor:
        """`(batch, image_channels, height, width)` to `(batch, outputs)`."""
        plan = self._plan(self.active)
        plan.network.train(self.training)
        for own, shared in plan.norms:
            own.momentum = shared.momentum  # that is how statistics are recalibrated
        return functional_call(plan.network, plan.tensors(), (images,))

    def initialize(self, generator: torch.Generator) -> None:
        """Draw all weights; the kernels' transforms are identities."""
        for part in (self.stem, self.blocks, self.head, self.classifier):
            initialize_convolutional(part, generator)
        with torch.no_grad():
            for matrix in self.transforms.parameters():
                matrix.copy_(torch.eye(len(matrix)))

    @torch.no_grad()
    def extract(self, architecture: Mapping[str, Value]) -> MobileNetwork:
        """An ordinary network with copied weights and statistics."""
        made = self.space.architecture(architecture)
        network = self._layout(made).build(self.signature)
        tensors = network.state_dict()
        for name, tensor in self._plan(made).tensors().items():
            tensors[name].copy_(tensor)
        return network

    def costs(
        self, architecture: Architecture, names: frozenset[str], exclusive: AbstractContextManager[None]
    ) -> dict[str, float]:
        """Exact parameters, stored size and FLOPs; latency of the exported network, measured now."""
        from sugata.evaluators.image import image_costs

        costs = image_costs(self.space, architecture, self.signature, names, exclusive)
        return {metric.name: value for metric, value in costs}

    def _layout(self, architecture: Mapping[str, Value]) -> Layout:
        return self.space._layout(architecture)  # type: ignore[attr-defined]

    def _plan(self, architecture: Architecture) -> _Plan:
        key = self.space.training_key(architecture)
        return self._plans.get(key, lambda: self._planned(self._layout(architecture)))

    def _planned(self, layout: Layout) -> _Plan:
        with torch.device("meta"):
            network = layout.build(self.signature)
        keys = _keys(layout.blocks)
        parts: list[tuple[str, nn.Module, str]] = [
            ("stem", self.stem, ""),
            *((f"layers.{i}", self.blocks[key], key) for i, key in enumerate(keys)),
            ("head", self.head, ""),
            ("classifier", self.classifier, ""),
        ]
        found: dict[str, Slice | _Kernel] = {}
        norms = []
        for name, large, key in parts:
            small = network.get_submodule(name)
            for tensor, one in slices(small, large).items():
                found[f"{name}.{tensor}"] = self._transformed(one, key)
            for module, own in small.named_modules():
                shared = large.get_submodule(module)
                if isinstance(own, nn.BatchNorm2d) and isinstance(shared, nn.BatchNorm2d):
                    norms.append((own, shared))
        return _Plan(network, found, norms)

    def _transformed(self, one: Slice, key: str) -> Slice | _Kernel:
        """The slice, by way of the matrices where it is a smaller kernel."""
        if key not in self.transforms or one.shape[2:] == one.source.shape[2:]:
            return one
        whole = replace(one, shape=(*one.shape[:2], *one.source.shape[2:]))
        matrices = dict(self.transforms[key].named_parameters())
        return _Kernel(whole, one.shape[-1], matrices)


def _transforms(block: nn.Module) -> nn.ParameterDict:
    """A matrix for each smaller size of the block's kernel."""
    largest = max(
        (module.kernel_size[0] for module in block.modules() if isinstance(module, nn.Conv2d)), default=1
    )
    return nn.ParameterDict({str(size): nn.Parameter(torch.eye(size**2)) for size in range(3, largest, 2)})


def _keys(blocks: Sequence[BlockShape]) -> list[str]:
    """Names of what the blocks share: the place in the stage, the operation, with or without squeeze."""
    places: Counter[str] = Counter()
    keys = []
    for block in blocks:
        squeezed = "_squeezed" if block.squeeze else ""
        keys.append(f"{block.name}_{places[block.name]}_{block.kind}{squeezed}".replace(" ", "_"))
        places[block.name] += 1
    return keys


def _sizes(space: SearchSpace) -> dict[str, tuple[Value, ...]]:
    """Smallest first: ProxylessNAS' blocks by expansion, then kernel; MnasNet's numbers."""
    if isinstance(space, ProxylessSpace):
        return {choice.name: tuple(sorted(choice.options, key=_capacity)) for choice in space.choices}
    elastic = ("_expansion", "_kernel", "_filters", "_layers")
    return {
        choice.name: tuple(sorted(choice.options))
        for choice in space.choices
        if choice.name.endswith(elastic)
    }


def _capacity(option: Value) -> tuple[int, int]:
    kernel, expansion = str(option)[7:8], str(option)[-1]
    return (0, 0) if option == SKIP else (int(expansion), int(kernel))


def _widest(space: SearchSpace, sizes: Mapping[str, tuple[Value, ...]]) -> list[Architecture]:
    """Architectures of the largest sizes that together have every operation in every place."""
    largest: dict[str, Value] = {choice.name: choice.options[0] for choice in space.choices}
    largest |= {name: options[-1] for name, options in sizes.items()}
    if isinstance(space, ProxylessSpace):
        return [space.architecture(largest)]
    first = {choice.name: choice.options for choice in space.choices}
    pairs = itertools.product(first["block_1_operation"], first["block_1_squeeze"])
    found = []
    for operation, squeeze in pairs:
        kind = {name: operation for name in largest if name.endswith("_operation")}
        kind |= {name: squeeze for name in largest if name.endswith("_squeeze")}
        found.append(space.architecture(largest | kind))
    return found
