"""Where evaluations run: worker processes on this machine, this very process, or a simulation."""

from sugata.engines.base import Engine, Job, Outcome
from sugata.engines.in_process import InProcessEngine
from sugata.engines.local import LocalEngine, open_engine
from sugata.engines.simulated import SimulatedEngine

__all__ = ["Engine", "InProcessEngine", "Job", "LocalEngine", "Outcome", "SimulatedEngine", "open_engine"]
