"""The network of NAS-Bench-201 (Dong & Yang 2020): a cell, repeated in three stages."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor, nn

from sugata.nn.initialization import initialize_convolutional


class ReluConvNorm(nn.Sequential):
    """ReLU, convolution without bias, batch norm: the convolution of NAS-Bench-201.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        kernel_size: Odd; the input is padded so that a stride of 1 keeps its size.
        stride: Of the convolution.
    """

    def __init__(self, inputs: int, outputs: int, kernel_size: int, stride: int = 1) -> None:
        convolution = nn.Conv2d(inputs, outputs, kernel_size, stride, padding=kernel_size // 2, bias=False)
        super().__init__(nn.ReLU(), convolution, nn.BatchNorm2d(outputs))


class ResidualReduction(nn.Module):
    """Between two stages: a residual block that halves the resolution.

    The shortcut is a 2x2 mean and a 1x1 convolution. Odd sizes are rounded up, which the published network
    for 32x32 images never meets.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            ReluConvNorm(inputs, outputs, 3, stride=2), ReluConvNorm(outputs, outputs, 3)
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, stride=2, ceil_mode=True), nn.Conv2d(inputs, outputs, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inputs, height, width)` to `(batch, outputs, height / 2, width / 2)`."""
        return self.shortcut(x) + self.block(x)  # type: ignore[no-any-return]


#: What an edge of a cell can be, for a number of channels; `none` is no module at all.
OPERATIONS: Mapping[str, Callable[[int], nn.Module]] = MappingProxyType(
    {
        "skip_connect": lambda channels: nn.Identity(),
        "nor_conv_1x1": lambda channels: ReluConvNorm(channels, channels, 1),
        "nor_conv_3x3": lambda channels: ReluConvNorm(channels, channels, 3),
        "avg_pool_3x3": lambda channels: nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
    }
)


class NasBench201Cell(nn.Module):
    """Nodes are sums over their edges, an edge is one operation on an earlier node.

    Edges that have no effect on the output are built and computed too, as in the published network: its
    parameters count them.

    Args:
        edges: Source, target and operation; node 0 is the input, the highest node the output.
        channels: Of every node.
    """

    def __init__(self, edges: Sequence[tuple[int, int, str]], channels: int) -> None:
        super().__init__()
        self.edges = tuple((source, target) for source, target, operation in edges if operation != "none")
        self.nodes = 1 + max(target for _, target, _ in edges)
        self.operations = nn.ModuleList(
            OPERATIONS[operation](channels) for _, _, operation in edges if operation != "none"
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, channels, height, width)`, the shape is kept."""
        states: list[Tensor | None] = [x] + [None] * (self.nodes - 1)
        zeros = torch.zeros_like(x)
        for (source, target), operation in zip(self.edges, self.operations, strict=True):
            before, state = states[source], states[target]
            term: Tensor = operation(zeros if before is None else before)
            states[target] = term if state is None else state + term
        last = states[-1]
        return zeros if last is None else last


class NasBench201Network(nn.Module):
    """Stem, three stages of cells with a residual reduction before the second and the third, classifier.

    Args:
        edges: Of every cell, as in `NasBench201Cell`.
        image_channels: Channels of the images.
        channels: Of the first stage; every further stage doubles them. 16 in the publication.
        cells: In each stage. 5 in the publication.
        outputs: Classes, or values of a regression.
    """

    def __init__(
        self,
        edges: Sequence[tuple[int, int, str]],
        image_channels: int,
        channels: int,
        cells: int,
        outputs: int,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(image_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        layers: list[nn.Module] = []
        for stage in range(3):
            width = channels * 2**stage
            if stage:
                layers.append(ResidualReduction(width // 2, width))
            layers += [NasBench201Cell(edges, width) for _ in range(cells)]
        self.layers = nn.ModuleList(layers)
        self.norm = nn.Sequential(nn.BatchNorm2d(4 * channels), nn.ReLU())
        self.classifier = nn.Linear(4 * channels, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """`(batch, image_channels, height, width)` to `(batch, outputs)`."""
        x = self.stem(images)
        for layer in self.layers:
            x = layer(x)
        return self.classifier(self.norm(x).mean((2, 3)))  # type: ignore[no-any-return]

    def initialize(self, generator: torch.Generator) -> None:
        """Draw all weights."""
        initialize_convolutional(self, generator)
