"""What was tried, and what comes next: an Optuna study in a journal file, and the sampler over it."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sugata.errors import RecipeError
from sugata.trial import Metric
from sugata.tuning.fields import Field, Values
from sugata.tuning.planned import Planned, planned

try:
    import optuna
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import FrozenTrial, TrialState

    from sugata.strategies.optuna_study import quiet
    from sugata.tuning.importance import Importance, importances
    from sugata.tuning.samplers import check, sampler_of
except ImportError as error:
    raise RecipeError(f"tune needs the extra hpo ({error}); pip install 'sugata[hpo]'") from error

_REASON, _SECONDS, _SAME, _OWN = "reason", "seconds", "same_as", "recipe_own"
_MOST_SEED = 2**31


@dataclass(frozen=True)
class Asked:
    """Settings to try.

    Attributes:
        number: of the trial, counted from 0.
        values: by path; only of fields that apply.
    """

    number: int
    values: Values


@dataclass(frozen=True)
class Tried:
    """A finished trial.

    Attributes:
        score: the metric of the run's winner; None where it failed.
        reason: why it failed.
        seconds: how long the run took, wall clock.
        same_as: an earlier trial of the same settings whose score it has; it was not run again.
        own: it has the recipe's own values.
    """

    number: int
    values: Values
    score: float | None = None
    reason: str = ""
    seconds: float = 0.0
    same_as: int | None = None
    own: bool = False


class Study:
    """An Optuna study of one objective, kept in a journal file that ``optuna-dashboard`` opens.

    A trial whose run failed is ``pruned`` to Optuna, with the reason beside it: so ``tpe`` counts its
    settings among the bad ones. Every proposal is drawn by a sampler that is seeded by its number over what
    the journal holds, so that a study that goes on proposes what it would have proposed without the break.

    Args:
        path: the journal; it is made, or goes on.
        fields: conditions after what they are on.
        metric: the objective and its direction.
        first: settings that are tried first; ``grid`` and ``qmc`` have a first of their own.

    Raises:
        RecipeError: Nelder-Mead cannot move one of the fields.
    """

    def __init__(
        self,
        path: Path,
        fields: Sequence[Field],
        metric: Metric,
        *,
        sampler: str = "tpe",
        seed: int = 0,
        first: Mapping[str, Any] | None = None,
    ) -> None:
        self.fields = tuple(fields)
        self.metric = metric
        self.sampler = sampler
        self._seed = seed
        self._first = dict(first) if first is not None and sampler not in ("grid", "qmc") else None
        self._distributions = {one.path: _distribution(one) for one in fields}
        self._plan: Planned | None = planned(sampler, fields, seed, self._first)
        _mend(path)
        with quiet():
            storage = JournalStorage(JournalFileBackend(str(path)))
            self._study = optuna.create_study(
                storage=storage,
                study_name="sugata",
                direction=metric.direction,
                load_if_exists=True,
                sampler=optuna.samplers.RandomSampler(seed),
            )

    @staticmethod
    def check(fields: Sequence[Field], sampler: str) -> None:
        """Make sure that a sampler can be used here, before there is a file.

        Raises:
            RecipeError: it does not suit the fields, or a library that it needs is missing.
        """
        if planned(sampler, fields, 0, None) is None:
            check(sampler, fields)

    # -- asking and telling -----------------------------------------------------------------------

    def ask(self) -> Asked | None:
        """The next settings; None: wait for what runs, or nothing is left to try."""
        trials = self._study.get_trials(deepcopy=False)
        number = len(trials)
        with quiet():
            if not any(trial.state is TrialState.WAITING for trial in trials):
                fixed = self._fixed(number, trials)
                if fixed is None and self._plan is not None:
                    return None
                if fixed is not None:
                    own = {_OWN: True} if number == 0 and self._first is not None else {}
                    self._study.enqueue_trial(self._external(fixed), user_attrs=own)
            else:
                number -= 1
            self._seeded(number)
            trial = self._study.ask()
            return Asked(trial.number, self._suggested(trial))

    def tell(self, number: int, score: float | None, reason: str = "", seconds: float = 0.0) -> None:
        """Record how a trial ended; a score that is no finite number is a failure."""
        trial = self._study.trials[number]
        if score is not None and not np.isfinite(score):
            score, reason = None, reason or f"{self.metric.name} is {score}"
        with quiet():
            self._attribute(trial, _SECONDS, round(seconds, 3))
            if score is None:
                self._attribute(trial, _REASON, reason or "no score")
                self._study.tell(number, state=TrialState.PRUNED)
            else:
                self._study.tell(number, score)

    def repeat(self, asked: Asked) -> Tried | None:
        """Answer settings that were tried before with what came of it; None where they are new."""
        before = next((one for one in self.tried if one.values == asked.values), None)
        if before is None:
            return None
        first = before.number if before.same_as is None else before.same_as
        self._attribute(self._study.trials[asked.number], _SAME, first)
        self.tell(asked.number, before.score, before.reason)
        return next(one for one in self.tried if one.number == asked.number)

    @property
    def tried(self) -> list[Tried]:
        """All finished trials, by number."""
        return [self._tried(trial) for trial in self._study.get_trials(deepcopy=False) if _finished(trial)]

    @property
    def unfinished(self) -> list[Asked]:
        """Trials that were asked for and not told, by number."""
        found = []
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._seeded(trial.number)
            with quiet():
                found.append(Asked(trial.number, self._asked_before(trial)))
        return found

    @property
    def asked(self) -> int:
        """Number of trials that were asked for."""
        return sum(trial.state is not TrialState.WAITING for trial in self._study.get_trials(deepcopy=False))

    @property
    def seconds(self) -> float:
        """How long the trials have been looked for so far, wall clock, over all starts."""
        return float(self._study.user_attrs.get(_SECONDS, 0.0))

    @seconds.setter
    def seconds(self, value: float) -> None:
        self._study.set_user_attr(_SECONDS, round(value, 1))

    def importances(self) -> tuple[Importance, ...]:
        """How much each field mattered, greatest first; none where nothing can be said."""
        return importances(self._study)

    # -- inside -----------------------------------------------------------------------------------

    def _fixed(self, number: int, trials: Sequence[FrozenTrial]) -> Values | None:
        """What is tried whatever the sampler says: the first settings, or those of a plan."""
        if self._plan is None:
            return self._first if number == 0 else None
        costs: dict[str, float] = {}
        for one in self.tried:
            cost = np.inf if one.score is None else self.metric.cost(one.score)
            costs[_key(one.values)] = min(cost, costs.get(_key(one.values), np.inf))
        pending = {_key(self._internal(t.params)) for t in trials if t.state is TrialState.RUNNING}
        return self._plan.next(number, costs, pending)

    def _seeded(self, number: int) -> None:
        if self._plan is None:
            seed = int(np.random.default_rng((self._seed, number)).integers(_MOST_SEED))
            self._study.sampler = sampler_of(self.sampler, self._distributions, seed, self._seed)

    def _suggested(self, trial: optuna.Trial) -> Values:
        values: Values = {}
        for one in self.fields:
            if one.applies(values):
                value = trial._suggest(one.path, self._distributions[one.path])  # suggest_* makes its own
                values |= self._internal({one.path: value})
        return values

    def _asked_before(self, trial: FrozenTrial) -> Values:
        """The values of a trial; those that it was killed before it got are drawn now."""
        values = self._internal(trial.params)
        known: Values = {}
        for one in self.fields:
            if one.applies(known):
                if one.path not in values:
                    return self._suggested(optuna.Trial(self._study, trial._trial_id))
                known[one.path] = values[one.path]
        return known

    def _tried(self, trial: FrozenTrial) -> Tried:
        attributes = trial.user_attrs
        return Tried(
            trial.number,
            self._ordered(self._internal(trial.params)),
            trial.value if trial.state is TrialState.COMPLETE else None,
            attributes.get(_REASON, ""),
            attributes.get(_SECONDS, 0.0),
            attributes.get(_SAME),
            attributes.get(_OWN, False),
        )

    def _ordered(self, values: Values) -> Values:
        return {one.path: values[one.path] for one in self.fields if one.path in values}

    def _external(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values as Optuna has them: categories that are lists or mappings are texts there."""
        by_path = {one.path: one for one in self.fields}
        return {path: _label(value) if by_path[path].options else value for path, value in values.items()}

    def _internal(self, params: Mapping[str, Any]) -> Values:
        """Optuna's values as ours."""
        options = {one.path: {_text(_label(option)): option for option in one.options} for one in self.fields}
        return {
            path: options[path][_text(value)] if options[path] else value for path, value in params.items()
        }

    def _attribute(self, trial: FrozenTrial, name: str, value: Any) -> None:
        self._study._storage.set_trial_user_attr(trial._trial_id, name, value)


def _distribution(one: Field) -> BaseDistribution:
    if one.options:
        return CategoricalDistribution([_label(option) for option in one.options])
    if one.integer:
        return IntDistribution(int(one.low), int(one.high), log=one.log, step=int(one.step or 1))
    return FloatDistribution(one.low, one.high, log=one.log, step=one.step)


def _label(option: Any) -> Any:
    """A category as Optuna stores it."""
    return option if option is None or isinstance(option, str | int | float) else json.dumps(option)


def _text(value: Any) -> str:
    """Tells 1, 1.0, True and their texts from each other, as a dictionary's keys do not."""
    return repr(value)


def _key(values: Mapping[str, Any]) -> str:
    return json.dumps(values, sort_keys=True)


def _finished(trial: FrozenTrial) -> bool:
    return bool(trial.state.is_finished())


def _mend(path: Path) -> None:
    """Drop a lock and half a line that a killed process left; who opens a study holds its folder alone."""
    with suppress(FileNotFoundError):
        os.unlink(f"{path}.lock")
    if path.exists():
        text = path.read_bytes()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            os.truncate(path, whole)
