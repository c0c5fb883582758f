"""Time cut into chunks of equal length: what chunked matrix forms of recurrences share."""

import torch
from torch import Tensor
from torch.nn import functional as F


def pad_time(x: Tensor, chunk: int) -> Tensor:
    """`(batch, length, dim)` with zeros behind it, up to a multiple of `chunk` steps.

    Nothing is copied where nothing is missing, except in an exported graph, which must serve every length.
    """
    if _exporting() or x.shape[1] % chunk:
        return F.pad(x, (0, 0, 0, -x.shape[1] % chunk))
    return x


def cut_time(x: Tensor, length: Tensor | int) -> Tensor:
    """The first `length` steps of `(batch, padded length, dim)`: the inverse of `pad_time`."""
    if _exporting() or x.shape[1] != length:
        return x[:, :length]
    return x


def _exporting() -> bool:
    return torch.onnx.is_in_onnx_export() or torch.compiler.is_exporting()
