"""Progressive spaces: when the next one begins, what is carried over, and what does not fit."""

import random
from collections.abc import Mapping, Sequence

import pytest

from sugata.errors import RecipeError
from sugata.objectives import Objectives
from sugata.space import Choice, DictionarySpace, SearchSpace, restricted
from sugata.spaces import space as space_named
from sugata.strategies import Evolution, Progressive, RandomSearch, Start, Strategy, shared_out
from sugata.trial import Metric, Proposal, Status, Trial, Value

LOSS = Objectives((Metric("loss"),))
WHOLE = DictionarySpace({f"x{i}": list(range(6)) for i in range(4)})
SMALL = restricted(WHOLE, {f"x{i}": [0, 5] for i in range(4)})  # 16 architectures
MIDDLE = restricted(WHOLE, {f"x{i}": [0, 1, 4, 5] for i in range(4)})


def randomly(space: SearchSpace, starts: Sequence[Mapping[str, Value]]) -> Strategy:
    return RandomSearch(space, LOSS, seed=1, starts=starts)


def bred(space: SearchSpace, starts: Sequence[Mapping[str, Value]]) -> Strategy:
    return Evolution(space, LOSS, seed=1, starts=starts, population=10, tournament=2)


def ended(proposal: Proposal, status: Status = Status.COMPLETED) -> Trial:
    loss = sum((float(x) - 5) ** 2 for x in proposal.architecture.values())
    return Trial(proposal, status, {"loss": loss} if status is Status.COMPLETED else {})


def run(strategy: Strategy, most: int, workers: int = 1, status: Status = Status.COMPLETED) -> list[Trial]:
    rng, trials, pending = random.Random(0), [], []
    while len(trials) < most:
        proposal = strategy.ask() if len(pending) < workers else None
        if proposal is not None:
            pending.append(proposal)
        elif pending:
            trials.append(ended(pending.pop(rng.randrange(len(pending))), status))
            strategy.tell(trials[-1])
        else:
            break
    return trials


def places(trials: Sequence[Trial]) -> list[str]:
    """The space of each trial, as its origin says."""
    return [trial.proposal.origin.partition(" in ")[2] for trial in sorted(trials, key=lambda t: t.number)]


@pytest.mark.parametrize("workers", [1, 4])
def test_each_space_has_its_trials_and_the_last_the_rest(workers: int) -> None:
    trials = run(Progressive([SMALL, MIDDLE, WHOLE], [10, 15], randomly, LOSS), 60, workers)
    assert places(trials)[:40] == ["space 1 of 3"] * 10 + ["space 2 of 3"] * 15 + [""] * 15
    for trial in trials:
        x = set(trial.architecture.values())
        assert x <= {0, 5} or trial.proposal.origin != "random in space 1 of 3"
        assert x <= {0, 1, 4, 5} or trial.proposal.origin == "random"
    assert len({repr(dict(trial.architecture)) for trial in trials}) == 60


def test_a_space_in_which_nothing_is_left_is_left() -> None:
    trials = run(Progressive([SMALL, WHOLE], [40], randomly, LOSS), 50)
    assert places(trials) == ["space 1 of 2"] * 16 + [""] * 34


def test_the_next_space_waits_for_three_quarters_of_the_results() -> None:
    strategy = Progressive([SMALL, WHOLE], [8], randomly, LOSS)
    pending = [strategy.ask() for _ in range(8)]
    assert None not in pending
    for proposal in pending[:5]:
        strategy.tell(ended(proposal))
        assert strategy.ask() is None
    strategy.tell(ended(pending[5]))
    following = strategy.ask()
    assert following is not None
    assert following.origin == "random"
    for proposal in (*pending[6:], following):
        strategy.tell(ended(proposal))
    assert strategy.ask() is not None


def test_evolution_goes_on_with_the_population_that_it_had() -> None:
    """The small space holds the best architecture of all: its children are near it from the beginning."""
    trials = run(Progressive([SMALL, WHOLE], [16], bred, LOSS), 40)
    first = [trial for trial in trials if trial.proposal.origin in ("mutation", "crossover")][:10]
    assert len(first) == 10
    numbers = {trial.number for trial in trials if places([trial]) == ["space 1 of 2"]}
    assert set(first[0].proposal.parents) <= numbers
    assert all(set(trial.proposal.parents) & numbers for trial in first[:3])
    alone = run(bred(WHOLE, ()), 40)
    assert sum(t.metrics["loss"] for t in first) / 10 < sum(t.metrics["loss"] for t in alone[10:20]) / 10


def test_refused_trials_do_not_count_and_a_hundred_of_them_are_enough() -> None:
    strategy = Progressive([MIDDLE, WHOLE], [5], randomly, LOSS)
    for _ in range(20):
        proposal = strategy.ask()
        assert proposal is not None
        refused = proposal.number % 2 == 0
        strategy.tell(ended(proposal, Status.REFUSED if refused else Status.COMPLETED))
    assert strategy.inner.space is WHOLE
    trials = run(Progressive([MIDDLE, WHOLE], [5], randomly, LOSS), 150, status=Status.REFUSED)
    assert places(trials) == ["space 1 of 2"] * 100 + [""] * 50


def test_starts_are_tried_in_the_first_space_that_has_them() -> None:
    starts = [Start({f"x{i}": x for i in range(4)}, f"of {x}") for x in (5, 3, 1)]
    trials = run(Progressive([SMALL, MIDDLE, WHOLE], [6, 6], randomly, LOSS, starts=starts), 20)
    origins = [trial.proposal.origin for trial in trials]
    assert origins[0] == "of 5 in space 1 of 3"
    assert origins[6] == "of 1 in space 2 of 3"
    assert origins[12] == "of 3"


def test_missing_choices_are_at_their_default() -> None:
    part = DictionarySpace({"x0": [0, 1], "x1": [4, 5]})
    whole = DictionarySpace({"x0": [0, 1, 2], "x1": [4, 5], "x2": [7, 8]})
    trials = run(Progressive([part, whole], [3], randomly, LOSS), 12)
    assert [trial.architecture["x2"] for trial in trials[:3]] == [7, 7, 7]
    assert len({repr(dict(trial.architecture)) for trial in trials}) == 12  # all that there are


def test_the_language_spaces_grow() -> None:
    spaces = [space_named(f"language/{name}") for name in ("minimal", "medium", "full")]

    def make(space: SearchSpace, starts: Sequence[Mapping[str, Value]]) -> Strategy:
        return RandomSearch(space, LOSS, seed=1, starts=starts)

    strategy = Progressive(spaces, [8, 8], make, LOSS)
    whole = spaces[-1]
    for number in range(30):
        proposal = strategy.ask()
        assert proposal is not None
        whole.validate(proposal.architecture)
        within = spaces[0] if number < 8 else spaces[1] if number < 16 else whole
        within.validate(dict(proposal.architecture))
        strategy.tell(Trial(proposal, Status.COMPLETED, {"loss": float(number)}))


class Other(SearchSpace):
    name = "other"
    choices = (Choice("x0", (0, 9)),)


class One(SearchSpace):
    name = "one"
    choices = (Choice("x0", tuple(range(6))),)


@pytest.mark.parametrize(
    ("spaces", "said"),
    [
        (
            [WHOLE, SMALL],
            "field 'space.0': dictionary is not part of the next, dictionary: x0=1 is no option",
        ),
        ([SMALL, WHOLE, MIDDLE], "field 'space.1': dictionary is not part of the next"),
        (
            [Other(), WHOLE],
            "field 'space.0': other is not part of the next, dictionary: x0=9 is no option there",
        ),
        ([WHOLE, One()], "that has no choice 'x1'; order spaces from small to large"),
    ],
)
def test_what_is_no_part_of_the_next_is_refused_in_one_line(spaces: list[SearchSpace], said: str) -> None:
    with pytest.raises(RecipeError) as raised:
        Progressive(spaces, [5] * (len(spaces) - 1), randomly, LOSS)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_equal_parts() -> None:
    assert shared_out(100, 3) == [34, 34]
    assert shared_out(1, 2) == [1]
