"""How to look: search strategies behind one contract."""

from sugata.options import Option
from sugata.strategies.asha import Asha
from sugata.strategies.base import Start, Strategy
from sugata.strategies.catalogue import STRATEGIES, options, strategy_class
from sugata.strategies.evolution import Evolution
from sugata.strategies.funnel import CLASSIFICATION, LANGUAGE, Funnel, Rung
from sugata.strategies.halving import Hyperband, SuccessiveHalving
from sugata.strategies.listed import Listed
from sugata.strategies.progressive import Progressive, shared_out
from sugata.strategies.random import RandomSearch

__all__ = [
    "CLASSIFICATION",
    "LANGUAGE",
    "STRATEGIES",
    "Asha",
    "Evolution",
    "Funnel",
    "Hyperband",
    "Listed",
    "Option",
    "Progressive",
    "RandomSearch",
    "Rung",
    "Start",
    "Strategy",
    "SuccessiveHalving",
    "options",
    "shared_out",
    "strategy_class",
]
