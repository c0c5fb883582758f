"""The graph of blocks of a task for which nobody drew one, and good configurations of it."""

from collections.abc import Mapping
from typing import Any

from sugata.spaces.blocks.registry import KINDS
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
    good: list[dict[str, Value]] = []
    ends = []
    for name, kind in inputs.items():
        made, some = _BRANCHES[kind](name)
        blocks += made
        ends.append(made[-1]["name"])
        longer = range(max(len(good), len(some)))
        good = [{**_at(good, i), **_at(some, i)} for i in longer]
    if len(ends) > 1:
        blocks.append({"name": "merge", "kind": "merge", "inputs": ends, "merge_type": "concatenate"})
        blocks.append({"name": "dense", "kind": "dense", "inputs": ["merge"]})
        ends = ["dense"]
    return {
        "inputs": [{"name": name, "kind": kind} for name, kind in inputs.items()],
        "blocks": blocks,
        "heads": [{"name": name, "kind": kind, "inputs": ends} for name, kind in heads.items()],
        "training": {"learning_rate": _rates(inputs), "batch_size": [128, 64]},
        "good": good,
    }


def _rates(inputs: Mapping[str, InputKind]) -> list[float]:
    """Rates to search, the usual one first: less for bags of words, most of which are seldom met."""
    return [0.002, 0.004, 0.008] if "text" in inputs.values() else [0.004, 0.002, 0.008]


def _at(configurations: list[dict[str, Value]], place: int) -> dict[str, Value]:
    """That configuration, or the first where there are fewer."""
    if not configurations:
        return {}
    return configurations[place if place < len(configurations) else 0]


def _image(name: str) -> tuple[list[dict[str, Any]], list[dict[str, Value]]]:
    block = f"{name}_block"
    blocks = [
        {"name": f"{name}_normalization", "kind": "normalization", "inputs": [name]},
        {"name": f"{name}_augmentation", "kind": "image_augmentation", "inputs": [f"{name}_normalization"]},
        {"name": block, "kind": "image_block", "inputs": [f"{name}_augmentation"]},
        {"name": f"{name}_reduction", "kind": "spatial_reduction", "inputs": [block]},
    ]
    good = _inside(block, "image_block")
    good[-1][f"{name}_augmentation/policy"] = "shift+flip"
    good.append({**good[0], f"{name}_augmentation/policy": "shift", f"{name}_reduction/reduction": "average"})
    return blocks, good


def _text(name: str) -> tuple[list[dict[str, Any]], list[dict[str, Value]]]:
    block = f"{name}_block"
    return [{"name": block, "kind": "text_block", "inputs": [name]}], _inside(block, "text_block")


def _table(name: str) -> tuple[list[dict[str, Any]], list[dict[str, Value]]]:
    block = f"{name}_block"
    return [{"name": block, "kind": "table_block", "inputs": [name]}], _inside(block, "table_block")


def _array(name: str) -> tuple[list[dict[str, Any]], list[dict[str, Value]]]:
    block = f"{name}_block"
    return [{"name": block, "kind": "dense", "inputs": [name]}], _inside(block, "dense")


def _inside(block: str, kind: str) -> list[dict[str, Value]]:
    """The good configurations of a kind, as choices of a block."""
    return [{f"{block}/{field}": value for field, value in good.items()} for good in KINDS[kind].good]


_BRANCHES = {"image": _image, "text": _text, "table": _table, "array": _array}
