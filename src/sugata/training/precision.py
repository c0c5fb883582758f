"""Which number format the matrix products of training use."""

import torch
from torch import nn

from sugata.errors import RecipeError
from sugata.training.settings import Precision

#: With AMX, bf16 pays from this many elements in the average matrix.
BF16_PAYS_FROM = 2**16


def choose_precision(precision: Precision, model: nn.Module, device: torch.device) -> str:
    """Resolve `auto`, and refuse what the device cannot do.

    `auto` is bf16 on GPUs that have it and fp16 on the others. On a CPU it is bf16 where the processor has
    matrix units for it (AMX) and matrices are large enough to win more than the conversions cost, else fp32:
    AVX512-BF16 alone ran matrix products at half the speed of fp32 (80 against 150 GFLOP/s on one thread of a
    Xeon without AMX, torch 2.13). The rule asks for flags, not for timings, so that it never changes its
    mind.

    Convolutions over images gain on either: with AVX512-BF16 alone training steps of NAS-Bench-201 networks
    of 4 to 16 channels were 1.0 to 1.7 times as fast (one thread of an EPYC without AMX, torch 2.13, channels
    last).

    Returns:
        `fp32`, `bf16` or `fp16`.

    Raises:
        RecipeError: fp16 on a CPU, where it is emulated and hundreds of times slower.
    """
    if precision == "fp16" and device.type == "cpu":
        raise RecipeError("training.precision is fp16, which CPUs only emulate; choose auto, fp32 or bf16")
    if precision != "auto":
        return precision
    if device.type == "cpu" and is_convolutional(model):
        return "bf16" if torch.cpu._is_avx512_bf16_supported() else "fp32"
    small, large = automatic_precisions(device)
    sizes = [module.weight.numel() for module in model.modules() if isinstance(module, nn.Linear)]
    pays = bool(sizes) and sum(sizes) / len(sizes) >= BF16_PAYS_FROM
    return large if pays else small


def automatic_precisions(device: torch.device) -> tuple[str, str]:
    """What `auto` is on a device: for small matrices, and for those of `BF16_PAYS_FROM` elements or more."""
    if device.type == "cuda":
        on_gpu = "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        return on_gpu, on_gpu
    return "fp32", "bf16" if torch.cpu._is_amx_tile_supported() else "fp32"


def is_convolutional(model: nn.Module) -> bool:
    """Whether it has convolutions over images."""
    return any(isinstance(module, nn.Conv2d) for module in model.modules())


def memory_format(model: nn.Module) -> torch.memory_format:
    """The layout that training is fastest in: channels last for convolutions over images, else as it is.

    On the CPU of `choose_precision` it made steps of NAS-Bench-201 networks 1.1 to 1.8 times faster.
    """
    return torch.channels_last if is_convolutional(model) else torch.preserve_format


def autocast(precision: str, device: torch.device) -> torch.autocast:
    """The context in which forward passes run."""
    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    return torch.autocast(device.type, dtype=dtype, enabled=precision != "fp32")
