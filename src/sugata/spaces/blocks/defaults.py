"""The graph of blocks of a task for which nobody drew one, and good configurations of it."""

from collections.abc import Mapping
from typing import Any

from sugata.spaces.blocks.shapes import InputKind
from sugata.trial import Value

Graph = dict[str, Any]


def default_graph(inputs: Mapping[str, InputKind], heads: Mapping[str, str]) -> Graph:
    """The parameters of a `BlockSpace` for inputs and heads of these kinds.

    Each input goes through blocks for its kind, several are merged, and all heads take the result.

    Args:
        inputs: the kind of each input, by name.
        heads: classification, multi_label or regression, by name.
    """
    blocks: list[dict[str, Any]] = []
    good: list[dict[str, Value]] = [{}, {}, {}]
    ends = []
    for name, kind in inputs.items():
        made, some = _BRANCHES[kind](name)
        blocks += made
        ends.append(made[-1]["name"])
        for configuration, more in zip(good, some, strict=True):
            configuration |= more
    if len(ends) > 1:
        blocks.append({"name": "merge", "kind": "merge", "inputs": ends, "merge_type": "concatenate"})
        blocks.append({"name": "dense", "kind": "dense", "inputs": ["merge"]})
        ends = ["dense"]
    return {
        "inputs": [{"name": name, "kind": kind} for name, kind in inputs.items()],
        "blocks": blocks,
        "heads": [{"name": name, "kind": kind, "inputs": ends} for name, kind in heads.items()],
        "training": {"learning_rate": [0.004, 0.002, 0.008], "batch_size": [64, 128]},
        "good": good,
    }


def _image(name: str) -> tuple[list[dict[str, Any]], list[dict[str, Value]]]:
    blocks = [
        {"name": f"{name}_normalization", "kind": "normalization", "inputs": [name]},
        {"name": f"{name}_augmentation", "kind": "image_augmentation", "inputs": [f"{name}_normalization"]},
        {"name": f"{name}_block", "kind": "conv", "inputs": [f"{name}_augmentation"]},
        {"name": f"{name}_reduction", "kind": "spatial_reduction", "inputs": [f"{name}_block"]},
    ]
    block = f"{name}_block"
    return blocks, [
        {},
        {f"{block}/num_blocks": 2, f"{block}/filters": 32},
        {f"{block}/num_layers": 1, f"{block}/filters": 32},
    ]


def _text(name: str) -> tuple[list[dict[str, Any]], list[dict[str, Value]]]:
    blocks = [{"name": f"{name}_block", "kind": "ngrams", "inputs": [name]}]
    return blocks, [{}, {f"{name}_block/dim": 32, f"{name}_block/buckets": 0}, {f"{name}_block/dim": 8}]


def _table(name: str) -> tuple[list[dict[str, Any]], list[dict[str, Value]]]:
    blocks = [
        {"name": f"{name}_embedding", "kind": "table_embedding", "inputs": [name]},
        {"name": f"{name}_dense", "kind": "dense", "inputs": [f"{name}_embedding"]},
    ]
    dense = f"{name}_dense"
    return blocks, [
        {},
        {f"{name}_embedding/numbers": "piecewise", f"{dense}/dropout": 0.25},
        {f"{dense}/units": 256, f"{dense}/dropout": 0.25},
    ]


def _array(name: str) -> tuple[list[dict[str, Any]], list[dict[str, Value]]]:
    dense = f"{name}_dense"
    blocks = [{"name": dense, "kind": "dense", "inputs": [name]}]
    return blocks, [{}, {f"{dense}/units": 256, f"{dense}/dropout": 0.25}, {f"{dense}/num_layers": 1}]


_BRANCHES = {"image": _image, "text": _text, "table": _table, "array": _array}
