"""Whether the supernet ranks architectures as trainings of their own do: measured in every such run."""

import numpy as np

from sugata.errors import LimitError
from sugata.reuse import trial_folder
from sugata.run.assembly import fidelity, final_fidelity
from sugata.run.current import Run
from sugata.run.feasibility import Feasibility
from sugata.run.folder import FIRST_ALONE, FIRST_RANKED
from sugata.run.outside import Outside, evaluate_outside
from sugata.space import Architecture
from sugata.trial import SHARED, Fidelity, Proposal

SCORED, ALONE = "ranked_shared", "ranked_alone"
_DRAWS, _MOST_DRAWS = 77, 10_000


def rank_alone(run: Run) -> None:
    """Score random architectures by the supernet and train the same alone; the report compares the ranks.

    Not where an architecture is given: nothing was decided by the supernet's scores.
    """
    section = run.assembly.recipe.supernet
    given = run.assembly.recipe.stages.skip_search is not None
    if section is None or not section.ranked or given or run.done("ranking"):
        return
    with run.stage("ranking"), run.engine() as engine:
        drawn = _drawn(run, section.ranked, run.feasibility(engine))
        scored = [
            _outside(run, SCORED, FIRST_RANKED + i, one, Fidelity(0, SHARED, 1, SHARED))
            for i, one in enumerate(drawn)
        ]
        alone = [_outside(run, ALONE, FIRST_ALONE + i, one, _standalone(run)) for i, one in enumerate(drawn)]
        evaluate_outside(run, engine, scored, "scoring for the comparison of ranks")
        evaluate_outside(run, engine, alone, "training alone, to compare ranks")


def _drawn(run: Run, count: int, feasible: Feasibility) -> list[Architecture]:
    """Random architectures within the limits that train differently.

    Raises:
        LimitError: there are not so many among many draws.
    """
    space, rng = run.assembly.space, np.random.default_rng([run.assembly.recipe.seed, _DRAWS])
    found: dict[str, Architecture] = {}
    for _ in range(_MOST_DRAWS):
        architecture = space.sample(rng)
        key = space.training_key(architecture)
        if key not in found and feasible(architecture) is None:
            found[key] = architecture
            if len(found) == count:
                return list(found.values())
    raise LimitError(
        f"supernet.ranked is {count}; only {len(found)} random architectures of {space.name} meet the limits;"
        " give fewer"
    )


def _standalone(run: Run) -> Fidelity:
    """How an architecture is trained alone: as on the top rung, or as a winner where no rung trains."""
    rungs = run.assembly.recipe.funnel
    if rungs and rungs[-1].unit != SHARED:
        return fidelity(len(rungs) - 1, rungs[-1])
    return final_fidelity(run.assembly.recipe)


def _outside(run: Run, kind: str, number: int, architecture: Architecture, level: Fidelity) -> Outside:
    proposal = Proposal(number, architecture, level, origin="ranking")
    place = number - (FIRST_RANKED if kind == SCORED else FIRST_ALONE)
    return Outside(kind, f"random {place}", proposal, trial_folder(run.folder / kind, place))
