"""All kinds of blocks by name."""

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from sugata.errors import InvalidArchitecture
from sugata.spaces.blocks import chosen, images, tables, texts, vectors
from sugata.spaces.blocks.kinds import Kind

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for family in (images.KINDS, texts.KINDS, tables.KINDS, vectors.KINDS, chosen.KINDS)
        for kind in family
    }
)


def kind_named(name: str, block: str) -> Kind:
    """The kind of this name.

    Raises:
        InvalidArchitecture: there is none; names the block and the nearest kind.
    """
    if name in KINDS:
        return KINDS[name]
    near = difflib.get_close_matches(name, KINDS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(KINDS)}"
    raise InvalidArchitecture(f"block {block!r}: unknown kind {name!r}; {hint}")
