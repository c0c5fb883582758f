"""Where evaluations run: processes of this machine or a Ray cluster, this process, or a simulation."""

from sugata.engines.base import Engine, Job, Outcome
from sugata.engines.in_process import InProcessEngine
from sugata.engines.local import LocalEngine, open_engine
from sugata.engines.ray import RayEngine
from sugata.engines.simulated import SimulatedEngine

__all__ = [
    "Engine",
    "InProcessEngine",
    "Job",
    "LocalEngine",
    "Outcome",
    "RayEngine",
    "SimulatedEngine",
    "open_engine",
]
