"""A user's own function as an evaluator."""

import hashlib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sugata.errors import TaskError
from sugata.evaluators.base import Context, Evaluation, Evaluator
from sugata.trial import Metric, Proposal, Status


class FunctionEvaluator(Evaluator):
    """Calls ``evaluate(architecture)`` and takes what it returns as metrics.

    The architecture is a plain dictionary of the choices. A function with a parameter named ``context`` is
    also given the trial's context (seed, folder, ``report``). It returns the first metric as a number, or a
    dictionary with at least all of them; what else the dictionary has is kept if it is a number.
    """

    def __init__(self, function: Callable[..., Any] | str, metrics: Sequence[Metric]) -> None:
        """Take the function, or find it.

        Args:
            function: the function, or ``module:name``.
            metrics: what it measures, the primary one first.

        Raises:
            TaskError: there is no such function, or it cannot be called with an architecture.
        """
        if not metrics:
            raise TaskError("evaluate: no metric is named; say what the function returns, such as accuracy")
        self.metrics = tuple(metrics)
        self.function = find_function(function) if isinstance(function, str) else function
        self._wants_context = _wants_context(self.function)

    def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
        """Call the function.

        Raises:
            TaskError: it returns something else than its metrics.
        """
        architecture = dict(proposal.architecture)
        if not self._wants_context:
            return Evaluation(Status.COMPLETED, self._metrics(self.function(architecture)))
        watched = _WatchedContext(context)
        metrics = self._metrics(self.function(architecture, context=watched))
        return Evaluation(Status.STOPPED if watched.stopped else Status.COMPLETED, metrics)

    def fingerprint(self) -> str:
        """Changes with the function's source and the metrics; not with what the function calls."""
        try:
            source = inspect.getsource(self.function)
        except (OSError, TypeError):
            source = getattr(self.function, "__qualname__", type(self.function).__qualname__)
        return hashlib.sha256(repr((source, self.metrics)).encode()).hexdigest()[:16]

    def _metrics(self, returned: object) -> dict[str, float]:
        number = _number(returned)
        metrics: Mapping[Any, Any]
        if number is not None:
            metrics = {self.metrics[0].name: number}
        elif isinstance(returned, Mapping):
            metrics = returned
        else:
            raise TaskError(
                f"evaluate returned {_shown(returned)}; return the {self.metrics[0].name} as a number, or a"
                " dictionary of metrics"
            )
        for metric in self.metrics:
            if metric.name not in metrics:
                raise TaskError(
                    f"evaluate returned no {metric.name!r}, only {', '.join(map(str, metrics)) or 'nothing'};"
                    f" return a dictionary with {', '.join(metric.name for metric in self.metrics)}"
                )
            if _number(metrics[metric.name]) is None:
                raise TaskError(
                    f"evaluate returned {metric.name}={_shown(metrics[metric.name])}; return a number"
                )
        numbers = {str(name): _number(value) for name, value in metrics.items()}
        return {name: value for name, value in numbers.items() if value is not None}


@dataclass
class _WatchedContext:
    """A context that remembers whether the evaluation was asked to stop early."""

    inner: Context
    stopped: bool = False

    def report(self, step: float, value: float) -> bool:
        """Pass the report on."""
        go_on = self.inner.report(step, value)
        self.stopped = self.stopped or not go_on
        return go_on

    def __getattr__(self, name: str) -> Any:
        if name == "inner":  # not yet there while being unpickled
            raise AttributeError(name)
        return getattr(self.inner, name)


def _number(value: object) -> float | None:
    """The value as a number: also numpy's and torch's scalars, but no truth value and no text."""
    if isinstance(value, bool | str | bytes) or not hasattr(value, "__float__"):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):  # an array of several
        return None


def _shown(value: object) -> str:
    text = repr(value).replace("\n", " ")
    return text if len(text) <= 60 else f"{text[:57]}..."


def _wants_context(function: Callable[..., Any]) -> bool:
    if not callable(function):
        raise TaskError(f"evaluate={_shown(function)} is no function; give a function or 'module:name'")
    try:
        parameters = inspect.signature(function).parameters
    except (ValueError, TypeError):  # some functions written in C do not say
        return False
    positional = [p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    variable = any(p.kind is p.VAR_POSITIONAL for p in parameters.values())
    if not variable and not [p for p in positional if p.name != "context"]:
        name = getattr(function, "__name__", "evaluate")
        raise TaskError(f"evaluate: {name} takes no architecture; define it as {name}(architecture)")
    return "context" in parameters


def find_function(name: str) -> Any:
    """What ``module:name`` stands for, the working folder included.

    Raises:
        TaskError: it cannot be imported.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise TaskError(f"evaluate={name!r} names no function; write it as module:name")
    if os.getcwd() not in sys.path:  # as `python` itself would; installed commands do not have it there
        sys.path.append(os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
    except ImportError as error:
        raise TaskError(f"evaluate={name!r}: module {module_name} cannot be imported ({error})") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise TaskError(f"evaluate={name!r}: module {module_name} has no {attribute}")
        found = getattr(found, part)
    return found
