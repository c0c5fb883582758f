"""Convolutions over sequences."""

from torch import Tensor, nn
from torch.nn import functional as F

from sugata.nn.dropout import Dropout
from sugata.nn.sequences import Steps


class SequenceConvolution(nn.Module):
    """Convolution over time and ReLU; padding stays zero.

    No normalization over the batch: padding would take part in it.

    Args:
        inputs: Width of the steps.
        outputs: Width of the result.
        kernel_size: Odd; the length is kept.
        separable: Filter each channel alone, then mix channels.
    """

    def __init__(self, inputs: int, outputs: int, kernel_size: int, separable: bool = False) -> None:
        super().__init__()
        padding = kernel_size // 2
        self.convolution: nn.Module = (
            nn.Sequential(
                nn.Conv1d(inputs, inputs, kernel_size, padding=padding, groups=inputs, bias=False),
                nn.Conv1d(inputs, outputs, 1),
            )
            if separable
            else nn.Conv1d(inputs, outputs, kernel_size, padding=padding)
        )

    def forward(self, steps: Steps) -> Steps:
        """`Steps` `(batch, length, inputs)` to `(batch, length, outputs)`."""
        y: Tensor = self.convolution(steps.masked.transpose(1, 2)).transpose(1, 2)
        return Steps(y.relu(), steps.kept)


class SequenceHalving(nn.Module):
    """The larger of two neighbouring steps, channel by channel; odd lengths are rounded up."""

    def forward(self, steps: Steps) -> Steps:
        """`Steps` `(batch, length, dim)` to `(batch, length / 2, dim)`; values are positive or zero."""
        values = F.max_pool1d(steps.masked.transpose(1, 2), 2, ceil_mode=True).transpose(1, 2)
        if steps.kept is None:
            return Steps(values, None)
        kept = F.max_pool1d(steps.kept.to(values.dtype)[:, None], 2, ceil_mode=True)[:, 0]
        return Steps(values, kept > 0)


class SequenceStage(nn.Sequential):
    """A few convolutions, then half the length, then dropout.

    Args:
        inputs: Width of the steps.
        outputs: Width of the result.
        layers: Convolutions.
        kernel_size: Of all of them.
        separable: See `SequenceConvolution`.
        dropout: Probability.
        halve: Whether the length is halved.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        layers: int,
        kernel_size: int,
        separable: bool,
        dropout: float,
        halve: bool,
    ) -> None:
        modules: list[nn.Module] = [
            SequenceConvolution(inputs if i == 0 else outputs, outputs, kernel_size, separable)
            for i in range(layers)
        ]
        modules += [SequenceHalving()] * halve + [SequenceDropout(dropout)] * (dropout > 0)
        super().__init__(*modules)


class SequenceDropout(nn.Module):
    """Dropout of single values.

    Args:
        probability: That a value is set to zero.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.dropout = Dropout(probability)

    def forward(self, steps: Steps) -> Steps:
        """`Steps` of any size, which is kept."""
        return Steps(self.dropout(steps.values), steps.kept)
