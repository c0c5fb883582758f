"""Cell spaces: small graphs of operations, repeated in a macro network for images."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sugata.space import SearchSpace
from sugata.spaces.cell.baselines import NASBENCH101, NASBENCH201
from sugata.spaces.cell.nasbench101 import NasBench101Space
from sugata.spaces.cell.nasbench201 import NasBench201Space

#: How each space of this family is made, by name; keyword arguments are those of its class.
SPACES: Mapping[str, Callable[..., SearchSpace]] = MappingProxyType(
    {"nasbench201": NasBench201Space, "nasbench101": NasBench101Space}
)
BASELINES = (*NASBENCH201, *NASBENCH101)

__all__ = ["BASELINES", "SPACES", "NasBench101Space", "NasBench201Space"]
