"""Blocks of texts."""

from sugata.spaces.blocks.fields import Field
from sugata.spaces.blocks.kinds import Built, Kind, Values, unfit
from sugata.spaces.blocks.shapes import SequenceShape, Shape, TableShape, TokenShape, VectorShape
from sugata.spaces.blocks.tables import TABLE_EMBEDDING
from sugata.spaces.blocks.vectors import DROPOUT


def as_tokens(shape: Shape) -> TokenShape:
    """The shape as that of words.

    Raises:
        InvalidArchitecture: it is another.
    """
    if isinstance(shape, TokenShape):
        return shape
    raise unfit(shape, "words", "put it directly after a text's input")


def as_sequence(shape: Shape) -> SequenceShape:
    """The shape as that of a sequence.

    Raises:
        InvalidArchitecture: it is another.
    """
    if isinstance(shape, SequenceShape):
        return shape
    remedy = "put an embedding block between" if isinstance(shape, TokenShape) else "use a dense block"
    raise unfit(shape, "a sequence", remedy)


def _ngrams(values: Values, shape: Shape) -> Built:
    from sugata.nn.ngrams import NGrams

    dim, words = int(values["dim"]), as_tokens(shape)
    module = NGrams(
        words.vocabulary,
        dim,
        int(values["buckets"]) if words.length > 1 else 0,
        float(values["word_dropout"]),
        "mean" if values["scaling"] == "mean" else "root",
    )
    return module, VectorShape(dim)


def _embedding(values: Values, shape: Shape) -> Built:
    from sugata.nn.token_embedding import TokenEmbedding

    dim = int(values["dim"])
    if isinstance(shape, TableShape):
        return TABLE_EMBEDDING.build({"numbers": "plain", "category_dim": dim}, shape)
    words = as_tokens(shape)
    module = TokenEmbedding(words.vocabulary, dim, float(values["word_dropout"]))
    return module, SequenceShape(words.length, dim)


def _rnn(values: Values, shape: Shape) -> Built:
    from sugata.nn.recurrent import Recurrent

    sequence = as_sequence(shape)
    module = Recurrent(
        sequence.dim,
        int(values["units"]),
        int(values["num_layers"]),
        "gru" if values["layer_type"] == "gru" else "lstm",
        bool(values["bidirectional"]),
        float(values["dropout"]),
    )
    return module, SequenceShape(sequence.length, module.outputs)


def _transformer(values: Values, shape: Shape) -> Built:
    from sugata.nn.encoder import Encoder

    sequence = as_sequence(shape)
    layers, heads = int(values["num_layers"]), int(values["num_heads"])
    module = Encoder(sequence.dim, layers, heads, int(values["ffn_factor"]), float(values["dropout"]))
    return module, SequenceShape(sequence.length, module.dim)


def _temporal_reduction(values: Values, shape: Shape) -> Built:
    from sugata.nn.sequences import LastStep, MaxOverSteps, MeanOverSteps

    modules = {"average": MeanOverSteps, "max": MaxOverSteps, "last": LastStep}
    return modules[str(values["reduction"])](), VectorShape(as_sequence(shape).dim)


NGRAMS = Kind(
    "ngrams",
    _ngrams,
    (
        Field("dim", (8, 16, 32, 64), 8, description="width of the vectors"),
        Field(
            "buckets",
            (0, 32_768, 131_072),
            131_072,
            least=0,
            description="vectors that pairs of words share; 0: no pairs",
        ),
        Field(
            "word_dropout",
            (0.0, 0.3, 0.5, 0.7),
            0.7,
            "share",
            description="share of words left out in training",
        ),
        Field(
            "scaling",
            ("mean", "root"),
            "root",
            "name",
            description="divide the sum of vectors by their number, or by its root",
        ),
    ),
    "the mean of vectors of words and of pairs of words: fast, and strong on little data",
    good=(
        {"dim": 8, "buckets": 131_072, "word_dropout": 0.7, "scaling": "root"},
        {"dim": 16, "buckets": 131_072, "word_dropout": 0.5, "scaling": "mean"},
        {"dim": 64, "buckets": 0, "word_dropout": 0.5, "scaling": "root"},
    ),
    papers=("Joulin et al. 2017", "Iyyer et al. 2015"),
)

EMBEDDING = Kind(
    "embedding",
    _embedding,
    (
        Field("dim", (16, 32, 64), 64, description="width of the vectors"),
        Field(
            "word_dropout",
            (0.0, 0.1, 0.3, 0.5),
            0.3,
            "share",
            description="share of words left out in training",
        ),
    ),
    "a vector for each word of a text, or for each category of a row",
)

RNN = Kind(
    "rnn",
    _rnn,
    (
        Field("layer_type", ("gru", "lstm"), "gru", "name", description="kind of the layers"),
        Field("num_layers", (1, 2), 1, description="one on the other"),
        Field("units", (32, 64), 64, description="width of each direction's state"),
        Field("bidirectional", (True, False), True, "flag", description="read from both ends"),
        DROPOUT,
    ),
    "recurrent layers over a sequence",
    good=({"layer_type": "gru", "units": 64, "dropout": 0.25}, {"layer_type": "lstm", "units": 64}),
    papers=("Cho et al. 2014", "Hochreiter & Schmidhuber 1997"),
)

TRANSFORMER = Kind(
    "transformer",
    _transformer,
    (
        Field("num_layers", (1, 2), 1, description="layers of attention and feed-forward network"),
        Field("num_heads", (2, 4, 8), 4, description="of the attention"),
        Field("ffn_factor", (1, 2, 4), 2, description="hidden width of the feed-forward networks"),
        DROPOUT,
    ),
    "self-attention over a whole sequence",
    good=({"num_layers": 1, "num_heads": 4, "dropout": 0.1}, {"num_layers": 2, "dropout": 0.25}),
    papers=("Vaswani et al. 2017", "Xiong et al. 2020"),
)

TEMPORAL_REDUCTION = Kind(
    "temporal_reduction",
    _temporal_reduction,
    (
        Field(
            "reduction",
            ("average", "max", "last"),
            "max",
            "name",
            description="means over steps, the largest values, or the last step",
        ),
    ),
    "a vector of a sequence",
)

KINDS = (EMBEDDING, NGRAMS, RNN, TRANSFORMER, TEMPORAL_REDUCTION)
