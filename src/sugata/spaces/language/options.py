"""The options of a preset with some replaced by a user's own, checked before anything uses them."""

from collections.abc import Mapping, Sequence

from sugata.errors import InvalidArchitecture
from sugata.spaces.catalogue import unknown
from sugata.spaces.language.named_notes import NAMED_NOTES
from sugata.spaces.language.presets import PRESETS, Options
from sugata.trial import Value

_COUNTS = ("num_layers", "hidden_dim", "num_heads", "vocab_size")


def options_of(preset: str, own: Mapping[str, Sequence[Value]]) -> Options:
    """The preset's options; those of the choices in ``own`` replaced.

    Raises:
        InvalidArchitecture: the preset, a choice or an option is unknown or impossible.
    """
    if preset not in PRESETS:
        raise InvalidArchitecture(unknown("language space", preset, PRESETS))
    known = PRESETS[preset]
    for name, values in own.items():
        if name not in known:
            raise InvalidArchitecture(unknown(f"choice of language/{preset}", name, known))
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise InvalidArchitecture(f"language/{preset}: {name!r} is {values!r}; give a list of options")
        for option in values:
            remedy = _remedy(name, option, alternates="first_mixer" in known)
            if remedy:
                raise InvalidArchitecture(f"language/{preset}: {name!r} has option {option!r}; {remedy}")
    return {name: tuple(own.get(name, values)) for name, values in known.items()}


def _remedy(name: str, option: Value, alternates: bool) -> str:
    """What to give instead of an impossible option; empty where it is fine."""
    number = option if isinstance(option, int | float) and not isinstance(option, bool) else None
    if name == "tie_embeddings":
        return "" if isinstance(option, bool) else "use true or false"
    if name == "pruning_ratio":
        return "" if number is not None and 0 <= number < 1 else "use a number from 0 to below 1"
    if name in _COUNTS:
        return "" if isinstance(number, int) and number > 0 else "use a positive whole number"
    if name in NAMED_NOTES:
        names = [known for known in NAMED_NOTES[name] if known != "hybrid"]
        if name == "architecture" and alternates:
            names.append("hybrid")
        return "" if option in names else f"use one of {', '.join(names)}"
    return "" if number is not None and number > 0 else "use a positive number"
