"""Networks of blocks that a person connects: images, texts, tables, with several inputs and outputs."""

from sugata.spaces.blocks.defaults import default_graph
from sugata.spaces.blocks.heads import HEADS
from sugata.spaces.blocks.images import POLICIES
from sugata.spaces.blocks.kinds import Kind
from sugata.spaces.blocks.registry import KINDS
from sugata.spaces.blocks.space import BlockSpace

SPACES = {"graph": BlockSpace}

__all__ = ["HEADS", "KINDS", "POLICIES", "SPACES", "BlockSpace", "Kind", "default_graph"]
