"""Notes on the options that have names: mixers, positions, nonlinearities, norms, storage."""

from collections.abc import Mapping
from types import MappingProxyType

from sugata.space import OptionNote

_VASWANI = "Vaswani et al. 2017, Attention Is All You Need"
_SHAZEER = "Shazeer 2020, GLU Variants Improve Transformer"
_JAMBA = "Lieber et al. 2024, Jamba: A Hybrid Transformer-Mamba Language Model"

MIXER_NOTES: Mapping[str, OptionNote] = MappingProxyType(
    {
        "transformer": OptionNote(
            "softmax attention computed step by step: scores, causal mask, softmax, weighted sum",
            "looks up and copies any earlier token exactly; the best understood mixer, runs on every runtime",
            "work and score memory grow with the square of the length; its cache grows with every token",
            (_VASWANI,),
        ),
        "flash_attention": OptionNote(
            "the same function as transformer, in one fused operation that never stores the score matrix",
            "less memory traffic, so faster on long inputs; trains to the same weights as transformer",
            "the work is still quadratic and the cache still grows; on short inputs there is little to gain",
            (
                "Dao et al. 2022, FlashAttention: Fast and Memory-Efficient Exact Attention with "
                "IO-Awareness",
                "Dao 2023, FlashAttention-2: Faster Attention with Better Parallelism and Work Partitioning",
            ),
        ),
        "grouped_query_attention": OptionNote(
            "softmax attention in which groups of query heads share one key-value head, here up to four",
            "a cache up to four times smaller, fewer weights, faster decoding; quality near full attention",
            "keys and values are less varied; prefill costs nearly as much as with all heads",
            (
                "Ainslie et al. 2023, GQA: Training Generalized Multi-Query Transformer Models from "
                "Multi-Head Checkpoints",
                "Shazeer 2019, Fast Transformer Decoding: One Write-Head is All You Need",
            ),
        ),
        "linear_transformer": OptionNote(
            "attention whose softmax is replaced by products of positive features (elu + 1)",
            "linear in length; decoding needs one matrix per head, whatever the length",
            "all of the past shares that matrix: weak at exact recall, usually worse than softmax attention",
            (
                "Katharopoulos et al. 2020, Transformers are RNNs: Fast Autoregressive Transformers with "
                "Linear Attention",
            ),
        ),
        "mamba": OptionNote(
            "a state-space layer whose step size, input and output maps depend on the token, with a short "
            "convolution before it (Mamba-2)",
            "linear in length, constant state in decoding; strong language modelling at equal size",
            "copies and looks up long spans less exactly than attention; more small operations a token",
            (
                "Gu & Dao 2023, Mamba: Linear-Time Sequence Modeling with Selective State Spaces",
                "Dao & Gu 2024, Transformers are SSMs: Generalized Models and Efficient Algorithms Through "
                "Structured State Space Duality",
            ),
        ),
        "rwkv": OptionNote(
            "an exponentially decaying average of values, one decay per channel, gated by the token; "
            "its feed-forward network has a squared ReLU and a gate (RWKV-4)",
            "linear in length; the smallest state of all, a few vectors a layer, so it decodes cheaply",
            "so small a state forgets details; decays do not depend on the token; no position or activation "
            "choice applies",
            ("Peng et al. 2023, RWKV: Reinventing RNNs for the Transformer Era",),
        ),
        "hybrid": OptionNote(
            "layers alternate between two different token mixers, first_mixer and second_mixer",
            "one can recall exactly while the other is cheap: often better than either alone",
            "two kinds of state to export and serve; only as fast as its slower half",
            (
                _JAMBA,
                "De et al. 2024, Griffin: Mixing Gated Linear Recurrences with Local Attention for Efficient "
                "Language Models",
            ),
        ),
    }
)

_POSITION_NOTES = {
    "absolute": OptionNote(
        "fixed sine and cosine waves of the position, added to the embeddings once",
        "no parameters and next to no cost; the simplest to export",
        "relative distance must be learnt; generalizes badly to lengths never seen in training",
        (_VASWANI,),
    ),
    "rope": OptionNote(
        "queries and keys are rotated by an angle that grows with the position",
        "scores depend on relative distance; no parameters; the usual choice of today's language models",
        "work in every layer; degrades beyond the trained length unless rescaled; needs even head widths",
        ("Su et al. 2021, RoFormer: Enhanced Transformer with Rotary Position Embedding",),
    ),
    "alibi": OptionNote(
        "scores are lowered in proportion to distance, with a fixed slope per head (in linear attention, an "
        "exponential decay of the state)",
        "no parameters; favours near tokens and extrapolates to longer inputs",
        "distant tokens are hard to reach; fused attention needs an explicit mask, which costs speed",
        (
            "Press et al. 2022, Train Short, Test Long: Attention with Linear Biases Enables Input Length "
            "Extrapolation",
        ),
    ),
}

_ACTIVATION_NOTES = {
    "gelu": OptionNote(
        "x times the normal distribution function of x, between two matrices",
        "smooth, a safe choice since GPT-2; two matrices instead of three",
        "a little worse than gated forms at equal parameters; the error function is slow on some runtimes",
        ("Hendrycks & Gimpel 2016, Gaussian Error Linear Units (GELUs)",),
    ),
    "silu": OptionNote(
        "x times the sigmoid of x, between two matrices",
        "much like GELU and cheaper to compute",
        "no clear gain in quality over GELU",
        (
            "Elfwing et al. 2018, Sigmoid-Weighted Linear Units for Neural Network Function Approximation in "
            "Reinforcement Learning",
            "Ramachandran et al. 2017, Searching for Activation Functions",
        ),
    ),
    "geglu": OptionNote(
        "a GELU branch multiplied by a linear branch of the same width, then the second matrix",
        "lower loss than plain GELU at equal parameters",
        "three matrices: half as many FFN weights and operations again at the same multiplier",
        (_SHAZEER, "Dauphin et al. 2017, Language Modeling with Gated Convolutional Networks"),
    ),
    "swiglu": OptionNote(
        "a SiLU branch multiplied by a linear branch of the same width, then the second matrix",
        "as good as GeGLU and cheaper to compute; the choice of LLaMA and its successors",
        "three matrices: half as many FFN weights and operations again at the same multiplier",
        (_SHAZEER, "Touvron et al. 2023, LLaMA: Open and Efficient Foundation Language Models"),
    ),
}

_NORMALIZATION_NOTES = {
    "layernorm": OptionNote(
        "subtracts the mean of a token's channels and divides by their deviation; scale and shift are learnt",
        "robust, and fused on every runtime",
        "two statistics and two vectors where one may do",
        (
            "Ba, Kiros & Hinton 2016, Layer Normalization",
            "Xiong et al. 2020, On Layer Normalization in the Transformer Architecture",
        ),
    ),
    "rmsnorm": OptionNote(
        "divides a token's channels by their root mean square; only a scale is learnt",
        "as good as LayerNorm in practice, with less work and half the parameters",
        "does not remove a common offset of the channels; not every runtime fuses it",
        ("Zhang & Sennrich 2019, Root Mean Square Layer Normalization",),
    ),
    "groupnorm": OptionNote(
        "LayerNorm within groups of channels (eight, as far as they divide the width), one token at a time",
        "groups of channels with different scales do not drown each other",
        "rare in language models; the extra reshapes cost time; no known gain in general",
        ("Wu & He 2018, Group Normalization",),
    ),
}

_QUANTIZATION_NOTES = {
    "fp16": OptionNote(
        "weights stored as 16-bit floating point",
        "half of fp32, practically without loss",
        "twice the size of int8; a CPU computes in fp32, so the gain is storage alone",
        ("Micikevicius et al. 2018, Mixed Precision Training",),
    ),
    "int8": OptionNote(
        "matrices rounded to 8-bit integers, with one scale per output channel",
        "about half of fp16 with little loss; runtimes with integer kernels are faster too",
        "channels with a few very large weights lose precision",
        (
            "Jacob et al. 2018, Quantization and Training of Neural Networks for Efficient "
            "Integer-Arithmetic-Only Inference",
            "Dettmers et al. 2022, LLM.int8(): 8-bit Matrix Multiplication for Transformers at Scale",
        ),
    ),
    "int4": OptionNote(
        "matrices rounded to 4-bit integers, two in a byte, with one scale for every 32 inputs",
        "little more than a quarter of fp16: a larger network fits into the same bytes",
        "plain rounding costs visible quality, most of all in small networks; few kernels are fast with it",
        (
            "Dettmers & Zettlemoyer 2023, The case for 4-bit precision: k-bit Inference Scaling Laws",
            "Frantar et al. 2023, GPTQ: Accurate Post-Training Quantization for Generative Pre-trained "
            "Transformers",
        ),
    ),
}

_PRUNING_METHOD_NOTES = {
    "magnitude": OptionNote(
        "sets the weights of smallest magnitude to zero, matrix by matrix",
        "keeps most quality at moderate ratios; stored as a bit mask and what is left, where smaller",
        "scattered zeros do not make dense kernels faster",
        (
            "Han et al. 2015, Learning both Weights and Connections for Efficient Neural Networks",
            "Zhu & Gupta 2018, To Prune, or Not to Prune: Exploring the Efficacy of Pruning for Model "
            "Compression",
        ),
    ),
    "structured": OptionNote(
        "removes whole hidden channels of the feed-forward networks, those of smallest magnitude",
        "what is left is a smaller dense network: less storage and less work on any runtime",
        "loses more quality than scattered pruning at the same ratio",
        (
            "Li et al. 2017, Pruning Filters for Efficient ConvNets",
            "Ma et al. 2023, LLM-Pruner: On the Structural Pruning of Large Language Models",
        ),
    ),
    "gradual": OptionNote(
        "sets more and more of the smallest weights to zero while it trains, or learns from a teacher",
        "the weights that stay learn to do without the others, which keeps quality at high ratios",
        "needs a training of its own, so the search tries fewer networks in the same time",
        (
            "Zhu & Gupta 2018, To Prune, or Not to Prune: Exploring the Efficacy of Pruning for Model "
            "Compression",
            "Sanh et al. 2020, Movement Pruning: Adaptive Sparsity by Fine-Tuning",
        ),
    ),
}

_TYING_NOTES = {
    "False": OptionNote(
        "embedding and head are two matrices",
        "each can fit its own purpose; the usual choice of large models",
        "vocab_size times hidden_dim weights twice, which in a small network is most of its size",
        ("Press & Wolf 2017, Using the Output Embedding to Improve Language Models",),
    ),
    "True": OptionNote(
        "the head uses the embedding's matrix",
        "saves vocab_size times hidden_dim weights; helps small networks and rare tokens",
        "one matrix serves two purposes, which can cost quality in wide networks; no fewer operations",
        (
            "Press & Wolf 2017, Using the Output Embedding to Improve Language Models",
            "Inan et al. 2017, Tying Word Vectors and Word Classifiers: A Loss Framework for Language "
            "Modeling",
        ),
    ),
}

#: Notes by choice and ``str(option)``.
NAMED_NOTES: Mapping[str, Mapping[str, OptionNote]] = MappingProxyType(
    {
        "architecture": MIXER_NOTES,
        "first_mixer": MIXER_NOTES,
        "second_mixer": MIXER_NOTES,
        "layer_mixer": MIXER_NOTES,
        "position": _POSITION_NOTES,
        "activation": _ACTIVATION_NOTES,
        "normalization": _NORMALIZATION_NOTES,
        "quantization": _QUANTIZATION_NOTES,
        "pruning_method": _PRUNING_METHOD_NOTES,
        "tie_embeddings": _TYING_NOTES,
    }
)
