"""Graphs of blocks as a search space: choices, errors, shapes, what a search begins with."""

import json
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sugata.errors import InvalidArchitecture
from sugata.nn.sequences import Steps
from sugata.space import Signature, TensorSpec
from sugata.spaces import space as space_named
from sugata.spaces.blocks import KINDS, BlockSpace, default_graph

IMAGE = [{"name": "image", "kind": "image"}]
LABEL = [{"name": "label", "kind": "classification", "inputs": ["last"], "dropout": 0.0}]
GRAPHS = {
    kind: BlockSpace(**default_graph({"x": kind}, {"y": "classification"}))  # type: ignore[dict-item]
    for kind in ("image", "text", "table", "array")
}
GRAPHS["all"] = BlockSpace(
    **default_graph(
        {"i": "image", "t": "text", "r": "table", "a": "array"},
        {"y": "classification", "z": "multi_label", "v": "regression"},
    )
)
every_graph = pytest.mark.parametrize("made", GRAPHS.values(), ids=GRAPHS)


def inputs_of(signature: Signature, rows: int = 2) -> list[torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    found = []
    for spec in signature.inputs:
        shape = (rows, *(int(size) for size in spec.shape[1:]))
        if spec.dtype == "int64":
            found.append(torch.randint(0, spec.classes or 2, shape, generator=rng))
            continue
        values = torch.randn(shape, generator=rng)
        for i, codes in enumerate(reversed(spec.categories), 1):
            values[:, -i] = torch.randint(0, codes, (rows,), generator=rng).float()
        found.append(values)
    return found


def chain(*blocks: dict, inputs: list | None = None, **other: object) -> BlockSpace:
    """Blocks one after the other, between an input and a classification."""
    given, before = [], "image" if inputs is None else inputs[0]["name"]
    for i, block in enumerate(blocks):
        name = "last" if i == len(blocks) - 1 else f"b{i}"
        given.append({"name": name, "inputs": [before], **block})
        before = name
    return BlockSpace(inputs or IMAGE, given, LABEL, **other)  # type: ignore[arg-type]


@pytest.mark.slow
@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(sorted(GRAPHS)))
@settings(max_examples=12, deadline=None)
def test_every_network_has_the_shapes_that_its_outline_says(seed: int, kind: str) -> None:
    made = GRAPHS[kind]
    architecture = made.sample(np.random.default_rng(seed))
    signature = made.usual_signature()
    with torch.device("meta"):
        network = made.build(architecture, signature).eval()
        seen = {}
        for name in network.sources:
            network.block(name).register_forward_hook(
                lambda module, args, result, name=name: seen.update({name: result})
            )
        network(*(x.to("meta") for x in inputs_of(signature)))
    for block in network.outline:
        result = seen[block.name]
        values = result.values if isinstance(result, Steps) else result
        assert tuple(values.shape[1:]) == block.output[1:]
        assert block.parameters == sum(p.numel() for p in network.block(block.name).parameters())


@every_graph
def test_a_space_is_made_again_of_plain_json_and_goes_to_workers(made: BlockSpace) -> None:
    again = space_named("blocks/graph", **json.loads(json.dumps(made.parameters)))
    assert [choice.name for choice in again.choices] == [choice.name for choice in made.choices]
    rng = np.random.default_rng(0)
    drawn = made.sample(rng)
    assert pickle.loads(pickle.dumps(again)).architecture(drawn) == drawn
    assert made.distinct() == again.distinct()


@every_graph
def test_a_search_begins_with_different_known_good_networks(made: BlockSpace) -> None:
    good = made.known_good()
    assert len(good) >= 3
    assert len(set(good)) == len(good)
    assert [made.architecture(one) for one in good] == list(good)


@every_graph
def test_a_graph_for_surrogates_tells_architectures_apart(made: BlockSpace) -> None:
    rng = np.random.default_rng(3)
    first = made.sample(rng)
    drawn = {first, *(made.mutate(first, rng, 0.2) for _ in range(20))}
    structures = {one: dict(one) for one in drawn}
    for one in structures.values():
        one.pop("training/learning_rate", None)
        one.pop("training/batch_size", None)
    different = {tuple(sorted(one.items())) for one in structures.values()}
    assert len({made.graph(one) for one in drawn}) == len(different)


def test_a_list_is_searched_a_value_is_fixed_and_what_is_left_out_is_searched_as_usual() -> None:
    made = chain({"kind": "dense", "units": [48, 16], "num_layers": 1, "activation": "gelu"})
    options = {choice.name: choice.options for choice in made.choices}
    assert options["last/units"] == (16, 48)
    assert next(choice for choice in made.choices if choice.name == "last/units").default == 48
    assert "last/num_layers" not in options
    assert options["last/dropout"] == (0.0, 0.1, 0.25, 0.5)
    network = made.build({name: values[0] for name, values in options.items()}, made.usual_signature())
    assert network.outline[0].output == ("batch", 16)


def test_a_field_that_has_no_effect_is_no_choice() -> None:
    table = [{"name": "row", "kind": "table"}]
    made = chain({"kind": "table_embedding", "numbers": ["plain", "periodic"]}, inputs=table)
    drawn = made.architecture({"last/numbers": "plain", "last/number_dim": 8, "last/category_dim": 4})
    assert "last/number_dim" not in drawn
    plain = chain({"kind": "table_embedding", "numbers": "plain"}, inputs=table)
    assert [choice.name for choice in plain.choices] == ["last/category_dim"]


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([{"kind": "dnse"}], "block 'last': unknown kind 'dnse'; did you mean 'dense'"),
        ([{"kind": "dense", "unit": 3}], "block 'last': unknown field 'unit'; its fields are num_layers"),
        ([{"kind": "dense", "units": 0}], "block 'last': units is 0; give a whole number from 1 on"),
        ([{"kind": "dense", "units": [8, "x"]}], "block 'last': units is 'x'; give a whole"),
        ([{"kind": "dense", "units": True}], "block 'last': units is True; give a whole"),
        ([{"kind": "dense", "dropout": 1}], "block 'last': dropout is 1; give a number from 0 to below 1"),
        ([{"kind": "dense", "residual": 1}], "block 'last': residual is 1; give true or false"),
        ([{"kind": "dense", "activation": "tanh"}], "activation is 'tanh'; give one of relu, gelu, silu"),
        ([{"kind": "dense", "units": []}], "block 'last': units has no options"),
        ([{"kind": "dense", "inputs": ["nowhere"]}], "block 'last': input 'nowhere' is no block"),
        ([{"kind": "dense", "inputs": "image"}], "block 'last': inputs is 'image'; give a list"),
        ([{"kind": "dense", "name": "a b"}], "its name is 'a b'"),
        ([{"kind": "dense", "name": "image"}], "block 'image': the name is taken"),
        ([{"kind": "dense"}, {"kind": "dense", "inputs": ["last"]}], "circle"),
        ([{"kind": "dense"}, {"kind": "flatten", "inputs": ["image"]}], "'b0': nothing takes its output"),
        ([{"kind": "dense"}, {"kind": "flatten", "inputs": ["image", "b0"]}], "takes one input, not 2"),
    ],
)
def test_a_wrong_graph_is_refused_with_block_field_and_remedy(blocks: list, message: str) -> None:
    with pytest.raises(InvalidArchitecture, match=message) as caught:
        chain(*blocks)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (([], [], LABEL), "inputs: a graph of blocks needs at least one"),
        ((IMAGE, [], []), "heads: a graph of blocks needs at least one"),
        (([{"name": "x", "kind": "sound"}], [], LABEL), "input 'x': kind is 'sound'; use one of image"),
        (([{"name": "x", "kind": "image", "size": 3}], [], LABEL), "input 'x': unknown field 'size'"),
        ((IMAGE, [], [{**LABEL[0], "kind": "softmax"}]), "head 'label': kind is 'softmax'"),
        ((IMAGE, [], [{**LABEL[0], "inputs": ["image"]}], {"momentum": 1}), "unknown field 'momentum'"),
        ((IMAGE, [], [{**LABEL[0], "inputs": ["image"]}], {"learning_rate": 0}), "learning_rate is 0"),
        ((IMAGE, [], [{**LABEL[0], "inputs": ["image"]}], {}, [{"a/b": 1}]), "unknown choice 'a/b'"),
    ],
)
def test_wrong_inputs_heads_and_training_are_refused(parts: tuple, message: str) -> None:
    with pytest.raises(InvalidArchitecture, match=message):
        BlockSpace(*parts)


@pytest.mark.parametrize(
    ("kind", "input_kind", "message"),
    [
        ("conv", "table", "block 'last': it takes an image"),
        ("dense", "text", "block 'last': it takes numbers, not 64 words; put an embedding or ngrams block"),
        ("ngrams", "image", "block 'last': it takes words, not an image of 3 x 32 x 32; put it directly"),
        ("table_embedding", "image", "block 'last': it takes a row of a table"),
        ("normalization", "text", "block 'last': it takes an image"),
    ],
)
def test_a_block_that_does_not_fit_says_what_came_and_what_to_do(
    kind: str, input_kind: str, message: str
) -> None:
    made = chain({"kind": kind}, inputs=[{"name": "x", "kind": input_kind}])
    with pytest.raises(InvalidArchitecture, match=message):
        made.build(made.sample(np.random.default_rng(0)), made.usual_signature())


def test_data_of_another_kind_than_the_input_is_refused() -> None:
    label = TensorSpec("label", ("batch", 3), "float32", 3)
    signature = Signature((TensorSpec("image", ("batch", 30), "float32"),), (label,))
    made = chain({"kind": "dense"})
    with pytest.raises(InvalidArchitecture, match=r"input 'image': its data are .*; give images of"):
        made.build(made.known_good()[0], signature)


def test_a_fixed_policy_is_told_to_the_task_and_a_searched_one_by_its_block() -> None:
    fixed = chain({"kind": "image_augmentation", "policy": "shift+flip"}, {"kind": "dense"})
    assert fixed.policy("b0") == "shift+flip"
    assert chain({"kind": "image_augmentation"}, {"kind": "dense"}).policy("b0") == "b0"
    assert fixed.policy("affine") == "affine"


def test_normalization_stands_after_an_input() -> None:
    made = chain({"kind": "dense"}, {"kind": "normalization"})
    with pytest.raises(InvalidArchitecture, match="put it directly after an input"):
        made.first_blocks()
    assert GRAPHS["image"].first_blocks() == {"x_normalization": "x"}


def test_every_kind_is_described() -> None:
    for kind in KINDS.values():
        assert kind.description
        assert all(field.description for field in kind.fields)
        assert all(field.default in field.options for field in kind.fields)
        for good in kind.good:
            options = {field.name: field.options for field in kind.fields}
            assert all(value in options[name] for name, value in good.items())
