"""One vector for a text: a language model's layers, pooled and projected, alone or as two towers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sugata.errors import InvalidArchitecture
from sugata.nn.config import LanguageModelConfig
from sugata.nn.language_model import LanguageModel

Pooling = Literal["weighted", "mean", "last"]
POOLINGS: tuple[str, ...] = get_args(Pooling)

END = 0  # ends every text, and fills what is left of its row


class TextEncoder(nn.Module):
    """Texts `(batch, length)` to vectors of unit length `(batch, output_dim)`.

    Rows are tokens, one end of text, and padding with further ends. The layers are causal, so no token sees
    the padding, and the end of text is the one position that has seen everything.

    Args:
        model: Its configuration has an `output_dim`; its head is the projection.
        pooling: The mean over all tokens and the end of text; what the end of text gives (last); or a mean
            whose weights are learned (weighted), as CodeSearchNet's encoders pool (Husain et al. 2019,
            section 4.1): frequent tokens say little. The head's last output is a weight's logarithm then.

    Raises:
        InvalidArchitecture: An unknown pooling, or a model whose head gives logits.
    """

    def __init__(self, model: LanguageModel, pooling: Pooling = "weighted") -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise InvalidArchitecture(f"pooling is {pooling!r}; choose one of {', '.join(POOLINGS)}")
        if model.config.output_dim is None:
            raise InvalidArchitecture("output_dim is missing in an encoder's configuration; give a width")
        self.model = model
        self.pooling = pooling

    def forward(self, tokens: Tensor) -> Tensor:
        """`(batch, length)` int64 to `(batch, output_dim)`."""
        features = self.model.features(tokens)
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        seen = positions <= (tokens != END).sum(1, keepdim=True)
        if self.pooling == "weighted":
            outputs = self.model.head(features).float()
            weights = outputs[..., -1].masked_fill(~seen, float("-inf")).softmax(1)
            return F.normalize((weights[:, None, :] @ outputs[..., :-1]).squeeze(1), dim=-1)
        read = seen.to(features.dtype)
        if self.pooling == "last":
            read = (positions == read.sum(1, keepdim=True) - 1).to(features.dtype)
        pooled = (read[:, None, :] @ features).squeeze(1) / read.sum(1, keepdim=True)
        return F.normalize(self.model.head(pooled).float(), dim=-1)


class TwoTower(nn.Module):
    """An encoder of queries and one of code, which may be the same network.

    Args:
        models: One that reads both, or the reader of code and the reader of queries.
        pooling: See `TextEncoder`.
    """

    def __init__(self, models: Sequence[LanguageModel], pooling: Pooling = "weighted") -> None:
        super().__init__()
        if len(models) not in (1, 2):
            raise InvalidArchitecture(f"two towers are one or two models, not {len(models)}")
        self.pooling = pooling
        self.towers = nn.ModuleList(TextEncoder(model, pooling) for model in models)

    @property
    def models(self) -> tuple[LanguageModel, ...]:
        """The networks inside the towers, in their order."""
        return tuple(tower.model for tower in self.towers)  # type: ignore[misc]

    def code(self, tokens: Tensor) -> Tensor:
        """Vectors `(batch, output_dim)` of functions `(batch, length)`."""
        return self.towers[0](tokens)  # type: ignore[no-any-return]

    def query(self, tokens: Tensor) -> Tensor:
        """Vectors `(batch, output_dim)` of queries `(batch, length)`."""
        return self.towers[-1](tokens)  # type: ignore[no-any-return]

    def forward(self, queries: Tensor, codes: Tensor) -> Tensor:
        """Cosine similarities `(queries, codes)`."""
        return self.query(queries) @ self.code(codes).T

    def initialize(self, generator: torch.Generator) -> None:
        """Fill every parameter anew."""
        for model in self.models:
            model.initialize(generator)


def encoder_config(
    config: LanguageModelConfig, width: int, pooling: Pooling = "weighted"
) -> LanguageModelConfig:
    """A language model's configuration with a projection to vectors in place of its head, which is not tied.

    Args:
        width: Of the vectors.
        pooling: Of the encoder; learned weights are one more output.
    """
    outputs = width + 1 if pooling == "weighted" else width
    return replace(config, output_dim=outputs, tie_embeddings=False)
