"""Blocks of rows of tables."""

from sugata.spaces.blocks.fields import Field
from sugata.spaces.blocks.kinds import Built, Kind, Values, unfit
from sugata.spaces.blocks.shapes import Shape, TableShape, VectorShape


def _table_embedding(values: Values, shape: Shape) -> Built:
    from sugata.nn.table_embedding import (
        PeriodicNumbers,
        PiecewiseLinearNumbers,
        TableEmbedding,
        category_dims,
    )

    if isinstance(shape, VectorShape):
        shape = TableShape(shape.dim)
    if not isinstance(shape, TableShape):
        raise unfit(shape, "a row of a table", "put it directly after a table's input")
    number_dim = int(values.get("number_dim", 1))
    embedding = None
    if values["numbers"] == "periodic":
        embedding = PeriodicNumbers(shape.numbers, number_dim)
    elif values["numbers"] == "piecewise":
        embedding = PiecewiseLinearNumbers(shape.numbers, number_dim)  # type: ignore[assignment]
    dims = category_dims(shape.categories, int(values["category_dim"]))
    module = TableEmbedding(shape.numbers, shape.categories, dims, embedding)
    return module, VectorShape(module.outputs)


TABLE_EMBEDDING = Kind(
    "table_embedding",
    _table_embedding,
    (
        Field(
            "numbers",
            ("plain", "piecewise", "periodic"),
            "plain",
            "name",
            description="numbers as they are, by their place in bins, or by sines and cosines",
        ),
        Field(
            "number_dim",
            (4, 8, 16),
            8,
            when=(("numbers", ("piecewise", "periodic")),),
            description="width of each number's vector",
        ),
        Field("category_dim", (4, 8, 16, 32), 16, description="widest vector of a category"),
    ),
    "vectors of categories beside numbers",
    good=(
        {"numbers": "plain", "category_dim": 16},
        {"numbers": "piecewise", "number_dim": 8},
        {"numbers": "periodic", "number_dim": 8},
    ),
    papers=("Guo & Berkhahn 2016", "Gorishniy et al. 2022"),
)

KINDS = (TABLE_EMBEDDING,)
