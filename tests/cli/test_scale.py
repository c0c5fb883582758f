"""`sugata scale`."""

import json
import sys
from types import SimpleNamespace

import pytest


@pytest.mark.slow
def test_sizes_are_shown_from_zero_up(sugata) -> None:
    code, out, _ = sugata("scale", "nasbench201_resnet", "--phi", 2)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:4]] == ["0", "1", "2"]
    assert "37 x 37" in out
    assert "1.920" in out
    data = json.loads(sugata("scale", "nasbench201_resnet", "--phi", 1, "--image", "1x28x20", "--json")[1])
    assert [size["image"] for size in data["sizes"]] == [[28, 20], [32, 23]]
    assert data["sizes"][1]["space"] == {"channels": 16, "cells": 6}
    assert data["sizes"][1]["parameters"] > data["sizes"][0]["parameters"]


def test_the_coefficients_are_searched_with_a_function_of_ones_own(sugata, monkeypatch) -> None:
    module = SimpleNamespace(score=lambda network: -abs(network.scaling.gamma - 1.15), nothing=3)
    monkeypatch.setitem(sys.modules, "my_scores", module)
    code, out, _ = sugata("scale", "darts_v2", "--search", "my_scores:score", "--step", "0.05")
    assert code == 0
    assert "109/109" in out
    assert "--gamma 1.15" in out.splitlines()[-1]
    assert "not a function" in sugata("scale", "darts_v2", "--search", "my_scores:nothing")[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tiny_llama"], "cannot be scaled"),
        (["darts_v2", "--alpha", "0.5"], "alpha=0.5"),
        (["darts_v2", "--image", "1x28"], "--image 1x28"),
        (["darts_v2", "--image", "0"], "--image 0"),
        (["darts_v2", "--search", "no_such_module:score"], "cannot be imported"),
        (["darts_v3"], "did you mean"),
        (["darts_v2", "--data", "digits", "--search", "a:b"], "give one"),
        (["darts_v2", "--data", "no/such/folder"], "no/such/folder"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(sugata, arguments: list[str], message: str) -> None:
    code, _, error = sugata("scale", *arguments)
    assert code != 0
    assert message in error
    assert len(error.strip().splitlines()) == 1
