"""The supernet of NAS-Bench-101: which weights a graph takes, and that they are trained."""

import pickle

import numpy as np
import pytest
import torch

from sugata.errors import RecipeError
from sugata.oneshot import NasBench101Supernet
from sugata.space import image_signature
from sugata.spaces.cell import NasBench101Space

SIGNATURE = image_signature(3, 8, 8, 4)


def supernet() -> NasBench101Supernet:
    made = NasBench101Supernet(NasBench101Space(channels=4, cells=1), SIGNATURE)
    made.initialize(torch.Generator().manual_seed(0))
    return made


def images() -> torch.Tensor:
    return torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def test_only_the_first_channels_of_the_vertices_of_the_graph_are_trained() -> None:
    shared = supernet()
    # 0 -> 1 -> output and 0 -> 2 -> output: two vertices share four channels; a 3x3 and a 1x1 convolution.
    shared.activate(shared.space.from_string("110011:01"))
    shared.train()(images()).square().sum().backward()
    cell = shared.cells[0]
    gradient = cell.operations["1_0"][0].weight.grad
    assert float(gradient[:2, :2].abs().sum()) > 0
    assert float(gradient[2:].abs().sum()) == float(gradient[:, 2:].abs().sum()) == 0
    trained = {name for name, module in cell.operations.items() if module[0].weight.grad is not None}
    assert trained == {"1_0", "2_1"}
    assert {name for name, module in cell.projections.items() if module[0].weight.grad is not None} == {
        "1",
        "2",
    }
    norm = cell.operations["1_0"][1]
    assert float(norm.running_mean[:2].abs().sum()) > 0
    assert float(norm.running_mean[2:].abs().sum()) == 0


def test_it_can_be_sent_to_a_worker_and_mixes_nothing() -> None:
    shared = supernet().eval()
    shared.activate(shared.sample(np.random.default_rng(0)))
    assert torch.equal(shared(images()), pickle.loads(pickle.dumps(shared))(images()))
    with pytest.raises(RecipeError, match="NasBench101Supernet computes one architecture at a time; use a"):
        shared.mix({name: torch.ones(len(options)) for name, options in shared.decisions.items()})
    shared.mix({name: int(name.endswith("->6")) for name in shared.decisions})
    assert shared.active["0->6"] == 1
