"""Pages that are written from the code when the site is built: they cannot be stale."""

from collections.abc import Callable, Mapping
from pathlib import Path

from generated_pages import api, blocks, commands, gallery, methods, recipe

#: Path of a page -> what writes it, given the root of the repository.
PAGES: Mapping[str, Callable[[Path], str]] = {
    "methods/strategies.md": lambda root: methods.strategies(),
    "methods/promotion.md": lambda root: methods.promotion(),
    "methods/one_shot.md": lambda root: methods.one_shot(),
    "methods/spaces.md": lambda root: methods.spaces(),
    "methods/blocks.md": lambda root: blocks.page(),
    "methods/proxies.md": lambda root: methods.proxies(),
    "reference/recipe.md": lambda root: recipe.reference(),
    "reference/commands.md": lambda root: commands.reference(),
    "examples.md": gallery.page,
    **{path: lambda root, write=write: write() for path, write in api.pages().items()},
}
