"""Spaces and networks as plain data, ready for JSON or for a table on a terminal."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from sugata.errors import InvalidArchitecture, RecipeError
from sugata.space import Architecture, Choice, OptionNote, SearchSpace, Signature, image_signature
from sugata.spaces import catalogue
from sugata.spaces.baselines import baseline, baselines
from sugata.trial import Value


def summary(space: SearchSpace) -> dict[str, Any]:
    """What a space holds: its exact sizes, its choices, a sampled and the known architectures in it.

    ``raw``, ``valid`` and ``distinct`` are counts (``distinct`` is None where it is not counted),
    ``scientific`` the same as text such as ``3.58e+07``. The sample is always the same; its ``string`` is
    what ``find`` makes of it again, None where the space has no strings.
    """
    sampled = space.sample(np.random.default_rng(0))
    counts = {"raw": space.size(), "valid": space.valid(), "distinct": space.distinct()}
    return {
        "name": space.name,
        **counts,
        "scientific": {k: None if count is None else f"{count:.2e}" for k, count in counts.items()},
        "choices": [_choice(choice) for choice in space.choices],
        "sample": {"choices": dict(sampled), "string": string(space, sampled)},
        "baselines": [
            {"name": known.name, "description": known.description, "choices": dict(known.architecture)}
            for known in baselines(space)
        ],
    }


def explain(space: SearchSpace) -> dict[str, Any]:
    """Every choice with the notes on its options: what it is, what speaks for and against it, papers.

    ``notes`` has an entry for every option that is explained, by the option as text.
    """
    return {
        "name": space.name,
        "choices": [_choice(choice) | {"notes": _notes(choice)} for choice in space.choices],
        "constraints": [
            {"choices": list(constraint.choices), "remedy": constraint.remedy}
            for constraint in space.constraints
        ],
    }


def network(
    space: SearchSpace, architecture: Mapping[str, Value], signature: Signature | None = None
) -> dict[str, Any]:
    """One network: its choices, its blocks from top to bottom, and its parameters in total.

    Args:
        signature: of its task, where that is known.

    Raises:
        InvalidArchitecture: the architecture is not in the space.
    """
    valid = space.architecture(architecture)
    blocks = space.outline(valid, signature)
    return {
        "space": space.name,
        "choices": dict(valid),
        "blocks": [asdict(block) | {"output": list(block.output)} for block in blocks],
        "parameters": sum(block.parameters for block in blocks),
    }


def string(space: SearchSpace, architecture: Mapping[str, Value]) -> str | None:
    """What :func:`find` makes the architecture of, ``space:string``; None where the space has no strings."""
    try:
        return f"{space.name}:{space.to_string(architecture)}"
    except InvalidArchitecture:
        return None


def find(text: str) -> tuple[SearchSpace, Architecture]:
    """The network that a person means.

    Args:
        text: the path of an ``architecture.json``; the name of a baseline; or ``space:string``, the name of a
            space and a string of its own form, such as ``nasbench201:|nor_conv_3x3~0|+...``.

    Raises:
        RecipeError: there is neither, or the file is not an architecture.
        InvalidArchitecture: the architecture is not in its space.
    """
    path = Path(text)
    if path.suffix != ".json" and not _is_file(path):
        if ":" in text:
            name, _, form = text.partition(":")
            space = catalogue.space(name)
            return space, space.from_string(form)
        known = baseline(text)
        space = catalogue.space(known.space)
        return space, space.architecture(known.architecture)
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        if "compressed_from" in read:
            raise RecipeError(
                f"{text}: the model was compressed, so its layers are in no space; give the file of the one "
                "before, or save what is under 'compressed_from' as a file"
            )
        name, choices = read["space"], dict(read["choices"])
        parameters = dict(read.get("parameters", {}))
    except OSError as error:
        raise RecipeError(f"{text} cannot be read ({error.strerror}); give an architecture.json") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RecipeError(f"{text} is not an architecture; it needs 'space' and 'choices'") from error
    space = catalogue.space(name, **parameters)
    try:
        return space, space.architecture(choices)
    except InvalidArchitecture as error:
        raise InvalidArchitecture(f"{text}: {error}") from error


def signature_of(text: str) -> Signature | None:
    """What the network of an ``architecture.json`` takes and gives, where the file says so."""
    path = Path(text)
    if not _is_file(path):
        return None
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        if "signature" in read:
            return Signature.from_json(read["signature"])
        image = read["image"]
        channels, height, width = image["shape"]
        return image_signature(channels, height, width, image["outputs"])
    except (ValueError, KeyError, TypeError):
        return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for a file name, or not one at all
        return False


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "name": choice.name,
        "description": choice.description,
        "options": list(choice.options),
        "ordered": choice.ordered,
        "default": choice.default,
        "when": choice.when.text if choice.when else None,
    }


def _notes(choice: Choice) -> dict[str, dict[str, Any]]:
    return {option: _note(note) for option, note in choice.notes.items()}


def _note(note: OptionNote) -> dict[str, Any]:
    return {"what": note.what, "pro": note.pro, "contra": note.contra, "papers": list(note.papers)}
