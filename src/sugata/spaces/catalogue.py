"""Search spaces by name.

A family of spaces is a folder beside this file. Its package names its spaces in ``SPACES``, a mapping from a
name to a callable that makes the space, and may list known architectures in ``BASELINES``. Importing it must
not import torch: names and counts are asked for before anything is built.
"""

import difflib
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterable
from functools import cache
from typing import Any

from sugata.errors import RecipeError
from sugata.space import SearchSpace


@cache
def families() -> tuple[str, ...]:
    """The names of all families: the folders beside this file."""
    import sugata.spaces

    return tuple(
        sorted(module.name for module in pkgutil.iter_modules(sugata.spaces.__path__) if module.ispkg)
    )


def names() -> tuple[str, ...]:
    """The full names of all spaces, such as ``language/tiny``."""
    return tuple(f"{family}/{name}" for family in families() for name in family_attribute(family, "SPACES"))


def space(name: str, **parameters: Any) -> SearchSpace:
    """The space of this name.

    Args:
        name: ``language/tiny``; ``tiny`` if one family alone has such a space; or ``module:name`` for your
            own, a space or a callable that makes one.
        parameters: for the space's constructor, such as ``options={"hidden_dim": [64, 128]}``.

    Raises:
        RecipeError: there is no such space; names the nearest.
    """
    if ":" in name:
        return _own(name, parameters)
    family, short = full_name(name).split("/")
    make = family_attribute(family, "SPACES")[short]
    try:
        made = make(**parameters)
    except TypeError as error:
        raise RecipeError(f"space {name!r} does not take these parameters: {error}") from error
    return _checked(name, made)


def full_name(name: str) -> str:
    """The full name, family first, of a space.

    Raises:
        RecipeError: no space or several spaces are called so.
    """
    known = names()
    matches = [full for full in known if name in (full, full.split("/")[1])]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise RecipeError(f"space {name!r} is not unique; use one of {', '.join(matches)}")
    short = [full.split("/")[1] for full in known]
    raise RecipeError(unknown("space", name, list(known) + ([] if "/" in name else short), shown=known))


def family_attribute(family: str, name: str) -> Any:
    """What a family's package calls ``name``; empty where it has none."""
    return getattr(importlib.import_module(f"sugata.spaces.{family}"), name, ())


def unknown(what: str, name: str, known: Iterable[str], shown: Iterable[str] | None = None) -> str:
    """One line that says what is unknown, with the nearest known name or all of them."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(shown or known)}"
    return f"unknown {what} {name!r}; {hint}"


def imported(what: str, name: str) -> Any:
    """What ``module:name`` stands for, the working folder included; ``what`` it is goes into the error.

    Raises:
        RecipeError: it cannot be imported.
    """
    module_name, _, qualified_name = name.partition(":")
    if os.getcwd() not in sys.path:  # as `python` itself would; installed commands do not have it there
        sys.path.append(os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
        for part in qualified_name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise RecipeError(f"{what} {name!r} cannot be imported ({error}); give module:name") from error
    return found


def _own(name: str, parameters: dict[str, Any]) -> SearchSpace:
    found = imported("space", name)
    if isinstance(found, SearchSpace):
        return found
    if not callable(found):
        raise RecipeError(f"space {name!r} is a {type(found).__name__}; it must be a SearchSpace or make one")
    try:
        made = found(**parameters)
    except TypeError as error:
        raise RecipeError(f"space {name!r} cannot be made: {error}") from error
    return _checked(name, made)


def _checked(name: str, made: Any) -> SearchSpace:
    if not isinstance(made, SearchSpace):
        raise RecipeError(f"space {name!r} made a {type(made).__name__}; it must make a SearchSpace")
    return made
