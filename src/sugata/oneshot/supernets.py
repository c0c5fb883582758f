"""Which supernet holds the networks of a space."""

import inspect
from collections.abc import Mapping
from typing import Any

from sugata.errors import RecipeError
from sugata.oneshot.base import Supernet
from sugata.oneshot.darts_cell import DartsSupernet
from sugata.oneshot.elastic_mobile import ElasticMobileSupernet
from sugata.oneshot.language import LanguageSupernet
from sugata.oneshot.mobile import ProxylessSupernet
from sugata.oneshot.nasbench101 import NasBench101Supernet
from sugata.oneshot.nasbench201 import NasBench201Supernet
from sugata.oneshot.nasnet import NasNetSupernet
from sugata.space import SearchSpace, Signature
from sugata.spaces.cell import DartsSpace, NasBench101Space, NasBench201Space, NasNetSpace
from sugata.spaces.language import LanguageSpace
from sugata.spaces.mobile import MnasNetSpace, ProxylessSpace

_ELASTIC = "elastic"
_SUPERNETS: tuple[tuple[type[SearchSpace], type[Supernet]], ...] = (
    (NasBench101Space, NasBench101Supernet),
    (NasBench201Space, NasBench201Supernet),
    (DartsSpace, DartsSupernet),
    (NasNetSpace, NasNetSupernet),
    (ProxylessSpace, ProxylessSupernet),
    (MnasNetSpace, ElasticMobileSupernet),
    (LanguageSpace, LanguageSupernet),
)


def check_supernet(space: SearchSpace, options: Mapping[str, Any]) -> None:
    """Make sure that a space has a supernet with these options, before anything is read or trained.

    Raises:
        RecipeError: it has none, or not these options.
    """
    if not callable(getattr(space, "supernet", None)):
        _kind(space, options)


def make_supernet(space: SearchSpace, signature: Signature, **options: Any) -> Supernet:
    """The supernet of a space, its weights not drawn yet.

    A space of your own names its own: a method ``supernet(signature, **options)``.

    Args:
        options: of the supernet; ``elastic=True`` shares slices of one tensor in ProxylessNAS' space too.

    Raises:
        RecipeError: the space has no supernet, or this one has no such option.
    """
    own = getattr(space, "supernet", None)
    if not callable(own):
        kind = _kind(space, options)
        return kind(space, signature, **{name: value for name, value in options.items() if name != _ELASTIC})
    made = own(signature, **options)
    if not isinstance(made, Supernet):
        raise RecipeError(
            f"field 'space': supernet() of {space.name} returns a {type(made).__name__};"
            " it must be a sugata.oneshot.Supernet"
        )
    return made


def _kind(space: SearchSpace, options: Mapping[str, Any]) -> type[Supernet]:
    kind = next((supernet for known, supernet in _SUPERNETS if isinstance(space, known)), None)
    if kind is None:
        known = ", ".join(one.name for one, _ in _SUPERNETS if "name" in vars(one))
        raise RecipeError(
            f"field 'supernet': {space.name} has no supernet; spaces that have one: {known}, language spaces"
        )
    has = list(inspect.signature(kind.__init__).parameters)[3:]  # after self, space, signature
    if kind is ProxylessSupernet:
        has.append(_ELASTIC)
        kind = ElasticMobileSupernet if options.get(_ELASTIC) else kind
    wrong = next((name for name in options if name not in has), None)
    if wrong is not None:
        raise RecipeError(
            f"field 'supernet.network.{wrong}': {kind.__name__} has no such option; it has:"
            f" {', '.join(has) or 'none'}"
        )
    return kind
