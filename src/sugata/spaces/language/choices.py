"""The choices of the language spaces: when each applies and what may not be combined.

They are listed so that what is linked stands together (mixer, position, heads, width; layers and their FFN;
vocabulary and tying; storage): a one-point crossover then hands on whole groups.
"""

from collections.abc import Sequence
from functools import partial

from sugata.space import Choice, Condition, Constraint
from sugata.spaces.language.notes import DESCRIPTIONS, note
from sugata.spaces.language.presets import DEFAULTS, WITH_HEADS, Options
from sugata.trial import Value

# Conditions and constraints are module-level functions, not lambdas: spaces travel to worker processes.


def _has_heads(architecture: Value, first: Value | None = None, second: Value | None = None) -> bool:
    return bool({architecture, first, second} & WITH_HEADS)


def _is_hybrid(architecture: Value) -> bool:
    return architecture == "hybrid"


def _not_rwkv(architecture: Value) -> bool:
    return architecture != "rwkv"


def _positive(value: float) -> bool:
    return value > 0


def _at_least(minimum: int, value: int) -> bool:
    return value >= minimum


def _differ(first: Value, second: Value) -> bool:
    return first != second


def _divides(hidden_dim: int, num_heads: int) -> bool:
    return hidden_dim % num_heads == 0


def _rope_fits(hidden_dim: int, num_heads: int, position: Value) -> bool:
    return position != "rope" or hidden_dim // num_heads % 2 == 0


_HEADS_DIVIDE = Constraint(
    ("hidden_dim", "num_heads"), _divides, "hidden_dim must be a multiple of num_heads; change one of them"
)
_ROPE_EVEN = Constraint(
    ("hidden_dim", "num_heads", "position"),
    _rope_fits,
    "rope needs an even number of channels in a head; choose other num_heads or another position",
)
_MIXERS_DIFFER = Constraint(
    ("first_mixer", "second_mixer"), _differ, "a hybrid alternates two different mixers; change one of them"
)

_PRUNED = Condition(("pruning_ratio",), _positive, "pruning_ratio > 0")


def uniform(options: Options) -> tuple[tuple[Choice, ...], tuple[Constraint, ...]]:
    """Choices and constraints of a space whose layers are all alike, or alternate between two mixers."""
    alternates = "first_mixer" in options
    mixers = ("architecture", "first_mixer", "second_mixer") if alternates else ("architecture",)
    heads = Condition(mixers, _has_heads, "a layer has attention heads")
    hybrid = Condition(("architecture",), _is_hybrid, "architecture = hybrid")
    conditions = {
        "first_mixer": hybrid,
        "second_mixer": hybrid,
        "position": heads,
        "num_heads": heads,
        # The two mixers of a hybrid differ, so it has a layer that is not RWKV.
        "activation": Condition(("architecture",), _not_rwkv, "a layer is not rwkv"),
        "pruning_method": _PRUNED,
    }
    choices = tuple(_choice(name, name, values, conditions.get(name)) for name, values in options.items())
    constraints = (_HEADS_DIVIDE, _ROPE_EVEN) + ((_MIXERS_DIFFER,) if alternates else ())
    return choices, constraints


def per_layer(options: Options) -> tuple[tuple[Choice, ...], tuple[Constraint, ...]]:
    """Choices and constraints of a space in which every layer chooses its own mixer and FFN width.

    Heads and position always apply here, although a network of Mamba and RWKV layers alone ignores them:
    their condition would link all layers, and the space could no longer be counted exactly.
    """
    depths = [int(depth) for depth in options["num_layers"]]
    choices: list[Choice] = []
    for name, values in options.items():
        if name == "layer_ffn":
            continue  # stands beside its layer's mixer
        if name != "layer_mixer":
            choices.append(_choice(name, name, values, _PRUNED if name == "pruning_method" else None))
            continue
        for layer in range(1, max(depths) + 1):
            when = None
            if layer > min(depths):
                when = Condition(("num_layers",), partial(_at_least, layer), f"num_layers >= {layer}")
            choices.append(_choice(f"layer_{layer}_mixer", "layer_mixer", values, when))
            choices.append(_choice(f"layer_{layer}_ffn", "layer_ffn", options["layer_ffn"], when))
    return tuple(choices), (_HEADS_DIVIDE, _ROPE_EVEN)


def _choice(name: str, kind: str, options: Sequence[Value], when: Condition | None) -> Choice:
    default = DEFAULTS.get(kind)
    return Choice(
        name,
        tuple(options),
        ordered=len(options) > 1 and all(_is_number(option) for option in options),
        default=default if default in options else None,
        when=when,
        description=DESCRIPTIONS[kind],
        notes={str(option): note(kind, option) for option in options},
    )


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
