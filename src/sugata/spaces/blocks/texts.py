"""Blocks of texts."""

from sugata.spaces.blocks.fields import Field
from sugata.spaces.blocks.kinds import Built, Kind, Values, unfit
from sugata.spaces.blocks.shapes import Shape, TokenShape, VectorShape


def as_tokens(shape: Shape) -> TokenShape:
    """The shape as that of words.

    Raises:
        InvalidArchitecture: it is another.
    """
    if isinstance(shape, TokenShape):
        return shape
    raise unfit(shape, "words", "put it directly after a text's input")


def _ngrams(values: Values, shape: Shape) -> Built:
    from sugata.nn.ngrams import NGrams

    dim, words = int(values["dim"]), as_tokens(shape)
    buckets, dropout = int(values["buckets"]), float(values["word_dropout"])
    return NGrams(words.vocabulary, dim, buckets if words.length > 1 else 0, dropout), VectorShape(dim)


NGRAMS = Kind(
    "ngrams",
    _ngrams,
    (
        Field("dim", (8, 16, 32, 64), 16, description="width of the vectors"),
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
            0.5,
            "share",
            description="share of words left out in training",
        ),
    ),
    "the mean of vectors of words and of pairs of words: fast, and strong on little data",
    good=(
        {"dim": 16, "buckets": 131_072, "word_dropout": 0.5},
        {"dim": 32, "buckets": 0, "word_dropout": 0.3},
    ),
    papers=("Joulin et al. 2017", "Iyyer et al. 2015"),
)

KINDS = (NGRAMS,)
