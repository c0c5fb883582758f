"""Rows of a table as vectors: entity embeddings of categories, and embeddings of numbers.

Guo & Berkhahn 2016 ("Entity Embeddings of Categorical Variables") for categories, Gorishniy et al. 2022 ("On
Embeddings for Numerical Features in Tabular Deep Learning") for numbers.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import torch
from torch import Tensor, nn

BINS = 32  # of the piecewise-linear encoding
FREQUENCIES = 16  # of the periodic one
_SCALE = 0.5  # standard deviation of the initial frequencies, of standardized numbers


class TableEmbedding(nn.Module):
    """Numbers, embedded or as they are, and a vector for each category, in one vector.

    Args:
        numbers: How many columns are numbers; they come first.
        categories: How many codes each of the further columns has.
        dims: Widths of the vectors of the categories.
        embedding: What each number goes through, `(batch, numbers)` to `(batch, numbers, dim)`; None leaves
            numbers as they are.
    """

    def __init__(
        self,
        numbers: int,
        categories: Sequence[int],
        dims: Sequence[int],
        embedding: "PeriodicNumbers | PiecewiseLinearNumbers | None" = None,
    ) -> None:
        super().__init__()
        self.numbers = numbers
        self.embedding = embedding if numbers else None
        self.tables = nn.ModuleList(
            nn.Embedding(codes, dim) for codes, dim in zip(categories, dims, strict=True)
        )
        width = numbers if self.embedding is None else numbers * self.embedding.dim
        self.outputs = width + sum(dims)

    def forward(self, row: Tensor) -> Tensor:
        """`(batch, columns)`, codes as floats, to `(batch, outputs)`."""
        numbers, codes = row[:, : self.numbers], row[:, self.numbers :].long()
        parts = [numbers if self.embedding is None else self.embedding(numbers).flatten(1)]
        parts += [table(codes[:, i]) for i, table in enumerate(self.tables)]
        return torch.cat(parts, dim=1)

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw all weights: vectors of categories have the variance of a standardized number over their
        width. The first two, of what is missing or rare, begin at zero: where training has none of these,
        they say nothing.
        """
        for table in self.tables:
            assert isinstance(table, nn.Embedding)
            table.weight.normal_(0.0, table.embedding_dim**-0.5, generator=generator)
            table.weight[:2].zero_()
        if self.embedding is not None:
            self.embedding.initialize(generator)


class PeriodicNumbers(nn.Module):
    """Sine and cosine of each number at learned frequencies, then a linear layer of its own and a ReLU.

    Gorishniy et al. 2022, section 3.3 (their PLR): `ReLU(linear([sin(2 pi c x), cos(2 pi c x)]))`.

    Args:
        numbers: How many.
        dim: Width of each number's vector.
    """

    def __init__(self, numbers: int, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.frequencies = nn.Parameter(torch.zeros(numbers, FREQUENCIES))
        self.linear = LinearOfEach(numbers, 2 * FREQUENCIES, dim)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, numbers)` to `(batch, numbers, dim)`."""
        angles = 2 * math.pi * self.frequencies * x[..., None]
        encoded: Tensor = self.linear(torch.cat((angles.sin(), angles.cos()), dim=-1))
        return encoded.relu()

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw frequencies and weights."""
        self.frequencies.normal_(0.0, _SCALE, generator=generator)
        self.linear.initialize(generator)


class PiecewiseLinearNumbers(nn.Module):
    """How far each number is through every bin of its range, then a linear layer of its own and a ReLU.

    Gorishniy et al. 2022, section 3.2: 0 below a bin, 1 above it, linear inside; bins between quantiles
    (3.2.1). Departures: the outermost bins do not go on beyond their edges, so that an outlier is no more
    than an extreme; and edges are quantiles of the normal distribution until those of the training data are
    filled in.

    Args:
        numbers: How many.
        dim: Width of each number's vector.
    """

    edges: Tensor

    def __init__(self, numbers: int, dim: int) -> None:
        super().__init__()
        self.dim = dim
        normal = NormalDist()
        inner = [normal.inv_cdf(i / BINS) for i in range(1, BINS)]
        edges = torch.tensor([-3.0, *inner, 3.0])
        self.register_buffer("edges", edges.repeat(numbers, 1))
        self.linear = LinearOfEach(numbers, BINS, dim)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, numbers)` to `(batch, numbers, dim)`."""
        return self.linear(self.encoded(x)).relu()  # type: ignore[no-any-return]

    def encoded(self, x: Tensor) -> Tensor:
        """`(batch, numbers)` to the encoding alone, `(batch, numbers, bins)`."""
        low, high = self.edges[:, :-1], self.edges[:, 1:]
        return ((x[..., None] - low) / (high - low).clamp(min=1e-6)).clamp(0.0, 1.0)

    def fill(self, edges: Sequence[Sequence[float]]) -> None:
        """Take these edges of bins, ascending, for each number; of more than there is room for, some.

        Bins that are left over have no width and lie at the last edge.
        """
        for row, given in zip(self.edges, edges, strict=True):
            found = torch.as_tensor(given, dtype=torch.float32)
            room = len(row)
            if len(found) > room:
                found = found[torch.linspace(0, len(found) - 1, room).round().long()]
            row.fill_(float(found[-1]))
            row[: len(found)] = found

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        self.linear.initialize(generator)


class LinearOfEach(nn.Module):
    """A linear layer of its own for each of several vectors.

    Args:
        count: How many vectors.
        inputs: Width of each.
        outputs: Width of each result.
    """

    def __init__(self, count: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(count, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(count, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, count, inputs)` to `(batch, count, outputs)`."""
        return (x[..., None, :] @ self.weight).squeeze(-2) + self.bias

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Variance 1/inputs; biases zero."""
        self.weight.normal_(0.0, self.weight.shape[1] ** -0.5, generator=generator)
        self.bias.zero_()


def category_dims(categories: Sequence[int], most: int) -> tuple[int, ...]:
    """Widths of vectors: half as many as there are codes, at most ``most`` (Guo & Berkhahn leave it open)."""
    return tuple(max(1, min(most, (codes + 1) // 2)) for codes in categories)
