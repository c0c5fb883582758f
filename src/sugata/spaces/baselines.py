"""Baselines: known architectures by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sugata.errors import InvalidArchitecture, RecipeError
from sugata.space import SearchSpace
from sugata.spaces import catalogue
from sugata.trial import Value


@dataclass(frozen=True)
class Baseline:
    """A known architecture, all its fields listed.

    Attributes:
        space: the space that contains it, such as ``language/full``.
    """

    name: str
    space: str
    architecture: Mapping[str, Value] = field(hash=False)
    description: str = ""


def baselines(space: str | SearchSpace | None = None) -> tuple[Baseline, ...]:
    """All baselines, or those that a space contains, given itself or by name (``tiny``, ``language/tiny``).

    Raises:
        RecipeError: there is no such space.
    """
    known = tuple(
        b for family in catalogue.families() for b in catalogue.family_attribute(family, "BASELINES")
    )
    if space is None:
        return known
    within = catalogue.space(space) if isinstance(space, str) else space
    return tuple(item for item in known if _contains(within, item.architecture))


def baseline(name: str) -> Baseline:
    """The baseline of this name.

    Raises:
        RecipeError: there is none; names the nearest.
    """
    known = {b.name: b for b in baselines()}
    if name not in known:
        raise RecipeError(catalogue.unknown("baseline", name, list(known)))
    return known[name]


def _contains(space: SearchSpace, architecture: Mapping[str, Value]) -> bool:
    try:
        space.validate(architecture)
    except InvalidArchitecture:
        return False
    return True
