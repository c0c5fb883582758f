"""How good: evaluators behind one contract."""

from sugata.evaluators.base import Context, Evaluation, Evaluator

__all__ = ["Context", "Evaluation", "Evaluator"]
