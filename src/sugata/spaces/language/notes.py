"""What a person should know of every choice and option."""

from sugata.space import OptionNote
from sugata.trial import Value

DESCRIPTIONS = {
    "architecture": "what mixes information between tokens, in every layer",
    "first_mixer": "token mixer of layers 1, 3, 5 and so on of a hybrid",
    "second_mixer": "token mixer of layers 2, 4, 6 and so on of a hybrid",
    "layer_mixer": "token mixer of this layer",
    "layer_ffn": "hidden width of this layer's feed-forward network, in multiples of hidden_dim",
    "position": "how layers with heads learn the order of tokens",
    "num_heads": "how many heads attention has; their widths add up to hidden_dim",
    "hidden_dim": "channels of a token between the layers",
    "num_layers": "how many layers follow one another",
    "ffn_multiplier": "hidden width of the feed-forward networks, in multiples of hidden_dim",
    "activation": "the feed-forward network's nonlinearity, plain or gated",
    "normalization": "how channels are normalized before every mixer and feed-forward network",
    "vocab_size": "how many tokens the tokenizer knows",
    "tie_embeddings": "whether the head uses the embedding's weights",
    "quantization": "how the trained weights are stored",
    "pruning_ratio": "share of the trained weights that is removed",
    "pruning_method": "which weights pruning removes",
}


def note(choice: str, option: Value) -> OptionNote:
    """The note of one option of one choice."""
    return OptionNote(DESCRIPTIONS[choice])
