"""The network of NAS-Bench-101 (Ying et al. 2019): a graph of operations, repeated in three stacks."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sugata.nn.initialization import initialize_convolutional


class ConvNormRelu(nn.Sequential):
    """Convolution without bias, batch norm (epsilon 1e-5, momentum 0.003), ReLU.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        kernel_size: Odd; the size of the image is kept.
    """

    def __init__(self, inputs: int, outputs: int, kernel_size: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel_size, padding=kernel_size // 2, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-5, momentum=0.003),
            nn.ReLU(),
        )


def vertex_channels(edges: Sequence[tuple[int, int]], size: int, inputs: int, outputs: int) -> list[int]:
    """Channels of every vertex (Ying et al. 2019, section 2.3 and their ``compute_vertex_channels``).

    Vertices that lead to the output share its channels, the first ones one more where the division leaves a
    rest; any other has as many as the widest that it leads to.

    Args:
        edges: Each on a way from vertex 0, the input, to vertex `size - 1`, the output.
        size: Number of vertices.
        inputs: Channels of the input.
        outputs: Channels of the output.
    """
    last = size - 1
    channels = [inputs, *[0] * (size - 2), outputs]
    sharing = sorted(source for source, target in edges if target == last and source > 0)
    for place, vertex in enumerate(sharing):
        share, rest = divmod(outputs, len(sharing))
        channels[vertex] = share + (place < rest)
    for vertex in range(last - 1, 0, -1):
        if vertex not in sharing:
            channels[vertex] = max(channels[target] for source, target in edges if source == vertex)
    return channels


class NasBench101Cell(nn.Module):
    """Interior vertices add up what leads to them and apply their operation; the output joins channels.

    The input is projected by a 1x1 convolution wherever it goes; a wider vertex is cut to the first channels.
    At the output, a projected input is added to the joined vertices.

    Args:
        edges: Each on a way from vertex 0, the input, to the highest one, the output.
        operations: Of the interior vertices: `conv3x3-bn-relu`, `conv1x1-bn-relu` or `maxpool3x3`.
        inputs: Channels of the input.
        outputs: Channels of the output.
    """

    def __init__(
        self, edges: Sequence[tuple[int, int]], operations: Sequence[str], inputs: int, outputs: int
    ) -> None:
        super().__init__()
        last = len(operations) + 1
        self.channels = vertex_channels(edges, last + 1, inputs, outputs)
        self.before = [
            [source for source, target in edges if target == vertex and source > 0]
            for vertex in range(last + 1)
        ]
        self.projections = nn.ModuleDict(
            {
                str(target): ConvNormRelu(inputs, self.channels[target], 1)
                for source, target in edges
                if source == 0
            }
        )
        self.operations = nn.ModuleList(
            _operation(name, self.channels[vertex]) for vertex, name in enumerate(operations, start=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, inputs, height, width)` to `(batch, outputs, height, width)`."""
        states = {0: x}
        for vertex, operation in enumerate(self.operations, start=1):
            wide = self.channels[vertex]
            terms = [states[source][:, :wide] for source in self.before[vertex]]
            states[vertex] = operation(self._with_input(x, vertex, terms))
        last = len(self.channels) - 1
        joined = [torch.cat([states[source] for source in self.before[last]], 1)] if self.before[last] else []
        return self._with_input(x, last, joined)

    def _with_input(self, x: Tensor, vertex: int, terms: list[Tensor]) -> Tensor:
        """The sum of the terms, and of the projected input if it leads to the vertex."""
        if str(vertex) in self.projections:
            terms = [*terms, self.projections[str(vertex)](x)]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total


class NasBench101Network(nn.Module):
    """Stem, three stacks of cells with a max pooling before the second and the third, classifier.

    Args:
        edges: Of every cell, as in `NasBench101Cell`.
        operations: Of every cell.
        image_channels: Channels of the images.
        channels: Of the first stack; every further stack doubles them. 128 in the publication.
        cells: In each stack. 3 in the publication.
        outputs: Classes, or values of a regression.
    """

    def __init__(
        self,
        edges: Sequence[tuple[int, int]],
        operations: Sequence[str],
        image_channels: int,
        channels: int,
        cells: int,
        outputs: int,
    ) -> None:
        super().__init__()
        self.stem = ConvNormRelu(image_channels, channels, 3)
        layers: list[nn.Module] = []
        inputs = channels
        for stack in range(3):
            if stack:
                layers.append(nn.MaxPool2d(2, stride=2, ceil_mode=True))
            for _ in range(cells):
                layers.append(NasBench101Cell(edges, operations, inputs, channels * 2**stack))
                inputs = channels * 2**stack
        self.layers = nn.ModuleList(layers)
        self.classifier = nn.Linear(inputs, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """`(batch, image_channels, height, width)` to `(batch, outputs)`."""
        x = self.stem(images)
        for layer in self.layers:
            x = layer(x)
        return self.classifier(x.mean((2, 3)))  # type: ignore[no-any-return]

    def initialize(self, generator: torch.Generator) -> None:
        """Draw all weights."""
        initialize_convolutional(self, generator)


def _operation(name: str, channels: int) -> nn.Module:
    if name == "maxpool3x3":
        return nn.MaxPool2d(3, stride=1, padding=1)
    return ConvNormRelu(channels, channels, 3 if name == "conv3x3-bn-relu" else 1)
