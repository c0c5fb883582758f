"""Choices of how a network is trained, beside those of what it is."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sugata.spaces.blocks.fields import Field, Settled, settle

#: Settings of the training loop that may be searched with the network.
FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        field.name: field
        for field in (
            Field("learning_rate", (0.001, 0.002, 0.004, 0.008), 0.004, "number", description="at its peak"),
            Field("weight_decay", (0.01, 0.1, 0.3), 0.1, "number", description="of matrices"),
            Field("batch_size", (32, 64, 128, 256), 64, description="examples of a step"),
            Field("optimizer", ("adamw", "sgd"), "adamw", "name", description="what takes the steps"),
        )
    }
)


def fields_of(given: Mapping[str, Any]) -> tuple[Field, ...]:
    """Those fields that are given; what is not given is left to the run's settings."""
    return tuple(field for name, field in FIELDS.items() if name in given)


def settled_training(given: Mapping[str, Any]) -> Settled:
    """Which settings are fixed and which are searched.

    Raises:
        InvalidArchitecture: a setting is unknown, or a value is wrong.
    """
    fields = fields_of(given) if given.keys() <= FIELDS.keys() else tuple(FIELDS.values())
    return settle("training", fields, given)
