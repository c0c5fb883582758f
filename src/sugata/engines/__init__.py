"""Where evaluations run: worker processes on this machine, or this very process."""

from sugata.engines.base import Engine, Job, Outcome
from sugata.engines.in_process import InProcessEngine
from sugata.engines.local import LocalEngine, open_engine

__all__ = ["Engine", "InProcessEngine", "Job", "LocalEngine", "Outcome", "open_engine"]
