"""Cell spaces: small graphs of operations, repeated in a macro network for images."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sugata.space import SearchSpace
from sugata.spaces.cell.baselines import GENOTYPES, NASBENCH101, NASBENCH201
from sugata.spaces.cell.darts import DartsSpace
from sugata.spaces.cell.genotype import Genotype
from sugata.spaces.cell.macro import MacroLayout
from sugata.spaces.cell.nasbench101 import NasBench101Space
from sugata.spaces.cell.nasbench201 import NasBench201Space
from sugata.spaces.cell.nasnet import NasNetFullSpace, NasNetSpace
from sugata.spaces.cell.published import PUBLISHED

#: How each space of this family is made, by name; keyword arguments are those of its class.
SPACES: Mapping[str, Callable[..., SearchSpace]] = MappingProxyType(
    {
        "nasbench201": NasBench201Space,
        "nasbench101": NasBench101Space,
        "darts": DartsSpace,
        "nasnet": NasNetSpace,
        "nasnet_full": NasNetFullSpace,
    }
)
BASELINES = (*NASBENCH201, *NASBENCH101, *GENOTYPES)

__all__ = [
    "BASELINES",
    "PUBLISHED",
    "SPACES",
    "DartsSpace",
    "Genotype",
    "MacroLayout",
    "NasBench101Space",
    "NasBench201Space",
    "NasNetFullSpace",
    "NasNetSpace",
]
