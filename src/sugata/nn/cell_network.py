"""Networks of stacked cells, in the macro layout of NASNet, AmoebaNet and DARTS."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.nn.darts_operations import OPERATIONS, FactorizedReduce, relu_convolution
from sugata.nn.initialization import initialize_convolutional
from sugata.space import CellPlan

STEM_MULTIPLIER = 3  # the stem for small images has three times the channels of the first cell


class DropPath(nn.Module):
    """Leave out the result of an operation for some images of a batch (Larsson et al. 2017).

    What is kept is divided by the probability of being kept. Does nothing in evaluation.

    Attributes:
        probability: That an image's result is left out; 0 by default. Trainers raise it over time.
        generator: Of the draws; torch's own where None.
    """

    def __init__(self) -> None:
        super().__init__()
        self.probability = 0.0
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, channels, height, width)` to the same."""
        if not self.training or self.probability == 0:
            return x
        kept = torch.empty(len(x), 1, 1, 1, device=x.device, dtype=x.dtype)
        kept.bernoulli_(1 - self.probability, generator=self.generator)
        return x * kept / (1 - self.probability)


class Cell(nn.Module):
    """One cell: two inputs brought to the same shape, operations, and the concatenation of some states.

    Args:
        plan: Its operations.
        before: Channels of the last but one cell's output.
        last: Channels of the last cell's output.
        channels: Of every operation.
        stride: 2 in a reduction cell: of the operations that take one of the two inputs.
        halve: The last but one cell's output has twice the resolution of the last one's.
        drop_path: Shared by the cells of a network.
    """

    def __init__(
        self,
        plan: CellPlan,
        *,
        before: int,
        last: int,
        channels: int,
        stride: int,
        halve: bool,
        drop_path: DropPath,
    ) -> None:
        super().__init__()
        self.plan = plan
        self.outputs = len(plan.output) * channels
        self.first = FactorizedReduce(before, channels) if halve else relu_convolution(before, channels)
        self.second = relu_convolution(last, channels)
        self.operations = nn.ModuleList(
            nn.ModuleList(
                OPERATIONS[operation](channels, stride if source < 2 else 1)
                for operation, source in node.edges
            )
            for node in plan.nodes
        )
        self.combined = nn.ModuleList(
            relu_convolution(len(node.edges) * channels, channels)
            if node.combine == "concat"
            else nn.Identity()
            for node in plan.nodes
        )
        self.drop_path = drop_path

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        """Outputs of the two cells before to `(batch, outputs, height / stride, width / stride)`."""
        states = [self.first(before), self.second(last)]
        for node, operations, combined in zip(self.plan.nodes, self.operations, self.combined, strict=True):
            assert isinstance(operations, nn.ModuleList)
            results = [
                self._apply_operation(operation, states[source])
                for operation, (_, source) in zip(operations, node.edges, strict=True)
            ]
            if node.combine == "concat":
                states.append(combined(torch.cat(results, dim=1)))
            else:
                states.append(sum(results[1:], start=results[0]))
        return torch.cat([states[state] for state in self.plan.output], dim=1)

    def _apply_operation(self, operation: nn.Module, x: Tensor) -> Tensor:
        result: Tensor = operation(x)
        return result if isinstance(operation, nn.Identity) else self.drop_path(result)


class AuxiliaryHead(nn.Module):
    """A second classifier in the middle of the network, only for training (Szegedy et al. 2015).

    As in the published code for CIFAR-10: two 1x1 and 2x2 convolutions on a 2x2 image of means. The means
    are over 5x5 positions that lie as far apart as they can; images of other sizes than 6 to 10 are divided
    into four equal parts instead.
    """

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(channels, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            nn.BatchNorm2d(768),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(768, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, channels, height, width)` to `(batch, outputs)`."""
        height, width = x.shape[2:]
        if 6 <= height <= 10 and 6 <= width <= 10:
            means = F.avg_pool2d(F.relu(x), 5, (height - 5, width - 5))
        else:
            means = F.adaptive_avg_pool2d(F.relu(x), 2)
        return self.classifier(self.features(means).flatten(1))  # type: ignore[no-any-return]


class CellNetwork(nn.Module):
    """A stem, cells of which two reduce the resolution, the mean over positions, and a linear classifier.

    The reduction cells stand after a third and two thirds of the cells (Liu et al. 2019, section 3.1.1) and
    double the channels. NASNet's layout of N normal cells, a reduction, N, a reduction, N is the same with
    3 N + 2 cells (Zoph et al. 2018, figure 2).

    Args:
        normal: Plan of the normal cells.
        reduction: Plan of the reduction cells.
        image_channels: Channels of the images.
        channels: Of the operations in the first cells.
        cells: How many in all.
        outputs: Classes, or values of a regression.
        stem: `cifar`, one convolution; or `imagenet`, three of stride 2, for large images.
        auxiliary: Train with a second classifier after the second reduction.
    """

    def __init__(
        self,
        normal: CellPlan,
        reduction: CellPlan,
        *,
        image_channels: int,
        channels: int,
        cells: int,
        outputs: int,
        stem: str = "cifar",
        auxiliary: bool = False,
    ) -> None:
        super().__init__()
        self.reductions = reduction_positions(cells)
        self.drop_path = DropPath()
        self.stem0: nn.Module
        self.stem1: nn.Module
        if stem == "imagenet":
            self.stem0, self.stem1 = _imagenet_stem(image_channels, channels)
            before = last = channels
        else:
            before = last = STEM_MULTIPLIER * channels
            self.stem0, self.stem1 = _cifar_stem(image_channels, last), nn.Identity()
        halve = stem == "imagenet"
        self.cells = nn.ModuleList()
        for position in range(cells):
            reduces = position in self.reductions
            channels *= 2 if reduces else 1
            cell = Cell(
                reduction if reduces else normal,
                before=before,
                last=last,
                channels=channels,
                stride=2 if reduces else 1,
                halve=halve,
                drop_path=self.drop_path,
            )
            self.cells.append(cell)
            before, last, halve = last, cell.outputs, reduces
            if position == self.reductions[1]:
                self.auxiliary = AuxiliaryHead(last, outputs) if auxiliary else None
        self.classifier = nn.Linear(last, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """`(batch, image_channels, height, width)` to `(batch, outputs)`."""
        return self._states(images)[0]

    def forward_with_auxiliary(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """For training: the same, and what the auxiliary head gives; None where there is none.

        The published loss is that of the first plus 0.4 times that of the second.
        """
        outputs, middle = self._states(images)
        return outputs, None if self.auxiliary is None else self.auxiliary(middle)

    def initialize(self, generator: torch.Generator) -> None:
        """Draw all weights."""
        initialize_convolutional(self, generator)

    def _states(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The outputs, and what leaves the second reduction cell."""
        before = self.stem0(images)
        last = self.stem1(before)
        middle = last
        for position, cell in enumerate(self.cells):
            before, last = last, cell(before, last)
            if position == self.reductions[1]:
                middle = last
        return self.classifier(last.mean((2, 3))), middle


def reduction_positions(cells: int) -> tuple[int, int]:
    """Where the reduction cells stand among the cells, counted from 0."""
    return cells // 3, 2 * cells // 3


def _cifar_stem(image_channels: int, channels: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(image_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
    )


def _imagenet_stem(image_channels: int, channels: int) -> tuple[nn.Module, nn.Module]:
    first = nn.Sequential(
        nn.Conv2d(image_channels, channels // 2, 3, 2, padding=1, bias=False),
        nn.BatchNorm2d(channels // 2),
        nn.ReLU(),
        nn.Conv2d(channels // 2, channels, 3, 2, padding=1, bias=False),
        nn.BatchNorm2d(channels),
    )
    second = nn.Sequential(
        nn.ReLU(), nn.Conv2d(channels, channels, 3, 2, padding=1, bias=False), nn.BatchNorm2d(channels)
    )
    return first, second
