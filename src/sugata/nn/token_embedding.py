"""Words as vectors."""

import torch
from torch import Tensor, nn

from sugata.nn.dropout import Dropout
from sugata.nn.sequences import Steps

PADDING, UNKNOWN = 0, 1
_STD = 0.1  # of the initial vectors: words that were seldom seen say little


class TokenEmbedding(nn.Module):
    """A vector for each word; words may be left out in training, one by one.

    Padding, wherever it stands, comes to the end.

    Args:
        vocabulary: Words; 0 is padding, 1 any that is not known.
        dim: Width of the vectors.
        word_dropout: Probability that a word's vector is zero.
    """

    def __init__(self, vocabulary: int, dim: int, word_dropout: float = 0.0) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, dim)
        self.word_dropout = Dropout(word_dropout)

    def forward(self, tokens: Tensor) -> Steps:
        """`(batch, length)` int64 to `Steps` `(batch, length, dim)`."""
        tokens = _aligned(tokens)
        values: Tensor = self.table(tokens)
        if self.training and self.word_dropout.probability:
            values = values * self.word_dropout.kept(values[..., :1])
        return Steps(values, tokens != PADDING)

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw the vectors; that of unknown words is zero at first, as a word that is left out is: where
        training has none of them, they say nothing.
        """
        self.table.weight.normal_(0.0, _STD, generator=generator)
        self.table.weight[UNKNOWN].zero_()


def _aligned(tokens: Tensor) -> Tensor:
    """Words first, in their order, then padding."""
    kept = (tokens != PADDING).long()
    words = kept.cumsum(1) - 1
    padding = kept.sum(1, keepdim=True) + (1 - kept).cumsum(1) - 1
    return torch.zeros_like(tokens).scatter(1, torch.where(kept == 1, words, padding), tokens)
