"""Commands on images: what is refused in one line, what is estimated and measured, one network trained."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Outcome = tuple[int, str, str]
CELL = "nasbench201:|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|avg_pool_3x3~1|none~2|"
SMALL = ("--set", "network={channels: 2, cells: 1}", "--set", "engine.workers=0")


@pytest.fixture
def images(tmp_path: Path) -> Callable[..., Path]:
    """Writes a NumPy file of 40 small images."""

    def write(labels: object = None) -> Path:
        rng = np.random.default_rng(0)
        y = np.arange(40) % 2 if labels is None else labels
        x = (
            rng.integers(0, 200, (40, 6, 6), dtype=np.uint8)
            + 50 * (np.arange(40) % 2).astype(np.uint8)[:, None, None]
        )
        np.savez(tmp_path / "images.npz", x=x, y=y)
        return tmp_path / "images.npz"

    return write


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(40, int), "all images are of one class, 0"),
        (np.append(np.arange(39) % 2, 7), "label 7 of image 39 is out of range"),
        (np.linspace(0, 1, 40), "for values set task.predict: value"),
    ],
)
def test_wrong_labels_are_one_line_before_there_is_a_run(
    sugata: Callable[..., Outcome], images: Callable[..., Path], tmp_path: Path, labels: object, message: str
) -> None:
    folder = tmp_path / "run"
    code, _, err = sugata("search", "mnist", "--data", images(labels), "--run-dir", folder)
    assert code == 2
    assert message in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("error: data: ")
    assert "Traceback" not in err
    assert not folder.exists()


def test_a_dry_run_measures_a_step_on_the_images(
    sugata: Callable[..., Outcome], images: Callable[..., Path]
) -> None:
    rungs = "funnel=[{name: one, amount: 2, unit: epochs, capacity: 3}]"
    code, out, err = sugata("search", "mnist", "--data", images(), "--dry-run", *SMALL, "--set", rungs)
    assert code == 0, err
    assert "32 images of a network of the space, measured here" in out


def test_costs_are_measured_for_the_images_that_are_named(sugata: Callable[..., Outcome]) -> None:
    large, small = (
        json.loads(sugata("measure", CELL, "--image", size, "--classes", 7, "--json")[1])
        for size in ("1x16x16", "1x8x8")
    )
    assert small["parameters"] == large["parameters"]
    assert 3.5 < large["flops"] / small["flops"] < 4.1
    assert {"size_bytes", "latency_ms", "latency_ms_p90"} <= small.keys()


@pytest.mark.slow
def test_one_network_is_trained_and_says_what_it_is(
    sugata: Callable[..., Outcome], images: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmp_path / "architecture.json"
    names = ("0->1", "0->2", "1->2", "0->3", "1->3", "2->3")
    operations = ("nor_conv_3x3", "none", "none", "skip_connect", "avg_pool_3x3", "none")
    choices = dict(zip(names, operations, strict=True))
    network = {"space": "nasbench201", "choices": choices, "parameters": {"channels": 4, "cells": 1}}
    path.write_text(json.dumps(network))
    target = tmp_path / "trained"
    code, out, err = sugata("train", path, "--to", target, "--data", images(), "--amount", "1s", *SMALL[2:])
    assert code == 0, err
    assert "test   accuracy" in out
    code, out, _ = sugata("show", target / "architecture.json", "--json")
    assert json.loads(out)["blocks"][0]["output"] == ["batch", 4, 6, 6]
    code, _, err = sugata("generate", target, "def")
    assert (code, "an image network" in err) == (2, True)
