"""A language model as it ships: pruned, quantized, packed, and its exact size in bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from sugata.compression.ffn import remove_channels
from sugata.compression.file import file_size, write
from sugata.compression.packing import Layout, PackedTensor, Storage, pack
from sugata.compression.pruning import kept_channels, magnitude_mask, pruned_count
from sugata.compression.record import NOTHING, Record
from sugata.errors import SugataError
from sugata.nn import LanguageModel, LanguageModelConfig

PruningMethod = Literal["magnitude", "structured", "gradual"]
Kind = Literal["linear", "embedding", "other"]

SMALLEST_QUANTIZED_SIDE = 32  # matrices with a shorter side (step sizes, gates) are few bytes and sensitive
FORMAT = "1"


@dataclass(frozen=True)
class Compression:
    """What happens to trained weights before they ship.

    Attributes:
        quantization: storage of linear layers and embedding tables; everything else is stored as fp16.
        pruning_ratio: share of the weights of every linear layer (magnitude; embedding tables are left whole,
            see `matrix_kinds`), or of the hidden channels of every feed-forward network (structured).
        pruning_method: "magnitude" sets single weights to zero; "structured" gives a smaller dense model;
            "gradual" is magnitude for a model that was pruned while it was trained (`GradualPruning`), whose
            zeros are its smallest weights: they stay, and nothing else goes.
    """

    quantization: Storage = "fp16"
    pruning_ratio: float = 0.0
    pruning_method: PruningMethod = "magnitude"

    def __post_init__(self) -> None:
        if self.quantization not in ("fp16", "int8", "int4"):
            raise SugataError(f"quantization: '{self.quantization}' is not one of fp16, int8, int4")
        if self.pruning_method not in get_args(PruningMethod):
            known = ", ".join(get_args(PruningMethod))
            raise SugataError(f"pruning_method: '{self.pruning_method}' is not one of {known}")
        if not 0 <= self.pruning_ratio < 1:
            raise SugataError(f"pruning_ratio: {self.pruning_ratio} is not at least 0 and below 1")

    @property
    def zeroed(self) -> float:
        """Share of single weights set to zero."""
        return 0.0 if self.pruning_method == "structured" else self.pruning_ratio

    def shrink(self, config: LanguageModelConfig) -> LanguageModelConfig:
        """The configuration of the model that is left: narrower feed-forward networks if structured."""
        if self.pruning_method != "structured" or self.pruning_ratio == 0:
            return config
        layers = tuple(
            replace(layer, ffn_dim=kept_channels(layer.ffn_dim, self.pruning_ratio))
            for layer in config.layers
        )
        return replace(config, layers=layers)

    def layout(self, kind: Kind, shape: tuple[int, ...]) -> Layout:
        """How a tensor of this kind and shape is stored."""
        storage = self.quantization if kind != "other" else "fp16"
        if kind != "linear" or not self.zeroed:
            return Layout(shape, storage)
        size = shape[0] * shape[1]
        return Layout(shape, storage, kept=size - pruned_count(size, self.zeroed))


@dataclass(frozen=True)
class CompressedModel:
    """A compressed language model, not yet or no longer a file.

    Attributes:
        config: of the model that is left after structured pruning.
        compression: what was done.
        tensors: every parameter once (a tied head is stored as the embedding), by its name in the model.
        record: the steps that led here, where the model was compressed step by step.
    """

    config: LanguageModelConfig
    compression: Compression
    tensors: Mapping[str, PackedTensor]
    record: Record = NOTHING

    def restore(self) -> LanguageModel:
        """The model in float32, with exactly the weights that are stored: what quality is evaluated with."""
        model = LanguageModel(self.config, device="meta")
        values = {name: torch.from_numpy(tensor.restore()) for name, tensor in self.tensors.items()}
        model.load_state_dict(values, strict=not self.config.tie_embeddings, assign=True)
        if self.config.tie_embeddings:
            model.head.weight = model.embedding.weight
        return model.eval()

    @property
    def rounds_activations(self) -> bool:
        """Whether what int8 matrices are multiplied with is rounded too, also where sequences are read."""
        return any(step.settings.get("activations") == "int8" for step in self.record.steps)

    def stored_bytes(self) -> int:
        """Exactly the size of the file that `save` writes."""
        return _stored_bytes(self.config, self.compression, self._layouts(), self.record)

    def save(self, path: str | Path) -> None:
        """Write a safetensors file: arrays `NAME`, `NAME.scale`, `NAME.mask`, and the configuration."""
        layouts = self._layouts()
        arrays = {
            _part_name(name, part): array
            for name, t in self.tensors.items()
            for part, array in t.parts.items()
        }
        metadata = _metadata(self.config, self.compression, layouts, self.record)
        write(Path(path), _parts(layouts), arrays, metadata)

    def _layouts(self) -> dict[str, Layout]:
        return {name: tensor.layout for name, tensor in self.tensors.items()}


def compress(
    model: LanguageModel,
    *,
    quantization: Storage = "fp16",
    pruning_ratio: float = 0.0,
    pruning_method: PruningMethod = "magnitude",
) -> CompressedModel:
    """Prune a trained model, then round what is left to its storage format. The model itself is not changed.

    Args:
        model: a trained language model.
        quantization: "fp16", "int8" (one scale an output channel) or "int4" (one scale for 32 inputs).
        pruning_ratio: share to remove, 0 <= ratio < 1.
        pruning_method: "magnitude", "structured" or "gradual", see `Compression`.

    Raises:
        SugataError: an unknown choice, or weights that are not finite.
    """
    compression = Compression(quantization, pruning_ratio, pruning_method)
    config = compression.shrink(model.config)
    values = {name: p.detach().float().cpu().numpy() for name, p in model.named_parameters()}
    if config != model.config:
        values = remove_channels(values, config)
    tensors = {}
    for name, kind in matrix_kinds(model).items():
        layout = compression.layout(kind, values[name].shape)
        keep = None if layout.kept is None else magnitude_mask(values[name], compression.zeroed)
        try:
            tensors[name] = pack(values[name], layout.storage, keep)
        except SugataError as error:
            raise SugataError(f"{name}: {error}") from None
    return CompressedModel(config, compression, tensors)


def load(path: str | Path) -> CompressedModel:
    """Read a file that `CompressedModel.save` wrote.

    Raises:
        SugataError: no such file, or not one of these files.
    """
    try:
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (OSError, SafetensorError) as error:
        raise SugataError(f"{path}: cannot be read as a safetensors file ({error})") from None
    if metadata.get("sugata_format") != FORMAT:
        raise SugataError(f"{path}: not a compressed model of this version of sugata; export it again")
    config = LanguageModelConfig.from_dict(json.loads(metadata["config"]))
    compression = Compression(**json.loads(metadata["compression"]))
    tensors = {}
    try:
        for name in matrix_kinds(LanguageModel(config, device="meta")):
            layout = Layout.parse(metadata[name]) if name in metadata else Layout(arrays[name].shape)
            parts = {part: arrays[_part_name(name, part)] for part in layout.parts()}
            tensors[name] = PackedTensor(layout, parts)
    except KeyError as missing:
        raise SugataError(f"{path}: has no tensor {missing}; export the model again") from None
    return CompressedModel(config, compression, tensors, Record.from_json(metadata.get("record", "[]")))


def stored_size(
    config: LanguageModelConfig,
    quantization: Storage = "fp16",
    pruning_ratio: float = 0.0,
    pruning_method: PruningMethod = "magnitude",
) -> int:
    """Bytes of the file that a model of this configuration will ship as, before it has any weights.

    Exact: pruning removes an exact number of values, and everything else follows from shapes.
    """
    compression = Compression(quantization, pruning_ratio, pruning_method)
    config = compression.shrink(config)
    layouts = {name: compression.layout(kind, shape) for name, (kind, shape) in _shapes(config).items()}
    return _stored_bytes(config, compression, layouts)


def matrix_kinds(model: nn.Module) -> dict[str, Kind]:
    """Which parameters are matrices of linear layers, and which embedding tables, by name; shared ones once.

    Embedding tables are quantized but never pruned by magnitude: a row is all that is known of its token, and
    rows of rare tokens have the smallest weights of the table, so that a threshold for the whole table would
    erase them. A tied head is an embedding in this sense; an untied one is a linear layer.
    """
    kinds: dict[int, Kind] = {}
    for module in model.modules():
        if isinstance(module, nn.Embedding | nn.Linear):
            kind: Kind = "embedding" if isinstance(module, nn.Embedding) else "linear"
            if (
                min(module.weight.shape) >= SMALLEST_QUANTIZED_SIDE
                and kinds.get(id(module.weight)) != "embedding"
            ):
                kinds[id(module.weight)] = kind
    return {name: kinds.get(id(parameter), "other") for name, parameter in model.named_parameters()}


@lru_cache(maxsize=1024)
def _shapes(config: LanguageModelConfig) -> dict[str, tuple[Kind, tuple[int, ...]]]:
    model = LanguageModel(config, device="meta")
    kinds = matrix_kinds(model)
    return {name: (kinds[name], tuple(parameter.shape)) for name, parameter in model.named_parameters()}


def _part_name(name: str, part: str) -> str:
    return f"{name}.{part}" if part else name


def _parts(layouts: Mapping[str, Layout]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """All arrays of a file; 16-bit ones first, so that they start at even addresses."""
    parts = {
        _part_name(n, part): spec for n, layout in layouts.items() for part, spec in layout.parts().items()
    }
    return dict(sorted(parts.items(), key=lambda item: item[1][0] != "F16"))


def _metadata(
    config: LanguageModelConfig,
    compression: Compression,
    layouts: Mapping[str, Layout],
    record: Record = NOTHING,
) -> dict[str, str]:
    described = {
        n: layout.describe() for n, layout in layouts.items() if layout.storage != "fp16" or layout.sparse
    }
    return {
        "format": "pt",
        "sugata_format": FORMAT,
        "config": json.dumps(config.to_dict(), separators=(",", ":")),
        "compression": json.dumps(vars(compression)),
        **({"record": record.to_json()} if record.steps else {}),
        **described,
    }


def _stored_bytes(
    config: LanguageModelConfig,
    compression: Compression,
    layouts: Mapping[str, Layout],
    record: Record = NOTHING,
) -> int:
    return file_size(_parts(layouts), _metadata(config, compression, layouts, record))
