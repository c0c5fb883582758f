"""Causal language models: what a code model is searched among."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from sugata.space import SearchSpace
from sugata.spaces.language.baselines import BASELINES
from sugata.spaces.language.hybrid import HybridLanguageSpace
from sugata.spaces.language.space import LanguageSpace

#: How each space of this family is made, by name; keyword arguments are those of its class.
SPACES: Mapping[str, Callable[..., SearchSpace]] = MappingProxyType(
    {
        "tiny": partial(LanguageSpace, "tiny"),
        "minimal": partial(LanguageSpace, "minimal"),
        "medium": partial(LanguageSpace, "medium"),
        "full": partial(LanguageSpace, "full"),
        "hybrid": HybridLanguageSpace,
    }
)

__all__ = ["BASELINES", "SPACES", "HybridLanguageSpace", "LanguageSpace"]
