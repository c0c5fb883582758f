"""Baselines: known architectures by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sugata.errors import RecipeError
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


def baselines(space: str | None = None) -> tuple[Baseline, ...]:
    """All baselines, or those of a space (``tiny`` or ``language/tiny``).

    Raises:
        RecipeError: there is no such space.
    """
    known = tuple(
        b for family in catalogue.families() for b in catalogue.family_attribute(family, "BASELINES")
    )
    if space is None:
        return known
    name = catalogue.full_name(space)
    return tuple(baseline for baseline in known if baseline.space == name)


def baseline(name: str) -> Baseline:
    """The baseline of this name.

    Raises:
        RecipeError: there is none; names the nearest.
    """
    known = {b.name: b for b in baselines()}
    if name not in known:
        raise RecipeError(catalogue.unknown("baseline", name, list(known)))
    return known[name]
