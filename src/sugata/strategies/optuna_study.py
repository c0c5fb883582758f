"""An Optuna study over known trials that a sampler may look at and write to without changing them."""

import copy
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from optuna import logging, pruners, samplers
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

_STUDY = 0  # the only study of a storage


class Sketch(BaseStorage):
    """The storage of one study: trials that are shared and never changed, and one in the making.

    Optuna's own storage in memory copies every trial that is put into it, and cannot take one back. Here a
    proposal is drawn, and forgotten unless its caller keeps ``trial`` and ``attributes``.

    Args:
        directions: of the objectives.
        trials: those asked for so far, in their order; numbers are positions.
        attributes: what samplers left in the study.
    """

    def __init__(
        self,
        directions: Sequence[StudyDirection],
        trials: Sequence[FrozenTrial],
        attributes: Mapping[str, Any],
    ) -> None:
        self.directions = list(directions)
        self.trials = trials
        self.attributes = dict(attributes)
        self.trial: FrozenTrial | None = None

    def ask(self, sampler: samplers.BaseSampler) -> Trial:
        """Begin the trial in the making, whose parameters the sampler chooses when they are suggested."""
        return Study("sketch", self, sampler, pruners.NopPruner()).ask()

    # -- what Optuna asks of a storage ----------------------------------------------------------------

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Begin the trial in the making."""
        self.trial = frozen(len(self.trials), TrialState.RUNNING)
        return self.trial._trial_id

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """Give the trial in the making a parameter."""
        made = self._making(trial_id)
        made.params[param_name] = distribution.to_external_repr(param_value_internal)
        made.distributions[param_name] = distribution

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Let the sampler remember something with the trial in the making."""
        self._making(trial_id).system_attrs[key] = value

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Let the sampler remember something."""
        self.attributes[key] = value

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """What samplers have remembered."""
        return self.attributes

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Of the objectives."""
        return self.directions

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """A trial; the one in the making as a copy, as it is now."""
        if trial_id < len(self.trials):
            return self.trials[trial_id]
        return copy.deepcopy(self._making(trial_id))

    def get_all_trials(self, study_id: int, deepcopy: bool = True, states: Any = None) -> list[FrozenTrial]:
        """All trials of some states, that in the making last."""
        made = [] if self.trial is None else [self.trial]
        return [trial for trial in (*self.trials, *made) if states is None or trial.state in states]

    def _making(self, trial_id: int) -> FrozenTrial:
        assert self.trial is not None
        assert self.trial._trial_id == trial_id
        return self.trial

    def get_study_id_from_name(self, study_name: str) -> int:
        """The only study."""
        return _STUDY

    def get_study_name_from_id(self, study_id: int) -> str:
        """Any name."""
        return "sketch"

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """None."""
        return {}

    def get_all_studies(self) -> list[Any]:
        """Not known here."""
        return []

    def create_new_study(self, directions: Any, study_name: str | None = None) -> int:
        """Not made here: there is one."""
        raise NotImplementedError

    def delete_study(self, study_id: int) -> None:
        """Not done here."""
        raise NotImplementedError

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Not used by samplers."""
        raise NotImplementedError

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Not used by samplers."""
        raise NotImplementedError

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Any = None) -> bool:
        """Not used by samplers."""
        raise NotImplementedError

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """Not used by samplers."""
        raise NotImplementedError


class Categories(CategoricalDistribution):
    """Categories that are equal to themselves at once: samplers compare those of all trials at every ask."""

    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)

    __hash__ = CategoricalDistribution.__hash__


def frozen(
    number: int,
    state: TrialState,
    params: Mapping[str, Any] | None = None,
    distributions: Mapping[str, BaseDistribution] | None = None,
    attributes: Mapping[str, Any] | None = None,
    values: Sequence[float] | None = None,
) -> FrozenTrial:
    """A trial of a :class:`Sketch`; what happened when does not matter to samplers."""
    return FrozenTrial(
        number=number,
        trial_id=number,
        state=state,
        value=None,
        values=values,
        datetime_start=None,
        datetime_complete=None,
        params=dict(params or {}),
        distributions=dict(distributions or {}),
        user_attrs={},
        system_attrs=dict(attributes or {}),
        intermediate_values={},
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna's notices (experimental features, fallbacks of samplers) to itself, and only them."""
    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)
