"""Successive halving and Hyperband: who goes on, when a rung ends, and how large brackets are."""

import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from sugata.errors import RecipeError
from sugata.objectives import Limit, Objectives
from sugata.space import DictionarySpace
from sugata.strategies import Hyperband, RandomSearch, Strategy, SuccessiveHalving
from sugata.trial import Fidelity, Metric, Proposal, Status, Trial

LOSS, SIZE = Metric("loss"), Metric("size")
LINE = DictionarySpace({"x": list(range(1000))})
LADDER = tuple(Fidelity(rung, f"rung{rung}", 3.0**rung, "steps") for rung in range(3))


def line(seed: int = 0, objectives: Objectives | None = None) -> RandomSearch:
    return RandomSearch(LINE, objectives or Objectives((LOSS,)), seed=seed)


def better_if_smaller(proposal: Proposal) -> Trial:
    x = float(proposal.architecture["x"])
    return Trial(proposal, Status.COMPLETED, {"loss": x, "size": 1000 - x})


def run(
    strategy: Strategy, most: int, workers: int = 1, outcome: Callable[[Proposal], Trial] = better_if_smaller
) -> list[Trial]:
    rng, trials, pending = random.Random(0), [], []
    while len(trials) < most:
        proposal = strategy.ask() if len(pending) < workers else None
        if proposal is not None:
            pending.append(proposal)
        elif pending:
            trials.append(outcome(pending.pop(rng.randrange(len(pending)))))
            strategy.tell(trials[-1])
        else:
            break
    return trials


def on_rung(trials: Sequence[Trial], rung: int) -> list[Trial]:
    return [trial for trial in trials if trial.proposal.fidelity.rung == rung]


def xs(trials: Sequence[Trial]) -> list[int]:
    return sorted(int(trial.proposal.architecture["x"]) for trial in trials)


@pytest.mark.parametrize("workers", [1, 4, 20])
def test_the_best_third_of_each_rung_goes_on(workers: int) -> None:
    trials = run(SuccessiveHalving(line(), LADDER, initial=20), 20 + 6 + 2, workers)
    lowest, middle, top = (on_rung(trials, rung) for rung in range(3))
    assert (len(lowest), len(middle), len(top)) == (20, 6, 2)
    assert xs(middle) == xs(lowest)[:6]
    assert xs(top) == xs(lowest)[:2]
    by_number = {trial.number: trial for trial in trials}
    for trial in middle + top:
        assert trial.proposal.continues is not None
        earlier = by_number[trial.proposal.continues].proposal
        assert earlier.architecture == trial.proposal.architecture
        assert earlier.fidelity.rung == trial.proposal.fidelity.rung - 1


def test_by_default_one_reaches_the_top_and_brackets_repeat() -> None:
    trials = run(SuccessiveHalving(line(), LADDER), 3 * (9 + 3 + 1))
    assert [trial.proposal.fidelity.rung for trial in trials] == 3 * (9 * [0] + 3 * [1] + [2])


def test_nobody_is_asked_for_while_a_rung_has_to_end() -> None:
    strategy = SuccessiveHalving(line(), LADDER)
    pending = [strategy.ask() for _ in range(9)]
    assert None not in pending
    for proposal in pending[:-1]:
        assert strategy.ask() is None
        strategy.tell(better_if_smaller(proposal))
    assert strategy.ask() is None
    strategy.tell(better_if_smaller(pending[-1]))
    assert [strategy.ask().fidelity.rung for _ in range(3)] == [1, 1, 1]
    assert strategy.ask() is None


def test_refused_trials_are_replaced_failed_ones_are_the_worst() -> None:
    def odd(proposal: Proposal) -> Trial:
        status = (Status.REFUSED, Status.FAILED, Status.COMPLETED)[int(proposal.architecture["x"]) % 3]
        return better_if_smaller(proposal) if status is Status.COMPLETED else Trial(proposal, status)

    trials = run(SuccessiveHalving(line(), LADDER, initial=12), 200, 5, odd)
    first_up = next(i for i, trial in enumerate(trials) if trial.proposal.fidelity.rung == 1)
    begun = [trial for trial in trials[:first_up] if trial.status is not Status.REFUSED]
    assert len(begun) == 12
    assert 0 < sum(trial.ok for trial in begun) < 12
    completed = [trial for trial in begun if trial.ok]
    going_on = on_rung(trials[first_up : first_up + len(completed)], 1)[:4]
    assert xs(going_on) == xs(completed)[:4]


def test_what_breaks_a_limit_never_goes_on() -> None:
    objectives = Objectives((LOSS,), limits=(Limit("size", 700),))
    trials = run(SuccessiveHalving(line(0, objectives), LADDER), 200)
    promoted = on_rung(trials, 1)
    assert promoted
    assert all(trial.metrics["size"] <= 700 for trial in promoted)


def test_a_bracket_that_fails_whole_is_followed_by_another() -> None:
    def first_nine_fail(proposal: Proposal) -> Trial:
        return Trial(proposal, Status.FAILED) if proposal.number < 9 else better_if_smaller(proposal)

    trials = run(SuccessiveHalving(line(), LADDER), 9 + 13, 3, first_nine_fail)
    assert Counter(trial.proposal.fidelity.rung for trial in trials) == {0: 18, 1: 3, 2: 1}


def test_an_exhausted_space_ends_the_last_bracket_with_what_it_has() -> None:
    inner = RandomSearch(DictionarySpace({"x": list(range(13))}), Objectives((LOSS,)))
    trials = run(SuccessiveHalving(inner, LADDER), 100, 4)
    assert [trial.proposal.fidelity.rung for trial in trials] == 9 * [0] + 3 * [1] + [2] + 4 * [0] + [1] + [2]


def test_hyperbands_brackets_are_those_of_the_paper() -> None:
    """Li et al. 2018, table 1: R = 81, eta = 3."""
    ladder = tuple(Fidelity(rung, f"rung{rung}", 3.0**rung, "epochs") for rung in range(5))
    strategy = Hyperband([line(seed) for seed in range(5)], ladder)
    sizes = [[81, 27, 9, 3, 1], [34, 11, 3, 1], [15, 5, 1], [8, 2], [5]]
    wanted = [start + i for start, row in enumerate(sizes) for i, size in enumerate(row) for _ in range(size)]
    trials = run(strategy, len(wanted), 3)
    assert [trial.proposal.fidelity.rung for trial in trials] == wanted


def test_each_rung_that_brackets_begin_on_has_a_strategy_that_learns_its_results_alone() -> None:
    class Recording(RandomSearch):
        def __init__(self, seed: int) -> None:
            super().__init__(LINE, Objectives((LOSS,)), seed=seed)
            self.told: list[Trial] = []

        def tell(self, trial: Trial) -> None:
            self.told.append(trial)

    inners = [Recording(seed) for seed in range(3)]
    trials = run(Hyperband(inners, LADDER), 60)
    for rung, inner in enumerate(inners):
        begun = [t for t in on_rung(trials, rung) if t.proposal.continues is None]
        assert [trial.metrics for trial in inner.told] == [trial.metrics for trial in begun]
        assert sorted(trial.number for trial in inner.told) == list(range(len(begun)))


def test_brackets_may_begin_on_the_lowest_rungs_only() -> None:
    trials = run(Hyperband([line(0), line(1)], LADDER), 80)
    assert {t.proposal.fidelity.rung for t in trials if t.proposal.continues is None} == {0, 1}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SuccessiveHalving(line(), LADDER, eta=1), "promotion.eta is 1; give a whole number"),
        (lambda: SuccessiveHalving(line(), LADDER, initial=8), "promotion.initial is 8; with eta 3 give at"),
        (lambda: SuccessiveHalving(line(), LADDER[:1]), "funnel has one rung"),
        (lambda: SuccessiveHalving(line(), ()), "funnel is empty"),
        (lambda: SuccessiveHalving(line(), LADDER, by="speed"), "promote_by is 'speed'; use loss, pareto"),
        (lambda: Hyperband([line()] * 4, LADDER), "promotion.brackets is 4; give at least 1 and at most 3"),
        (lambda: Hyperband([line()], LADDER[::-1]), "funnel.0.fidelity.rung is 2"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(make: Callable[[], Strategy], said: str) -> None:
    with pytest.raises(RecipeError) as raised:
        make()
    assert str(raised.value).startswith(said)
    assert "\n" not in str(raised.value)
