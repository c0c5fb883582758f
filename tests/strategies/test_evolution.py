"""Evolution: the first generation, selection, the odd cases, and that it converges."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from sugata.errors import InvalidArchitecture, RecipeError
from sugata.objectives import Limit, Objectives, hypervolume
from sugata.space import DictionarySpace
from sugata.strategies import Evolution, RandomSearch, Strategy
from sugata.trial import Metric, Proposal, Status, Trial

QUALITY = Metric("quality", direction="maximize")
SIZE = Metric("size")
SCALAR = Objectives((QUALITY,), fitness=lambda metrics: metrics["quality"])
PARETO = Objectives((QUALITY, SIZE))
GRID = DictionarySpace({f"c{i}": list(range(8)) for i in range(8)})
BASELINE = {f"c{i}": 4 for i in range(8)}


def bowl(proposal: Proposal) -> Trial:
    """Best at 6 everywhere; size grows with every choice."""
    values = np.array([float(value) for value in proposal.architecture.values()])
    metrics = {"quality": -float(((values - 6) ** 2).sum()), "size": float(values.sum())}
    return Trial(proposal, Status.COMPLETED, metrics)


def run(strategy: Strategy, most: int, outcome: Callable[[Proposal], Trial] = bowl) -> list[Trial]:
    trials: list[Trial] = []
    while len(trials) < most and (proposal := strategy.ask()) is not None:
        trials.append(outcome(proposal))
        strategy.tell(trials[-1])
    return trials


def test_half_of_the_first_generation_is_random_and_half_near_the_baselines() -> None:
    other = {**BASELINE, "c0": 0}
    trials = run(Evolution(GRID, SCALAR, starts=[BASELINE, other]), 50)
    origins = [trial.proposal.origin for trial in trials]
    assert origins[:2] == ["baseline", "baseline"]
    assert [trial.proposal.architecture for trial in trials[:2]] == [BASELINE, other]
    assert Counter(origins) == {"baseline": 2, "baseline mutation": 23, "random": 25}
    assert set(origins[2:6]) == {"baseline mutation", "random"}  # spread, for searches that end early

    def distance(trial: Trial) -> int:
        return sum(trial.proposal.architecture[name] != BASELINE[name] for name in BASELINE)

    near = [distance(trial) for trial in trials if trial.proposal.origin == "baseline mutation"]
    far = [distance(trial) for trial in trials if trial.proposal.origin == "random"]
    assert max(near) < np.mean(far)


def test_random_members_of_the_first_generation_take_the_first_choices_options_in_turn() -> None:
    space = DictionarySpace({"type": list("abcdef"), "depth": list(range(30))})
    strategy = Evolution(space, Objectives((Metric("loss"),)), population=12)
    types = [str(strategy.ask().architecture["type"]) for _ in range(12)]  # type: ignore[union-attr]
    assert sorted(types) == sorted("abcdef" * 2)


def test_without_baselines_the_first_generation_is_random() -> None:
    trials = run(Evolution(GRID, SCALAR, population=10), 11)
    assert [trial.proposal.origin for trial in trials[:10]] == ["random"] * 10
    assert trials[10].proposal.origin in ("crossover", "mutation")


def test_more_baselines_than_members_are_proposed_as_far_as_they_fit() -> None:
    baselines = [{**BASELINE, "c0": i} for i in range(6)]
    trials = run(Evolution(GRID, SCALAR, population=4, starts=baselines), 5)
    assert [trial.proposal.origin == "baseline" for trial in trials] == [True] * 4 + [False]


def test_the_same_baseline_twice_is_proposed_once() -> None:
    trials = run(Evolution(GRID, SCALAR, population=6, starts=[BASELINE, BASELINE]), 6)
    assert [trial.proposal.origin for trial in trials[:2]] == ["baseline", "baseline mutation"]


def test_elites_are_not_evaluated_again_and_generations_end_the_search() -> None:
    evolution = Evolution(GRID, SCALAR, population=10, generations=4, elites=0.2)
    assert len(run(evolution, 1000)) == 10 + 3 * 8


def test_children_come_from_the_population_in_the_stated_shares() -> None:
    evolution = Evolution(GRID, SCALAR, population=20, generations=26)
    trials = run(evolution, 1000)
    bred = [trial.proposal for trial in trials[20:]]
    shares = Counter(proposal.origin for proposal in bred)
    assert shares["crossover"] / len(bred) == pytest.approx(0.7, abs=0.1)
    assert all(
        len(proposal.parents) == (2 if proposal.origin == "crossover" else 1) for proposal in bred[:100]
    )
    assert all(len(set(proposal.parents)) == len(proposal.parents) for proposal in bred)


def test_the_elite_stays_a_parent_while_nothing_better_comes() -> None:
    def first_is_best(proposal: Proposal) -> Trial:
        return Trial(proposal, Status.COMPLETED, {"quality": 1.0 if proposal.number == 0 else 0.0})

    evolution = Evolution(GRID, SCALAR, population=5, tournament=50, crossover_rate=0)
    trials = run(evolution, 60, first_is_best)
    assert {trial.proposal.parents for trial in trials[5:]} == {(0,)}


def test_without_elites_only_the_newest_generation_survives() -> None:
    evolution = Evolution(GRID, SCALAR, population=5, elites=0)
    for trial in run(evolution, 40)[5:]:
        generation = trial.number // 5
        assert all(parent // 5 == generation - 1 for parent in trial.proposal.parents)


def test_a_tournament_larger_than_the_population_takes_the_best() -> None:
    trials = run(Evolution(GRID, SCALAR, population=6, tournament=1000, crossover_rate=0), 7)
    best = max(trials[:6], key=lambda trial: trial.metrics["quality"])
    assert trials[6].proposal.parents == (best.number,)


@pytest.mark.parametrize("objectives", [SCALAR, PARETO])
def test_a_population_of_one_climbs(objectives: Objectives) -> None:
    trials = run(Evolution(GRID, objectives, population=1), 80)
    assert len(trials) == 80
    assert max(t.metrics["quality"] for t in trials) > trials[0].metrics["quality"]


@pytest.mark.parametrize(
    "outcome",
    [
        lambda p: Trial(p, Status.FAILED),
        lambda p: Trial(p, Status.COMPLETED, {"quality": float("nan"), "size": 1.0}),
        lambda p: Trial(p, Status.COMPLETED, {"size": 1.0}),
        lambda p: Trial(p, Status.COMPLETED, {"quality": 1.0, "size": 1e9}),
        lambda p: Trial(p, Status.REFUSED),
    ],
    ids=["failed", "nan", "missing", "beyond-limit", "refused"],
)
@pytest.mark.parametrize("fitness", [None, SCALAR.fitness])
def test_without_a_valid_parent_it_falls_back_to_random(outcome, fitness) -> None:
    objectives = Objectives((QUALITY, SIZE), (Limit("size", 1e6),), fitness)
    trials = run(Evolution(GRID, objectives, population=5), 30, outcome)
    assert len(trials) == 30
    assert {trial.proposal.origin for trial in trials} == {"random"}


def test_refused_trials_are_replaced_within_their_generation() -> None:
    def odd_refused(proposal: Proposal) -> Trial:
        return bowl(proposal) if proposal.number % 2 == 0 else Trial(proposal, Status.REFUSED)

    trials = run(Evolution(GRID, SCALAR, population=10), 20, odd_refused)
    assert {trial.proposal.origin for trial in trials[:19]} == {"random"}
    assert trials[19].proposal.origin != "random"
    assert all(parent % 2 == 0 for parent in trials[19].proposal.parents)


def test_a_straggler_does_not_hold_up_the_next_generation_and_joins_it_later() -> None:
    evolution = Evolution(GRID, SCALAR, population=8, tournament=100, crossover_rate=0)
    pending = [evolution.ask() for _ in range(8)]
    straggler = pending.pop(0)
    for proposal in pending[:5]:
        evolution.tell(bowl(proposal))
    assert evolution.ask() is None  # 5 of 8 told
    evolution.tell(bowl(pending[5]))
    second = [evolution.ask() for _ in range(6)]
    assert straggler is not None
    assert all(proposal is not None for proposal in second)
    evolution.tell(Trial(straggler, Status.COMPLETED, {"quality": 1.0}))
    for proposal in second:
        evolution.tell(bowl(proposal))
    third = evolution.ask()
    assert third is not None
    assert third.parents == (straggler.number,)


@pytest.mark.parametrize("kind", ["one_point", "two_point", "uniform"])
def test_every_crossover_works(kind) -> None:
    trials = run(Evolution(GRID, SCALAR, population=10, crossover=kind), 60)
    assert max(t.metrics["quality"] for t in trials[10:]) > max(t.metrics["quality"] for t in trials[:10])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"population": 0}, "strategy.population is 0; give a whole number of at least 1"),
        ({"population": 2.5}, "strategy.population is 2.5; give a whole number of at least 1"),
        ({"generations": -1}, "strategy.generations is -1; give a whole number of at least 1"),
        ({"tournament": 0}, "strategy.tournament is 0; give a whole number of at least 1"),
        ({"elites": 1.5}, "strategy.elites is 1.5; give a share between 0 and 1"),
        ({"mutation_rate": 30}, "strategy.mutation_rate is 30; give a share between 0 and 1"),
        ({"crossover_rate": float("nan")}, "strategy.crossover_rate is nan; give a share between 0 and 1"),
        (
            {"crossover": "three_point"},
            "strategy.crossover is 'three_point'; use one_point, two_point, uniform",
        ),
    ],
)
def test_impossible_settings_are_refused_in_one_line(settings: dict, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Evolution(GRID, SCALAR, **settings)
    assert str(caught.value) == message


def test_a_baseline_outside_the_space_is_refused() -> None:
    with pytest.raises(InvalidArchitecture, match="c0=99 is not an option"):
        Evolution(GRID, SCALAR, starts=[{**BASELINE, "c0": 99}])


def test_evolution_beats_random_search_on_a_smooth_objective() -> None:
    seeds = range(10)

    def best(strategy: Strategy) -> float:
        return max(trial.metrics["quality"] for trial in run(strategy, 200))

    gains = [
        best(Evolution(GRID, SCALAR, seed=seed, population=20)) - best(RandomSearch(GRID, SCALAR, seed=seed))
        for seed in seeds
    ]
    assert np.mean(gains) > 5
    assert sum(gain > 0 for gain in gains) >= 9


def test_the_pareto_form_beats_random_search_in_hypervolume() -> None:
    def volume(strategy: Strategy) -> float:
        trials = run(strategy, 200)
        return hypervolume(PARETO.costs(trials), np.array([300.0, 60.0]))

    gains = [
        volume(Evolution(GRID, PARETO, seed=seed, population=20))
        / volume(RandomSearch(GRID, PARETO, seed=seed))
        for seed in range(10)
    ]
    assert np.mean(gains) > 1.02
    assert sum(gain > 1 for gain in gains) >= 9


def test_tight_limits_are_searched_from_the_one_baseline_that_meets_them() -> None:
    small = {**BASELINE, **{f"c{i}": 0 for i in range(7)}}  # of 8^8 architectures 495 are as small
    refused = 0

    def outcome(proposal: Proposal) -> Trial:
        nonlocal refused
        trial = bowl(proposal)
        if trial.metrics["size"] <= 4:
            return trial
        refused += 1
        return Trial(proposal, Status.REFUSED, reason="too large")

    baselines = [small, *({**BASELINE, "c0": i} for i in range(4))]
    trials = run(Evolution(GRID, SCALAR, population=8, starts=baselines), 600, outcome)
    completed = [trial for trial in trials if trial.status is Status.COMPLETED]
    assert len(completed) >= 20
    near = [trial for trial in trials if trial.proposal.origin == "baseline mutation"]
    assert all(sum(trial.proposal.architecture[name] != small[name] for name in small) <= 6 for trial in near)
    best = max(completed, key=lambda trial: trial.metrics["quality"])
    assert best.metrics["quality"] > bowl(Proposal(0, small)).metrics["quality"]
