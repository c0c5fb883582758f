"""Which supernet holds the networks of a space."""

import inspect
from typing import Any

from sugata.errors import RecipeError
from sugata.oneshot.base import Supernet
from sugata.oneshot.darts_cell import DartsSupernet
from sugata.oneshot.elastic_mobile import ElasticMobileSupernet
from sugata.oneshot.language import LanguageSupernet
from sugata.oneshot.mobile import ProxylessSupernet
from sugata.oneshot.nasbench201 import NasBench201Supernet
from sugata.space import SearchSpace, Signature
from sugata.spaces.cell import DartsSpace, NasBench201Space
from sugata.spaces.language import LanguageSpace
from sugata.spaces.mobile import MnasNetSpace, ProxylessSpace

_SUPERNETS: tuple[tuple[type[SearchSpace], type[Supernet]], ...] = (
    (NasBench201Space, NasBench201Supernet),
    (DartsSpace, DartsSupernet),
    (ProxylessSpace, ProxylessSupernet),
    (MnasNetSpace, ElasticMobileSupernet),
    (LanguageSpace, LanguageSupernet),
)


def make_supernet(space: SearchSpace, signature: Signature, **options: Any) -> Supernet:
    """The supernet of a space, its weights not drawn yet.

    A space of your own names its own: a method ``supernet(signature, **options)``.

    Args:
        options: of the supernet; ``elastic=True`` shares slices of one tensor in ProxylessNAS' space too.

    Raises:
        RecipeError: the space has no supernet, or this one has no such option.
    """
    own = getattr(space, "supernet", None)
    if callable(own):
        made = own(signature, **options)
        if not isinstance(made, Supernet):
            raise RecipeError(
                f"field 'space': supernet() of {space.name} returns a {type(made).__name__};"
                " it must be a sugata.oneshot.Supernet"
            )
        return made
    kind = next((supernet for known, supernet in _SUPERNETS if isinstance(space, known)), None)
    if kind is None:
        known = ", ".join(one.name for one, _ in _SUPERNETS if "name" in vars(one))
        raise RecipeError(
            f"field 'supernet': {space.name} has no supernet; spaces that have one: {known}, language spaces"
        )
    if kind is ProxylessSupernet and options.pop("elastic", False):
        kind = ElasticMobileSupernet
    known_options = list(inspect.signature(kind.__init__).parameters)[3:]  # after self, space, signature
    wrong = next((name for name in options if name not in known_options), None)
    if wrong is not None:
        has = ", ".join(known_options) or "none"
        raise RecipeError(
            f"field 'supernet.network.{wrong}': {kind.__name__} has no such option; it has: {has}"
        )
    return kind(space, signature, **options)
