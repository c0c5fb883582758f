"""Learning rates that follow the width of every matrix, so that one base rate serves all networks (muP)."""

from typing import Any

from torch import Tensor, nn

#: A matrix with few inputs trains at most so many times faster than the base rate. It matters for input
#: layers of a handful of features, whose fan-in does not grow with the width of the network.
LARGEST_FACTOR = 4.0


def parameter_groups(
    model: nn.Module, learning_rate: float, weight_decay: float, base_width: int
) -> list[dict[str, Any]]:
    """Parameters grouped by learning rate and decay for AdamW.

    The maximal update parametrization for Adam (Yang et al. 2022, "Tensor Programs V", table 3): the rate of
    hidden matrices and of the head is divided by their fan-in, here `base_width / fan_in`; embeddings and
    vectors (norms, decays, convolution kernels of one channel) keep the base rate at every width. The fan-in
    of a convolution over images is all that enters one of its outputs, kernel included. The scale of initial
    weights is the model's part: `LanguageModel.initialize`.

    Weight decay is given as `weight_decay / factor`, because AdamW multiplies it by the rate: so each step
    shrinks every matrix by the same share at every width. Vectors and embeddings of one row do not decay.

    A module may name a `rate_factor` for all its parameters: recurrent mixers train best at a multiple of the
    rate that suits attention (measured, see `sugata.nn.TokenMixer`).

    Departures: the factor is at most `LARGEST_FACTOR`; a weight that is embedding and head at once (tied)
    takes the head's rate, because most of its gradient comes from there, and no output multiplier is used.

    Args:
        model: the network.
        learning_rate: base rate, that of a matrix with fan-in `base_width`.
        weight_decay: decay of matrices.
        base_width: fan-in that trains at the base rate.

    Returns:
        Groups with `params`, `lr`, `peak_lr` (equal to `lr`, for schedules to scale) and `weight_decay`.
    """
    fan_ins = {
        id(module.weight): module.weight[0].numel()
        for module in model.modules()
        if isinstance(module, nn.Linear | nn.Conv2d) and decays(module.weight)
    }
    own = {
        id(parameter): float(module.rate_factor)  # type: ignore[arg-type]
        for module in model.modules()
        if hasattr(module, "rate_factor")
        for parameter in module.parameters()
    }
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if not parameter.requires_grad:
            continue
        fan_in = fan_ins.get(id(parameter))
        factor = 1.0 if fan_in is None else min(base_width / fan_in, LARGEST_FACTOR)
        factor *= own.get(id(parameter), 1.0)
        decay = weight_decay / factor if decays(parameter) else 0.0
        groups.setdefault((learning_rate * factor, decay), []).append(parameter)
    return [
        {"params": parameters, "lr": rate, "peak_lr": rate, "weight_decay": decay}
        for (rate, decay), parameters in groups.items()
    ]


def decays(parameter: Tensor) -> bool:
    """Whether weight decay is meant for it: two or more axes are longer than 1, but not of kernels of single
    channels, `(channels, 1, k)`.
    """
    if parameter.ndim < 2 or sum(size > 1 for size in parameter.shape) < 2:
        return False
    return not (parameter.ndim > 2 and parameter.shape[1] == 1)
