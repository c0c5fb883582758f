"""A part of another space: the same networks, fewer of them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sugata.space.architecture import Architecture
from sugata.space.graph import Graph
from sugata.space.network_part import NetworkPart
from sugata.space.outline import Block
from sugata.space.search_space import SearchSpace
from sugata.space.signature import Signature
from sugata.trial import Value


class PartOfSpace(SearchSpace):
    """Some architectures of another space, whose name, keys, encodings, graphs and networks they keep.

    Args:
        base: the space that they belong to.
    """

    def __init__(self, base: SearchSpace) -> None:
        self.base = base
        self.name = base.name
        self.choices = base.choices
        self.constraints = base.constraints

    def from_string(self, text: str) -> Architecture:
        """As in the other space, if it belongs to the part."""
        return self.architecture(self.base.from_string(text))

    def to_string(self, architecture: Mapping[str, Value]) -> str:
        """As in the other space."""
        return self.base.to_string(architecture)

    def canonical(self, architecture: Mapping[str, Value]) -> Architecture:
        """As in the other space; it may not belong to the part itself."""
        return self.base.canonical(architecture)

    def training_key(self, architecture: Mapping[str, Value]) -> str:
        """As in the other space."""
        return self.base.training_key(architecture)

    def deployment_key(self, architecture: Mapping[str, Value]) -> str:
        """As in the other space."""
        return self.base.deployment_key(architecture)

    def encode(self, architecture: Mapping[str, Value]) -> NDArray[np.float64]:
        """As in the other space."""
        return self.base.encode(architecture)

    def graph(self, architecture: Mapping[str, Value]) -> Graph | None:
        """As in the other space."""
        return self.base.graph(architecture)

    def cell_graphs(self, architecture: Mapping[str, Value]) -> Mapping[str, Graph]:
        """As in the other space."""
        return self.base.cell_graphs(architecture)

    def build(self, architecture: Mapping[str, Value], signature: Signature) -> Any:
        """As in the other space."""
        return self.base.build(architecture, signature)

    def outline(
        self, architecture: Mapping[str, Value], signature: Signature | None = None
    ) -> tuple[Block, ...]:
        """As in the other space."""
        return self.base.outline(architecture, signature)

    def parts(self, architecture: Mapping[str, Value], signature: Signature) -> tuple[NetworkPart, ...]:
        """As in the other space."""
        return self.base.parts(architecture, signature)

    def covering(self) -> Iterator[Architecture]:
        """As in the other space, whose parts include those of this one."""
        return self.base.covering()
