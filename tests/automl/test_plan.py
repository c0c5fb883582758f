"""What a fit does, by the time, the data and the wishes."""

import pytest

from sugata.automl.graph import Port, usual_graph
from sugata.automl.plan import RowCounts, Wishes, batch_sizes, plan, usual_seconds
from sugata.errors import RecipeError

MNIST = RowCounts(("image",), 4000, 1000)
WINE = RowCounts(("table",), 142, 36)


def planned(rows: RowCounts, **wishes: object):
    kind = rows.kinds[0]
    network = usual_graph([Port(kind, kind, {})], [Port("target", "classification", {})]).network
    asked = Wishes(**{"objectives": ("accuracy",), **wishes})  # type: ignore[arg-type]
    return plan("fit", network, {"data": "/data", "primary": "accuracy"}, rows, asked)


def test_counted_trials_train_for_epochs_and_the_best_ones_weights_ship() -> None:
    recipe = planned(MNIST, max_trials=3, epochs=5).recipe
    assert [(rung.amount, rung.unit) for rung in recipe.funnel] == [(5, "epochs")]
    assert recipe.stages.skip_retrain == "search"
    assert recipe.budget.trials == 3
    assert recipe.engine.deterministic


def test_time_for_images_is_spent_in_rungs_and_on_the_winners() -> None:
    recipe = planned(MNIST, budget=300.0, n_jobs=2).recipe
    counts = [rung.capacity for rung in recipe.funnel]
    amounts = [rung.amount for rung in recipe.funnel]
    assert counts == [27, 9, 3]
    assert amounts[1] == pytest.approx(3 * amounts[0], rel=0.01)
    training = counts[0] * amounts[0] + counts[1] * 2 * amounts[0] + counts[2] * 6 * amounts[0]
    assert 220 < training < 330
    assert recipe.final.top == 2
    assert recipe.final.amount + recipe.budget.seconds < 300


def test_little_time_gives_fewer_candidates_and_less_still_rounds() -> None:
    assert planned(MNIST, budget=60.0, n_jobs=1).recipe.funnel[0].capacity < 27
    assert planned(WINE, budget=5.0, n_jobs=1).recipe.funnel[0].unit == "epochs"


@pytest.mark.parametrize("wishes", [{}, {"epochs": 50}, {"max_trials": 100}, {"refit": False}])
@pytest.mark.parametrize(
    "rows", [MNIST, RowCounts(("table",), 200_000, 50_000), RowCounts(("table",), 1500, 400)]
)
def test_several_trials_fit_into_a_short_budget(rows: RowCounts, wishes: dict[str, object]) -> None:
    made = planned(rows, budget=3.0, n_jobs=1, **wishes)
    (rung,) = made.recipe.funnel
    folds = made.recipe.task.folds
    assert rung.unit == "seconds"
    assert made.recipe.budget.seconds / (rung.amount * folds) == pytest.approx(6, rel=0.05)
    if made.recipe.final.refit:
        assert made.recipe.final.refit.seconds > rung.amount * (rows.train + rows.validation) / rows.train
    assert (made.recipe.final.amount, made.recipe.final.unit) == (rung.amount, "seconds")
    assert "no time for" in made.text
    assert planned(rows, budget=600.0, n_jobs=1, epochs=2).recipe.funnel[0].unit == "epochs"


def test_the_best_is_trained_on_all_rows_unless_validation_rows_are_given_apart() -> None:
    assert planned(WINE, max_trials=3).recipe.final.refit.seconds is None
    rounds = planned(WINE, budget=30.0).recipe
    assert rounds.budget.seconds + rounds.final.refit.seconds < 30
    funnel = planned(MNIST, budget=300.0, n_jobs=1).recipe
    assert funnel.final.refit.seconds > funnel.final.amount * 5000 / 4000
    assert funnel.budget.seconds + funnel.final.amount + funnel.final.refit.seconds < 300
    for recipe in (planned(WINE, budget=30.0, refit=False), planned(MNIST, budget=300.0, refit=False)):
        assert recipe.recipe.final.refit is None


def test_winners_are_trained_again_only_where_that_is_longer() -> None:
    longer = planned(MNIST, budget=300.0, n_jobs=1).recipe
    assert longer.stages.skip_retrain is None
    assert longer.final.amount >= 1.25 * longer.funnel[-1].amount
    short = planned(MNIST, budget=75.0, n_jobs=1).recipe
    assert short.stages.skip_retrain == "search"
    assert short.final.refit.seconds > short.funnel[-1].amount * 5000 / 4000
    assert short.budget.seconds + short.final.refit.seconds < 75


def test_small_data_stay_in_this_process() -> None:
    assert planned(WINE, max_trials=5).recipe.engine.workers == 0
    assert planned(RowCounts(("image",), 50_000, 10_000), max_trials=20).recipe.engine.workers > 0


@pytest.mark.parametrize(("jobs", "workers"), [(1, 0), (2, 2), (3, 3)])
def test_jobs_are_workers_but_one_is_this_process(jobs: int, workers: int) -> None:
    assert planned(WINE, max_trials=5, n_jobs=jobs).recipe.engine.workers == workers


def test_limits_and_objectives_go_into_the_recipe() -> None:
    recipe = planned(
        MNIST, max_trials=2, parameters=50_000, latency_ms=3.0, objectives=("accuracy", "latency_ms")
    )
    assert recipe.recipe.limits.parameters == 50_000
    assert recipe.recipe.limits.latency == 3.0
    assert recipe.recipe.objectives.metrics == ("accuracy", "latency_ms")
    assert not recipe.recipe.engine.deterministic  # what is timed differs from run to run


@pytest.mark.parametrize(
    ("tuner", "kind"),
    [
        ("greedy", "local_search"),
        ("random", "random"),
        ({"kind": "regularized_evolution"}, "regularized_evolution"),
    ],
)
def test_a_tuner_is_a_strategy_by_any_of_its_names(tuner: object, kind: str) -> None:
    assert planned(WINE, max_trials=2, tuner=tuner).recipe.strategy.kind == kind


def test_an_unknown_tuner_is_refused() -> None:
    with pytest.raises(RecipeError, match="'quick' is not known"):
        planned(WINE, max_trials=2, tuner="quick")
    with pytest.raises(RecipeError, match="tuner is a float"):
        planned(WINE, max_trials=2, tuner=0.5)


def test_a_given_batch_size_is_not_searched() -> None:
    assert planned(WINE, max_trials=2, batch_size=8).recipe.network["training"]["batch_size"] == 8
    assert planned(WINE, max_trials=2).recipe.network["training"]["batch_size"] == [16, 32]


def test_without_limits_a_fit_takes_longer_on_more_rows_but_minutes_at_most() -> None:
    assert usual_seconds(WINE) == 20
    assert usual_seconds(MNIST) == 240
    assert usual_seconds(RowCounts(("image",), 50_000, 10_000)) == 600


def test_batches_grow_with_the_data() -> None:
    assert batch_sizes(WINE) == (16, 32)
    assert batch_sizes(RowCounts(("table",), 30_000, 1)) == (128, 256)
