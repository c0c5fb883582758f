"""Which method for whom: space, strategy and evaluator for a task, data and a budget, with the reasons."""

from sugata.advice.advise import KINDS, advise
from sugata.advice.measured import Measured
from sugata.advice.plans import Advice, Plan

__all__ = ["KINDS", "Advice", "Measured", "Plan", "advise"]
