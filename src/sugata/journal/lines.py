"""Values, proposals and trials as JSON, and back."""

import json
import math
import os
from collections.abc import Mapping
from typing import Any

from sugata.trial import Fidelity, Proposal, Status, Trial

_encode = json.JSONEncoder(allow_nan=False).encode


def dumps(value: Any) -> str:
    """One line of JSON; numpy and torch values become lists and numbers.

    Raises:
        TypeError: something JSON cannot hold.
    """
    try:
        return _encode(value)  # nearly everything is plain already
    except (TypeError, ValueError):
        return _encode(_plain(value))


def loads(text: str | bytes) -> Any:
    """Read what :func:`dumps` wrote.

    Raises:
        ValueError: not JSON.
    """
    return json.loads(text, object_hook=_special_float)


def trial_to_data(trial: Trial) -> dict[str, Any]:
    """A trial with its proposal as JSON values, for a note about a trial that is not the strategy's."""
    return {"proposal": proposal_line(trial.proposal), "trial": trial_line(trial)}


def trial_from_data(data: Mapping[str, Any]) -> Trial:
    """Read what :func:`trial_to_data` made.

    Raises:
        KeyError: something is missing.
    """
    return trial_from_line(data["trial"], proposal_from_line(data["proposal"]))


def proposal_line(proposal: Proposal) -> dict[str, Any]:
    """A proposal as an ``ask`` line holds it."""
    data: dict[str, Any] = {
        "number": proposal.number,
        "architecture": dict(proposal.architecture),
        "fidelity": dict(vars(proposal.fidelity)),
        "origin": proposal.origin,
    }
    if proposal.continues is not None:
        data["continues"] = proposal.continues
    if proposal.parents:
        data["parents"] = proposal.parents
    return data


def proposal_from_line(data: Mapping[str, Any]) -> Proposal:
    """Read what :func:`proposal_line` made."""
    return Proposal(
        number=int(data["number"]),
        architecture=dict(data["architecture"]),
        fidelity=Fidelity(**data["fidelity"]),
        continues=data.get("continues"),
        origin=data["origin"],
        parents=tuple(data.get("parents", ())),
    )


def trial_line(trial: Trial) -> dict[str, Any]:
    """A trial as a ``tell`` line holds it: without its proposal, which has a line of its own."""
    data: dict[str, Any] = {
        "number": trial.number,
        "status": trial.status.value,
        "metrics": dict(trial.metrics),
        "seconds": trial.seconds,
    }
    optional = {
        "reason": trial.reason,
        "curve": trial.curve,
        "cached": trial.cached,
        "details": trial.details,
    }
    return data | {name: value for name, value in optional.items() if value}


def trial_from_line(data: Mapping[str, Any], proposal: Proposal) -> Trial:
    """Read what :func:`trial_line` made of a trial of that proposal."""
    return Trial(
        proposal=proposal,
        status=Status(data["status"]),
        metrics=dict(data["metrics"]),
        reason=data.get("reason", ""),
        seconds=data["seconds"],
        curve=tuple((step, value) for step, value in data.get("curve", ())),
        cached=data.get("cached", False),
        details=dict(data.get("details", {})),
    )


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"$float": str(float(value))}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON: {value!r}")


def _special_float(data: dict[str, Any]) -> Any:
    return float(data["$float"]) if data.keys() == {"$float"} else data
