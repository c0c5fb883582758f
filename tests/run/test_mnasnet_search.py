"""MnasNet without weight sharing: the factorized space, a controller, the reward with measured latency."""

from pathlib import Path

import pytest

from sugata import recipe as recipes
from sugata.errors import RecipeError
from sugata.objectives import MnasNetReward
from sugata.run import Progress, start
from sugata.run.assembly import assemble

pytestmark = pytest.mark.slow
RECIPE = {
    "space": "mnasnet",
    "network": {"width": 0.1},
    "task": {"kind": "image", "data": "digits", "max_samples": 40, "evaluation_images": 20},
    "baselines": False,
    "strategy": {"kind": "reinforce"},
    "funnel": [{"name": "only", "amount": 2, "unit": "steps"}],
    "objectives": {
        "kind": "mnasnet",
        "metrics": ["accuracy", "latency_ms"],
        "latency_target": "0.05ms",
        "latency_exponent": -0.5,
    },
    "training": {"optimizer": "sgd", "learning_rate": 0.1, "batch_size": 8},
    "budget": {"trials": 3},
    "final": {"amount": 2, "unit": "steps"},
    "engine": {"workers": 0},
}


def test_the_controller_is_paid_by_accuracy_and_latency(tmp_path: Path) -> None:
    result = start(recipes.parse(RECIPE), tmp_path / "run", progress=Progress(quiet=True), ships=False)
    trials = result.record.trials
    assert len(trials) == 3
    assert {trial.proposal.origin for trial in trials} == {"policy"}
    reward = MnasNetReward(target=0.05, below=-0.5, above=-0.5)
    assert result.objectives.fitness == reward
    rewards = [reward(trial.metrics) for trial in trials]
    for trial, found in zip(trials, rewards, strict=True):
        share = trial.metrics["latency_ms"] / 0.05
        assert found == pytest.approx(trial.metrics["accuracy"] * share**-0.5)
    best = trials[rewards.index(max(rewards))]
    assert result.best is not None
    assert dict(result.best.architecture) == dict(best.architecture)


@pytest.mark.parametrize("kind", ["mnasnet", "weighted"])
def test_a_reward_of_what_is_not_measured_is_refused_in_one_line(kind: str) -> None:
    task = {**RECIPE["task"], "predict": "value"}  # type: ignore[dict-item]
    objectives = {"kind": kind, "metrics": ["root_mean_squared_error"]}
    with pytest.raises(RecipeError, match=f"'objectives.kind': {kind} counts 'accuracy', which is not meas"):
        assemble(recipes.parse({**RECIPE, "task": task, "objectives": objectives}))
