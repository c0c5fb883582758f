"""What an elastic supernet has worked out for architectures: kept while it is used, never sent or copied."""

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

_MOST = 512  # a plan has modules without storage, which take longer to make than to run

Key = TypeVar("Key", bound=Hashable)
Plan = TypeVar("Plan")


class Plans(Generic[Key, Plan]):
    """The plans of the last architectures. They refer to the supernet's own tensors: a copy begins empty."""

    def __init__(self) -> None:
        self._made: dict[Key, Plan] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"_made": {}}

    def get(self, key: Key, make: Callable[[], Plan]) -> Plan:
        """The plan of this key, made where there is none."""
        if key not in self._made:
            if len(self._made) >= _MOST:
                self._made.pop(next(iter(self._made)))
            self._made[key] = make()
        return self._made[key]
