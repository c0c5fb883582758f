"""What can be counted on the meta device, without weights: parameters and floating point operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(build: Callable[[], nn.Module]) -> int:
    """Parameters of a module, shared ones (a tied head) counted once.

    Args:
        build: makes the module; called on the meta device, so that nothing is allocated.
    """
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build().parameters())


def flops(
    module: nn.Module, *shapes: tuple[int, ...], dtype: torch.dtype | Sequence[torch.dtype] = torch.int64
) -> int:
    """Floating point operations of one forward pass: two for every multiply-accumulate.

    Counted by torch's `FlopCounterMode`: matrix products, convolutions and attention; element-wise work is
    not. Attention counts the whole square of positions, also where a causal mask makes half of it zeros.

    Args:
        module: a module on the meta device. On other devices torch counts fused attention as nothing.
        shapes: shape of every positional input.
        dtype: of the inputs, one for all or one of each.

    Raises:
        ValueError: the module is on another device.
    """
    if any(parameter.device.type != "meta" for parameter in module.parameters()):
        raise ValueError("flops are counted on the meta device only: build the module there")
    dtypes = [dtype] * len(shapes) if isinstance(dtype, torch.dtype) else dtype
    inputs: list[Tensor] = [
        torch.zeros(shape, dtype=one, device="meta") for shape, one in zip(shapes, dtypes, strict=True)
    ]
    with FlopCounterMode(display=False) as counter, torch.no_grad(), torch.device("meta"):
        module(*inputs)
    return int(counter.get_total_flops())


def multiply_accumulates(
    module: nn.Module, *shapes: tuple[int, ...], dtype: torch.dtype = torch.float32
) -> int:
    """Multiply-accumulates of one forward pass, as tables of image networks count them.

    Every output of a convolution or a linear layer costs its fan-in, and one more where there is a bias.
    Nothing else counts: batch norms, activations, poolings and sums are free. So counts NAS-Bench-201.

    Args:
        module: best on the meta device, where nothing is computed.
        shapes: shape of every positional input; the batch counts as often as it is large.
        dtype: of the inputs.
    """
    total = 0

    def add(layer: nn.Module, _: object, output: Tensor) -> None:
        nonlocal total
        weight, bias = layer.weight, layer.bias
        assert isinstance(weight, Tensor)
        total += output.numel() * (weight[0].numel() + (bias is not None))

    counted = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
    handles = [layer.register_forward_hook(add) for layer in module.modules() if isinstance(layer, counted)]
    device = next((parameter.device for parameter in module.parameters()), torch.device("meta"))
    training = module.training
    try:
        with torch.no_grad():
            module.eval()(*(torch.zeros(shape, dtype=dtype, device=device) for shape in shapes))
    finally:
        module.train(training)
        for handle in handles:
            handle.remove()
    return total
