"""Published genotypes, and what is printed of the networks that were made of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sugata.spaces.cell.genotype import Genotype
from sugata.spaces.cell.macro import MacroLayout


@dataclass(frozen=True)
class Trained:
    """A network that was trained.

    Attributes:
        parameters: in millions, as printed; without an auxiliary head.
        source: where it is printed.
    """

    layout: MacroLayout
    parameters: float
    source: str


@dataclass(frozen=True)
class Published:
    """A genotype and its networks.

    Attributes:
        cifar: for CIFAR-10; None where there is none.
        imagenet: for ImageNet, likewise.
        note: what one should know before comparing.
    """

    genotype: Genotype
    description: str
    cifar: Trained | None = None
    imagenet: Trained | None = None
    note: str = ""


def _cifar(channels: int, parameters: float, source: str) -> Trained:
    return Trained(MacroLayout(channels, 20), parameters, source)


def _imagenet(channels: int, parameters: float, source: str) -> Trained:
    return Trained(MacroLayout(channels, 14, "imagenet"), parameters, source)


_NASNET_NORMAL = (
    ("sep_conv_5x5", 1), ("sep_conv_3x3", 0),
    ("sep_conv_5x5", 0), ("sep_conv_3x3", 0),
    ("avg_pool_3x3", 1), ("skip_connect", 0),
    ("avg_pool_3x3", 0), ("avg_pool_3x3", 0),
    ("sep_conv_3x3", 1), ("skip_connect", 1),
)  # fmt: skip
_NASNET_REDUCE = (
    ("sep_conv_5x5", 1), ("sep_conv_7x7", 0),
    ("max_pool_3x3", 1), ("sep_conv_7x7", 0),
    ("avg_pool_3x3", 1), ("sep_conv_5x5", 0),
    ("skip_connect", 3), ("avg_pool_3x3", 2),
    ("sep_conv_3x3", 2), ("max_pool_3x3", 1),
)  # fmt: skip
_AMOEBANET_NORMAL = (
    ("avg_pool_3x3", 0), ("max_pool_3x3", 1),
    ("sep_conv_3x3", 0), ("sep_conv_5x5", 2),
    ("sep_conv_3x3", 0), ("avg_pool_3x3", 3),
    ("sep_conv_3x3", 1), ("skip_connect", 1),
    ("skip_connect", 0), ("avg_pool_3x3", 1),
)  # fmt: skip
_AMOEBANET_REDUCE = (
    ("avg_pool_3x3", 0), ("sep_conv_3x3", 1),
    ("max_pool_3x3", 0), ("sep_conv_7x7", 2),
    ("sep_conv_7x7", 0), ("avg_pool_3x3", 1),
    ("max_pool_3x3", 0), ("max_pool_3x3", 1),
    ("conv_7x1_1x7", 0), ("sep_conv_3x3", 5),
)  # fmt: skip
_ALL = (2, 3, 4, 5)

_DARTS_V1 = Genotype(
    normal=(
        ("sep_conv_3x3", 1), ("sep_conv_3x3", 0),
        ("skip_connect", 0), ("sep_conv_3x3", 1),
        ("skip_connect", 0), ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 0), ("skip_connect", 2),
    ),
    normal_concat=_ALL,
    reduce=(
        ("max_pool_3x3", 0), ("max_pool_3x3", 1),
        ("skip_connect", 2), ("max_pool_3x3", 0),
        ("max_pool_3x3", 0), ("skip_connect", 2),
        ("skip_connect", 2), ("avg_pool_3x3", 0),
    ),
    reduce_concat=_ALL,
)  # fmt: skip
_DARTS_V2 = Genotype(
    normal=(
        ("sep_conv_3x3", 0), ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 0), ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 1), ("skip_connect", 0),
        ("skip_connect", 0), ("dil_conv_3x3", 2),
    ),
    normal_concat=_ALL,
    reduce=(
        ("max_pool_3x3", 0), ("max_pool_3x3", 1),
        ("skip_connect", 2), ("max_pool_3x3", 1),
        ("max_pool_3x3", 0), ("skip_connect", 2),
        ("skip_connect", 2), ("max_pool_3x3", 1),
    ),
    reduce_concat=_ALL,
)  # fmt: skip
_PC_DARTS_CIFAR = Genotype(
    normal=(
        ("sep_conv_3x3", 1), ("skip_connect", 0),
        ("sep_conv_3x3", 0), ("dil_conv_3x3", 1),
        ("sep_conv_5x5", 0), ("sep_conv_3x3", 1),
        ("avg_pool_3x3", 0), ("dil_conv_3x3", 1),
    ),
    normal_concat=_ALL,
    reduce=(
        ("sep_conv_5x5", 1), ("max_pool_3x3", 0),
        ("sep_conv_5x5", 1), ("sep_conv_5x5", 2),
        ("sep_conv_3x3", 0), ("sep_conv_3x3", 3),
        ("sep_conv_3x3", 1), ("sep_conv_3x3", 2),
    ),
    reduce_concat=_ALL,
)  # fmt: skip
_PC_DARTS_IMAGENET = Genotype(
    normal=(
        ("skip_connect", 1), ("sep_conv_3x3", 0),
        ("sep_conv_3x3", 0), ("skip_connect", 1),
        ("sep_conv_3x3", 1), ("sep_conv_3x3", 3),
        ("sep_conv_3x3", 1), ("dil_conv_5x5", 4),
    ),
    normal_concat=_ALL,
    reduce=(
        ("sep_conv_3x3", 0), ("skip_connect", 1),
        ("dil_conv_5x5", 2), ("max_pool_3x3", 1),
        ("sep_conv_3x3", 2), ("sep_conv_3x3", 1),
        ("sep_conv_5x5", 0), ("sep_conv_3x3", 3),
    ),
    reduce_concat=_ALL,
)  # fmt: skip

_LIU = "Liu et al. 2019, table"
_XU = "Xu et al. 2020, table"
_ZOPH = "Zoph et al. 2018, table"
_REAL = "Real et al. 2019, table"

#: By name. Genotypes as in the published code of DARTS and PC-DARTS.
PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "darts_v1": Published(
            _DARTS_V1,
            "the cell that came with the first version of DARTS",
            _cifar(36, 3.3, f"{_LIU} 1, first order"),
            note="4 % below: the published code itself counts 3.169 million for this genotype.",
        ),
        "darts_v2": Published(
            _DARTS_V2,
            "DARTS, second order",
            _cifar(36, 3.3, f"{_LIU} 1, second order"),
            _imagenet(48, 4.7, f"{_LIU} 3"),
        ),
        "pc_darts": Published(
            _PC_DARTS_CIFAR,
            "PC-DARTS, searched on CIFAR-10",
            _cifar(36, 3.6, f"{_XU} 1"),
            _imagenet(48, 5.3, f"{_XU} 2"),
        ),
        "pc_darts_imagenet": Published(
            _PC_DARTS_IMAGENET,
            "PC-DARTS, searched on ImageNet",
            imagenet=_imagenet(48, 5.3, f"{_XU} 2"),
        ),
        "nasnet_a": Published(
            Genotype(_NASNET_NORMAL, (2, 3, 4, 5, 6), _NASNET_REDUCE, (4, 5, 6)),
            "NASNet-A, as the code of DARTS has it",
            _cifar(32, 3.1, f"{_LIU} 1, trained by its authors"),
        ),
        "nasnet_a_original": Published(
            Genotype(_NASNET_NORMAL, (0, 2, 3, 4, 5, 6), _NASNET_REDUCE, (3, 4, 5, 6)),
            "NASNet-A, as its own code has it: an input and a used node leave the cells as well",
            _cifar(32, 3.3, f"{_ZOPH} 1, NASNet-A (6 @ 768)"),
            _imagenet(44, 5.3, f"{_ZOPH} 3, NASNet-A (4 @ 1056)"),
        ),
        "amoebanet_a": Published(
            Genotype(_AMOEBANET_NORMAL, (4, 5, 6), _AMOEBANET_REDUCE, (3, 4, 6)),
            "AmoebaNet-A, as the code of DARTS has it",
            _cifar(36, 3.2, f"{_REAL} 1, AmoebaNet-A (6, 36)"),
        ),
    }
)
