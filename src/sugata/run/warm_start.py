"""Warm starts: the best architectures of earlier runs, to begin another one with."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sugata.errors import InvalidArchitecture, RecipeError, SugataError
from sugata.journal import Journal
from sugata.recipe import Recipe, WarmStartSection
from sugata.report.wording import plural
from sugata.run.result import Result
from sugata.space import SearchSpace, translated
from sugata.strategies import Start
from sugata.trial import Trial, Value

if TYPE_CHECKING:
    from sugata.run.assembly import Assembly
    from sugata.run.feasibility import Feasibility

ORIGIN = "warm start"  # also the kind of the journal's notes
_INVALID = "not valid in this space"
_TWICE = "the same here as a better one"


@dataclass(frozen=True)
class WarmStart:
    """What one earlier run gives.

    Attributes:
        run: its folder, as the recipe names it.
        space: its search space.
        data: what it evaluated on.
        same_data: whether this run evaluates on that too.
        best: how many of its trials were looked at.
        architectures: those of them that can begin this run, best first, in this run's space.
        skipped: how many were not, by reason.
    """

    run: str
    space: str
    data: str
    same_data: bool
    best: int
    architectures: tuple[Mapping[str, Value], ...]
    skipped: Mapping[str, int]

    @property
    def starts(self) -> list[Start]:
        """The architectures as a strategy takes them."""
        return [Start(values, ORIGIN) for values in self.architectures]

    def __str__(self) -> str:
        data = "the same data" if self.same_data else f"other data, {self.data}"
        text = f"{plural(len(self.architectures), 'architecture')} of {self.run} ({self.space}, {data})"
        skipped = "; ".join(f"{count} skipped: {reason}" for reason, count in self.skipped.items())
        return f"{text}; {skipped}" if skipped else text


def read_warm_starts(assembly: "Assembly") -> list[WarmStart]:
    """What the recipe's earlier runs give, as their journals say now.

    Raises:
        RecipeError: a folder is no run, or nothing in it can be used here.
    """
    return [_read(section, assembly) for section in assembly.recipe.warm_start]


def begin(
    assembly: "Assembly",
    result: Result,
    journal: Journal,
    feasible: "Feasibility",
    say: Callable[[str], None],
) -> list[Mapping[str, Value]]:
    """What a search begins with besides known good networks; notes where it comes from.

    A run that goes on begins with what it has noted: an earlier run may have changed since.

    Raises:
        RecipeError: as :func:`read_warm_starts`.
    """
    found = list(noted(result))
    if not found:
        found = read_warm_starts(assembly)
        for one in found:
            journal.note(ORIGIN, asdict(one))
    for one in found:
        say(f"{ORIGIN}: {one}")
    warm = [start for one in found for start in one.starts]
    known = [assembly.space.architecture(values) for values in (*warm, *assembly.starts)]
    within = feasible.start(known)
    return [*([] if within is None else [within]), *warm]


def noted(result: Result) -> Iterator[WarmStart]:
    """Where a run's starts came from."""
    return (_from_note(note.data) for note in result.record.notes(ORIGIN))


def _from_note(data: Mapping[str, Any]) -> WarmStart:
    return WarmStart(**{**data, "architectures": tuple(data["architectures"])})


def _read(section: WarmStartSection, assembly: "Assembly") -> WarmStart:
    where = f"field 'warm_start': {section.run}"
    try:
        other = Result(Path(section.run))
    except SugataError as error:
        raise RecipeError(f"field 'warm_start': {error}") from error
    space = assembly.space
    header = other.record.header
    if not {choice.name for choice in space.choices} & header["choices"].keys():
        raise RecipeError(
            f"{where} searched {header['space']}, which has no choice of {space.name}; give a run of this or"
            " a similar space"
        )
    best = _best(other, section.top)
    if not best:
        raise RecipeError(f"{where} has completed no trial that could be compared; give another run")
    usable, skipped = _usable(best, space)
    if not usable:
        reasons = "; ".join(f"{count} {reason}" for reason, count in skipped.items())
        raise RecipeError(
            f"{where} gives nothing that can begin a run in {space.name}: {reasons}; give another run"
        )
    data, ours = data_of(other.recipe), data_of(assembly.recipe)
    return WarmStart(section.run, header["space"], data, data == ours, len(best), tuple(usable), skipped)


def _best(other: Result, top: int) -> list[Trial]:
    """The best of the highest rung, by that run's own objectives, then those of the next, none twice."""
    objectives = other.objectives
    comparable = [trial for trial in other.record.trials if objectives.comparable(trial)]
    found: dict[str, Trial] = {}
    for rung in sorted({trial.proposal.fidelity.rung for trial in comparable}, reverse=True):
        trials = [trial for trial in comparable if trial.proposal.fidelity.rung == rung]
        for i in objectives.order(trials):
            found.setdefault(repr(sorted(trials[i].architecture.items())), trials[i])
    return list(found.values())[:top]


def _usable(best: list[Trial], space: SearchSpace) -> tuple[list[dict[str, Value]], dict[str, int]]:
    """Their architectures in this space, and why others are not among them."""
    usable: dict[str, dict[str, Value]] = {}
    skipped: Counter[str] = Counter()
    for trial in best:
        try:
            here = translated(trial.architecture, space)
        except InvalidArchitecture:
            skipped[_INVALID] += 1
            continue
        key = space.deployment_key(here)
        skipped[_TWICE] += key in usable
        usable.setdefault(key, dict(here))
    return list(usable.values()), {reason: count for reason, count in skipped.items() if count}


def data_of(recipe: Recipe) -> str:
    """What a run evaluates on, in words."""
    if recipe.table is not None:
        parts = [recipe.table.file, recipe.table.data_set, *recipe.table.metrics]
        return "table " + ", ".join(filter(None, parts))
    if recipe.task is not None:
        return recipe.task.data
    return f"function {recipe.evaluate}"
