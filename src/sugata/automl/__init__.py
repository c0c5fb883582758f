"""Three lines for everybody: classes that look for a network for images, texts and tables.

They are scikit-learn's estimators, and need it; each is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sugata.automl.auto_model import AutoModel as AutoModel
    from sugata.automl.images import ImageClassifier as ImageClassifier
    from sugata.automl.images import ImageRegressor as ImageRegressor
    from sugata.automl.nodes import CellBlock as CellBlock
    from sugata.automl.nodes import ClassificationHead as ClassificationHead
    from sugata.automl.nodes import ConvBlock as ConvBlock
    from sugata.automl.nodes import DenseBlock as DenseBlock
    from sugata.automl.nodes import Embedding as Embedding
    from sugata.automl.nodes import Flatten as Flatten
    from sugata.automl.nodes import ImageAugmentation as ImageAugmentation
    from sugata.automl.nodes import ImageBlock as ImageBlock
    from sugata.automl.nodes import ImageInput as ImageInput
    from sugata.automl.nodes import Input as Input
    from sugata.automl.nodes import Merge as Merge
    from sugata.automl.nodes import MobileBlock as MobileBlock
    from sugata.automl.nodes import Ngrams as Ngrams
    from sugata.automl.nodes import Normalization as Normalization
    from sugata.automl.nodes import RegressionHead as RegressionHead
    from sugata.automl.nodes import ResNetBlock as ResNetBlock
    from sugata.automl.nodes import RNNBlock as RNNBlock
    from sugata.automl.nodes import SpatialReduction as SpatialReduction
    from sugata.automl.nodes import StructuredDataBlock as StructuredDataBlock
    from sugata.automl.nodes import StructuredDataInput as StructuredDataInput
    from sugata.automl.nodes import TemporalReduction as TemporalReduction
    from sugata.automl.nodes import TextBlock as TextBlock
    from sugata.automl.nodes import TextInput as TextInput
    from sugata.automl.nodes import TransformerBlock as TransformerBlock
    from sugata.automl.tables import StructuredDataClassifier as StructuredDataClassifier
    from sugata.automl.tables import StructuredDataRegressor as StructuredDataRegressor
    from sugata.automl.texts import TextClassifier as TextClassifier
    from sugata.automl.texts import TextRegressor as TextRegressor

_BLOCKS = (
    "CellBlock",
    "ClassificationHead",
    "ConvBlock",
    "DenseBlock",
    "Embedding",
    "Flatten",
    "ImageAugmentation",
    "ImageBlock",
    "ImageInput",
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
    "StructuredDataInput",
    "TemporalReduction",
    "TextBlock",
    "TextInput",
    "TransformerBlock",
)

#: Public names, and the module of each.
PUBLIC = {
    "AutoModel": "sugata.automl.auto_model",
    "ImageClassifier": "sugata.automl.images",
    "ImageRegressor": "sugata.automl.images",
    "StructuredDataClassifier": "sugata.automl.tables",
    "StructuredDataRegressor": "sugata.automl.tables",
    "TextClassifier": "sugata.automl.texts",
    "TextRegressor": "sugata.automl.texts",
    **dict.fromkeys(_BLOCKS, "sugata.automl.nodes"),
}

__all__ = sorted(PUBLIC)


def __getattr__(name: str) -> Any:
    """Load a class when it is first used."""
    if name in PUBLIC:
        return getattr(import_module(PUBLIC[name]), name)
    raise AttributeError(f"module 'sugata.automl' has no attribute {name!r}")
