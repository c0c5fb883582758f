"""AWQ: channels that carry large activations get finer steps, by scales folded into what comes before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from sugata.compression.calibration import Inputs
from sugata.compression.gptq import output_error
from sugata.compression.quantization import dequantize, quantize_columns
from sugata.nn import LanguageModel

GRID = 20
Fold = Callable[[Tensor], None]


@dataclass(frozen=True)
class Site:
    """Linear layers that read the same channels, and how to divide those channels by scales.

    Attributes:
        readers: names of the layers in the model.
        fold: divides the channels, by changing what makes them.
        shared: channel -> number of the scale that it has to share; None: one each.
    """

    readers: tuple[str, ...]
    fold: Fold
    shared: Tensor | None = None


def sites(model: LanguageModel) -> Iterator[Site]:
    """All places where scales can be folded, so that the model computes the same with no operation more.

    - what a norm feeds (projections of attention, linear attention, Mamba and RWKV, `up`, an untied head):
      into the norm. RWKV's token shift lies between and is linear in each channel;
    - the output of attention and linear attention: into the rows of the values; query heads that share a
      key-value head share scales. RWKV's: into `value`. Mamba's: into its gated norm;
    - `down` behind a gated network: into the rows that are gated; behind RWKV's squared ReLU: into `up`, by
      the root.

    Not: `down` behind a plain GELU or SiLU, which is not homogeneous, and a tied table.
    """
    for index, layer in enumerate(cast(Iterable[Any], model.layers)):
        start = f"layers.{index}."
        mixer, ffn = layer.mixer, layer.ffn
        first = [n for n in ("qkv", "in_proj", "key", "value", "receptance") if hasattr(mixer, n)]
        yield Site(tuple(f"{start}mixer.{n}" for n in first), _into_norm(layer.mixer_norm))
        if hasattr(mixer, "in_proj"):
            yield Site((f"{start}mixer.out_proj",), _into_norm(mixer.norm))
        elif hasattr(mixer, "value"):
            yield Site((f"{start}mixer.output",), _into_rows(mixer.value, 0))
        else:
            rows, width = mixer.qkv.out_features, mixer.output.in_features
            groups = getattr(mixer, "key_value_heads", mixer.num_heads)
            values = torch.arange(groups * mixer.head_dim).view(groups, 1, mixer.head_dim)
            shared = values.expand(-1, mixer.num_heads // groups, -1).reshape(width)
            fold = _into_rows(mixer.qkv, rows - groups * mixer.head_dim, shared)
            yield Site((f"{start}mixer.output",), fold, shared)
        if ffn is None:
            continue
        second = tuple(f"{start}ffn.{n}" for n in ("up", "receptance") if hasattr(ffn, n))
        yield Site(second, _into_norm(layer.ffn_norm))
        if hasattr(ffn, "receptance"):
            yield Site((f"{start}ffn.down",), _into_rows(ffn.up, 0, power=0.5))
        elif ffn.gated:
            yield Site((f"{start}ffn.down",), _into_rows(ffn.up, ffn.down.in_features))
    if model.head.weight is not model.embedding.weight:
        yield Site(("head",), _into_norm(model.norm))


@torch.no_grad()
def scale_channels(model: LanguageModel, seen: dict[str, Inputs], bits: int, group: int) -> None:
    """Search and fold the scales of every site, in place; rounding to nearest is left to do.

    Lin et al. 2024, section 3.2: s = mean|x|^alpha, alpha from a grid on [0, 1] by the error of the rounded
    layers' outputs on calibration inputs. alpha = 0 scales nothing, so the error is never larger than
    without. Departures: no search of clipping thresholds; inputs are those of the unquantized model.

    Args:
        model: changed; up to rounding in floats it computes the same.
        seen: statistics of the inputs by layer; a site without is left alone.
        bits: 8 or 4.
        group: columns that share a step.
    """
    modules = dict(model.named_modules())
    for site in sites(model):
        readers = [name for name in site.readers if name in seen]
        if len(readers) < len(site.readers):
            continue  # a reader that is not quantized would have to be scaled for nothing
        layers = [cast(nn.Linear, modules[name]) for name in readers]
        weights = [layer.weight.detach().numpy() for layer in layers]
        scales = best_scales(weights, [seen[name] for name in readers], bits, group, site.shared)
        site.fold(scales)
        for layer in layers:
            layer.weight.mul_(scales)


def best_scales(
    weights: list[np.ndarray], inputs: list[Inputs], bits: int, group: int, shared: Tensor | None = None
) -> Tensor:
    """The scales `(columns,)` of the smallest error of all these layers together.

    Args:
        weights: `(rows, columns)` each; the layers read the same channels.
        inputs: what each is given.
        bits: 8 or 4.
        group: columns that share a step.
        shared: see `Site`.
    """
    mean = sum(one.magnitudes / max(one.count, 1) for one in inputs) / len(inputs)
    assert isinstance(mean, Tensor)
    if shared is not None:
        totals = torch.zeros(int(shared.max()) + 1, dtype=mean.dtype).index_add_(0, shared, mean)
        mean = totals[shared]
    mean = mean.clamp(min=1e-6 * float(mean.max()) + 1e-12)
    best, least = torch.ones(len(mean)), float("inf")
    for point in range(GRID + 1):
        scales = mean ** (point / GRID)
        scales = (scales / (scales.max() * scales.min()).sqrt()).clamp(1e-3, 1e3).float()
        by = scales.numpy()
        error = 0.0
        for weight, seen in zip(weights, inputs, strict=True):
            codes, steps = quantize_columns(weight * by, bits, group)
            rounded = dequantize(codes, steps, group) / by
            error += float(output_error(weight, rounded, seen.products.numpy()).sum())
        if error < least:
            best, least = scales, error
    return best


def _into_norm(norm: nn.Module) -> Fold:
    def fold(scales: Tensor) -> None:
        for parameter in norm.parameters(recurse=False):  # weight, and bias where there is one
            parameter.div_(scales)

    return fold


def _into_rows(before: nn.Linear, start: int, shared: Tensor | None = None, power: float = 1.0) -> Fold:
    """Divide the rows of `before` from `start` on that make the channels."""

    def fold(scales: Tensor) -> None:
        if shared is not None:
            scales = torch.ones(int(shared.max()) + 1).scatter_(0, shared, scales)
        before.weight[start : start + len(scales)].div_((scales**power)[:, None])

    return fold
