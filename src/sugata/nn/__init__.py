"""Building blocks and the language model."""

from sugata.nn.config import LanguageModelConfig, LayerConfig
from sugata.nn.cross_entropy import linear_cross_entropy
from sugata.nn.language_model import MIXERS, LanguageModel
from sugata.nn.text_encoder import POOLINGS, Pooling, TextEncoder, TwoTower, encoder_config
from sugata.nn.token_mixer import State, TokenMixer

__all__ = [
    "MIXERS",
    "POOLINGS",
    "LanguageModel",
    "LanguageModelConfig",
    "LayerConfig",
    "Pooling",
    "State",
    "TextEncoder",
    "TokenMixer",
    "TwoTower",
    "encoder_config",
    "linear_cross_entropy",
]
