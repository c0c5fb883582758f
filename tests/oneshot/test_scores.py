"""Scores of paths by a trained supernet."""

import pytest
import torch

from sugata.oneshot import SupernetEvaluator
from sugata.training import TrainingSettings

from .toy import ToySupernet, ToyTask

PATH = {"first": "tanh", "second": "linear"}
TRAINING = TrainingSettings(optimizer="sgd", learning_rate=0.05, batch_size=32, length=None, precision="fp32")


def test_the_fingerprint_changes_with_the_weights_and_with_how_they_are_used() -> None:
    first, second = (SupernetEvaluator(ToySupernet(seed), ToyTask()) for seed in (0, 1))
    tuned = [
        SupernetEvaluator(ToySupernet(0), ToyTask(), fine_tuning=steps, training=TRAINING) for steps in (5, 6)
    ]
    found = {evaluator.fingerprint() for evaluator in (first, second, *tuned)}
    assert len(found) == 4
    assert first.fingerprint() == SupernetEvaluator(ToySupernet(0), ToyTask()).fingerprint()


def test_fine_tuning_improves_a_path_and_leaves_the_supernet_as_it_was() -> None:
    supernet, task = ToySupernet(), ToyTask()
    before = {name: value.clone() for name, value in supernet.state_dict().items()}
    plain = SupernetEvaluator(supernet, task)
    tuned = SupernetEvaluator(supernet, task, fine_tuning=60, training=TRAINING)
    scores = [tuned.score(PATH)["loss"] for _ in range(2)]
    assert scores[0] == scores[1]
    assert scores[0] < 0.8 * plain.score(PATH)["loss"]
    for name, value in supernet.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


@pytest.mark.parametrize("fine_tuning", [0, 20])
def test_the_network_is_the_one_that_is_scored(fine_tuning) -> None:
    task = ToyTask()
    evaluator = SupernetEvaluator(ToySupernet(), task, fine_tuning=fine_tuning, training=TRAINING)
    network = evaluator.network(PATH)
    found = task.evaluate(network, PATH)
    assert found["loss"] == pytest.approx(evaluator.score(PATH)["loss"], rel=1e-6)
