"""The funnel: who goes on, when, and that the upper rungs get filled."""

import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from sugata.errors import RecipeError
from sugata.objectives import Limit, Objectives
from sugata.space import DictionarySpace
from sugata.strategies import CLASSIFICATION, LANGUAGE, Evolution, Funnel, RandomSearch, Rung
from sugata.trial import Fidelity, Metric, Proposal, Status, Trial

BITS = Metric("bits_per_byte", "bit/B")
ACCURACY = Metric("accuracy", direction="maximize")
SIZE = Metric("size_bytes", "B")
LINE = DictionarySpace({"x": list(range(1000))})
SMALL, MEDIUM, FULL = (
    Fidelity(i, name, 10.0**i, "steps") for i, name in enumerate(["small", "medium", "full"])
)


def funnel(
    rungs: Sequence[Rung], objectives: Objectives | None = None, by: str = "pareto", seed: int = 0
) -> Funnel:
    return Funnel(RandomSearch(LINE, objectives or Objectives((BITS,)), seed=seed), rungs, by=by)


def better_if_smaller(proposal: Proposal) -> Trial:
    x = float(proposal.architecture["x"])
    metrics = {"bits_per_byte": x / 1000, "accuracy": 1 - x / 1000, "size_bytes": 1000 - x}
    return Trial(proposal, Status.COMPLETED, metrics)


def run(
    strategy: Funnel, most: int, workers: int = 1, outcome: Callable[[Proposal], Trial] = better_if_smaller
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


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("keep", [None, 1 / 3])
def test_capacities_are_used_up_exactly_and_the_search_is_finished(workers: int, keep: float | None) -> None:
    rungs = Rung(SMALL, keep, capacity=24), Rung(MEDIUM, keep, capacity=8), Rung(FULL, capacity=3)
    trials = run(funnel(rungs), 1000, workers)
    assert Counter(trial.proposal.fidelity.rung for trial in trials) == {0: 24, 1: 8, 2: 3}
    best = min(on_rung(trials, 0), key=lambda trial: trial.metrics["bits_per_byte"])
    assert best.proposal.architecture in [trial.proposal.architecture for trial in on_rung(trials, 2)]


def test_the_first_passers_do_not_take_all_places() -> None:
    """Every later trial is better than all before, as in a search that learns."""

    def later_is_better(proposal: Proposal) -> Trial:
        return Trial(proposal, Status.COMPLETED, {"bits_per_byte": 1.0 / (1 + proposal.number)})

    for lowest in (Rung(SMALL, keep=1 / 3, capacity=24), Rung(SMALL, threshold=2.0, capacity=24)):
        strategy = funnel((lowest, Rung(MEDIUM, capacity=8)))
        trials = run(strategy, 1000, outcome=later_is_better)
        lower = [trial.number for trial in on_rung(trials, 0)]
        promoted = [lower.index(trial.proposal.continues) for trial in on_rung(trials, 1)]
        assert promoted == [2, 5, 8, 11, 14, 17, 20, 23]


def test_without_shares_the_best_of_all_go_on() -> None:
    """Synchronous: capacities alone decide, so nobody goes on before the rung is through."""
    rungs = Rung(SMALL, capacity=24), Rung(MEDIUM, capacity=8), Rung(FULL, capacity=3)
    trials = run(funnel(rungs), 1000, workers=8)
    for rung, count in ((0, 8), (1, 3)):
        ranked = sorted(int(trial.proposal.architecture["x"]) for trial in on_rung(trials, rung))
        assert sorted(int(t.proposal.architecture["x"]) for t in on_rung(trials, rung + 1)) == ranked[:count]


def test_last_places_wait_only_for_trials_that_could_take_them() -> None:
    strategy = funnel((Rung(SMALL, capacity=4), Rung(MEDIUM, capacity=2)))
    pending = [strategy.ask() for _ in range(4)]
    assert strategy.ask() is None
    for proposal in pending[:2]:
        strategy.tell(better_if_smaller(proposal))
    assert strategy.ask() is None  # two places, two pending: both could be better
    strategy.tell(better_if_smaller(pending[2]))
    promotion = strategy.ask()  # one of the two places is safe whatever the last one does
    assert promotion is not None
    best = min(pending[:3], key=lambda proposal: proposal.architecture["x"])
    assert promotion.continues == best.number
    assert strategy.ask() is None


def test_a_promotion_continues_its_trial_at_the_next_fidelity() -> None:
    trials = run(funnel((Rung(SMALL, keep=0.5), Rung(MEDIUM, keep=0.5), Rung(FULL))), 60)
    by_number = {trial.number: trial for trial in trials}
    promotions = [trial.proposal for trial in trials if trial.proposal.origin == "promotion"]
    assert {promotion.fidelity for promotion in promotions} == {MEDIUM, FULL}
    for promotion in promotions:
        lower = by_number[promotion.continues].proposal
        assert lower.architecture == promotion.architecture
        assert lower.fidelity.rung == promotion.fidelity.rung - 1
        assert promotion.parents == (lower.number,)
    assert all(trial.proposal.fidelity == SMALL for trial in trials if trial.proposal.continues is None)


def test_promotions_come_first_so_a_search_stopped_at_any_time_has_filled_its_top_rung() -> None:
    """With keep = 1/3, nine results of the lowest rung and three of the next bring one to the top."""
    trials = run(funnel((Rung(SMALL, 1 / 3), Rung(MEDIUM, 1 / 3), Rung(FULL))), 100)
    first_top = next(i for i, trial in enumerate(trials) if trial.proposal.fidelity == FULL)
    assert first_top <= 9 + 3
    counts = Counter(trial.proposal.fidelity.rung for trial in trials)
    assert counts[0] > 2 * counts[1] > 2 * counts[2] > 0


def test_a_promoted_trial_was_in_the_top_share_of_those_told_by_then() -> None:
    trials = run(funnel((Rung(SMALL, 0.25), Rung(MEDIUM, capacity=1000))), 200)
    for position, trial in enumerate(trials):
        if trial.proposal.continues is not None:
            told = sorted(on_rung(trials[:position], 0), key=lambda t: t.metrics["bits_per_byte"])
            rank = [t.number for t in told].index(trial.proposal.continues)
            assert rank < 0.25 * len(told)


def test_thresholds_stop_what_is_below_them() -> None:
    trials = run(Funnel(RandomSearch(LINE, Objectives((ACCURACY,))), CLASSIFICATION), 400)
    for rung, threshold in ((0, 0.3), (1, 0.6)):
        passed = [t for t in on_rung(trials, rung) if t.metrics["accuracy"] >= threshold]
        promoted = {trial.proposal.continues for trial in on_rung(trials, rung + 1)}
        assert promoted == {trial.number for trial in passed}
        assert 0 < len(passed) < len(on_rung(trials, rung))


def test_a_threshold_on_a_minimized_metric_is_an_upper_bound_and_holds_to_the_end() -> None:
    trials = run(funnel((Rung(SMALL, threshold=0.2, capacity=30), Rung(MEDIUM, capacity=25))), 1000)
    promoted = on_rung(trials, 1)
    assert 0 < len(promoted) < 25  # rather too few than hopeless ones
    assert all(trial.metrics["bits_per_byte"] <= 0.2 for trial in promoted)


def test_threshold_and_share_must_both_be_met() -> None:
    trials = run(funnel((Rung(SMALL, keep=0.5, threshold=0.2), Rung(MEDIUM))), 300)
    assert all(trial.metrics["bits_per_byte"] <= 0.2 for trial in on_rung(trials, 1))
    lax = run(funnel((Rung(SMALL, keep=0.1, threshold=0.99), Rung(MEDIUM))), 300)
    assert lax == run(funnel((Rung(SMALL, keep=0.1), Rung(MEDIUM))), 300)


def test_the_share_is_of_the_metric_that_is_named() -> None:
    objectives = Objectives((BITS, SIZE))
    rungs = Rung(SMALL, capacity=20), Rung(MEDIUM, capacity=2)
    by_size = run(funnel(rungs, objectives, by="size_bytes"), 100)
    largest = sorted(int(trial.proposal.architecture["x"]) for trial in on_rung(by_size, 0))[-2:]
    assert sorted(int(trial.proposal.architecture["x"]) for trial in on_rung(by_size, 1)) == largest
    by_front = run(funnel(rungs, objectives), 100)
    xs = [int(trial.proposal.architecture["x"]) for trial in on_rung(by_front, 0)]
    assert {int(t.proposal.architecture["x"]) for t in on_rung(by_front, 1)} == {min(xs), max(xs)}
    scalar = Objectives((BITS, SIZE), fitness=lambda metrics: metrics["bits_per_byte"])
    by_fitness = run(funnel(rungs, scalar, by="fitness"), 100)
    assert sorted(int(trial.proposal.architecture["x"]) for trial in on_rung(by_fitness, 1)) == largest


def test_failed_refused_and_limit_breaking_trials_never_go_on() -> None:
    def odd(proposal: Proposal) -> Trial:
        status = [Status.COMPLETED, Status.FAILED, Status.REFUSED, Status.KILLED][proposal.number % 4]
        return better_if_smaller(proposal) if status is Status.COMPLETED else Trial(proposal, status)

    objectives = Objectives((BITS,), limits=(Limit("size_bytes", 900),))
    trials = run(funnel((Rung(SMALL, keep=1.0), Rung(MEDIUM)), objectives), 200, 4, odd)
    by_number = {trial.number: trial for trial in trials}
    promoted = [by_number[trial.proposal.continues] for trial in on_rung(trials, 1)]
    assert promoted
    assert all(trial.ok and trial.metrics["size_bytes"] <= 900 for trial in promoted)


def test_refused_trials_leave_their_place_to_others() -> None:
    def half_refused(proposal: Proposal) -> Trial:
        refused = int(proposal.architecture["x"]) % 2 == 0
        return Trial(proposal, Status.REFUSED) if refused else better_if_smaller(proposal)

    trials = run(funnel((Rung(SMALL, capacity=10), Rung(MEDIUM, capacity=3))), 1000, 3, half_refused)
    evaluated = [trial for trial in trials if trial.status is not Status.REFUSED]
    assert Counter(trial.proposal.fidelity.rung for trial in evaluated) == {0: 10, 1: 3}


class Recording(RandomSearch):
    """Random search that remembers what it is told."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.trials: list[Trial] = []

    def tell(self, trial: Trial) -> None:
        self.trials.append(trial)


def test_the_inner_strategy_sees_its_own_numbers_and_the_lowest_rung_only() -> None:
    inner = Recording(LINE, Objectives((BITS,)), seed=3)
    alone = RandomSearch(LINE, Objectives((BITS,)), seed=3)
    trials = run(Funnel(inner, (Rung(SMALL, 0.5), Rung(MEDIUM, 0.5), Rung(FULL))), 60)
    count = len(on_rung(trials, 0))
    assert 0 < count < 60
    assert [trial.proposal for trial in inner.trials] == [alone.ask() for _ in range(count)]
    assert [trial.metrics for trial in inner.trials] == [trial.metrics for trial in on_rung(trials, 0)]


def test_parents_are_named_by_the_numbers_of_the_run() -> None:
    inner = Evolution(LINE, Objectives((BITS,)), population=6)
    trials = run(Funnel(inner, (Rung(SMALL, 0.3), Rung(MEDIUM, 0.3), Rung(FULL))), 80)
    lowest = {trial.number for trial in on_rung(trials, 0)}
    bred = [trial.proposal for trial in trials if trial.proposal.origin in ("mutation", "crossover")]
    assert bred
    for proposal in bred:
        assert set(proposal.parents) <= lowest
        assert all(parent < proposal.number for parent in proposal.parents)


def test_an_exhausted_space_still_fills_the_upper_rungs() -> None:
    space = DictionarySpace({"x": [1, 2, 3, 4]})
    inner = RandomSearch(space, Objectives((BITS,)))
    trials = run(Funnel(inner, (Rung(SMALL, 0.1), Rung(MEDIUM, 0.1), Rung(FULL))), 100, 4)
    assert [trial.proposal.fidelity.rung for trial in trials].count(2) == 1
    assert on_rung(trials, 2)[0].proposal.architecture == {"x": 1}


def test_one_rung_is_the_inner_strategy_at_that_fidelity() -> None:
    trials = run(funnel((Rung(SMALL, capacity=5),)), 100)
    assert [trial.proposal.fidelity for trial in trials] == [SMALL] * 5


def test_the_presets_are_the_methods_defaults() -> None:
    amounts = [(rung.fidelity.samples, rung.fidelity.amount, rung.threshold) for rung in CLASSIFICATION]
    assert amounts == [(1_000, 5, 0.3), (10_000, 10, 0.6), (100_000, 20, None)]
    assert all(rung.keep for rung in LANGUAGE[:-1])
    funnel(LANGUAGE, by="bits_per_byte")


@pytest.mark.parametrize(
    ("rungs", "message"),
    [
        ((), "funnel is empty; give at least one rung"),
        ((Rung(MEDIUM),), "funnel.0.fidelity.rung is 1; number rungs 0, 1, 2 in order"),
        ((Rung(SMALL, keep=0.0), Rung(MEDIUM)), "funnel.0.keep is 0.0; give a share above 0"),
        ((Rung(SMALL, keep=35), Rung(MEDIUM)), "funnel.0.keep is 35; give a share above 0"),
        ((Rung(SMALL, capacity=0),), "funnel.0.capacity is 0; give at least 1"),
        ((Rung(SMALL, threshold=float("nan")),), "funnel.0.threshold is nan; give a value"),
        ((Rung(SMALL), Rung(MEDIUM)), "funnel.0 says nothing of who goes on; set keep, threshold"),
        (
            (Rung(SMALL, 0.5), Rung(Fidelity(1, "medium", 1, "steps"))),
            "funnel.1.amount is 1; give more than the 1 of the rung below",
        ),
    ],
)
def test_contradictory_rungs_are_refused_in_one_line(rungs: Sequence[Rung], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        funnel(rungs)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("by", ["latency_ms", "fitness"])
def test_an_unknown_metric_to_rank_by_is_refused(by: str) -> None:
    with pytest.raises(RecipeError, match=f"promote_by is '{by}'; use bits_per_byte, pareto"):
        funnel((Rung(SMALL),), by=by)
