"""The steps of a compression: each takes a model and a record, and returns a model and a longer record.

Pruning steps lead from a language model to a language model; `quantize` comes last and gives what ships.
No step changes the model that it is given.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from sugata.compression.awq import scale_channels
from sugata.compression.calibration import Calibration, Inputs, watched
from sugata.compression.gptq import gptq
from sugata.compression.model import CompressedModel, Compression, matrix_kinds
from sugata.compression.packing import GROUP_SIZE, PackedTensor, Storage, pack, pack_codes
from sugata.compression.pruning import magnitude_mask, pruned_count
from sugata.compression.quantization import dequantize
from sugata.compression.record import Record, Step
from sugata.compression.structured import Importance, Unit, remove
from sugata.errors import SugataError
from sugata.nn import LanguageModel

Method = Literal["rtn", "gptq", "awq"]
Activations = Literal["float", "int8"]
Scope = Literal["layer", "global"]
StepFunction = Callable[..., tuple[Any, Record]]

METHODS = ("rtn", "gptq", "awq")
_BITS = {"int8": 8, "int4": 4}


def prune_magnitude(
    model: LanguageModel, record: Record, *, ratio: float, scope: Scope = "layer"
) -> tuple[LanguageModel, Record]:
    """Set the smallest weights of the linear layers to zero (Han et al. 2015).

    Args:
        model: a trained model.
        record: what was done to it.
        ratio: share of the weights that go, 0 <= ratio < 1.
        scope: "layer": this share of every matrix; "global": of all together, with one threshold.
    """
    _check("ratio", ratio, 0 <= ratio < 1, "at least 0 and below 1")
    _check("scope", scope, scope in ("layer", "global"), "layer or global")
    pruned = copy.deepcopy(model)
    matrices = [p for name, p in pruned.named_parameters() if matrix_kinds(pruned)[name] == "linear"]
    zero_smallest(matrices, ratio, scope)
    return pruned, record.then(Step("prune_magnitude", {"ratio": ratio, "scope": scope}))


@torch.no_grad()
def zero_smallest(matrices: list[nn.Parameter], ratio: float, scope: Scope) -> None:
    """Set this share of the values of each matrix, or of all, to zero, in place."""
    if scope == "layer":
        for matrix in matrices:
            keep = magnitude_mask(matrix.detach().float().cpu().numpy(), ratio)
            matrix.mul_(torch.from_numpy(keep).to(matrix.device))
        return
    sizes = torch.cat([matrix.detach().abs().flatten() for matrix in matrices])
    count = pruned_count(len(sizes), ratio)
    if count:
        threshold = sizes.kthvalue(count).values
        for matrix in matrices:
            matrix.mul_(matrix.abs() > threshold)


def prune_structured(
    model: LanguageModel,
    record: Record,
    *,
    ratio: float,
    unit: Unit = "channels",
    importance: Importance = "magnitude",
    calibration: Calibration | None = None,
) -> tuple[LanguageModel, Record]:
    """Remove whole parts; what is left is a smaller dense model.

    Args:
        model: a trained model.
        record: what was done to it.
        ratio: share that goes: of the hidden channels of every feed-forward network, of the attention heads
            of every layer that has some, or of the layers.
        unit: "channels", "heads" or "layers". Heads are those of softmax and linear attention: Mamba's are
            normalized together, so that none can go without a change of all, and RWKV-4 has none.
        importance: "magnitude" of weights, or "taylor": the first-order change of the loss (Molchanov et
            al. 2019) on calibration data.
        calibration: for "taylor".
    """
    _check("ratio", ratio, 0 <= ratio < 1, "at least 0 and below 1")
    _check("unit", unit, unit in ("channels", "heads", "layers"), "channels, heads or layers")
    _check("importance", importance, importance in ("magnitude", "taylor"), "magnitude or taylor")
    used = _needed(calibration, "importance taylor") if importance == "taylor" else None
    settings = {"ratio": ratio, "unit": unit, "importance": importance}
    step = Step("prune_structured", settings, calibration=used.fingerprint if used else None)
    return remove(model, ratio, unit, used), record.then(step)


def quantize(
    model: LanguageModel,
    record: Record,
    *,
    storage: Storage,
    method: Method = "rtn",
    activations: Activations = "float",
    act_order: bool = False,
    damping: float = 0.01,
    calibration: Calibration | None = None,
) -> tuple[CompressedModel, Record]:
    """Round to the format that ships: the last step.

    Weights that are exactly zero in a matrix pruned by magnitude stay zero, and such matrices are stored as
    mask and values where that is smaller.

    Args:
        model: a trained, perhaps pruned model.
        record: what was done to it.
        storage: "fp16", "int8" (a scale a row) or "int4" (a scale for 32 columns).
        method: "rtn" (round to nearest), "gptq" or "awq". Embeddings, and a head that is tied to them, are
            rounded to nearest by all.
        activations: "int8": what matrices are multiplied with is rounded too, token by token, also where a
            whole sequence is read; for int8 storage.
        act_order: of GPTQ: columns with the largest inputs first.
        damping: of GPTQ.
        calibration: for gptq and awq.
    """
    _check("storage", storage, storage in ("fp16", "int8", "int4"), "fp16, int8 or int4")
    _check("method", method, method in METHODS, "rtn, gptq or awq")
    _check("activations", activations, activations in ("float", "int8"), "float or int8")
    if activations == "int8" and storage != "int8":
        raise SugataError(f"activations: int8 goes with int8 weights, not with {storage}; use float")
    if method != "rtn" and storage == "fp16":
        raise SugataError(f"method: {method} rounds to int8 or int4, not to fp16; use rtn")
    used = None if method == "rtn" else _needed(calibration, f"method {method}")
    settings: dict[str, Any] = {"storage": storage, "method": method, "activations": activations}
    if method == "gptq":
        settings |= {"act_order": act_order, "damping": damping}
    record = record.then(Step("quantize", settings, calibration=used.fingerprint if used else None))
    model = copy.deepcopy(model).float().cpu().eval()
    rounded: dict[str, PackedTensor] = {}
    group = GROUP_SIZE if storage == "int4" else 0
    if used is not None and method == "awq":
        scale_channels(model, _all_inputs(model, used), _BITS[storage], group or _widest(model))
    elif used is not None:
        rounded = _gptq_layers(model, used, storage, act_order, damping)
    sparse = any(step.kind in ("prune_magnitude", "prune_gradually") for step in record.steps)
    tensors = {}
    for name, kind in matrix_kinds(model).items():
        values = model.get_parameter(name).detach().numpy()
        keep = values != 0 if sparse and kind == "linear" else None
        try:
            plain = pack(values, storage if kind != "other" else "fp16", keep)
        except SugataError as error:
            raise SugataError(f"{name}: {error}") from None
        tensors[name] = rounded.get(name, plain)
    return CompressedModel(model.config, Compression(storage), tensors, record), record


def replay(
    model: LanguageModel,
    record: Record,
    calibration: Mapping[str, Calibration] | None = None,
    others: Mapping[str, StepFunction] | None = None,
) -> tuple[Any, Record]:
    """Take all steps of a record again; the result is the first one's, bit for bit on the same machine.

    Args:
        model: the one that the first step was given.
        record: of the steps.
        calibration: calibration data by fingerprint.
        others: steps that this package does not have, such as fine-tuning, by kind; called with `seed`
            as well.

    Raises:
        SugataError: a step or its calibration data is unknown.
    """
    known: dict[str, StepFunction] = {
        "prune_magnitude": prune_magnitude,
        "prune_structured": prune_structured,
        "quantize": quantize,
    }
    done: Any = model
    again = Record()
    for step in record.steps:
        settings = dict(step.settings)
        if step.calibration is not None:
            if step.calibration not in (calibration or {}):
                raise SugataError(f"calibration: data {step.calibration} of step {step.kind} was not given")
            settings["calibration"] = (calibration or {})[step.calibration]
        if others and step.kind in others:
            done, again = others[step.kind](done, again, **settings, seed=step.seed)
        elif step.kind in known:
            done, again = known[step.kind](done, again, **settings)
        else:
            raise SugataError(f"compression record: step '{step.kind}' is unknown; give its function")
    return done, again


def _linears(model: LanguageModel) -> dict[str, nn.Linear]:
    """The linear layers whose matrices are quantized, by name."""
    kinds = matrix_kinds(model)
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and kinds.get(f"{name}.weight") == "linear"
    }


def _widest(model: LanguageModel) -> int:
    return max(module.in_features for module in _linears(model).values())


@torch.no_grad()
def _all_inputs(model: LanguageModel, calibration: Calibration) -> dict[str, Inputs]:
    with watched(_linears(model)) as seen:
        for tokens in calibration.parts():
            model(tokens)
    return seen


@torch.no_grad()
def _gptq_layers(
    model: LanguageModel, calibration: Calibration, storage: Storage, act_order: bool, damping: float
) -> dict[str, PackedTensor]:
    """GPTQ layer by layer, each calibrated behind those that are quantized already; in place.

    (Frantar et al. 2023, section 4, last paragraph: inputs come from the partly quantized model.) The
    matrices of one layer are calibrated together.
    """
    table = model.embedding.weight
    if matrix_kinds(model)["embedding.weight"] == "embedding":
        table.copy_(torch.from_numpy(pack(table.detach().numpy(), storage).restore()))
    linears, rounded = _linears(model), {}
    streams = [_first_layer_input(model, tokens) for tokens in calibration.parts()]

    def calibrated(block: nn.Module, names: dict[str, nn.Linear]) -> None:
        with watched(names) as seen:
            for x in streams:
                block(x)
        for name, module in names.items():
            weight = module.weight.detach().numpy()
            keep = weight != 0
            group = GROUP_SIZE if storage == "int4" else weight.shape[1]
            codes, scales = gptq(
                weight, seen[name].products.numpy(), _BITS[storage], group,
                act_order=act_order, damping=damping, keep=keep,
            )  # fmt: skip
            sparse = not keep.all()
            rounded[f"{name}.weight"] = pack_codes(codes, scales, storage, keep if sparse else None)
            module.weight.copy_(torch.from_numpy(dequantize(codes, scales, group)))

    for index, layer in enumerate(model.layers):
        calibrated(layer, {n: m for n, m in linears.items() if n.startswith(f"layers.{index}.")})
        streams = [layer(x) for x in streams]
    if "head" in linears:
        calibrated(nn.Sequential(model.norm, model.head), {"head": linears["head"]})
    return rounded


def _first_layer_input(model: LanguageModel, tokens: Tensor) -> Tensor:
    found: list[Tensor] = []
    hook = model.layers[0].register_forward_pre_hook(lambda _module, arguments: found.append(arguments[0]))
    try:
        model.features(tokens)
    finally:
        hook.remove()
    return found[0]


def _needed(calibration: Calibration | None, why: str) -> Calibration:
    if calibration is None:
        raise SugataError(f"calibration: {why} needs text to calibrate on; give calibration data")
    return calibration


def _check(name: str, value: object, right: bool, allowed: str) -> None:
    if not right:
        raise SugataError(f"{name}: {value!r} is not {allowed}")


def sparsity(model: nn.Module) -> float:
    """Share of the values of linear layers that are exactly zero."""
    matrices = [p for name, p in model.named_parameters() if matrix_kinds(model)[name] == "linear"]
    return float(np.mean([float((matrix == 0).sum()) / matrix.numel() for matrix in matrices]))
