"""Bags of words and of pairs of neighbouring words: fastText's classifier up to its linear layer."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sugata.nn.dropout import Dropout

PADDING = 0
_FACTOR = 1_000_003  # of the hash of a pair: a prime above any number of buckets


class NGrams(nn.Module):
    """The sum of the vectors of a text's words and of its pairs of neighbours, over their number or its root.

    Joulin et al. 2017 ("Bag of Tricks for Efficient Text Classification"): pairs share a fixed number of
    vectors by hashing. Whole words are dropped in training, as in Iyyer et al. 2015 ("Deep Unordered
    Composition Rivals Syntactic Methods", section 3.1); a pair goes with either of its words.

    Args:
        vocabulary: Words; 0 is padding.
        dim: Width of the vectors.
        buckets: Vectors that pairs share; 0: no pairs.
        word_dropout: Probability that a word is left out.
        scaling: `mean`, as theirs; or `root`, which leaves long texts as plain as short ones: a mean of many
            words comes near that of all texts.
    """

    def __init__(
        self,
        vocabulary: int,
        dim: int,
        buckets: int,
        word_dropout: float = 0.0,
        scaling: Literal["mean", "root"] = "mean",
    ) -> None:
        super().__init__()
        self.scaling = scaling
        self.words = nn.Embedding(vocabulary, dim)
        self.pairs = nn.Embedding(buckets, dim) if buckets else None
        self.word_dropout = Dropout(word_dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """`(batch, length)` int64 to `(batch, dim)`."""
        kept = tokens != PADDING
        if self.training and self.word_dropout.probability:
            kept = kept & self.word_dropout.kept(self.words.weight.new_empty(tokens.shape)).bool()
        total, count = _sum(self.words, tokens, kept), kept.sum(1, keepdim=True)
        if self.pairs is not None:
            hashed = (tokens[:, :-1] * _FACTOR + tokens[:, 1:]) % self.pairs.num_embeddings
            both = kept[:, :-1] & kept[:, 1:]
            total, count = total + _sum(self.pairs, hashed, both), count + both.sum(1, keepdim=True)
        divisor = count.clamp(min=1).to(total.dtype)
        return total / (divisor if self.scaling == "mean" else divisor.sqrt())

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """All vectors to zero: what training has not seen says nothing. The next layer breaks symmetry."""
        for table in (self.words, self.pairs):
            if table is not None:
                table.weight.zero_()


def _sum(table: nn.Embedding, numbers: Tensor, kept: Tensor) -> Tensor:
    """The sum of the vectors of the numbers that are kept, `(batch, dim)`."""
    if torch.onnx.is_in_onnx_export() or numbers.device.type == "meta":
        summed: Tensor = (table(numbers) * kept[..., None]).sum(1)
        return summed
    counts = kept.sum(1)  # padding costs nothing so
    return F.embedding_bag(numbers[kept], table.weight, counts.cumsum(0) - counts, mode="sum")
