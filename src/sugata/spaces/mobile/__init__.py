"""Mobile networks: a macro structure whose layers are chosen one by one."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sugata.space import SearchSpace
from sugata.spaces.mobile.baselines import BASELINES
from sugata.spaces.mobile.mnasnet import MnasNetSpace
from sugata.spaces.mobile.nasbench_macro import NasBenchMacroSpace
from sugata.spaces.mobile.proxyless import ProxylessSpace
from sugata.spaces.mobile.published import PublishedMobileSpace

#: How each space of this family is made, by name; keyword arguments are those of its class.
SPACES: Mapping[str, Callable[..., SearchSpace]] = MappingProxyType(
    {
        "mnasnet": MnasNetSpace,
        "nasbench_macro": NasBenchMacroSpace,
        "proxyless": ProxylessSpace,
        "published": PublishedMobileSpace,
    }
)

__all__ = [
    "BASELINES",
    "SPACES",
    "MnasNetSpace",
    "NasBenchMacroSpace",
    "ProxylessSpace",
    "PublishedMobileSpace",
]
