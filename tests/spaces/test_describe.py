"""Spaces and networks as data."""

import json

import numpy as np
import pytest

from sugata.errors import InvalidArchitecture, RecipeError
from sugata.space import DictionarySpace
from sugata.spaces import baseline, explain, find, names, network, space, summary


@pytest.mark.parametrize("name", names())
def test_summary_and_explanation_go_through_json(name):
    made = space(name)
    for described in (summary(made), explain(made)):
        assert json.loads(json.dumps(described)) == described


def test_summary_has_the_exact_counts():
    described = summary(space("full"))
    assert (described["raw"], described["scientific"]["raw"]) == (35_831_808, "3.58e+07")
    heads = next(choice for choice in described["choices"] if choice["name"] == "num_heads")
    assert heads["when"] == "a layer has attention heads"


@pytest.mark.parametrize("name", [name for name in names() if name.startswith("language/")])
def test_every_option_is_explained_with_papers(name):
    for choice in explain(space(name))["choices"]:
        assert list(choice["notes"]) == [str(option) for option in choice["options"]]
        for note in choice["notes"].values():
            assert note["what"]
            assert note["pro"]
            assert note["contra"]
            assert note["papers"]


def test_a_space_without_notes_is_explained_by_its_options():
    choice = explain(DictionarySpace({"depth": [2, 4]}))["choices"][0]
    assert (choice["options"], choice["notes"]) == ([2, 4], {})


def test_a_network_lists_its_blocks_and_parameters():
    described = network(*find("gpt2"))
    assert described["parameters"] == 49_026_816
    assert [block["name"] for block in described["blocks"]] == [
        "embedding", *(f"layer {i}" for i in range(1, 7)), "final norm", "head",
    ]  # fmt: skip
    assert json.loads(json.dumps(described)) == described


def test_an_architecture_is_found_in_a_file(tmp_path):
    made = space("tiny")
    architecture = made.sample(np.random.default_rng(0))
    path = tmp_path / "architecture.json"
    path.write_text(architecture.to_json())
    found_space, found = find(str(path))
    assert found_space.name == "language/tiny"
    assert found == architecture


def test_a_baseline_is_found_by_name():
    assert find("tiny_mamba")[1] == baseline("tiny_mamba").architecture


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{", RecipeError, "is not an architecture"),
        ("[]", RecipeError, "is not an architecture"),
        (
            '{"built": {}, "compressed_from": {}}',
            RecipeError,
            "was compressed, so its layers are in no space",
        ),
        ('{"space": "tiny"}', RecipeError, "is not an architecture"),
        ('{"space": "tinny", "choices": {}}', RecipeError, "did you mean 'tiny'"),
        (
            '{"space": "tiny", "choices": {}}',
            InvalidArchitecture,
            r"bad\.json: choice 'architecture' is missing",
        ),
    ],
)
def test_a_wrong_file_is_one_clear_line(tmp_path, text, error, message):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(error, match=message):
        find(str(path))


def test_a_missing_file_is_one_clear_line():
    with pytest.raises(RecipeError, match=r"nowhere\.json cannot be read"):
        find("nowhere.json")


@pytest.mark.parametrize("name", names())
def test_the_sample_of_a_space_is_found_by_its_string(name):
    sample = summary(space(name))["sample"]
    space(name).validate(sample["choices"])
    if sample["string"] is not None:
        found_space, found = find(sample["string"])
        assert found_space.name == name
        assert found == sample["choices"]


def test_a_string_may_be_longer_than_a_file_name():
    with pytest.raises(InvalidArchitecture, match="write"):
        find("nasbench201:" + "|none~0|+" * 1000)
