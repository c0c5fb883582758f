"""How good: evaluators behind one contract. The one that trains needs torch: `sugata.evaluators.training`."""

from sugata.evaluators.base import Context, Evaluation, Evaluator
from sugata.evaluators.function import FunctionEvaluator
from sugata.evaluators.learning_curve import EarlyStop, Extrapolation, extrapolate
from sugata.evaluators.table import Table, TableEvaluator
from sugata.evaluators.tables import data_sets, read_table

__all__ = [
    "Context",
    "EarlyStop",
    "Evaluation",
    "Evaluator",
    "Extrapolation",
    "FunctionEvaluator",
    "Table",
    "TableEvaluator",
    "data_sets",
    "extrapolate",
    "read_table",
]
