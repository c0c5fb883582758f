"""Building blocks and the language model."""

from sugata.nn.config import LanguageModelConfig, LayerConfig
from sugata.nn.cross_entropy import linear_cross_entropy
from sugata.nn.language_model import MIXERS, LanguageModel
from sugata.nn.token_mixer import State, TokenMixer

__all__ = [
    "MIXERS",
    "LanguageModel",
    "LanguageModelConfig",
    "LayerConfig",
    "State",
    "TokenMixer",
    "linear_cross_entropy",
]
