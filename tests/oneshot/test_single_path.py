"""Weights trained path by path."""

from collections import Counter

import numpy as np
import pytest

from sugata.errors import LimitError, RecipeError
from sugata.oneshot import SinglePath, SupernetEvaluator, SupernetSettings
from sugata.trial import Proposal, Status

from .toy import OPTIONS, Quiet, ToySupernet, ToyTask

QUICK = SupernetSettings(steps=200, batch_size=32, learning_rate=0.05, checks=10)


@pytest.mark.parametrize("sampling", ["uniform", "fair"])
def test_the_trained_supernet_ranks_the_right_operations_first(sampling) -> None:
    search, context = SinglePath(QUICK, sampling=sampling), Quiet()
    search.fit(ToySupernet(), ToyTask(), context)
    best = search.derive(2)
    assert dict(best[0]) == {"first": "tanh", "second": "tanh"}
    assert len(context.reported) == 10
    evaluator = SupernetEvaluator(search.supernet, search.task)
    found = evaluator.evaluate(Proposal(0, best[0]), context)
    assert found.status is Status.COMPLETED
    assert found.metrics["loss"] < evaluator.score(best[1])["loss"]


def test_fair_paths_take_every_option_once() -> None:
    search = SinglePath(sampling="fair")
    search.supernet, search.feasible = ToySupernet(), lambda architecture: None
    for seed in range(20):
        paths = search._fair(np.random.default_rng(seed))
        for name in ("first", "second"):
            assert Counter(path[name] for path in paths) == dict.fromkeys(OPTIONS, 1)


@pytest.mark.parametrize("sampling", ["uniform", "fair"])
def test_no_path_that_breaks_a_limit_is_trained(sampling) -> None:
    class Watched(ToySupernet):
        watching = False

        def activate(self, architecture) -> None:
            assert not (self.watching and architecture["first"] == "linear")
            super().activate(architecture)

    supernet = Watched()
    supernet.watching = True
    search = SinglePath(SupernetSettings(steps=20, batch_size=4), sampling=sampling, candidates=50)
    search.fit(supernet, ToyTask(), Quiet(), lambda a: "linear" if a["first"] == "linear" else None)
    assert all(one["first"] != "linear" for one in search.derive(5))


def test_what_cannot_be_met_is_one_line() -> None:
    search = SinglePath(SupernetSettings(steps=1))
    with pytest.raises(LimitError, match=r"1000 architectures in a row break the limits \(too large\)"):
        search.fit(ToySupernet(), ToyTask(), Quiet(), lambda architecture: "too large")
    with pytest.raises(RecipeError, match=r"supernet\.sampling is 'random'"):
        SinglePath(sampling="random")  # type: ignore[arg-type]
    search = SinglePath(SupernetSettings(steps=1), candidates=3)
    search.fit(ToySupernet(), ToyTask(), Quiet())
    with pytest.raises(LimitError, match=r"raise supernet\.candidates"):
        search.derive(5)
