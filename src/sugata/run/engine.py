"""The engine that a recipe names."""

from sugata.engines import Engine, RayEngine, open_engine, ray_cluster
from sugata.evaluators import Evaluator
from sugata.recipe import EngineSection
from sugata.run.progress import Progress


def check_engine(section: EngineSection) -> None:
    """Say before anything is done that there is no such engine here.

    Raises:
        TaskError: Ray is not installed, or no cluster answers.
    """
    if section.kind == "ray":
        ray_cluster.check(section.address)


def engine_of(section: EngineSection, evaluator: Evaluator, progress: Progress) -> Engine:
    """Start the engine, or connect to its cluster.

    Raises:
        TaskError: it cannot run the evaluator.
    """
    memory = None if section.memory is None else int(section.memory)
    if section.kind == "ray":
        progress.now("connecting to Ray" if section.address else "starting Ray, which takes about 10 seconds")
        return RayEngine(
            evaluator,
            section.workers,
            address=section.address,
            cpus=section.cpus,
            gpus=section.gpus,
            memory=memory,
            timeout=section.timeout,
            say=progress.say,
        )
    progress.now("starting workers")
    return open_engine(evaluator, section.workers, timeout=section.timeout, memory=memory, warn=progress.say)
