"""One network, trained without a search: the same task, loop, compression and export."""

from pathlib import Path

from sugata.engines import Job, open_engine
from sugata.errors import RunFolderError, SugataError
from sugata.loop import trial_seed
from sugata.recipe import Recipe
from sugata.run.assembly import assemble, final_fidelity
from sugata.run.outside import finished_trial
from sugata.run.progress import Progress
from sugata.run.winners import export_trial
from sugata.spaces.describe import find
from sugata.trial import Proposal


def train_single(
    network: str, recipe: Recipe, to: Path, progress: Progress | None = None
) -> dict[str, float]:
    """Train one network for the recipe's final budget, export it, and score it once on test data.

    Args:
        network: a baseline's name, or an architecture.json.
        to: the folder to write; the checkpoint stays in ``to/training``.

    Returns:
        The test metrics.

    Raises:
        RunFolderError: the folder holds something already.
        SugataError: the training failed; says why.
    """
    progress = progress or Progress()
    if to.exists() and any(to.iterdir()):
        raise RunFolderError(f"{to}: is not empty; give another folder")
    space, architecture = find(network)
    assembly = assemble(recipe, space=space)
    assert assembly.networks is not None
    with progress:
        assembly.networks.task.prepare(
            {name: [value] for name, value in architecture.items()}, say=progress.say
        )
        proposal = Proposal(0, architecture, final_fidelity(recipe), origin="given")
        progress.say(f"training {network} for {recipe.final.amount:g} {recipe.final.unit}")
        seed = trial_seed(recipe.seed, space.training_key(architecture))
        with open_engine(assembly.evaluator, workers=1, warn=progress.say) as engine:
            engine.submit(Job(proposal, seed, to / "training"))
            trial = finished_trial(proposal, engine.wait()[0])
        if not trial.ok:
            raise SugataError(f"{network}: training ended as {trial.status}: {trial.reason}")
        progress.trial(trial, trial, assembly.objectives, name=network)
        export_trial(assembly, trial, to / "training", to)
        if not assembly.networks.task.tested:
            return {
                name: trial.metrics[name] for name in (one.name for one in assembly.networks.task.metrics)
            }
        scores: dict[str, float] = assembly.networks.score(to, architecture)["test"]
    return scores
