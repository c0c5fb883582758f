"""The contract of strategies on every catalogued space: valid, no repeats, restorable, parallel."""

import pytest

from sugata.spaces import catalogue
from sugata.strategies import STRATEGIES

from .contract import (
    EXPENSIVE,
    WRAPPED,
    Case,
    ConditionalSpace,
    anything,
    check_proposals,
    check_restored,
    drive,
)

pytestmark = pytest.mark.slow
_PATIENCE = 0.1  # seconds of one drive


@pytest.mark.parametrize("space", catalogue.names())
@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_keeps_the_contract_on_a_catalogued_space(name: str, space: str) -> None:
    searched = catalogue.space(space)
    case = Case(name, "pareto" if len(space) % 2 else "scalar")
    least = 5 if name in EXPENSIVE else 10
    for workers, cut in ((1, 0.5), (8, 0.0)):  # restored in the middle, and repeated from the beginning
        strategy = case.make(searched, workers)
        run = drive(strategy, anything(searched), workers=workers, most=20, seconds=_PATIENCE, least=least)
        check_proposals(searched, run, repeats=strategy.repeats)
        if not run.finished:
            assert len(run.proposals) >= least
        check_restored(lambda: case.make(searched, workers), run.events, round(cut * len(run.events)))  # noqa: B023


@pytest.mark.parametrize(("wrapper", "aims"), WRAPPED)
@pytest.mark.parametrize("name", sorted(EXPENSIVE))
def test_a_strategy_whose_asks_are_expensive_keeps_the_contract_in_a_wrapper(
    name: str, wrapper: str, aims: str
) -> None:
    space = ConditionalSpace()
    case = Case(name, aims, wrapper)
    strategy = case.make(space, 1)
    run = drive(strategy, anything(space), workers=3, most=24, seconds=_PATIENCE)
    check_proposals(space, run, repeats=strategy.repeats)
    check_restored(lambda: case.make(space, 1), run.events, len(run.events) // 2)
