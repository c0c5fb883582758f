"""Graphs drawn with blocks become the plain values that the search space reads."""

import copy
import json
from typing import Any

import numpy as np
import pytest

from sugata.automl.graph import graph_of
from sugata.automl.nodes import (
    _AUTOKERAS,
    Block,
    ClassificationHead,
    ConvBlock,
    DenseBlock,
    Flatten,
    ImageAugmentation,
    ImageInput,
    Merge,
    Normalization,
    RegressionHead,
    StructuredDataInput,
    TextInput,
)
from sugata.errors import InvalidArchitecture, RecipeError
from sugata.spaces.blocks import KINDS


def two_inputs() -> tuple[list, list]:
    image, row = ImageInput(name="photo"), StructuredDataInput()
    seen = Flatten()(ConvBlock(num_blocks=2, filters=[8, 16])(ImageAugmentation()(Normalization()(image))))
    both = Merge()([seen, DenseBlock()(row)])
    kind, price = (
        ClassificationHead(class_weight="balanced")(both),
        RegressionHead("price", loss_weight=2.0)(both),
    )
    return [image, row], [kind, price]


def test_blocks_are_named_after_their_kinds_and_list_what_they_take() -> None:
    graph = graph_of(*two_inputs())
    assert graph.network["inputs"] == [{"name": "photo", "kind": "image"}, {"name": "table", "kind": "table"}]
    blocks = {block["name"]: block for block in graph.network["blocks"]}
    assert blocks["conv"] == {
        "name": "conv",
        "kind": "conv",
        "inputs": ["image_augmentation"],
        "num_blocks": 2,
        "filters": [8, 16],
    }
    assert blocks["merge"]["inputs"] == ["flatten", "dense"]
    assert [head["name"] for head in graph.network["heads"]] == ["classification", "price"]


def test_what_is_not_the_networks_stays_out_of_it() -> None:
    graph = graph_of(*two_inputs())
    assert "class_weight" not in graph.network["heads"][0]
    assert graph.option("class_weight") == {"classification": "balanced"}
    assert graph.option("loss_weight") == {"classification": 1.0, "price": 2.0}


def test_augmentation_is_found_behind_other_blocks() -> None:
    assert graph_of(*two_inputs()).augment == {"photo": "image_augmentation"}


def test_blocks_of_one_kind_are_numbered() -> None:
    row = StructuredDataInput()
    graph = graph_of(row, RegressionHead()(DenseBlock()(DenseBlock(units=32)(row))))
    assert [block["name"] for block in graph.network["blocks"]] == ["dense", "dense_2"]


def test_copies_of_inputs_and_outputs_still_belong_together() -> None:
    inputs, outputs = two_inputs()
    assert (
        graph_of(copy.deepcopy(inputs), copy.deepcopy(outputs)).network == graph_of(inputs, outputs).network
    )


def test_heads_that_are_not_called_get_the_usual_blocks() -> None:
    graph = graph_of([ImageInput(), TextInput()], [ClassificationHead(multi_label=True), RegressionHead()])
    assert [head["kind"] for head in graph.network["heads"]] == ["multi_label", "regression"]
    assert any(block["kind"] == "merge" for block in graph.network["blocks"])


@pytest.mark.parametrize(
    ("inputs", "outputs", "said"),
    [
        ([], ClassificationHead(), "inputs: give"),
        (ImageInput(), [], "outputs: give"),
        (ImageInput(), ClassificationHead()(Flatten()(TextInput())), "not in the list"),
        (ImageInput("a"), ClassificationHead("a")(Flatten()(ImageInput("b"))), "not in the list"),
    ],
)
def test_a_graph_that_cannot_be_is_refused_in_one_line(inputs: object, outputs: object, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        graph_of(inputs, outputs)  # type: ignore[arg-type]


def test_one_name_twice_is_refused() -> None:
    row = StructuredDataInput()
    with pytest.raises(RecipeError, match="'layer' is given to two"):
        graph_of(row, RegressionHead()(DenseBlock("layer")(DenseBlock("layer")(row))))


def test_a_block_called_on_data_says_what_it_is_called_on() -> None:
    for data, kind in (([[1, 2]], "list"), (5, "int")):
        with pytest.raises(RecipeError, match=f"DenseBlock is called on {kind}"):
            DenseBlock()(data)  # type: ignore[arg-type]


def test_what_a_head_that_is_not_called_fixes_is_kept() -> None:
    graph = graph_of(TextInput(), ClassificationHead(dropout=0.25))
    assert graph.network["heads"][0]["dropout"] == 0.25


def test_an_input_says_how_its_images_are_resized() -> None:
    graph = graph_of(ImageInput(resize=8), ClassificationHead())
    assert graph.inputs[0].options == {"resize": 8}


@pytest.mark.parametrize("units", [np.int64(32), np.array([32, 64]), range(32, 65, 32), (np.int64(32), 64)])
def test_fields_are_given_as_numbers_of_any_make(units: Any) -> None:
    row = StructuredDataInput()
    graph = graph_of(row, RegressionHead()(DenseBlock(units=units)(row)))
    assert json.loads(json.dumps(graph.network))["blocks"][0]["units"] in (32, [32, 64])


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (DenseBlock(width=32), "'dense': unknown field 'width'; its fields are num_layers, units"),
        (DenseBlock(units=object()), "'dense': units is <object object at .*>; give a whole number"),
    ],
)
def test_a_field_that_cannot_be_is_refused_before_data_are_read(block: Block, said: str) -> None:
    image = ImageInput()
    with pytest.raises(InvalidArchitecture, match=said):
        graph_of(image, ClassificationHead()(block(image)))


def test_images_are_changed_once_and_before_all_else() -> None:
    image = ImageInput()
    both = Merge()([Flatten()(ImageAugmentation()(image)), Flatten()(ImageAugmentation()(image))])
    with pytest.raises(RecipeError, match="'image_augmentation_2': images of 'image' are changed by"):
        graph_of(image, ClassificationHead()(both))
    with pytest.raises(RecipeError, match=r"'image_augmentation': .*not after 'conv'"):
        graph_of(image, ClassificationHead()(ImageAugmentation()(ConvBlock()(image))))


@pytest.mark.parametrize(
    ("block", "field", "remedy"),
    [
        (DenseBlock, "num_units", "write units"),
        (ImageAugmentation, "horizontal_flip", "set policy"),
        (ClassificationHead, "num_classes", "leave it out: it is read off the targets"),
        (RegressionHead, "output_dim", "leave it out"),
    ],
)
def test_fields_of_autokeras_are_told_what_they_are_here(block: type, field: str, remedy: str) -> None:
    with pytest.raises(RecipeError, match=f"{block.__name__} has no {field}; {remedy}"):
        block(**{field: 1})


def test_no_block_has_a_field_that_is_said_to_be_autokeras_own() -> None:
    fields = {field.name for kind in KINDS.values() for field in kind.fields}
    assert not fields & set(_AUTOKERAS)
