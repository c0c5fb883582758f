"""The loop that all methods share: budgets, segments, rates, precision."""

from pathlib import Path

import pytest
import torch

from sugata.errors import DiskFullError, RecipeError
from sugata.oneshot import Elastic, SinglePath, SupernetSettings
from sugata.oneshot.state import STATE, load_state, save_state

from .language_toy import Repeating, plain_space, supernet
from .toy import Quiet, ToySupernet, ToyTask


def fitted(context: Quiet | None = None, **settings) -> SinglePath:
    values = {"steps": 8, "batch_size": 4, "learning_rate": 0.1, "checks": 4}
    method = SinglePath(SupernetSettings(**{**values, **settings}))
    method.fit(ToySupernet(), ToyTask(), context or Quiet())
    return method


def test_the_budget_is_spent_whatever_the_number_of_checks() -> None:
    for steps, checks in ((10, 3), (2, 5), (7, 7)):
        context = Quiet()
        assert fitted(context, steps=steps, checks=checks).steps == steps
        assert len(context.reported) == min(steps, checks)
        assert context.reported[-1][0] == 1.0


def test_the_rate_falls_along_half_a_cosine() -> None:
    rates = []

    class Watched(SinglePath):
        def _step(self) -> float:
            rates.append(self.weight_optimizer.param_groups[0]["lr"])
            return super()._step()

    Watched(SupernetSettings(steps=4, batch_size=4, learning_rate=0.1)).fit(ToySupernet(), ToyTask(), Quiet())
    assert rates == pytest.approx([0.1, 0.0853553, 0.05, 0.0146447], abs=1e-6)


def test_products_are_in_the_precision_that_is_asked_for() -> None:
    weights = [fitted(precision=precision).supernet.head.weight.detach() for precision in ("fp32", "bf16")]
    assert all(one.dtype == torch.float32 for one in weights)
    assert not torch.equal(*weights)
    torch.testing.assert_close(*weights, rtol=0.1, atol=0.05)
    with pytest.raises(RecipeError, match=r"supernet\.precision is 'fp8'"):
        SupernetSettings(precision="fp8")  # type: ignore[arg-type]


def test_seconds_that_were_spent_before_a_kill_count(tmp_path: Path) -> None:
    class Mortal(Quiet):
        def report(self, step: float, value: float) -> bool:
            super().report(step, value)
            if len(self.reported) == 2:
                raise KeyboardInterrupt
            return True

    def made() -> Elastic:
        return Elastic(SupernetSettings(batch_size=2, checks=4), seconds=0.8, random=0, candidates=3)

    context = Mortal(folder=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        made().fit(supernet(plain_space()), Repeating(), context)
    kept = torch.load(tmp_path / STATE, weights_only=True)
    resumed = made()
    resumed.fit(supernet(plain_space()), Repeating(), context)
    assert 0 < kept["spent"] < 0.8 <= resumed.spent
    assert resumed.steps > kept["steps"] > 0
    # Without the seconds of before, the second start would have been given them all again.
    assert context.reported[2][0] > context.reported[0][0] == pytest.approx(kept["spent"] / 0.8)


def test_a_full_disk_is_one_line_and_keeps_the_state_before(tmp_path: Path, monkeypatch) -> None:
    save_state(tmp_path, {"seed": "1"}, {"weights": torch.ones(2)})

    def full(*given) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(DiskFullError, match="no space left for the state of a training"):
        save_state(tmp_path, {"seed": "1"}, {"weights": torch.zeros(2)})
    state = load_state(tmp_path, {"seed": "1"})
    assert state is not None
    assert state["weights"].tolist() == [1.0, 1.0]
    assert [path.name for path in tmp_path.iterdir()] == [STATE]
