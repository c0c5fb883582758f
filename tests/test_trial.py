"""The nouns of a search are plain, frozen values."""

import dataclasses
import json
import pickle

import pytest

from sugata.trial import Fidelity, Metric, Proposal, Status, Trial


def test_cost_is_always_minimized() -> None:
    assert Metric("loss").cost(2.0) == 2.0
    assert Metric("accuracy", direction="maximize").cost(0.9) == -0.9


@pytest.mark.parametrize("status", Status)
def test_only_completed_trials_are_ok(status: Status) -> None:
    trial = Trial(Proposal(3, {"depth": 2}), status)
    assert trial.ok == (status == "completed")
    assert trial.number == 3


def test_values_are_frozen_and_survive_pickle_and_json() -> None:
    fidelity = Fidelity(1, "medium", 10, "epochs", samples=10_000)
    proposal = Proposal(4, {"depth": 2}, fidelity, continues=1, origin="promotion", parents=(1,))
    trial = Trial(proposal, Status.COMPLETED, {"loss": 1.0}, curve=((1.0, 2.0),))
    assert pickle.loads(pickle.dumps(trial)) == trial
    assert Fidelity(**json.loads(json.dumps(dataclasses.asdict(fidelity)))) == fidelity
    with pytest.raises(dataclasses.FrozenInstanceError):
        trial.seconds = 3.0  # type: ignore[misc]


def test_a_status_is_its_name_in_json() -> None:
    assert json.dumps(Status.OUT_OF_MEMORY) == '"out_of_memory"'
    assert Status("killed") is Status.KILLED
