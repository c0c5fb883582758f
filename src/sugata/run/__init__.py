"""A run: its stages over a folder, and what it holds afterwards."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sugata.run.folder import BEST, fresh, is_locked
from sugata.run.progress import Progress
from sugata.run.result import Result

if TYPE_CHECKING:
    from sugata.run.assembly import Assembly, assemble
    from sugata.run.reporting import report
    from sugata.run.stages import resume, start
    from sugata.run.winners import export_trial

# What needs torch is loaded when it is first used: `sugata status` must not wait for it.
_HEAVY = {
    "Assembly": "assembly",
    "assemble": "assembly",
    "export_trial": "winners",
    "report": "reporting",
    "resume": "stages",
    "start": "stages",
}

__all__ = [
    "BEST",
    "Assembly",
    "Progress",
    "Result",
    "assemble",
    "export_trial",
    "fresh",
    "is_locked",
    "report",
    "resume",
    "start",
]


def __getattr__(name: str) -> Any:
    """Load the stages when they are first used."""
    if name in _HEAVY:
        return getattr(import_module(f"sugata.run.{_HEAVY[name]}"), name)
    raise AttributeError(f"module 'sugata.run' has no attribute {name!r}")
