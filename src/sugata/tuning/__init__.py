"""Hyper-parameter optimization around a run: any fields of any recipe, with Optuna."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sugata.tuning.loop import resume, tune
    from sugata.tuning.study import Study
    from sugata.tuning.summary import Summary

# What needs Optuna is loaded when it is first used: the process of a trial has no use for it.
_HEAVY = {"Study": "study", "Summary": "summary", "resume": "loop", "tune": "loop"}

__all__ = ["Study", "Summary", "resume", "tune"]


def __getattr__(name: str) -> Any:
    """Load what is first used."""
    if name in _HEAVY:
        return getattr(import_module(f"sugata.tuning.{_HEAVY[name]}"), name)
    raise AttributeError(f"module 'sugata.tuning' has no attribute {name!r}")
