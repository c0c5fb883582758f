"""The first stage of a run with shared weights: the supernet, trained once or given."""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sugata.engines import Job
from sugata.errors import SugataError
from sugata.recipe_stages import SEARCHED, SupernetSection
from sugata.report.wording import duration
from sugata.run.assembly import Assembly, hardware, settings
from sugata.run.current import Run
from sugata.run.feasibility import Feasibility
from sugata.run.folder import SHARED_WEIGHTS, SUPERNET
from sugata.run.given import needs_supernet
from sugata.strategies import Start
from sugata.trial import SHARED, Fidelity, Proposal, Status

if TYPE_CHECKING:
    from sugata.oneshot import OneShot
    from sugata.oneshot.inherited import InheritedEvaluator
    from sugata.oneshot.stage import SupernetTraining

_STAGE = "supernet"


def share_weights(run: Run) -> None:
    """Train the supernet, or take the one that is given; from now on candidates are scored by it.

    Raises:
        SugataError: the training failed, or the given checkpoint is of another space.
    """
    section = run.assembly.recipe.supernet
    if section is None or not needs_supernet(run.assembly.recipe):
        return
    if not run.done(_STAGE):
        with run.stage(_STAGE) as left:
            given = run.assembly.recipe.stages.skip_train
            left |= {"file": str(Path(given).absolute())} if given else _trained(run)
    note = run.result.stages[_STAGE]
    run.assembly = _scored(run.assembly, section, run.folder / note["file"])
    if section.mode == "joint":
        derived = tuple(Start(architecture, "derived") for architecture in note["derived"])
        run.assembly = replace(run.assembly, derived=derived)


def check_shared(assembly: Assembly) -> None:
    """Make sure, before there is a run, that the method's options fit the space and the data.

    Raises:
        SugataError: they do not, such as a latency table of another machine.
    """
    section = assembly.recipe.supernet
    recipe = assembly.recipe
    if section is None or not needs_supernet(recipe) or recipe.stages.skip_train is not None:
        return
    assert assembly.task is not None
    drawn = assembly.space.sample(np.random.default_rng(recipe.seed))
    _method(assembly, section).check(assembly.space, assembly.task.signature(drawn))


def given_weights(run: Run, proposal: Proposal) -> Path | None:
    """The folder of a checkpoint that takes the place of a winner's training; None where it is trained."""
    given = run.assembly.recipe.stages.skip_retrain
    if given is None:
        return None
    if given == SEARCHED:
        trial = next(one for one in run.result.record.trials if one.number in proposal.parents)
        return run.result.weights_folder(trial)
    from sugata.training import CHECKPOINT, save_weights

    folder = run.folder / "given" / f"{proposal.number}"
    folder.mkdir(parents=True, exist_ok=True)
    if given != SHARED:
        shutil.copyfile(given, folder / CHECKPOINT)
        return folder
    scores = _evaluator(run.assembly).scores
    assert scores is not None, "the supernet is trained or given by now"
    space = run.assembly.space
    architecture = space.canonical(space.architecture(proposal.architecture))
    save_weights(folder / CHECKPOINT, scores.network(architecture))
    return folder


def _trained(run: Run) -> dict[str, Any]:
    """Train in a worker, which goes on from its last check when the run was interrupted."""
    recipe, section = run.assembly.recipe, run.assembly.recipe.supernet
    assert section is not None
    training = _training(run.assembly, section)
    folder = run.folder / SHARED_WEIGHTS
    run.progress.say(f"training a supernet of {run.assembly.space.name} by {section.method}, once for all")
    budget = Fidelity(0, _STAGE, section.amount, section.unit)
    with run.engine(training, alone=True) as engine:
        engine.progress = partial(_shown, run)
        engine.submit(Job(Proposal(SUPERNET, {}, budget, origin=_STAGE), recipe.seed, folder))
        outcomes = engine.wait(1.0)
        while not outcomes:
            outcomes = engine.wait(1.0)
    evaluation = outcomes[0].evaluation
    if evaluation.status is not Status.COMPLETED:
        raise SugataError(
            f"{folder}: the supernet's training ended as {evaluation.status}: {evaluation.reason}; see its"
            " log.txt"
        )
    from sugata.oneshot.stage import CHECKPOINT

    run.progress.say(f"the supernet is trained, {duration(outcomes[0].seconds)}")
    return {"file": f"{SHARED_WEIGHTS}/{CHECKPOINT}", **evaluation.details}


def _shown(run: Run, number: int, share: float, loss: float) -> None:
    run.progress.now(f"supernet: {share:.0%}, loss {loss:.3f}")


def _training(assembly: Assembly, section: SupernetSection) -> "SupernetTraining":
    from sugata.oneshot.stage import SupernetTraining

    assert assembly.task is not None
    training = _evaluator(assembly).training
    return SupernetTraining(
        assembly.space,
        assembly.task,
        _method(assembly, section),
        network=section.network,
        start=None if section.start is None else Path(section.start).absolute(),
        derived=section.derived if section.mode == "joint" else 0,
        feasible=partial(Feasibility, assembly.space, training, assembly.objectives.limits),
        hardware=hardware(assembly.recipe),
    )


def _method(assembly: Assembly, section: SupernetSection) -> "OneShot":
    """The method, with what the recipe says of its training."""
    from sugata.oneshot import Elastic, SupernetSettings
    from sugata.oneshot.catalogue import method_class

    names = ("batch_size", "learning_rate", "momentum", "weight_decay", "clip", "precision")
    given = {name: value for name in names if (value := getattr(section, name)) is not None}
    kind = method_class(section.method)
    if issubclass(kind, Elastic):
        training = replace(settings(assembly.recipe), **given)
        amount, unit = (section.amount, section.unit)
        if unit == "epochs":
            amount, unit = _steps(assembly, section.amount, training.batch_size), "steps"
        budget = Fidelity(amount=amount, unit=unit)
        return kind(training, budget, checks=section.checks, **section.options)
    chosen = SupernetSettings(checks=section.checks, **given)
    steps = int(section.amount)
    if section.unit == "epochs":
        steps = _steps(assembly, section.amount, chosen.batch_size)
    return kind(replace(chosen, steps=steps), **section.options)  # type: ignore[call-arg]


def _steps(assembly: Assembly, epochs: float, batch_size: int) -> int:
    assert assembly.task is not None
    drawn = assembly.space.sample(np.random.default_rng(assembly.recipe.seed))
    return max(1, round(epochs * assembly.task.epoch_size(drawn) / batch_size))


def _scored(assembly: Assembly, section: SupernetSection, weights: Path) -> Assembly:
    """The assembly whose candidates are scored by these weights.

    Raises:
        RunFolderError: no such file, or the weights of another space.
    """
    from sugata.oneshot import load_supernet

    assert assembly.task is not None
    untrained = section.model_copy(update={"start": None})  # all weights are loaded
    supernet = _training(assembly, untrained).supernet(assembly.recipe.seed)
    load_supernet(weights, supernet)
    recipe, task = assembly.recipe, assembly.recipe.task
    limit = None
    if task is not None:
        given = task.evaluation_bytes if task.kind == "code" else None
        given = task.evaluation_images if task.kind == "image" else given
        limit = None if given is None else int(given)
    scores = supernet.evaluator(assembly.task, limit)
    scores.calibration, scores.fine_tuning = section.calibration, section.fine_tuning
    training = settings(recipe)
    if section.fine_tuning_rate is not None:
        training = replace(training, learning_rate=section.fine_tuning_rate)
    scores.training = replace(training, evaluations=0)
    return replace(assembly, evaluator=_evaluator(assembly).scored_by(scores))


def _evaluator(assembly: Assembly) -> "InheritedEvaluator":
    from sugata.oneshot.inherited import InheritedEvaluator

    assert isinstance(assembly.evaluator, InheritedEvaluator)
    return assembly.evaluator
