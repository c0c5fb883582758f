"""After validation has decided: the winner trained once more, on validation rows as well."""

from dataclasses import replace
from statistics import fmean

from sugata.evaluators.blocks import BlockNetworks
from sugata.evaluators.folds import checkpoints_of
from sugata.evaluators.training import TrainingEvaluator
from sugata.report.wording import duration
from sugata.reuse import trial_folder
from sugata.run.assembly import hardware, settings
from sugata.run.current import Run
from sugata.run.folder import FINAL, FIRST_FINAL, FIRST_REFIT, REFIT
from sugata.run.outside import Outside, evaluate_outside
from sugata.training import spent_on_weights
from sugata.trial import Fidelity, Proposal

_LONGEST = 3.0  # times the training before, where that was too short


def refit(run: Run) -> None:
    """Train the winner from scratch on all rows, as `final.refit` says.

    Its schedule covers the steps of the weights that validation has chosen, more by as much as there are more
    rows: the same number of passes. Where those were the last weights, validation has not said what is
    enough, and more of the time that is given is taken.
    """
    section, assembly = run.assembly.recipe.final.refit, run.assembly
    if section is None:
        return
    final = assembly.final
    assert final is not None
    assert isinstance(final.networks, BlockNetworks)
    winner, networks = run.result.finals[0], final.networks.on_all_rows()
    architecture = networks.space.architecture(winner.proposal.architecture)
    number = winner.number - FIRST_FINAL
    before = [spent_on_weights(path) for path in checkpoints_of(trial_folder(run.folder / FINAL, number))]
    rows = networks.task.epoch_size(architecture)
    trained: float = final.networks.task.epoch_size(architecture)
    if len(before) > 1:  # each on all folds but one
        trained = rows * (1 - 1 / len(before))
    seconds = fmean(one.seconds for one in before) * rows / trained
    if section.seconds is not None and seconds > section.seconds:
        run.progress.say(f"no time is left to train on validation rows as well, about {duration(seconds)}")
        return
    steps = fmean(one.steps for one in before) * rows / trained
    if section.seconds is not None and all(one.share == 1 for one in before):
        steps *= min(_LONGEST, section.seconds / max(seconds, 1e-3))
    budget = Fidelity(len(assembly.recipe.funnel), REFIT, max(1, round(steps)), "steps")
    proposal = Proposal(FIRST_REFIT + number, architecture, budget, origin=REFIT, parents=(winner.number,))
    training = replace(settings(assembly.recipe, assembly.recipe.final_training), evaluations=0, patience=0)
    evaluator = TrainingEvaluator(
        networks, training, ladder=(budget,), hardware=hardware(assembly.recipe), logger="none"
    )
    item = Outside(REFIT, f"trial {number}", proposal, trial_folder(run.folder / REFIT, number))
    with run.engine(evaluator, alone=True) as engine:
        evaluate_outside(run, engine, [item], "training on all rows")
