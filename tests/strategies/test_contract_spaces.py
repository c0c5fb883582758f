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
_PATIENCE = 0.15  # seconds of one drive


@pytest.mark.parametrize("space", catalogue.names())
@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_keeps_the_contract_on_a_catalogued_space(name: str, space: str) -> None:
    searched = catalogue.space(space)
    case = Case(name, "pareto" if len(space) % 2 else "scalar")
    for workers in (1, 8):
        strategy = case.make(searched, workers)
        run = drive(strategy, anything(searched), workers=workers, most=24, seconds=_PATIENCE, least=9)
        check_proposals(searched, run, repeats=strategy.repeats)
        if not run.finished:
            assert len(run.proposals) >= 9
        check_restored(lambda: case.make(searched, workers), run.events, cut=0)  # noqa: B023 - the same seed again
        check_restored(lambda: case.make(searched, workers), run.events, len(run.events) // 2)  # noqa: B023


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
