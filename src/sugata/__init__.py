"""sugata finds the smallest, fastest network that does your job."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sugata.api import search as search
    from sugata.automl import AutoModel as AutoModel
    from sugata.automl import CellBlock as CellBlock
    from sugata.automl import ClassificationHead as ClassificationHead
    from sugata.automl import ConvBlock as ConvBlock
    from sugata.automl import DenseBlock as DenseBlock
    from sugata.automl import Embedding as Embedding
    from sugata.automl import Flatten as Flatten
    from sugata.automl import ImageAugmentation as ImageAugmentation
    from sugata.automl import ImageBlock as ImageBlock
    from sugata.automl import ImageClassifier as ImageClassifier
    from sugata.automl import ImageInput as ImageInput
    from sugata.automl import ImageRegressor as ImageRegressor
    from sugata.automl import Input as Input
    from sugata.automl import Merge as Merge
    from sugata.automl import MobileBlock as MobileBlock
    from sugata.automl import Ngrams as Ngrams
    from sugata.automl import Normalization as Normalization
    from sugata.automl import RegressionHead as RegressionHead
    from sugata.automl import ResNetBlock as ResNetBlock
    from sugata.automl import RNNBlock as RNNBlock
    from sugata.automl import SpatialReduction as SpatialReduction
    from sugata.automl import StructuredDataBlock as StructuredDataBlock
    from sugata.automl import StructuredDataClassifier as StructuredDataClassifier
    from sugata.automl import StructuredDataInput as StructuredDataInput
    from sugata.automl import StructuredDataRegressor as StructuredDataRegressor
    from sugata.automl import TemporalReduction as TemporalReduction
    from sugata.automl import TextBlock as TextBlock
    from sugata.automl import TextClassifier as TextClassifier
    from sugata.automl import TextInput as TextInput
    from sugata.automl import TextRegressor as TextRegressor
    from sugata.automl import TransformerBlock as TransformerBlock
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
#: The classes that look for a network, and the blocks of which one draws graphs.
_AUTOML = (
    "AutoModel",
    "CellBlock",
    "ClassificationHead",
    "ConvBlock",
    "DenseBlock",
    "Embedding",
    "Flatten",
    "ImageAugmentation",
    "ImageBlock",
    "ImageClassifier",
    "ImageInput",
    "ImageRegressor",
    "Input",
    "Merge",
    "MobileBlock",
    "Ngrams",
    "Normalization",
    "RNNBlock",
    "RegressionHead",
    "ResNetBlock",
    "SpatialReduction",
    "StructuredDataBlock",
    "StructuredDataClassifier",
    "StructuredDataInput",
    "StructuredDataRegressor",
    "TemporalReduction",
    "TextBlock",
    "TextClassifier",
    "TextInput",
    "TextRegressor",
    "TransformerBlock",
)

__all__ = ["Architecture", "Recipe", "Result", "SearchSpace", "__version__", "search", *_AUTOML]


def __getattr__(name: str) -> Any:
    """Load public names when they are first used: importing sugata itself stays fast."""
    if name == "search":
        # The module of that name, once imported by its own name, would otherwise hide the function.
        return import_module("sugata.api").search
    if name in _AUTOML:
        return getattr(import_module("sugata.automl"), name)
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'sugata' has no attribute {name!r}")
