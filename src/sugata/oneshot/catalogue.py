"""Methods by name, and the options that each has.

A method is one class in one file and one line in ``METHODS``. Its options are the keyword arguments of its
constructor, with their types, their defaults, and the line that the class's docstring says of each.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from sugata.errors import RecipeError
from sugata.oneshot.base import OneShot
from sugata.options import Option, load, options_of
from sugata.spaces.catalogue import imported

#: Name -> module:class.
METHODS: Mapping[str, str] = MappingProxyType(
    {
        "single_path": "sugata.oneshot.single_path:SinglePath",
        "elastic": "sugata.oneshot.sandwich:Elastic",
        "darts": "sugata.oneshot.differentiable:Darts",
        "gdas": "sugata.oneshot.differentiable:Gdas",
        "enas": "sugata.oneshot.enas:Enas",
        "asng": "sugata.oneshot.asng:Asng",
        "proxyless": "sugata.oneshot.proxyless:Proxyless",
        "proxyless_reinforce": "sugata.oneshot.proxyless_reinforce:ProxylessReinforce",
        "perturbation": "sugata.oneshot.perturbation:Perturbation",
    }
)
#: Given by the fields that all methods have, and by the section `training` where a method trains as it says.
_GIVEN = frozenset({"self", "settings", "budget", "checks", "optimizer", "seconds"})


def method_class(name: str) -> type[OneShot]:
    """The method of this name, or your own as ``module:name``.

    Raises:
        RecipeError: there is none; names those that there are.
    """
    if ":" in name:
        own = imported("field 'supernet.method'", name)
        if not (isinstance(own, type) and issubclass(own, OneShot)):
            raise RecipeError(
                f"field 'supernet.method': {name} is no class derived from sugata.oneshot.OneShot"
            )
        return own
    if name not in METHODS:
        raise RecipeError(
            f"field 'supernet.method': {name!r} is not known; use {', '.join(METHODS)} or module:name"
        )
    found: type[OneShot] = load(METHODS[name])
    return found


@cache
def options(name: str) -> Mapping[str, Option]:
    """The options of a method, in the order of its constructor.

    Raises:
        RecipeError: as :func:`method_class`.
    """
    return MappingProxyType(options_of(method_class(name), _GIVEN))
