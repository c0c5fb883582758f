"""From a run folder to its report."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from sugata import journal
from sugata.errors import SugataError
from sugata.recipe import Recipe
from sugata.recipe_tasks import BlocksSection, CodeSearchSection, CodeSection, PreparedSection
from sugata.report import MeasuredBaseline, Ranked, ReportData, SharedWeights, Winner, write_report
from sugata.report.wording import number, plural
from sugata.run.folder import BEST
from sugata.run.ranking import ALONE, SCORED
from sugata.run.result import Result
from sugata.run.warm_start import noted
from sugata.space import Block, Graph, Signature
from sugata.spaces import find, signature_of
from sugata.spaces import space as space_named
from sugata.strategies.progressive import in_part
from sugata.trial import Status, Trial, Value


def report(folder: Path) -> Path:
    """Write report.html, plots and tables from what the journal holds; also of a run that is not finished.

    Raises:
        SugataError: there is no run, or its journal is broken.
    """
    return write_report(report_data(Result(folder)), folder)


def report_data(result: Result, *, drawn: bool = True) -> ReportData:
    """Everything that the report says, as plain values.

    Args:
        drawn: with the winner's outline, for which the network is built.
    """
    header = result.record.header
    size = 1
    for options in header["choices"].values():
        size *= len(options)
    curve_metric, curve_step = _curve_names(result.recipe)
    return ReportData(
        title=result.recipe.name,
        objectives=result.objectives,
        trials=tuple(result.record.trials),
        choices=tuple((name, tuple(options)) for name, options in header["choices"].items()),
        metrics=result.metrics,
        command=header["environment"].get("command", ""),
        run_folder=str(result.folder),
        recipe=result.recipe.to_yaml(),
        environment=header["environment"],
        space_name=header["space"],
        space_size=size,
        curve_metric=curve_metric,
        curve_step=curve_step,
        baselines=tuple(_baseline(name, trial) for name, trial in result.baselines.items() if trial.ok),
        winner=_winner(result, drawn),
        leading=tuple(result.leading),
        stages=tuple((name, data["seconds"]) for name, data in result.stages.items()),
        shared=_shared(result),
        beginning=tuple(_beginning(result)),
        warnings=tuple(_warnings(result)),
        finished=result.finished,
    )


def _shared(result: Result) -> SharedWeights | None:
    """The supernet's training, as its stage left it, and the comparison of ranks."""
    section, note = result.recipe.supernet, result.stages.get("supernet")
    if section is None or note is None:
        return None
    ranked, alone = _ranked(result)
    return SharedWeights(
        method=section.method,
        mode=section.mode,
        checks=tuple(note.get("checks", ())),
        warning=note.get("warning") or "",
        ended=note.get("ended", ""),
        given=result.recipe.stages.skip_train or "",
        ranked=ranked,
        alone=alone,
    )


def _ranked(result: Result) -> tuple[tuple[Ranked, ...], str]:
    """What was scored by the supernet and trained alone as well; how it was trained."""
    kinds = [
        {one.data["name"]: journal.trial_from_data(one.data) for one in result.record.notes(kind)}
        for kind in (SCORED, ALONE)
    ]
    scored, alone = ({name: trial for name, trial in kind.items() if trial.ok} for kind in kinds)
    primary, budget = result.objectives.primary.name, ""
    found = []
    for name in scored.keys() & alone.keys():
        first, second = scored[name].metrics, alone[name].metrics
        found.append(Ranked(name, first[primary], second[primary], second["parameters"]))
        level = alone[name].proposal.fidelity
        unit = level.unit.removesuffix("s") if level.amount == 1 else level.unit
        budget = f"{number(level.amount)} {unit} each"
    return tuple(sorted(found, key=lambda one: one.name)), budget


def _curve_names(recipe: Recipe) -> tuple[str, str]:
    """What learning curves show, and the unit of their steps."""
    if recipe.task is None:
        return "reported value", "step"
    if isinstance(recipe.task, CodeSection):
        return "training loss, bits a token", "tokens"
    if isinstance(recipe.task, CodeSearchSection):
        return "training loss, bits a pair", "pairs"
    if isinstance(recipe.task, BlocksSection):
        return "training loss", "rows"
    if recipe.task.predict == "value":
        return "training loss, squared deviations", "values"
    return "training loss, bits an image", "images"


def _baseline(name: str, trial: Trial) -> MeasuredBaseline:
    return MeasuredBaseline(name, trial.metrics, trial.proposal.architecture)


def winner_number(best: Trial) -> int:
    """The trial of the search that a winner comes from, which is another trial once it is trained in full."""
    return best.proposal.parents[0] if best.proposal.origin == "final" else best.number


def _winner(result: Result, drawn: bool) -> Winner | None:
    best = result.best
    if best is None:
        return None
    number = winner_number(best)
    test = result.stages.get("test", {})
    primary = next(iter(result.reported), result.test_metric.name)
    outline, cells = _drawn(result, best) if drawn else ((), {})
    metrics = dict(best.metrics) | {k: test[k] for k in ("parse_rate",) if k in test}
    for method, values in test.get("lexical", {}).items():  # on the same test data as the winner
        metrics[f"test_{primary}_of_{method}"] = values[primary]
    return Winner(
        architecture=best.proposal.architecture,
        metrics=metrics,
        number=number,
        outline=outline,
        cells=cells,
        test_metric=primary if "test" in test or result.reported else "",
        again=str(best.details.get("again", "")),
        untested="test" in result.stages and "test" not in test,
        test_score=test.get("test", result.reported).get(primary),
        exported_test_score=test.get("test_exported", {}).get(primary),
        curve=best.curve,
        prompt=test.get("prompt", ""),
        sample=test.get("sample", ""),
        judged=test.get("benchmark", {}),
        files=_files(result.folder / BEST),
    )


def _drawn(result: Result, trial: Trial) -> tuple[tuple[Block, ...], Mapping[str, Graph]]:
    """Blocks and cells of a trial's network."""
    architecture: Mapping[str, Value] = trial.proposal.architecture
    exported = str(result.folder / BEST / "architecture.json")
    signature = signature_of(exported)
    try:
        if signature is not None:
            space, architecture = find(exported)  # as it was built: without edges that have no effect
        else:
            space = space_named(result.record.header["space"], **result.recipe.network)
            signature = _prepared_signature(result.recipe)
        return space.outline(architecture, signature), space.cell_graphs(architecture)
    except SugataError:
        return (), {}  # a user's own space, known only to the script that gave it


def _prepared_signature(recipe: Recipe) -> Signature | None:
    """The inputs and outputs of prepared data, while they are there."""
    if not isinstance(recipe.task, PreparedSection) or not Path(recipe.task.data).is_dir():
        return None
    from sugata.tasks import PreparedTask

    return PreparedTask(recipe.task.data).signature({})


def _files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in sorted(folder.glob("*")) if path.is_file()}


def _beginning(result: Result) -> Iterator[str]:
    yield from (f"It began with {warm}." for warm in noted(result))
    parts = sum(in_part(trial.proposal) for trial in result.record.trials)
    if parts:
        yield f"Its first {plural(parts, 'proposal')} came from parts of this space, from small to large."


def _warnings(result: Result) -> list[str]:
    trials = result.record.trials
    bad = [t for t in trials if t.status not in (Status.COMPLETED, Status.STOPPED, Status.REFUSED)]
    found = []
    if bad:
        found.append(f"{len(bad)} of {len(trials)} trials failed; the reasons are under the funnel.")
    ends = [note.data["end"] for note in result.record.notes("search") if "end" in note.data]
    if ends and "in a row" in ends[-1]:
        found.append(f"The search ended early: {ends[-1]}.")
    return found
