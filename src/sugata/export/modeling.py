"""The language model as a class of the `transformers` library.

A folder of the transformers form holds this file, as `modeling_sugata.py`, and those it imports beside it: it
loads with `trust_remote_code=True` and needs torch and transformers only.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from sugata.nn.config import LanguageModelConfig
from sugata.nn.language_model import LanguageModel
from sugata.nn.token_mixer import BLOCK, State


class SugataConfig(PretrainedConfig):
    """The configuration; `model` holds the fields of `LanguageModelConfig`."""

    model_type = "sugata"

    def __init__(self, model: dict[str, Any] | None = None, **others: Any) -> None:
        self.model = model or {}
        self.vocab_size = self.model.get("vocabulary_size", 0)
        self.hidden_size = self.model.get("hidden_dim", 0)
        self.num_hidden_layers = len(self.model.get("layers", ()))
        others.setdefault("tie_word_embeddings", self.model.get("tie_embeddings", False))
        super().__init__(**others)


class SugataState:
    """What was read so far: the tensors of `LanguageModel.initial_state`, in the place of a cache.

    Args:
        tensors: the state.
        length: tokens read.
    """

    def __init__(self, tensors: State, length: int) -> None:
        self.tensors = tensors
        self.length = length

    def get_seq_length(self, layer: int = 0) -> int:
        """Tokens read so far."""
        return self.length


class SugataForCausalLM(PreTrainedModel, GenerationMixin):
    """A model that sugata found, for `transformers`.

    Rows of a batch must be of equal length: a state has read what it has read, so padding cannot be masked.
    """

    config_class = SugataConfig
    base_model_prefix = "model"
    _is_stateful = True
    _tied_weights_keys = {"model.head.weight": "model.embedding.weight"}  # noqa: RUF012 - the library's way

    def __init__(self, config: SugataConfig) -> None:
        super().__init__(config)
        self.model = LanguageModel(LanguageModelConfig.from_dict(config.model))
        self.post_init()

    def _init_weights(self, module: Any) -> None:
        """Nothing: `LanguageModel` has filled its weights."""

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False

    def get_input_embeddings(self) -> Any:
        """The token embedding."""
        return self.model.embedding

    def set_input_embeddings(self, value: Any) -> None:
        """Replace the token embedding."""
        self.model.embedding = value

    def get_output_embeddings(self) -> Any:
        """The head."""
        return self.model.head

    def set_output_embeddings(self, value: Any) -> None:
        """Replace the head."""
        self.model.head = value

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        past_key_values: SugataState | None = None,
        use_cache: bool | None = None,
        labels: Tensor | None = None,
        **_: Any,
    ) -> CausalLMOutputWithPast:
        """Logits `(batch, length, vocabulary)` of tokens `(batch, length)`; with `labels`, the loss too."""
        if attention_mask is not None and not bool(attention_mask.all()):
            raise ValueError("attention_mask: padding cannot be masked; give rows of equal length")
        state = past_key_values
        if state is not None or use_cache:
            logits, state = self._extend(input_ids, state)
        else:
            logits = self.model(input_ids)
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten())
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=state)  # type: ignore[arg-type]

    def _extend(self, tokens: Tensor, state: SugataState | None) -> tuple[Tensor, SugataState]:
        """A prompt in blocks: a recurrence over a whole one takes the square of its length."""
        tensors = self.model.initial_state(len(tokens)) if state is None else state.tensors
        length = 0 if state is None else state.length
        pieces = []
        for block in tokens.split(BLOCK, dim=1):
            logits, tensors = self.model.extend(block, tensors)
            pieces.append(logits)
        return torch.cat(pieces, dim=1), SugataState(tensors, length + tokens.shape[1])

    def prepare_inputs_for_generation(  # type: ignore[override]
        self,
        input_ids: Tensor,
        past_key_values: SugataState | None = None,
        attention_mask: Tensor | None = None,
        use_cache: bool | None = True,
        **_: Any,
    ) -> dict[str, Any]:
        """What `generate` gives to `forward`: the tokens that the state has not read."""
        if past_key_values is not None:
            input_ids = input_ids[:, past_key_values.length :]
        return {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "past_key_values": past_key_values,
            "use_cache": use_cache,
        }
