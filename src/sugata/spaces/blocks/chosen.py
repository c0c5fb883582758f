"""Blocks that choose among kinds, or put several one after the other, with the fields of all."""

from sugata.spaces.blocks.fields import Field
from sugata.spaces.blocks.images import CELL, CONV, MOBILE, RESNET
from sugata.spaces.blocks.kinds import Built, Kind, Values
from sugata.spaces.blocks.shapes import SequenceShape, Shape
from sugata.spaces.blocks.tables import TABLE_EMBEDDING
from sugata.spaces.blocks.texts import EMBEDDING, NGRAMS, RNN, TEMPORAL_REDUCTION, TRANSFORMER
from sugata.spaces.blocks.vectors import DENSE

_TYPE = "block_type"
_IMAGE = {kind.name: kind for kind in (CONV, RESNET, MOBILE, CELL)}
_TEXT = {kind.name: kind for kind in (NGRAMS, CONV, RNN, TRANSFORMER)}
_SEQUENCES = ("conv", "rnn", "transformer")


def _part(values: Values, group: str) -> Values:
    """The fields of a group, under their own names."""
    return {name.partition("/")[2]: value for name, value in values.items() if name.startswith(f"{group}/")}


def _all(kinds: dict[str, Kind]) -> tuple[Field, ...]:
    """The fields of kinds of which one is chosen."""
    return tuple(
        field.within(name, (_TYPE, (name,))) for name, kind in kinds.items() for field in kind.fields
    )


def _image_block(values: Values, shape: Shape) -> Built:
    name = str(values[_TYPE])
    return _IMAGE[name].build(_part(values, name), shape)


def _text_block(values: Values, shape: Shape) -> Built:
    from torch import nn

    name = str(values[_TYPE])
    if name == "ngrams":
        return NGRAMS.build(_part(values, name), shape)
    modules = []
    if not isinstance(shape, SequenceShape):
        embedding, shape = EMBEDDING.build(_part(values, "embedding"), shape)
        modules.append(embedding)
    block, shape = _TEXT[name].build(_part(values, name), shape)
    reduction, shape = TEMPORAL_REDUCTION.build(values, shape)
    return nn.Sequential(*modules, block, reduction), shape


def _table_block(values: Values, shape: Shape) -> Built:
    from torch import nn

    embedding, shape = TABLE_EMBEDDING.build(_part(values, "embedding"), shape)
    dense, shape = DENSE.build(_part(values, "dense"), shape)
    return nn.Sequential(embedding, dense), shape


IMAGE_BLOCK = Kind(
    "image_block",
    _image_block,
    (
        Field(_TYPE, tuple(_IMAGE), "conv", "name", description="convolutions, residual, mobile or a cell"),
        *_all(_IMAGE),
    ),
    "what suits images",
    good=(
        {_TYPE: "conv", "conv/filters": 16, "conv/num_blocks": 3, "conv/num_layers": 2},
        {_TYPE: "resnet", "resnet/filters": 16},
        {_TYPE: "conv", "conv/filters": 32, "conv/num_blocks": 2},
        {_TYPE: "mobile"},
        {_TYPE: "cell"},
    ),
)

TEXT_BLOCK = Kind(
    "text_block",
    _text_block,
    (
        Field(
            _TYPE, tuple(_TEXT), "ngrams", "name", description="a bag of n-grams, or layers that see order"
        ),
        *(field.within("embedding", (_TYPE, _SEQUENCES)) for field in EMBEDDING.fields),
        *_all(_TEXT),
        Field(
            "reduction",
            ("average", "max", "last"),
            "max",
            "name",
            when=((_TYPE, _SEQUENCES),),
            description="means over steps, the largest values, or the last step",
        ),
    ),
    "what suits texts",
    good=(
        *({_TYPE: "ngrams", **{f"ngrams/{k}": v for k, v in one.items()}} for one in NGRAMS.good),
        {_TYPE: "conv", "conv/num_blocks": 1, "conv/num_layers": 1, "conv/filters": 32},
        {_TYPE: "rnn", "rnn/units": 64},
        {_TYPE: "transformer", "reduction": "average"},
    ),
)

TABLE_BLOCK = Kind(
    "table_block",
    _table_block,
    (
        *(field.within("embedding") for field in TABLE_EMBEDDING.fields),
        *(field.within("dense") for field in DENSE.fields),
    ),
    "embeddings of categories and numbers, then fully connected layers",
    good=(
        {"embedding/numbers": "periodic", "dense/dropout": 0.25},
        {"embedding/numbers": "piecewise", "dense/dropout": 0.25},
        {"embedding/numbers": "plain", "dense/dropout": 0.1},
        {"embedding/numbers": "plain", "dense/num_layers": 1, "dense/units": 32},
        {"embedding/numbers": "periodic", "dense/units": 256, "dense/num_layers": 3, "dense/dropout": 0.5},
    ),
)

KINDS = (IMAGE_BLOCK, TEXT_BLOCK, TABLE_BLOCK)
