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


def refit(run: Run) -> None:
    """Train the winner from scratch on all rows, as `final.refit` says.

    Its schedule covers the steps of the weights that validation has chosen, more by as much as there are more
    rows: the same number of passes.
    """
    section, assembly = run.assembly.recipe.final.refit, run.assembly
    if section is None:
        return
    result, final = run.result, assembly.final
    assert final is not None
    assert isinstance(final.networks, BlockNetworks)
    winner, networks = result.finals[0], final.networks.on_all_rows()
    architecture = networks.space.architecture(winner.proposal.architecture)
    number = winner.number - FIRST_FINAL
    before = checkpoints_of(trial_folder(run.folder / FINAL, number))
    rows = networks.task.epoch_size(architecture)
    trained = (
        final.networks.task.epoch_size(architecture) if len(before) == 1 else rows * (1 - 1 / len(before))
    )
    more = rows / trained
    steps, seconds = (fmean(one) for one in zip(*map(spent_on_weights, before), strict=True))
    if section.seconds is not None and more * seconds > section.seconds:
        run.progress.say(
            f"no time is left to train on validation rows as well, about {duration(more * seconds)}"
        )
        return
    budget = Fidelity(len(assembly.recipe.funnel), REFIT, max(1, round(more * steps)), "steps")
    proposal = Proposal(FIRST_REFIT + number, architecture, budget, origin=REFIT, parents=(winner.number,))
    training = replace(settings(assembly.recipe, assembly.recipe.final_training), evaluations=0, patience=0)
    evaluator = TrainingEvaluator(
        networks, training, ladder=(budget,), hardware=hardware(assembly.recipe), logger="none"
    )
    item = Outside(REFIT, f"trial {number}", proposal, trial_folder(run.folder / REFIT, number))
    with run.engine(evaluator, alone=True) as engine:
        evaluate_outside(run, engine, [item], "training on all rows")
