"""How good: evaluators behind one contract. The one that trains needs torch: `sugata.evaluators.training`."""

from sugata.evaluators.base import Context, Evaluation, Evaluator
from sugata.evaluators.function import FunctionEvaluator

__all__ = ["Context", "Evaluation", "Evaluator", "FunctionEvaluator"]
