"""sugata finds the smallest, fastest network that does your job."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sugata.api import search as search
    from sugata.recipe import Recipe as Recipe
    from sugata.run import Result as Result
    from sugata.space import Architecture as Architecture
    from sugata.space import SearchSpace as SearchSpace

__version__ = "0.1.0"

_PUBLIC = {
    "Architecture": "sugata.space",
    "Recipe": "sugata.recipe",
    "Result": "sugata.run",
    "SearchSpace": "sugata.space",
}

__all__ = ["Architecture", "Recipe", "Result", "SearchSpace", "__version__", "search"]


def __getattr__(name: str) -> Any:
    """Load public names when they are first used: importing sugata itself stays fast."""
    if name == "search":
        # The module of that name, once imported by its own name, would otherwise hide the function.
        return import_module("sugata.api").search
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'sugata' has no attribute {name!r}")
