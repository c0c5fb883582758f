"""Graphs of blocks, written as functions of each other: inputs, blocks called on nodes, heads.

A field of a block that is given as one value is fixed; as a list, it is searched; what is left out is
searched over the block's usual options. Fields and their options are those of `sugata.spaces.blocks`.
"""

import itertools
from collections.abc import Sequence
from typing import Any

from sugata.errors import RecipeError
from sugata.trial import Value

Field = Value | Sequence[Value]

#: Fields that AutoKeras has and these blocks do not, and what to do instead.
_AUTOKERAS = {
    **dict.fromkeys(("num_classes", "output_dim"), "leave it out: it is read off the targets"),
    **dict.fromkeys(("loss", "metrics"), "leave it out: the head has its own"),
    **dict.fromkeys(("max_features", "max_tokens"), "leave it out: the vocabulary is that of the texts"),
    **dict.fromkeys(("version", "pretrained"), "leave it out: networks are trained from scratch"),
    **dict.fromkeys(
        ("translation_factor", "rotation_factor", "zoom_factor", "horizontal_flip"),
        "set policy, such as 'shift+flip' or 'affine'",
    ),
    **dict.fromkeys(("vertical_flip", "contrast_factor"), "no policy does that: leave it out"),
    "axis": "leave it out: it is that of the channels",
    "num_units": "write units",
    "use_batchnorm": "write batch_norm",
    "embedding_dim": "write dim",
    "reduction_type": "write reduction, with average for global_avg and max for global_max",
    "return_sequences": "leave it out: TemporalReduction makes one vector of a sequence",
    "normalize": "call Normalization before the block, or not",
    "augment": "call ImageAugmentation before the block, or not",
}

_keys = itertools.count()


class Node:
    """What flows out of an input or a block; other blocks are called on it.

    Attributes:
        kind: of the input, block or head it comes from, such as ``conv``.
        role: ``input``, ``block`` or ``head``.
        name: given by the user; None: after its kind.
        fields: of the block, as given.
        inputs: the nodes that the block was called on.
        key: tells nodes apart, and stays the same in copies of a graph.
    """

    def __init__(
        self, kind: str, role: str, name: str | None, fields: dict[str, Any], inputs: tuple["Node", ...] = ()
    ) -> None:
        self.kind = kind
        self.role = role
        self.name = name
        self.fields = fields
        self.inputs = inputs
        self.key = next(_keys)

    def __repr__(self) -> str:
        return f"{self.kind}({self.name or ''})"


class _Input(Node):
    """Where data come in."""

    input_kind = ""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(self.input_kind, "input", name, {})


class ImageInput(_Input):
    """Images: arrays ``(n, height, width[, channels])``, lists of Pillow images or paths, a folder.

    Args:
        name: of the input.
        resize: height and width that images are brought to; needed where their sizes differ.
    """

    input_kind = "image"

    def __init__(self, name: str | None = None, *, resize: int | None = None) -> None:
        super().__init__(name)
        self.fields["resize"] = resize


class TextInput(_Input):
    """Texts: a list of strings, or padded sequences of integers ``(n, length)``."""

    input_kind = "text"


class StructuredDataInput(_Input):
    """A table: a pandas frame, an array ``(n, columns)``, a CSV or Parquet file.

    Args:
        name: of the input.
        column_names: of an array.
        column_types: ``numerical`` or ``categorical`` for columns whose kind should not be guessed.
    """

    input_kind = "table"

    def __init__(
        self,
        name: str | None = None,
        *,
        column_names: Sequence[str] | None = None,
        column_types: dict[str, str] | None = None,
    ) -> None:
        super().__init__(name)
        self.fields |= {"column_names": column_names, "column_types": column_types}


class Input(_Input):
    """Any array of numbers ``(n, ...)``, taken as it is."""

    input_kind = "array"


class Block:
    """A part of a network, with fields that are fixed or searched; call it on a node, or on a list of nodes.

    Args:
        name: of the block in the space's choices; None: after its kind.
        fields: see the block's own class.

    Raises:
        RecipeError: a field is AutoKeras' own.
    """

    kind = ""
    role = "block"

    def __init__(self, name: str | None = None, **fields: Field) -> None:
        for field in fields:
            if field in _AUTOKERAS:
                raise RecipeError(f"{type(self).__name__} has no {field}; {_AUTOKERAS[field]}")
        self.name = name
        self.fields: dict[str, Any] = {field: _plain(value) for field, value in fields.items()}

    def __call__(self, inputs: Node | Sequence[Node]) -> Node:
        """The node that the block makes of others."""
        given: list[Any] = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        for node in given:
            if not isinstance(node, Node):
                raise RecipeError(
                    f"{type(self).__name__} is called on {type(node).__name__}; call it on an input, or on"
                    " what another block returned"
                )
        return Node(self.kind, self.role, self.name, self.fields, tuple(given))

    def __repr__(self) -> str:
        given = {"name": self.name, **self.fields} if self.name else self.fields
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in given.items())})"


def _plain(value: Any) -> Any:
    """Tuples, ranges and arrays of options as a list, NumPy's numbers as Python's."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return list(map(_plain, value)) if isinstance(value, list | tuple | range) else value


class Normalization(Block):
    """Mean 0 and deviation 1 over the training data, a channel each."""

    kind = "normalization"


class ImageAugmentation(Block):
    """Random changes of training images; ``policy`` names them."""

    kind = "image_augmentation"


class ConvBlock(Block):
    """Convolutions: ``num_blocks`` of ``num_layers``, ``filters``, ``kernel_size``, ``max_pooling``,
    ``separable``, ``dropout``."""

    kind = "conv"


class ResNetBlock(Block):
    """Residual convolutions (He et al. 2016)."""

    kind = "resnet"


class MobileBlock(Block):
    """Inverted residuals with depthwise convolutions (Sandler et al. 2018)."""

    kind = "mobile"


class CellBlock(Block):
    """A searched cell, stacked: the six edges of NAS-Bench-201 (Dong & Yang 2020)."""

    kind = "cell"


class DenseBlock(Block):
    """Fully connected layers."""

    kind = "dense"


class RNNBlock(Block):
    """Recurrent layers over a sequence: GRU or LSTM, in one direction or both."""

    kind = "rnn"


class TransformerBlock(Block):
    """Self-attention over a sequence (Vaswani et al. 2017)."""

    kind = "transformer"


class Embedding(Block):
    """Vectors of tokens, or of a table's categories and numbers."""

    kind = "embedding"


class Ngrams(Block):
    """A bag of words and hashed pairs of words (Joulin et al. 2017)."""

    kind = "ngrams"


class Merge(Block):
    """Several nodes as one: added, or one after the other."""

    kind = "merge"


class SpatialReduction(Block):
    """An image's features as one vector."""

    kind = "spatial_reduction"


class TemporalReduction(Block):
    """A sequence's features as one vector."""

    kind = "temporal_reduction"


class Flatten(Block):
    """Any features as one vector, none left out."""

    kind = "flatten"


class ImageBlock(Block):
    """What suits images: convolutions, residual, mobile or searched cells; which, is searched."""

    kind = "image_block"


class TextBlock(Block):
    """What suits texts: n-grams, convolutions, recurrent layers or attention; which, is searched."""

    kind = "text_block"


class StructuredDataBlock(Block):
    """What suits tables: embeddings of categories and numbers, and dense layers."""

    kind = "table_block"


class Head(Block):
    """An output: what is predicted, and the loss."""

    role = "head"


class ClassificationHead(Head):
    """The class, or with ``multi_label`` several labels at once.

    Args:
        name: of the output.
        multi_label: targets are a 0/1 matrix ``(n, labels)``, or lists of labels.
        class_weight: ``balanced``, or a weight for each class.
        loss_weight: of this output in the sum of losses.
        fields: of the block, such as ``dropout``.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        multi_label: bool = False,
        class_weight: Any = None,
        loss_weight: float = 1.0,
        **fields: Field,
    ) -> None:
        super().__init__(name, **fields)
        self.kind = "multi_label" if multi_label else "classification"
        self.fields |= {"class_weight": class_weight, "loss_weight": loss_weight}


class RegressionHead(Head):
    """One or several numbers.

    Args:
        name: of the output.
        loss_weight: of this output in the sum of losses.
        fields: of the block, such as ``dropout``.
    """

    kind = "regression"

    def __init__(self, name: str | None = None, *, loss_weight: float = 1.0, **fields: Field) -> None:
        super().__init__(name, **fields)
        self.fields |= {"loss_weight": loss_weight}
