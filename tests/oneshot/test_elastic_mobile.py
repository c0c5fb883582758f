"""Mobile spaces as elastic supernets."""

import pickle
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sugata.errors import RecipeError
from sugata.oneshot import Elastic, ElasticMobileSupernet, recalibrate
from sugata.space import image_signature
from sugata.spaces.cell import NasBench201Space
from sugata.spaces.mobile import MnasNetSpace, ProxylessSpace
from sugata.tasks import Batch
from sugata.training import TrainingSettings
from sugata.trial import Fidelity

from .toy import Quiet, ToyTask

pytestmark = pytest.mark.slow
SIGNATURE = image_signature(3, 8, 8, 4)
SPACES = {"proxyless": ProxylessSpace(width=0.25), "mnasnet": MnasNetSpace(width=0.25)}


class Quadrants(ToyTask):
    """Which quarter of the image is bright."""

    def batches(self, architecture, *, batch_size, generator, **more) -> Iterator[Batch]:
        while True:
            yield self.batch(generator, min(batch_size, 8))

    @staticmethod
    def batch(rng: np.random.Generator, size: int) -> Batch:
        labels = rng.integers(4, size=min(size, 16))
        images = rng.normal(size=(len(labels), 3, 8, 8))
        for image, label in zip(images, labels, strict=True):
            image[:, label // 2 * 4 :, label % 2 * 4 :][:, :4, :4] += 2
        return Batch(torch.from_numpy(images).float(), torch.from_numpy(labels))

    def loss(self, model, batch) -> torch.Tensor:
        return F.cross_entropy(model(batch.inputs), batch.targets)


def disturbed(name: str) -> ElasticMobileSupernet:
    """Kernel transforms are no identities."""
    shared = ElasticMobileSupernet(SPACES[name], SIGNATURE)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for matrix in shared.transforms.parameters():
            matrix.add_(0.1 * torch.randn(matrix.shape, generator=generator))
    return shared


@pytest.mark.parametrize("name", SPACES)
def test_a_recalibrated_path_is_the_extracted_network_recalibrated(name: str) -> None:
    shared = disturbed(name)
    images = Quadrants.batch(np.random.default_rng(0), 16).inputs
    for seed in range(4):
        architecture = shared.space.sample(np.random.default_rng(seed))
        network = shared.extract(architecture)
        recalibrate(network, [images, images.flip(-1)])
        shared.activate(architecture)
        recalibrate(shared, [images, images.flip(-1)])
        with torch.no_grad():
            torch.testing.assert_close(shared(images), network(images), rtol=1e-5, atol=1e-5)


def test_a_smaller_kernel_is_the_transformed_centre_of_the_larger() -> None:
    shared = disturbed("proxyless")
    space = shared.space
    values = dict.fromkeys((choice.name for choice in space.choices), "mbconv_3x3_e3")
    shared.activate(values)
    shared.train()(torch.randn(2, 3, 8, 8)).sum().backward()
    key = "stage_1_0_mbconv"
    whole = shared.blocks[key].branch[3].weight.detach()
    assert whole.shape[-1] == 7
    kernel = shared.extract(values).layers[1].branch[3].weight
    five, three = (shared.transforms[key][size] for size in ("5", "3"))
    part = whole[: len(kernel)]
    expected = (part[..., 1:-1, 1:-1].flatten(-2) @ five).view(*part.shape[:2], 5, 5)
    expected = (expected[..., 1:-1, 1:-1].flatten(-2) @ three).view(kernel.shape)
    torch.testing.assert_close(kernel, expected)
    assert five.grad is not None
    assert float(three.grad.abs().sum()) > 0
    plain = ElasticMobileSupernet(space, SIGNATURE, transform=False)
    whole = plain.blocks[key].branch[3].weight
    kernel = plain.extract(values).layers[1].branch[3].weight
    assert torch.equal(kernel, whole[: len(kernel), :, 2:-2, 2:-2])
    assert not list(plain.transforms.parameters())


def test_sizes_go_from_small_to_large() -> None:
    shared = ElasticMobileSupernet(SPACES["proxyless"], SIGNATURE)
    order = shared.sizes["stage_2_block_2"]
    assert (order[0], order[1], order[-1]) == ("skip", "mbconv_3x3_e3", "mbconv_7x7_e6")
    assert "skip" not in shared.sizes["stage_2_block_1"]
    shared = ElasticMobileSupernet(SPACES["mnasnet"], SIGNATURE)
    assert shared.sizes["block_2_layers"] == (-1, 0, 1)
    assert "block_2_operation" not in shared.sizes


@pytest.mark.parametrize("name", SPACES)
def test_it_is_trained_and_searched_as_any_elastic_supernet(name: str) -> None:
    shared = ElasticMobileSupernet(SPACES[name], SIGNATURE)
    settings = TrainingSettings("sgd", learning_rate=0.05, batch_size=8, length=None)
    method = Elastic(settings, Fidelity(amount=6, unit="steps"), random=1, checks=2)
    before = {name: tensor.clone() for name, tensor in shared.named_parameters()}
    method.fit(shared, Quadrants(), Quiet())
    assert all(np.isfinite(loss) for _, loss in method.losses)
    assert not torch.equal(before["stem.0.weight"], shared.stem[0].weight)
    found = shared.best_under(parameters=200_000, trials=3, strategy="random")
    assert found.metrics["parameters"] <= 200_000
    assert sum(p.numel() for p in found.network.parameters()) == found.metrics["parameters"]


def test_it_can_be_sent_to_a_worker_and_knows_its_spaces() -> None:
    shared = ElasticMobileSupernet(SPACES["mnasnet"], SIGNATURE).eval()
    images = torch.randn(2, 3, 8, 8)
    assert torch.equal(shared(images), pickle.loads(pickle.dumps(shared))(images))
    with pytest.raises(RecipeError, match="cell/nasbench201: not an elastic mobile space"):
        ElasticMobileSupernet(NasBench201Space(), SIGNATURE)
