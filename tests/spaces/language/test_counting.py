"""The sizes of the presets, against brute force that states the rules anew."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from sugata.errors import InvalidArchitecture
from sugata.spaces import space
from sugata.spaces.language import HybridLanguageSpace, LanguageSpace

ATTENTION = {"transformer", "flash_attention", "grouped_query_attention", "linear_transformer"}


def raw_assignments(made: LanguageSpace) -> Iterator[dict[str, Any]]:
    names = [choice.name for choice in made.choices]
    for values in itertools.product(*(choice.options for choice in made.choices)):
        yield dict(zip(names, values, strict=True))


def canonical(v: dict[str, Any]) -> tuple[Any, ...] | None:
    """What is executed and stored, or None where the assignment is not allowed."""
    mixers = {v["architecture"]}
    order = None
    if v["architecture"] == "hybrid":
        order = (v["first_mixer"], v["second_mixer"])
        mixers = set(order)
        if len(mixers) == 1:
            return None
    heads = position = None
    if mixers & ATTENTION:
        heads, position = v["num_heads"], v["position"]
        if v["hidden_dim"] % heads or (position == "rope" and v["hidden_dim"] // heads % 2):
            return None
    activation = None if mixers == {"rwkv"} else v["activation"]
    method = v["pruning_method"] if v["pruning_ratio"] > 0 else None
    same = ("hidden_dim", "num_layers", "ffn_multiplier", "vocab_size", "normalization", "tie_embeddings")
    rest = tuple(v[name] for name in same)
    storage = (v["quantization"], v["pruning_ratio"], method)
    return v["architecture"], order, heads, position, activation, rest, storage


def brute_force(made: LanguageSpace) -> tuple[int, int, int]:
    found = [canonical(values) for values in raw_assignments(made)]
    allowed = [network for network in found if network is not None]
    return len(found), len(allowed), len(set(allowed))


def counts(made: LanguageSpace) -> tuple[int, int, int | None]:
    return made.size(), made.valid(), made.distinct()


def test_raw_products_are_the_published_ones():
    assert [space(name).size() for name in ("minimal", "medium", "full")] == [8, 73_728, 35_831_808]


def test_hybrid_has_more_than_ten_to_the_eighteen_valid_configurations():
    made = space("hybrid")
    assert made.size() == made.valid() == 18**12 * 6 * 5 * 3 * 3 * 4 * 3 * 4 * 2 * 3 * 4 * 3
    assert made.valid() > made.distinct() > 10**18


@pytest.mark.parametrize("preset", ["minimal", "medium"])
def test_valid_and_distinct_equal_brute_force(preset):
    made = LanguageSpace(preset)
    assert counts(made) == brute_force(made)


def test_tiny_with_fewer_options_equals_brute_force():
    made = LanguageSpace(
        "tiny",
        {
            "architecture": ["transformer", "mamba", "rwkv", "hybrid"],
            "first_mixer": ["flash_attention", "mamba", "rwkv"],
            "second_mixer": ["transformer", "mamba", "rwkv"],
            "position": ["absolute", "rope"],
            "num_heads": [4, 6, 64],
            "hidden_dim": [64, 96],
            "num_layers": [2, 3],
            "ffn_multiplier": [2, 3],
            "activation": ["gelu", "silu"],
            "normalization": ["rmsnorm"],
            "vocab_size": [2048],
            "tie_embeddings": [True],
            "quantization": ["fp16", "int4"],
            "pruning_ratio": [0.0, 0.2, 0.4],
        },
    )
    raw, valid, distinct = counts(made)
    assert (raw, valid, distinct) == brute_force(made)
    assert raw > valid > distinct > 0


def test_tiny_equals_a_count_by_hand():
    """Types with heads, without, RWKV, and the 30 ordered pairs, of which only 2 have no heads."""
    free = 5 * 4 * 3 * 3 * 3 * 3 * 2  # width, depth, FFN, norm, vocabulary, storage, tying
    sizes = 3 * 3  # every number of heads divides every width, into even parts
    networks = 4 * sizes * 4 + 4 + 1 + (28 * sizes * 4 + 2 * 4)
    assert space("tiny").distinct() == networks * free * (1 + 2 * 3)
    # One type in seven is hybrid, and 6 of its 36 pairs are not allowed.
    assert space("tiny").valid() * 42 == space("tiny").size() * 41


@pytest.mark.parametrize("options", [{}, {"layer_mixer": ["mamba", "rwkv"]}, {"num_heads": [4, 64]}])
def test_distinct_of_hybrid_equals_brute_force_over_the_deployment_keys(options):
    small = {
        "num_layers": [1, 2],
        "layer_mixer": ["transformer", "mamba", "rwkv"],
        "layer_ffn": [2, 4],
        "position": ["absolute", "rope"],
        "num_heads": [2, 4],
        "hidden_dim": [64, 96],
        "activation": ["gelu", "silu"],
        "normalization": ["rmsnorm"],
        "vocab_size": [2048],
        "tie_embeddings": [True],
        "quantization": ["int8"],
        "pruning_ratio": [0.0, 0.4],
    }
    made = HybridLanguageSpace({**small, **options})
    keys = set()
    for values in raw_assignments(made):
        try:
            keys.add(made.deployment_key(made.architecture(values)))
        except InvalidArchitecture:
            continue
    assert made.distinct() == len(keys)


@pytest.mark.slow
def test_full_equals_an_enumeration_of_all_its_36_million_assignments():
    options = LanguageSpace("full").options
    shape = tuple(len(values) for values in options.values())
    axis = {
        name: np.arange(len(values)).reshape([-1 if i == at else 1 for i in range(len(shape))])
        for at, (name, values) in enumerate(options.items())
    }
    value = {name: np.asarray(options[name])[axis[name]] for name in options}
    with_heads = np.isin(value["architecture"], sorted(ATTENTION))
    width = value["hidden_dim"] // value["num_heads"]
    fits = (value["hidden_dim"] % value["num_heads"] == 0) & (
        (value["position"] != "rope") | (width % 2 == 0)
    )
    allowed = np.broadcast_to(~with_heads | fits, shape)
    inert = {
        "num_heads": ~with_heads,
        "position": ~with_heads,
        "activation": value["architecture"] == "rwkv",
        "pruning_method": value["pruning_ratio"] == 0,
    }
    identity = np.zeros(shape, np.int32)  # 35,831,808 < 2^31
    for name, size in zip(options, shape, strict=True):
        identity *= size
        identity += np.where(inert.get(name, np.array(False)), 0, axis[name]).astype(np.int32)
    seen = np.zeros(identity.size, bool)
    seen[identity[allowed]] = True
    assert (allowed.size, int(allowed.sum()), int(seen.sum())) == counts(LanguageSpace("full"))
