"""What came of it: trials from best to worst, and how much each field mattered."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sugata.recipe import Recipe
from sugata.report.wording import Wording, plural, value_text, wording
from sugata.trial import Metric
from sugata.tuning.fields import Field, short_names
from sugata.tuning.importance import QUANTILE, Importance
from sugata.tuning.study import Study, Tried

STUDY = "study.journal"
TRIALS = "trials"
BEST = "best.yaml"
_ENOUGH = 8  # trials for each field, so that what matters stands out from chance nearly always


@dataclass(frozen=True)
class Summary:
    """The trials of a study.

    Attributes:
        title: the recipe's name.
        folder: where they are.
        command: what was typed.
        machine: see :func:`sugata.run.folder.environment`.
        sampler: by which they were chosen.
        metric: what ranks them.
        fields: what was varied.
        tried: finished trials by number.
        importances: greatest first; empty where nothing can be said.
        unfinished: how many trials were begun and have no result yet.
        goes_on: whether the best run has stages left: export, and the test data.
    """

    title: str
    folder: str
    command: str
    machine: Mapping[str, Any]
    sampler: str
    metric: Metric
    fields: tuple[Field, ...]
    tried: tuple[Tried, ...]
    importances: tuple[Importance, ...]
    unfinished: int = 0
    goes_on: bool = True

    @cached_property
    def scored(self) -> list[Tried]:
        """Trials with a score, from best to worst."""
        found = [one for one in self.tried if one.score is not None]
        return sorted(found, key=lambda one: self.metric.cost(one.score or 0.0))

    @property
    def failed(self) -> list[Tried]:
        """Trials without one."""
        return [one for one in self.tried if one.score is None]

    @property
    def best(self) -> Tried | None:
        """The first of the best."""
        return self.scored[0] if self.scored else None

    @property
    def own(self) -> Tried | None:
        """The trial of the recipe's own values, if it has a score."""
        return next((one for one in self.scored if one.own), None)

    @cached_property
    def names(self) -> dict[str, str]:
        """Short names of the fields."""
        return short_names(self.fields)

    @cached_property
    def words(self) -> Wording:
        """How the metric is written."""
        return wording(self.metric.name, self.metric, [one.score or 0.0 for one in self.scored])

    @property
    def ranking(self) -> list[Field]:
        """The fields, the one that mattered most first."""
        order = [one.path for one in self.importances]
        return sorted(self.fields, key=lambda one: order.index(one.path) if one.path in order else len(order))

    @property
    def verdict(self) -> str:
        """Which fields mattered, in words; empty where nothing can be said."""
        if not self.importances:
            return ""
        out = [self._shared(one) for one in self.importances if one.stands_out]
        rest = [self._shared(one) for one in self.importances if not one.stands_out]
        said = ", ".join(out) if out else "nothing stands out from chance"
        return f"{said}; within chance: {', '.join(rest)}" if rest else said

    def _shared(self, one: Importance) -> str:
        return f"{self.names[one.path]} {100 * one.share:.0f} %"

    @property
    def caution(self) -> str:
        """What to keep in mind of the importances; empty where they stand on enough trials."""
        count, wanted = len(self.scored), _ENOUGH * len(self.fields)
        if not self.importances or count >= wanted:
            return ""
        trials, fields = plural(count, "trial"), plural(len(self.fields), "field")
        return f"Only {trials} for {fields}: about {wanted} are needed for what matters to stand out."

    @property
    def about_importances(self) -> str:
        """What the importances are."""
        drift = f" {self.sampler} settles and drifts as it learns; --sampler random does neither."
        learns = "" if self.sampler in ("random", "grid", "qmc") else drift
        return (
            "PED-ANOVA (Watanabe et al. 2023, as in Optuna): how much the values of the best"
            f" {100 * QUANTILE:.0f} % of the trials differ from those of all, as a share of the sum over the"
            f" fields; chance: the 95th percentile when the scores are shuffled.{learns}"
        )

    @property
    def about_trials(self) -> str:
        """How many there are, in words."""
        parts = [plural(len(self.tried), "trial")]
        repeats = sum(one.same_as is not None for one in self.tried)
        parts += [f"{len(self.failed)} failed"] if self.failed else []
        parts += [f"{repeats} answered by an earlier one"] if repeats else []
        parts += [f"{self.unfinished} not finished"] if self.unfinished else []
        return ", ".join(parts)

    @property
    def next_steps(self) -> list[tuple[str, str]]:
        """What to do with the best, and the commands for it."""
        if self.best is None:
            return []
        steps = [("run the best settings", f"sugata search {self.folder}/{BEST}")]
        if self.goes_on:
            run = f"{self.folder}/{TRIALS}/{self.best.number:04}"
            steps.append(("export that very run, and score it on test data", f"sugata resume {run}"))
        return steps

    def score_text(self, one: Tried) -> str:
        """A trial's score, or why it has none."""
        return self.words.text(one.score) if one.score is not None else f"failed: {one.reason}"


def summary_of(study: Study, recipe: Recipe, folder: Path, machine: Mapping[str, Any]) -> Summary:
    """The summary of a study as it is now."""
    tried = study.tried
    return Summary(
        title=recipe.name,
        folder=str(folder),
        command=str(machine.get("command", "")),
        machine=machine,
        sampler=study.sampler,
        metric=study.metric,
        fields=study.fields,
        tried=tuple(tried),
        importances=study.importances(),
        unfinished=study.asked - len(tried),
        goes_on=recipe.trains or (recipe.table is not None and recipe.table.report is not None),
    )


def settings_text(values: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Settings on one line."""
    return ", ".join(f"{names[path]} {setting_text(value)}" for path, value in values.items())


def setting_text(value: Any) -> str:
    """A value as a person reads it: four digits of a number."""
    if isinstance(value, float) and not isinstance(value, bool) and math.isfinite(value):
        return f"{value:.4g}"
    return value_text(value) if isinstance(value, str | int | bool) or value is None else str(value)
