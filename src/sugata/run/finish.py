"""After the search: winners and baselines trained in full, exported, and scored once on test data."""

from dataclasses import replace

from sugata import journal as journals
from sugata.engines import Engine
from sugata.errors import SugataError
from sugata.recipe_stages import SEARCHED
from sugata.report import draw_text
from sugata.reuse import trial_folder
from sugata.run.assembly import fidelity, final_fidelity
from sugata.run.current import Run
from sugata.run.folder import BEST, FINAL, FIRST_AS_SEARCHED, FIRST_BASELINE, FIRST_FINAL, LAST
from sugata.run.given import given_architecture
from sugata.run.outside import Outside, evaluate_outside
from sugata.run.supernet import given_weights
from sugata.space import Architecture
from sugata.trial import SHARED, Fidelity, Proposal, Trial


def finish(run: Run) -> None:
    """Train the winners in full beside the baselines, export, score once on test data."""
    from sugata.run.winners import export_finals  # needs torch

    if not run.done("train"):
        with run.stage("train") as left:
            _note_trained_baselines(run)
            _train(run)
            if run.assembly.recipe.final.refit is not None:
                from sugata.run.refit import refit  # needs torch

                refit(run)
            left |= {} if run.ships else {LAST: True}
    _drop_checkpoints(run)
    if not run.ships:
        return
    if not run.done("export"):
        with run.stage("export") as left:
            run.progress.say("exporting the winner to " + str(run.folder / BEST))
            left["folders"] = export_finals(run.assembly, run.result)
    if not run.done("test"):
        with run.stage("test") as left:
            winner = run.result.finals[0].proposal.architecture
            assert run.assembly.final is not None
            networks = run.assembly.final.networks
            if not networks.task.tested:
                run.progress.say("no test data were given: the winner's scores are those on validation data")
                return
            run.progress.say("scoring the winner once on test data, before and after export")
            left |= networks.score(run.folder / BEST, winner)


def _train(run: Run) -> None:
    """The winners as `final` says, the baselines as the candidates of the top rung were."""
    recipe, baselines = run.assembly.recipe, _baselines(run) if run.ships else []
    differs = recipe.final.data is not None or recipe.final.training
    if differs or recipe.stages.skip_retrain is not None:
        if baselines:
            with run.engine() as engine:
                evaluate_outside(run, engine, baselines)
        baselines = []
    finals = _finals(run)
    if recipe.show.model_summary:
        _summarize(run, finals)
    copied = recipe.stages.skip_retrain == SEARCHED  # nothing is trained again
    what = "keeping the network as the search has trained it" if copied else "training in full"
    with run.engine(run.assembly.final if differs else None, here=copied) as engine:
        evaluate_outside(run, engine, [*finals, *baselines], what)
        _train_substitutes(run, engine)


def _summarize(run: Run, finals: list[Outside]) -> None:
    """Layers and parameters of the winners."""
    assert run.assembly.final is not None
    space, task = run.assembly.space, run.assembly.final.networks.task
    for item in finals:
        architecture = item.proposal.architecture
        outline = space.outline(architecture, task.signature(architecture))
        run.progress.show(draw_text(outline, item.name))


def _finals(run: Run) -> list[Outside]:
    result, recipe = run.result, run.assembly.recipe
    given = given_architecture(run.assembly)
    if given is not None:
        return [_given(run, given)]
    front = result.front
    if not front:
        reasons = {trial.reason for trial in result.record.trials if trial.reason}
        why = f": {sorted(reasons)[0]}" if reasons else ""
        raise SugataError(
            f"{run.folder}: the search completed no trial on any rung{why}; see its trials/*/log.txt"
        )
    best = result.objectives.best(result.record.trials)  # not an earlier winner of a run that goes on
    first = [best, *front] if best else front
    top = recipe.final.top or len(front)
    return [_final(run, trial) for trial in _different(run, first)[:top]]


def _different(run: Run, first: list[Trial]) -> list[Trial]:
    """These trials, then the others of their rung from the best, each network once."""
    objectives, space = run.result.objectives, run.assembly.space
    others = objectives.ranked(objectives.candidates(run.result.record.trials))
    found: dict[str, Trial] = {}
    for trial in [*first, *others]:
        found.setdefault(space.deployment_key(trial.proposal.architecture), trial)
    return list(found.values())


def _final(run: Run, trial: Trial) -> Outside:
    """The full training of a trial's architecture, from scratch."""
    proposal = Proposal(
        FIRST_FINAL + trial.number,
        trial.proposal.architecture,
        final_fidelity(run.assembly.recipe),
        origin="final",
        parents=(trial.number,),
    )
    folder = trial_folder(run.folder / FINAL, trial.number)
    return Outside("final", f"trial {trial.number}", proposal, folder, given_weights(run, proposal))


def _given(run: Run, architecture: Architecture) -> Outside:
    """The full training of an architecture that is given, in place of a search's winner."""
    recipe = run.assembly.recipe
    proposal = Proposal(FIRST_FINAL, architecture, final_fidelity(recipe), origin="given")
    folder = trial_folder(run.folder / FINAL, 0)
    return Outside("final", str(recipe.stages.skip_search), proposal, folder, given_weights(run, proposal))


def _train_substitutes(run: Run, engine: Engine) -> None:
    """Where no full training succeeded, train the next best; where none paid, keep the search's network.

    More training can leave a worse model behind: weights that grew are rounded to the same few bits, or what
    was learned is noise.

    Raises:
        SugataError: none succeeded.
    """
    result = run.result
    candidates = result.objectives.candidates(result.record.trials)
    tried = {note.data["name"] for note in result.record.notes("final")}
    for trial in (candidates[i] for i in result.objectives.order(candidates)):
        if run.result.finals:
            break
        item = _final(run, trial)
        if item.name not in tried:
            run.progress.say("the full training has failed; trying the next best")
            evaluate_outside(run, engine, [item])
    finals = run.result.finals
    if not finals:
        trials = [journals.trial_from_data(note.data) for note in run.result.record.notes("final")]
        reasons = "; ".join(sorted({trial.reason or str(trial.status) for trial in trials}))
        raise SugataError(f"{run.folder}: no full training succeeded: {reasons}; see its final/*/log.txt")
    if not any(_gained(run, final, candidates) for final in finals):
        run.progress.say("the full training has not paid; keeping the network as the search has trained it")
        parents = {number for final in finals for number in final.proposal.parents}
        before = next(one for one in result.objectives.ranked(candidates) if one.number in parents)
        evaluate_outside(run, engine, [_as_searched(run, before)])


def _as_searched(run: Run, trial: Trial) -> Outside:
    """A trial with the weights that it has, in place of a full training."""
    number = FIRST_AS_SEARCHED + trial.number
    proposal = replace(trial.proposal, number=number, origin="final", parents=(trial.number,), continues=None)
    folder = trial_folder(run.folder / FINAL, number - FIRST_FINAL)
    return Outside(
        "final", f"trial {trial.number} as searched", proposal, folder, run.result.weights_folder(trial)
    )


def _gained(run: Run, final: Trial, searched: list[Trial]) -> bool:
    """Whether a full training is at least as good as the shorter one of the search.

    Scores of shared weights, and those on other data or of smaller networks, are no measure of it.
    """
    before = next((one for one in searched if one.number in final.proposal.parents), None)
    recipe = run.assembly.recipe
    given = recipe.final.data is not None or recipe.stages.skip_retrain is not None
    if before is None or given or before.proposal.fidelity.unit == SHARED:
        return True
    if not _same_size(before.proposal.fidelity, final.proposal.fidelity):
        return True
    after, earlier = run.assembly.objectives.costs([final, before])
    # The first of them that differs: where a primary metric is flat, the next one tells.
    return next((a < b for a, b in zip(after, earlier, strict=True) if a != b), True)


def _same_size(one: Fidelity, other: Fidelity) -> bool:
    return (one.channels, one.cells, one.resolution) == (other.channels, other.cells, other.resolution)


def _note_trained_baselines(run: Run) -> None:
    """Take the results of known good networks that the search itself brought to the top rung."""
    result, space = run.result, run.assembly.space
    top = result.objectives.candidates(result.record.trials)
    trained = {space.deployment_key(trial.proposal.architecture): trial for trial in top}
    noted = {note.data["name"] for note in result.record.notes("baseline")}
    for name, values in run.assembly.known_good.items():
        trial = trained.get(space.deployment_key(space.architecture(values)))
        if trial is not None and name not in noted and trial.proposal.fidelity == _top(run):
            run.journal.note("baseline", {"name": name, **journals.trial_to_data(trial)})


def _top(run: Run) -> Fidelity:
    rungs = run.assembly.recipe.funnel
    return fidelity(len(rungs) - 1, rungs[-1])


def _baselines(run: Run) -> list[Outside]:
    """Known good networks at the top rung's budget; none where nothing was searched."""
    space = run.assembly.space
    if run.assembly.recipe.stages.skip_search is not None:
        return []
    return [
        Outside(
            "baseline",
            name,
            Proposal(FIRST_BASELINE + i, space.architecture(values), _top(run), origin="baseline"),
            run.folder / "baselines" / name,
        )
        for i, (name, values) in enumerate(run.assembly.known_good.items())
    ]


def _drop_checkpoints(run: Run) -> None:
    """Keep the weights of the highest rung only; the others can be trained again."""
    result = run.result
    kept = {trial.number for trial in result.objectives.candidates(result.record.trials)}
    trials = run.folder / "trials"
    for path in trials.glob("**/checkpoint.safetensors"):
        if int(path.relative_to(trials).parts[0]) not in kept:
            path.unlink()
