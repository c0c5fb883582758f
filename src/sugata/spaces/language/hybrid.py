"""Language models whose every layer chooses its own token mixer and FFN width."""

from collections.abc import Mapping, Sequence

from sugata.space import Choice, Constraint
from sugata.spaces.language import choices as language_choices
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

    def distinct(self) -> None:
        """Not counted: heads, position and activation are inert in some of the networks."""
        return
