"""What better means: metrics by the names that users of AutoKeras and scikit-learn write."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sugata.errors import RecipeError

if TYPE_CHECKING:
    from sugata.tasks import PreparedTask

_COSTS = ("parameters", "size_bytes", "flops", "latency_ms")
_OTHER_NAMES = {
    "acc": "accuracy",
    "auc": "roc_auc",
    "log_loss": "cross_entropy",
    "mse": "root_mean_squared_error",
    "mean_squared_error": "root_mean_squared_error",
    "rmse": "root_mean_squared_error",
    "mae": "mean_absolute_error",
    "size": "size_bytes",
    "latency": "latency_ms",
}
_FEW = 2000  # validation rows below which the likelihood compares candidates better than the share of hits


def metric_names(
    objective: str | Sequence[str] | None, task: "PreparedTask", validation: int
) -> tuple[str, ...]:
    """The metrics that candidates are compared by, the primary one first.

    Args:
        objective: names such as ``val_accuracy``, ``accuracy``, ``loss``, ``latency_ms``; None: on few
            validation rows the loss, which tells more of each row than whether it is right, else the task's
            primary metric.
        validation: rows.

    Raises:
        RecipeError: a metric that is not measured.
    """
    measured = [metric.name for metric in task.metrics]
    if objective is None:
        return (_loss(measured) if validation < _FEW else task.primary.name,)
    given = [objective] if isinstance(objective, str) else list(objective)
    if not given:
        raise RecipeError("objective is empty; name a metric, such as 'accuracy'")
    return tuple(_known(name, measured) for name in given)


def _known(name: str, measured: Sequence[str]) -> str:
    plain = str(name).removeprefix("val_")
    if plain == "loss":
        return _loss(measured)
    found = _OTHER_NAMES.get(plain, plain)
    if found not in (*measured, *_COSTS):
        known = dict.fromkeys((*measured, "loss", *_COSTS))
        raise RecipeError(f"objective {name!r} is not measured; use {', '.join(known)}")
    return found


def _loss(measured: Sequence[str]) -> str:
    """The metric that is the loss: of several heads their sum."""
    return next(name for name in ("loss", "cross_entropy", "root_mean_squared_error") if name in measured)
