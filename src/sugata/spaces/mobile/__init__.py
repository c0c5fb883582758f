"""Mobile networks: a macro structure whose layers are chosen one by one."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sugata.space import SearchSpace
from sugata.spaces.mobile.nasbench_macro import NasBenchMacroSpace

#: How each space of this family is made, by name; keyword arguments are those of its class.
SPACES: Mapping[str, Callable[..., SearchSpace]] = MappingProxyType({"nasbench_macro": NasBenchMacroSpace})

__all__ = ["SPACES", "NasBenchMacroSpace"]
