"""Language models whose every layer chooses its own token mixer and FFN width."""

import math
from collections.abc import Mapping, Sequence

from sugata.space import Choice, Constraint
from sugata.spaces.language import choices as language_choices
from sugata.spaces.language.presets import WITH_HEADS
from sugata.spaces.language.space import LanguageSpace
from sugata.trial import Value


class HybridLanguageSpace(LanguageSpace):
    """The preset ``hybrid``: ``layer_1_mixer``, ``layer_1_ffn``, ``layer_2_mixer`` and so on.

    Args:
        options: other options for some choices; ``layer_mixer`` and ``layer_ffn`` are those of every layer.
    """

    def __init__(self, options: Mapping[str, Sequence[Value]] | None = None) -> None:
        super().__init__("hybrid", options)
        self.parameters = {"options": self.parameters["options"]}

    def _choices(self) -> tuple[tuple[Choice, ...], tuple[Constraint, ...]]:
        return language_choices.per_layer(self.options)

    def layers(self, architecture: Mapping[str, Value]) -> list[tuple[str, float]]:
        """Token mixer and FFN multiplier of every layer, first to last."""
        return [
            (str(architecture[f"layer_{i}_mixer"]), float(architecture[f"layer_{i}_ffn"]))
            for i in range(1, int(architecture["num_layers"]) + 1)
        ]

    def distinct(self) -> int:
        """How many different networks there are.

        Heads and position always apply as choices, but are inert in a network without a layer that has heads,
        and so is the activation where all layers are RWKV: such networks are counted once.
        """
        of = self.options
        sizes = [
            (dim, heads, p) for dim in of["hidden_dim"] for heads in of["num_heads"] for p in of["position"]
        ]
        fitting = [size for size in sizes if self._fits(*size)]
        widths = len({hidden_dim for hidden_dim, _, _ in fitting})
        headless = set(of["layer_mixer"]) - WITH_HEADS
        networks = 0
        for depth in of["num_layers"]:
            ffns = len(of["layer_ffn"]) ** int(depth)
            every = len(of["layer_mixer"]) ** int(depth) * ffns
            without_heads = len(headless) ** int(depth) * ffns
            rwkv_alone = ffns if "rwkv" in headless else 0
            active = (every - without_heads) * len(fitting) + (without_heads - rwkv_alone) * widths
            networks += active * len(of["activation"]) + rwkv_alone * widths
        prunings = sum(len(of["pruning_method"]) if ratio else 1 for ratio in of["pruning_ratio"])
        free = ("normalization", "vocab_size", "tie_embeddings", "quantization")
        return networks * prunings * math.prod(len(of[name]) for name in free)

    def _fits(self, hidden_dim: Value, num_heads: Value, position: Value) -> bool:
        values = {"hidden_dim": hidden_dim, "num_heads": num_heads, "position": position}
        return all(rule.holds(*(values[name] for name in rule.choices)) for rule in self.constraints)
