"""One point of a search space."""

import json
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from sugata.trial import Value


class Architecture(Mapping[str, Value]):
    """The values of all choices that apply: frozen, hashable, JSON in and out.

    Made by a search space (``space.architecture(values)``, ``space.sample(rng)``), which vouches for it.
    """

    __slots__ = ("_hash", "_values", "space")

    def __init__(self, space: str, values: Mapping[str, Value]) -> None:
        self.space = space
        self._values = dict(values)
        self._hash: int | None = None  # computed when first asked for

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def keys(self) -> KeysView[str]:
        """The names of the choices that apply."""
        return self._values.keys()  # the dictionary's own views are many times faster than a Mapping's

    def values(self) -> ValuesView[Value]:
        """Their values."""
        return self._values.values()

    def items(self) -> ItemsView[str, Value]:
        """Names and values."""
        return self._values.items()

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.space, frozenset(self._values.items())))
        return self._hash

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Architecture):
            return self.space == other.space and self._values == other._values
        return isinstance(other, Mapping) and self._values == dict(other)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self._values.items())
        return f"Architecture({self.space}: {values})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Architecture, (self.space, self._values)

    def to_json(self) -> str:
        """The architecture as one JSON object, ``{"space": ..., "choices": {...}}``."""
        return json.dumps({"space": self.space, "choices": self._values})

    @classmethod
    def from_json(cls, text: str) -> "Architecture":
        """Read what :meth:`to_json` wrote; the space is not asked whether it is valid."""
        data = json.loads(text)
        return cls(data["space"], data["choices"])
