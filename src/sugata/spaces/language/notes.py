"""What a person should know of every choice and option: what it is, for and against it, papers."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sugata.space import OptionNote
from sugata.spaces.language.named_notes import NAMED_NOTES
from sugata.trial import Value

DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
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
)


def note(choice: str, option: Value) -> OptionNote:
    """The note of one option of one choice.

    An option that nobody has described (a user's own) says what the choice is.
    """
    if choice in _SIZE_NOTES and isinstance(option, int | float):
        return _SIZE_NOTES[choice](option)
    return NAMED_NOTES.get(choice, {}).get(str(option)) or OptionNote(DESCRIPTIONS[choice])


def _hidden_dim(width: float) -> OptionNote:
    attention = 4 * width * width
    wide = width > 256
    return OptionNote(
        f"{width} channels a token: {attention:,} weights in an attention mixer, {width} a vocabulary entry",
        "room for more features at once; matrices large enough to use the machine well"
        if wide
        else "weights and work of the layers grow with the square of the width, so this is cheap",
        "every layer and the embedding are expensive; within a short budget it sees fewer tokens"
        if wide
        else "too narrow for much knowledge; small matrices leave a processor partly idle",
        (
            "Kaplan et al. 2020, Scaling Laws for Neural Language Models",
            "Yang et al. 2022, Tensor Programs V: Tuning Large Neural Networks via Zero-Shot Hyperparameter "
            "Transfer",
        ),
    )


def _num_layers(depth: float) -> OptionNote:
    deep = depth > 4
    return OptionNote(
        f"{depth} layers, each a token mixer and a feed-forward network",
        "more steps of processing; at equal size, deep and thin small models have often done better"
        if deep
        else "low latency, since layers run one after another; trains fast and stably",
        "latency and training time grow with every layer; the last ones bring less and less"
        if deep
        else "few steps of processing: what takes several look-ups in turn is out of reach",
        (
            "Liu et al. 2024, MobileLLM: Optimizing Sub-billion Parameter Language Models for On-Device "
            "Use Cases",
            "Levine et al. 2020, The Depth-to-Width Interplay in Self-Attention",
        ),
    )


def _num_heads(heads: float) -> OptionNote:
    many = heads > 4
    return OptionNote(
        f"{heads} heads, each {heads} times narrower than hidden_dim",
        "can attend to many things at once" if many else "wide heads, precise scores; fewer, larger products",
        "narrow heads limit what a score can express; some heads turn out to be dispensable"
        if many
        else "can attend to few things at once in a layer",
        (
            "Michel et al. 2019, Are Sixteen Heads Really Better than One?",
            "Bhojanapalli et al. 2020, Low-Rank Bottleneck in Multi-head Attention Models",
        ),
    )


def _ffn(multiplier: float) -> OptionNote:
    wide = multiplier > 3
    return OptionNote(
        f"hidden width of {multiplier} times hidden_dim: {2 * multiplier:g} hidden_dim² weights a layer, "
        f"{3 * multiplier:g} if gated",
        "much of what a model knows is stored here; four is the classic width"
        if wide
        else "smaller and faster; leaves bytes for more layers or channels",
        "usually the largest part of a layer, in size and work"
        if wide
        else "less room for facts and for patterns of tokens",
        (
            "Geva et al. 2021, Transformer Feed-Forward Layers Are Key-Value Memories",
            "Shazeer 2020, GLU Variants Improve Transformer",
        ),
    )


def _vocab_size(size: float) -> OptionNote:
    large = size > 10_000
    return OptionNote(
        f"{size:,} tokens of a byte-level BPE, each with a row in the embedding and a score from the head",
        "fewer tokens for the same text, so more text in a window and fewer steps to write it"
        if large
        else "a small embedding and a cheap head; every token is seen often enough to be learnt",
        "embedding and head outweigh the layers of a small network; rare tokens are hardly trained"
        if large
        else "more tokens for the same text: longer inputs and more steps to write it",
        (
            "Sennrich et al. 2016, Neural Machine Translation of Rare Words with Subword Units",
            "Tao et al. 2024, Scaling Laws with Vocabulary: Larger Models Deserve Larger Vocabularies",
        ),
    )


def _pruning_ratio(ratio: float) -> OptionNote:
    papers = (
        "Han et al. 2015, Learning both Weights and Connections for Efficient Neural Networks",
        "Blalock et al. 2020, What is the State of Neural Network Pruning?",
    )
    if not ratio:
        return OptionNote("nothing is removed", "full quality", "full size", papers)
    heavy = ratio > 0.5
    return OptionNote(
        f"{ratio:.0%} of the weights that pruning may touch are removed after training",
        "much smaller than the unpruned network" if heavy else "smaller, at a moderate loss of quality",
        "without training afterwards, so much pruning costs a lot of quality"
        if heavy
        else "not trained again afterwards, so some quality is lost; small networks have little to spare",
        papers,
    )


_SIZE_NOTES: Mapping[str, Callable[[float], OptionNote]] = MappingProxyType(
    {
        "hidden_dim": _hidden_dim,
        "num_layers": _num_layers,
        "num_heads": _num_heads,
        "ffn_multiplier": _ffn,
        "layer_ffn": _ffn,
        "vocab_size": _vocab_size,
        "pruning_ratio": _pruning_ratio,
    }
)
