"""How to look: search strategies behind one contract."""

from sugata.strategies.base import Strategy

__all__ = ["Strategy"]
