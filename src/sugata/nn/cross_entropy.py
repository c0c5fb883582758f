"""Head and cross-entropy in one function that never holds the logits of all tokens."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

#: Logits held at a time: on a CPU they should stay in its caches, on a GPU fill its multiprocessors.
_CPU_LOGITS = 2**19
_GPU_LOGITS = 2**27
#: But not fewer tokens than this: each chunk reads the whole weight and its gradient from memory.
_LEAST_TOKENS = 192
#: Below it the logarithm of a probability loses precision, and at 0 the loss would be infinite.
_SMALLEST_PROBABILITY = 1e-30


def linear_cross_entropy(features: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of `features @ weight.T`: `F.cross_entropy` without the tensor of all logits.

    Tokens are taken in chunks. The gradient of a chunk's logits follows from its softmax, so it is computed
    in the forward pass, at once multiplied into the gradients of features and weight, and forgotten. The
    backward pass only scales those two. Logits and their gradients are by far the largest tensors of a small
    language model; not writing them out saves memory and, on a CPU, the time of touching it. That the
    gradient can be had in the forward pass is the idea of Liger Kernel's fused linear cross-entropy (Hsu et
    al. 2024, section 3.2), there a GPU kernel.

    Under autocast the matrix products run in its type, softmax and loss in fp32.

    Args:
        features: `(..., dim)`.
        weight: `(vocabulary, dim)`, the head's or a tied embedding's.
        targets: `(...)` int64, each from 0 to vocabulary - 1.

    Returns:
        The mean over all targets in nats, a scalar, fp32 or wider.
    """
    dtype = features.dtype
    if torch.is_autocast_enabled(features.device.type):
        dtype = torch.get_autocast_dtype(features.device.type)
    apply: Callable[..., Tensor] = _LinearCrossEntropy.apply
    return apply(features, weight, targets, dtype)


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            loss, features_grad, weight_grad = _forward(
                features.flatten(0, -2), weight, targets.flatten(), dtype, ctx.needs_input_grad[:2]
            )
        if features_grad is not None:
            features_grad = features_grad.view_as(features)
        ctx.save_for_backward(features_grad, weight_grad)
        ctx.dtypes = features.dtype, weight.dtype
        return loss

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        gradients = ctx.saved_tensors
        (scale,) = grad_outputs
        # Reading the scale is free on a CPU, and it is nearly always 1: then nothing needs to be multiplied.
        if scale.device.type != "cpu" or scale.item() != 1.0:
            gradients = [None if gradient is None else gradient * scale for gradient in gradients]
        features_grad, weight_grad = (
            None if gradient is None else gradient.to(dtype)
            for gradient, dtype in zip(gradients, ctx.dtypes, strict=True)
        )
        return features_grad, weight_grad, None, None


def _forward(
    features: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype, needs_grad: tuple[bool, ...]
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """The loss, and the gradients of features `(tokens, dim)` and weight where they are needed.

    Products are of `dtype`, sums over tokens and everything returned of fp32 or wider.
    """
    tokens, vocabulary = features.shape[0], weight.shape[0]
    most = _CPU_LOGITS if features.device.type == "cpu" else _GPU_LOGITS
    rows = max(_LEAST_TOKENS, most // vocabulary)
    wide = torch.promote_types(dtype, torch.float32)
    features_grad = torch.empty_like(features, dtype=wide) if needs_grad[0] else None
    weight_grad = torch.empty_like(weight, dtype=wide) if needs_grad[1] else None
    matrix = weight.to(dtype)
    total = torch.zeros((), dtype=wide, device=features.device)
    for start in range(0, tokens, rows):
        x = features[start : start + rows].to(dtype)
        target = targets[start : start + rows, None]
        logits = (x @ matrix.T).to(wide)
        softmax = logits.softmax(1)
        total += _nats(logits, softmax, target)
        if not any(needs_grad):
            continue
        # The gradient of the summed loss by the logits is softmax - one-hot. The mean's 1 / tokens comes
        # after the products, where it cannot underflow.
        gradient = softmax.scatter_add_(1, target, softmax.new_full(target.shape, -1.0))
        gradient = gradient.to(dtype)
        if features_grad is not None:
            features_grad[start : start + rows] = gradient @ matrix
        if weight_grad is not None:
            _accumulate(weight_grad, gradient, x, 1.0 / tokens, first=start == 0)
    if features_grad is not None:
        features_grad *= 1.0 / tokens
    return total / tokens, features_grad, weight_grad


def _nats(logits: Tensor, softmax: Tensor, target: Tensor) -> Tensor:
    """The summed loss of a chunk; where possible from the probabilities of the targets `(rows, 1)` alone."""
    if logits.device.type == "cpu":  # elsewhere, looking at values waits for all work that is queued
        chosen = softmax.gather(1, target)
        if chosen.min() > _SMALLEST_PROBABILITY:
            return -chosen.log().sum()
    return F.cross_entropy(logits, target[:, 0], reduction="sum")


def _accumulate(total: Tensor, gradient: Tensor, x: Tensor, share: float, *, first: bool) -> None:
    """Add `share * gradient.T @ x` to the total in place; the first overwrites it."""
    if total.dtype == x.dtype:
        total.addmm_(gradient.T, x, beta=0.0 if first else 1.0, alpha=share)
    elif first:
        total.copy_(gradient.T @ x).mul_(share)
    else:
        total.add_(gradient.T @ x, alpha=share)
