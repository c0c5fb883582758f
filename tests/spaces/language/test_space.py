"""What an architecture means: configuration, keys, the built model and its outline."""

import dataclasses
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sugata.errors import InvalidArchitecture
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.space import Signature, TensorSpec
from sugata.spaces import names, space
from sugata.spaces.language import HybridLanguageSpace, LanguageSpace
from sugata.spaces.language.presets import MIXERS

TINY = LanguageSpace("tiny")
PRESETS = [
    LanguageSpace("minimal"),
    LanguageSpace("medium"),
    LanguageSpace("full"),
    TINY,
    HybridLanguageSpace(),
]
seeds = st.integers(0, 2**32 - 1)
PLAIN = {
    "architecture": "transformer",
    "first_mixer": "mamba",
    "second_mixer": "transformer",
    "position": "rope",
    "num_heads": 4,
    "hidden_dim": 64,
    "num_layers": 3,
    "ffn_multiplier": 2,
    "activation": "gelu",
    "normalization": "rmsnorm",
    "vocab_size": 2048,
    "tie_embeddings": True,
    "quantization": "fp16",
    "pruning_ratio": 0.0,
    "pruning_method": "magnitude",
}


def signature(classes: int | None) -> Signature:
    tokens = TensorSpec("tokens", ("batch", "length"), "int64", classes)
    return Signature(
        (tokens,), (TensorSpec("logits", ("batch", "length", "vocabulary"), "float32", classes),)
    )


def explicit(config: LanguageModelConfig) -> LanguageModelConfig:
    layers = tuple(
        LayerConfig("transformer" if layer.mixer == "flash_attention" else layer.mixer, layer.ffn_dim)
        for layer in config.layers
    )
    return dataclasses.replace(config, layers=layers)


@pytest.mark.parametrize("made", PRESETS, ids=lambda s: s.name)
@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_every_architecture_has_a_configuration_that_survives_variation(made, seed):
    rng = np.random.default_rng(seed)
    first, second = made.sample(rng), made.sample(rng)
    child = made.crossover(first, second, rng, "one_point")
    for architecture in (first, made.mutate(first, rng, 0.3), child):
        made.validate(architecture)
        assert len(made.config(architecture).layers) == architecture["num_layers"]
        assert made.architecture(dict(architecture)) == architecture


# Few options, so that draws often coincide in their keys.
NARROW = {
    "position": ["absolute", "rope"],
    "num_heads": [2, 4],
    "hidden_dim": [64],
    "num_layers": [2],
    "activation": ["gelu", "silu"],
    "normalization": ["rmsnorm"],
    "vocab_size": [2048],
    "tie_embeddings": [True],
    "pruning_ratio": [0.0, 0.4],
}
NARROW_TINY = LanguageSpace("tiny", {**NARROW, "ffn_multiplier": [2]})
NARROW_HYBRID = HybridLanguageSpace(
    {**NARROW, "layer_ffn": [2], "layer_mixer": ["transformer", "flash_attention", "mamba", "rwkv"]}
)


@pytest.mark.parametrize("made", [NARROW_TINY, NARROW_HYBRID], ids=lambda s: s.name)
def test_same_training_key_exactly_where_the_trained_model_is_the_same(made):
    rng = np.random.default_rng(0)
    drawn = {made.sample(rng) for _ in range(1500)}
    configs: dict[str, set[tuple[LanguageModelConfig, float]]] = {}
    for architecture in drawn:
        meanwhile = architecture["pruning_ratio"] if architecture.get("pruning_method") == "gradual" else 0
        trained = explicit(made.config(architecture)), meanwhile
        configs.setdefault(made.training_key(architecture), set()).add(trained)
    assert all(len(same) == 1 for same in configs.values())
    assert len(set.union(*configs.values())) == len(configs)
    assert {pruned for same in configs.values() for _, pruned in same} == {0, 0.4}
    assert len(configs) < len(drawn)


@pytest.mark.parametrize("made", [NARROW_TINY, NARROW_HYBRID], ids=lambda s: s.name)
def test_same_deployment_key_exactly_where_model_and_storage_are_the_same(made):
    rng = np.random.default_rng(1)
    drawn = {made.sample(rng) for _ in range(1500)}
    stored = {}
    for a in drawn:
        storage = (a["quantization"], a["pruning_ratio"], a.get("pruning_method"))
        stored.setdefault(made.deployment_key(a), set()).add((made.config(a), storage))
    assert all(len(same) == 1 for same in stored.values())
    assert len(set.union(*stored.values())) == len(stored)


def key(**changes: object) -> str:
    return TINY.training_key(TINY.architecture({**PLAIN, **changes}))


def test_what_is_applied_after_training_is_not_in_the_training_key():
    assert key() == key(quantization="int4") == key(pruning_ratio=0.4, pruning_method="structured")
    assert key() != key(ffn_multiplier=3)


def test_what_is_pruned_while_it_trains_shares_a_training_only_with_its_bit_widths():
    gradual = key(pruning_ratio=0.4, pruning_method="gradual")
    assert gradual == key(pruning_ratio=0.4, pruning_method="gradual", quantization="int4")
    assert gradual != key(pruning_ratio=0.4, pruning_method="magnitude")
    assert gradual != key(pruning_ratio=0.2, pruning_method="gradual")
    assert key() == key(pruning_method="gradual")  # of nothing


def test_fused_attention_trains_like_explicit_attention_but_is_deployed_apart():
    assert key() == key(architecture="flash_attention")
    hybrid = {"architecture": "hybrid", "first_mixer": "mamba"}
    fused = key(**hybrid, second_mixer="flash_attention")
    assert key(**hybrid, second_mixer="transformer") == fused
    assert fused != key(**hybrid, second_mixer="grouped_query_attention")
    both = TINY.architecture({**PLAIN, "architecture": "flash_attention"})
    assert TINY.deployment_key(both) != TINY.deployment_key(TINY.architecture(PLAIN))


def test_alternating_explicit_and_fused_attention_trains_like_attention_throughout():
    alternating = {"architecture": "hybrid", "first_mixer": "transformer", "second_mixer": "flash_attention"}
    assert key(**alternating) == key()


def test_choices_that_do_nothing_do_not_apply():
    mamba = TINY.architecture({**PLAIN, "architecture": "mamba"})
    assert not {"num_heads", "position", "first_mixer", "pruning_method"} & set(mamba)
    assert "activation" in mamba
    assert "activation" not in TINY.architecture({**PLAIN, "architecture": "rwkv"})
    hybrid = {**PLAIN, "architecture": "hybrid", "first_mixer": "rwkv", "second_mixer": "mamba"}
    assert "num_heads" not in TINY.architecture(hybrid)
    assert "num_heads" in TINY.architecture({**hybrid, "second_mixer": "linear_transformer"})


def test_a_hybrid_alternates_its_two_mixers():
    hybrid = TINY.architecture({**PLAIN, "architecture": "hybrid"})
    assert [layer.mixer for layer in TINY.config(hybrid).layers] == ["mamba", "transformer", "mamba"]


def test_every_layer_of_the_hybrid_space_is_its_own():
    made = HybridLanguageSpace()
    values = {choice.name: choice.default for choice in made.choices} | {"num_layers": 2, "hidden_dim": 64}
    values |= {"layer_1_mixer": "rwkv", "layer_1_ffn": 3, "layer_2_mixer": "mamba", "layer_2_ffn": 2}
    architecture = made.architecture(values)
    assert "layer_3_mixer" not in architecture
    assert made.config(architecture).layers == (LayerConfig("rwkv", 192), LayerConfig("mamba", 128))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_dim": 96, "num_heads": 64}, "multiple of num_heads"),
        ({"hidden_dim": 96, "num_heads": 32}, "even number of channels"),
        ({"architecture": "hybrid", "first_mixer": "transformer"}, "two different mixers"),
        ({"activation": "relu"}, "activation='relu' is not an option"),
    ],
)
def test_what_cannot_be_combined_is_refused(changes, message):
    made = LanguageSpace("tiny", {"num_heads": [4, 32, 64], "hidden_dim": [64, 96]})
    with pytest.raises(InvalidArchitecture, match=message):
        made.architecture({**PLAIN, **changes})


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("tied", [False, True])
def test_outline_counts_every_parameter_of_the_built_model(mixer, tied):
    values = {**PLAIN, "architecture": mixer, "tie_embeddings": tied}
    blocks = TINY.outline(TINY.architecture(values))
    model = TINY.build(TINY.architecture(values), signature(2048))
    assert sum(block.parameters for block in blocks) == sum(p.numel() for p in model.parameters())
    assert [block.kind for block in blocks] == ["embedding", *[mixer] * 3, "rmsnorm", "head"]


@given(seed=seeds, made=st.sampled_from(PRESETS))
@settings(max_examples=25, deadline=None)
def test_outline_sums_to_the_model_in_every_preset(seed, made):
    architecture = made.sample(np.random.default_rng(seed))
    model = LanguageModel(made.config(architecture), device="meta")
    assert sum(b.parameters for b in made.outline(architecture)) == sum(p.numel() for p in model.parameters())


def test_build_refuses_a_task_that_does_not_fit():
    with pytest.raises(InvalidArchitecture, match="9000 classes, more than vocab_size 2048"):
        TINY.build(TINY.architecture(PLAIN), signature(9000))
    two = Signature(signature(8).inputs * 2, signature(8).outputs)
    with pytest.raises(InvalidArchitecture, match="2 inputs"):
        TINY.build(TINY.architecture(PLAIN), two)


def test_build_keeps_the_vocabulary_of_the_architecture():
    model = TINY.build(TINY.architecture(PLAIN), signature(None))
    assert model(torch.zeros(1, 3, dtype=torch.long)).shape == (1, 3, 2048)


def test_a_missing_choice_is_named():
    with pytest.raises(InvalidArchitecture, match="'hidden_dim' is missing"):
        TINY.config({name: value for name, value in PLAIN.items() if name != "hidden_dim"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hiden_dim": [64]}, "did you mean 'hidden_dim'"),
        ({"hidden_dim": 64}, "give a list"),
        ({"hidden_dim": []}, "no options"),
        ({"hidden_dim": [64, 96.5]}, "96.5; use a positive whole number"),
        ({"ffn_multiplier": ["wide"]}, "'wide'; use a positive number"),
        ({"pruning_ratio": [1.0]}, "from 0 to below 1"),
        ({"tie_embeddings": ["yes"]}, "true or false"),
        ({"activation": ["relu"]}, "'relu'; use one of gelu"),
        ({"first_mixer": ["hybrid"]}, "'hybrid'; use one of transformer"),
    ],
)
def test_wrong_options_are_one_clear_line(options, message):
    with pytest.raises(InvalidArchitecture, match=message):
        LanguageSpace("tiny", options)


def test_presets_without_alternation_do_not_take_the_type_hybrid():
    with pytest.raises(InvalidArchitecture, match="'hybrid'; use one of transformer"):
        LanguageSpace("full", {"architecture": ["hybrid"]})
    with pytest.raises(InvalidArchitecture, match="num_layers"):
        HybridLanguageSpace({"num_layers": []})


def test_an_unknown_preset_is_answered_with_the_nearest():
    with pytest.raises(InvalidArchitecture, match="did you mean 'tiny'"):
        LanguageSpace("tinny")


@pytest.mark.parametrize("name", names())
def test_spaces_travel_to_other_processes_and_are_made_again_from_their_parameters(name):
    made = space(name)
    architecture = made.sample(np.random.default_rng(3))
    assert pickle.loads(pickle.dumps(made)).architecture(dict(architecture)) == architecture
    again = type(made)(**made.parameters)
    assert again.name == made.name
    assert again.architecture(dict(architecture)) == architecture
