"""Published genotypes: the networks have the published sizes."""

import pytest
import torch

from sugata.space import image_signature
from sugata.spaces.cell import PUBLISHED, MacroLayout
from sugata.spaces.cell.published import Trained

CIFAR = image_signature(3, 32, 32, 10)
IMAGENET = image_signature(3, 224, 224, 1000)
TRAINED = [
    (name, kind) for name in PUBLISHED for kind in ("cifar", "imagenet") if getattr(PUBLISHED[name], kind)
]


def parameters(name: str, layout: MacroLayout) -> int:
    signature = IMAGENET if layout.stem == "imagenet" else CIFAR
    with torch.device("meta"):
        network = layout.build(*PUBLISHED[name].genotype.plans(), signature)
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("name", "kind"), TRAINED)
def test_parameters_are_within_two_percent_of_the_published(name: str, kind: str) -> None:
    trained: Trained = getattr(PUBLISHED[name], kind)
    within = 0.02 if not PUBLISHED[name].note else 0.04  # see the note of DARTS-V1
    assert parameters(name, trained.layout) / 1e6 == pytest.approx(trained.parameters, rel=within)


@pytest.mark.parametrize(
    ("name", "cifar", "imagenet"),
    [
        ("darts_v1", 3_169_414, 4_510_432),
        ("darts_v2", 3_349_342, 4_718_752),
        ("nasnet_a", 3_830_950, 5_564_320),
        ("amoebanet_a", 3_145_078, 4_627_360),
    ],
)
def test_parameters_are_those_of_the_published_code(name: str, cifar: int, imagenet: int) -> None:
    """Counted with quark0/darts (0169e2c), 36 channels and 20 cells, 48 channels and 14 cells."""
    assert parameters(name, MacroLayout(36, 20)) == cifar
    assert parameters(name, MacroLayout(48, 14, "imagenet")) == imagenet


def test_the_auxiliary_head_is_the_published_one() -> None:
    assert parameters("darts_v2", MacroLayout(36, 20, auxiliary=True)) == 3_825_768
