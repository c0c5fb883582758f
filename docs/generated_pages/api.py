"""The public names of every package, documented from their docstrings."""

import importlib
from collections.abc import Callable, Mapping
from types import FunctionType

from generated_pages.text import first_line, prose, table

#: Packages for users, in the order in which a person meets them. Their ``__all__`` says what is public.
PACKAGES = (
    "sugata",
    "sugata.automl",
    "sugata.space",
    "sugata.spaces",
    "sugata.strategies",
    "sugata.evaluators",
    "sugata.trial",
    "sugata.objectives",
    "sugata.oneshot",
    "sugata.tasks",
    "sugata.training",
    "sugata.measure",
    "sugata.compression",
    "sugata.export",
    "sugata.decoding",
    "sugata.errors",
)


def pages() -> Mapping[str, Callable[[], str]]:
    """Path of a page -> what writes it."""
    return {"reference/api/index.md": _index} | {_path(name): _writer(name) for name in PACKAGES}


def _index() -> str:
    rows = [
        (f"[`{name}`]({name.replace('.', '_')}.md)", first_line(importlib.import_module(name)))
        for name in PACKAGES
    ]
    about = (
        "These pages are written from the docstrings when the site is built. What is not listed is internal."
    )
    return f"# Python API\n\n{about}\n\n" + table(("package", "what it is"), rows) + "\n"


def _path(name: str) -> str:
    return f"reference/api/{name.replace('.', '_')}.md"


def _writer(name: str) -> Callable[[], str]:
    return lambda: _package(name)


def _package(name: str) -> str:
    package = importlib.import_module(name)
    found = {public: _where(package, public) for public in _public(package)}
    here = {public: where for public, where in found.items() if _home(where) == name}
    parts = [f"# {name}\n", f"{prose(package)}\n"]
    if elsewhere := [f"[`{public}`][{found[public]}]" for public in found if public not in here]:
        parts.append(f"Also here: {', '.join(elsewhere)}.\n")
    return "\n".join(parts + [f"::: {where}\n" for where in here.values()]) + "\n"


def _home(where: str) -> str:
    """The package on whose page a name is documented: the one nearest to its definition."""
    return max((name for name in PACKAGES if where.startswith(f"{name}.")), key=len)


def _public(package: object) -> list[str]:
    """Classes and functions that a package offers."""
    listed = getattr(package, "__all__", None) or [name for name in vars(package) if name[0] != "_"]
    root = getattr(package, "__name__", "")
    found = [name for name in listed if isinstance(getattr(package, name), type | FunctionType)]
    return [name for name in found if getattr(package, name).__module__.startswith(root)]


def _where(package: object, public: str) -> str:
    """Where it is defined: names that are loaded lazily can only be read there."""
    found = getattr(package, public)
    return f"{found.__module__}.{found.__qualname__}"
