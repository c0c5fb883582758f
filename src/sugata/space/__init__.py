"""What can be searched: choices, architectures and the contract of a search space. No torch in here."""

from sugata.space.architecture import Architecture
from sugata.space.cell_plan import CellNode, CellPlan, Edge
from sugata.space.choice import Choice, Condition, Constraint, OptionNote
from sugata.space.dictionary import DictionarySpace
from sugata.space.graph import Graph
from sugata.space.images import ImageSizes, image_signature, image_sizes
from sugata.space.listed import ListedSpace
from sugata.space.network_part import NetworkPart
from sugata.space.outline import Block
from sugata.space.part import PartOfSpace
from sugata.space.restricted import RestrictedSpace, restricted
from sugata.space.search_space import SearchSpace
from sugata.space.signature import Signature, TensorSpec
from sugata.space.translation import translated

__all__ = [
    "Architecture",
    "Block",
    "CellNode",
    "CellPlan",
    "Choice",
    "Condition",
    "Constraint",
    "DictionarySpace",
    "Edge",
    "Graph",
    "ImageSizes",
    "ListedSpace",
    "NetworkPart",
    "OptionNote",
    "PartOfSpace",
    "RestrictedSpace",
    "SearchSpace",
    "Signature",
    "TensorSpec",
    "image_signature",
    "image_sizes",
    "restricted",
    "translated",
]
