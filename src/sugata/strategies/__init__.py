"""How to look: search strategies behind one contract."""

from sugata.strategies.base import Strategy
from sugata.strategies.catalogue import STRATEGIES, Option, options, strategy_class
from sugata.strategies.evolution import Evolution
from sugata.strategies.funnel import CLASSIFICATION, LANGUAGE, Funnel, Rung
from sugata.strategies.random import RandomSearch

__all__ = [
    "CLASSIFICATION",
    "LANGUAGE",
    "STRATEGIES",
    "Evolution",
    "Funnel",
    "Option",
    "RandomSearch",
    "Rung",
    "Strategy",
    "options",
    "strategy_class",
]
