"""Supernets that several processes train: the weights of one process. Each start takes seconds: few tests."""

from pathlib import Path
from typing import Any

import pytest
import torch

from sugata.errors import RecipeError
from sugata.oneshot import (
    Asng,
    Darts,
    Enas,
    Gdas,
    OneShot,
    Perturbation,
    Proxyless,
    ProxylessReinforce,
    SinglePath,
    SupernetSettings,
)
from sugata.oneshot.together import fit_together
from sugata.training.ranks import run_ranks

from .toy import Quiet, ToySupernet, ToyTask

pytestmark = pytest.mark.slow
SETTINGS = SupernetSettings(steps=8, batch_size=8, learning_rate=0.05, checks=2)
METHODS = {
    "single_path": lambda: SinglePath(SETTINGS, candidates=30),
    "fair": lambda: SinglePath(SETTINGS, sampling="fair", candidates=30),
    "darts": lambda: Darts(SETTINGS, logit_rate=0.05),
    "darts-second": lambda: Darts(SETTINGS, logit_rate=0.05, order=2),
    "gdas": lambda: Gdas(SETTINGS, logit_rate=0.05),
    "enas": lambda: Enas(SETTINGS, controller_steps=2, candidates=30),
    "asng": lambda: Asng(SETTINGS),
    "proxyless": lambda: Proxyless(SETTINGS, logit_rate=0.05),
    "proxyless_reinforce": lambda: ProxylessReinforce(SETTINGS, logit_rate=0.05),
    "perturbation": lambda: Perturbation(SETTINGS, tuning=2, held=2),
}


def no_linear(architecture) -> str | None:
    return "linear" if architecture["first"] == "linear" else None


def fitted(name: str) -> list[torch.Tensor]:
    method = METHODS[name]()
    method.fit(ToySupernet(), ToyTask(), Quiet(seed=2), no_linear)
    return [weight.detach() for weight in method.weights]


def test_two_processes_give_the_weights_of_one_by_every_method() -> None:
    def all_fitted(ask: Any) -> dict[str, list[torch.Tensor]]:
        return {name: fitted(name) for name in METHODS}

    together = run_ranks(all_fitted, [], 2)
    for name in METHODS:
        for one, other in zip(fitted(name), together[name], strict=True):
            torch.testing.assert_close(
                other, one, rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
            )


def test_they_stop_together_and_the_method_takes_over_what_they_kept(tmp_path: Path) -> None:
    class Impatient(Quiet):
        def report(self, step: float, value: float) -> bool:
            super().report(step, value)
            return False

    context, seen = Impatient(folder=tmp_path), []

    def feasible(architecture) -> str | None:
        seen.append(architecture)
        return no_linear(architecture)

    method = METHODS["single_path"]()
    fit_together(method, ToySupernet(), ToyTask(), context, feasible, devices=2, strategy="ddp_spawn")
    assert method.steps == 4
    assert method.ended == "stopped, as asked"
    assert [step for step, _ in context.reported] == [0.5]
    assert seen
    assert all(one["first"] != "linear" for one in method.derive(3))


def test_a_method_that_keeps_nothing_is_refused() -> None:
    class Own(OneShot):
        def fit(self, supernet, task, context, feasible=None) -> None:
            """Nothing."""

        def derive(self, count: int) -> list:
            return []

    with pytest.raises(RecipeError, match="Own trains in one process; set devices to 1"):
        fit_together(Own(), ToySupernet(), ToyTask(), Quiet(), devices=2)
