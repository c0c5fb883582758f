import dataclasses
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from sugata.compression import GradualPruning, sparsity
from sugata.errors import RecipeError, TaskError
from sugata.training import CHECKPOINT, TrainingSettings, load_weights, spent_on_weights, train
from sugata.trial import Fidelity, Status

SETTINGS = TrainingSettings(batch_size=8, length=16, precision="fp32")


def steps(amount: float) -> Fidelity:
    return Fidelity(amount=amount, unit="steps")


def same_weights(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_training_learns_and_records_its_curve(toy: ModuleType) -> None:
    model, task = toy.small_model(), toy.Counting()
    settings = dataclasses.replace(SETTINGS, evaluations=3)
    result = train(model, task, {}, settings, budget=steps(120))
    assert result.status is Status.COMPLETED
    assert result.steps == 120
    assert result.tokens == 120 * 8 * 16
    assert result.curve[0][1] > 0.8 * math.log2(toy.VOCABULARY)
    assert result.curve[-1][1] < 0.6 * result.curve[0][1]
    assert [tokens for tokens, _ in result.validation] == [5120, 10240, 15360]
    assert result.validation[-1][1] < result.validation[0][1]
    assert not model.training


@pytest.mark.parametrize(("killed_at", "ratio"), [(1, 0.0), (17, 0.0), (28, 0.0), (7, 0.6), (20, 0.6)])
def test_a_killed_training_resumes_bit_for_bit(
    toy: ModuleType, tmp_path: Path, killed_at: int, ratio: float
) -> None:
    settings = dataclasses.replace(SETTINGS, accumulation=2, evaluations=3, checkpoint_seconds=0.0)
    whole, dying, resumed = (toy.small_model(32) for _ in range(3))
    pruning = GradualPruning(whole, ratio) if ratio else None
    expected = train(whole, toy.Counting(), {}, settings, budget=steps(30), seed=5, after_step=pruning)
    pruning = GradualPruning(dying, ratio) if ratio else None

    class Killed(BaseException):
        pass

    class Dying(toy.Counting):  # type: ignore[name-defined, misc]
        calls = 0

        def loss(self, model: Any, batch: Any) -> Any:
            self.calls += 1
            if self.calls == 2 * killed_at + 2:  # between the two micro-batches of a step
                raise Killed
            return super().loss(model, batch)

        def evaluate(self, model: Any, architecture: Any, **options: Any) -> dict[str, float]:
            self.calls -= 1
            return super().evaluate(model, architecture, **options)

    with pytest.raises(Killed):
        train(dying, Dying(), {}, settings, budget=steps(30), seed=5, folder=tmp_path, after_step=pruning)
    pruning = GradualPruning(resumed, ratio) if ratio else None
    result = train(
        resumed, toy.Counting(), {}, settings, budget=steps(30), seed=5, resume_from=tmp_path / CHECKPOINT,
        after_step=pruning,
    )  # fmt: skip
    assert same_weights(whole, resumed)
    assert sparsity(resumed) == pytest.approx(ratio, abs=0.01)
    assert dataclasses.replace(result, seconds=0.0) == dataclasses.replace(expected, seconds=0.0)


def test_a_finished_training_is_not_trained_again(toy: ModuleType, tmp_path: Path) -> None:
    model = toy.small_model()
    first = train(model, toy.Counting(), {}, SETTINGS, budget=steps(5), folder=tmp_path)
    again = toy.small_model()
    second = train(again, toy.Counting(), {}, SETTINGS, budget=steps(5), resume_from=tmp_path / CHECKPOINT)
    assert second == first
    assert same_weights(model, again)


def test_a_cheaper_rung_goes_on_with_its_weights_and_new_data(toy: ModuleType, tmp_path: Path) -> None:
    seen: list[Any] = []

    class Watched(toy.Counting):  # type: ignore[name-defined, misc]
        def loss(self, model: Any, batch: Any) -> Any:
            seen.append(batch.inputs)
            return super().loss(model, batch)

    first = train(toy.small_model(), Watched(), {}, SETTINGS, budget=steps(40), folder=tmp_path)
    model = toy.small_model()
    result = train(
        model, Watched(), {}, SETTINGS, budget=steps(80), folder=tmp_path, resume_from=tmp_path / CHECKPOINT
    )
    assert result.steps == 80
    assert len(seen) == 80
    assert not any(torch.equal(a, b) for a, b in zip(seen[:40], seen[40:], strict=True))
    assert result.curve[: len(first.curve)] == first.curve
    # It starts from where the first rung ended, not from the beginning.
    assert result.curve[len(first.curve)][1] < first.curve[0][1] - 0.5
    assert result.curve[-1][1] < first.curve[-1][1]


@pytest.mark.parametrize(
    ("amount", "unit", "steps_taken"), [(3, "steps", 3), (1000, "tokens", 8), (0.5, "epochs", 16)]
)
def test_budgets_end_after_their_amount(toy: ModuleType, amount: float, unit: str, steps_taken: int) -> None:
    class Finite(toy.Counting):  # type: ignore[name-defined, misc]
        def epoch_size(self, architecture: Any, fidelity: Any = None) -> int:
            return 4000

    result = train(toy.small_model(), Finite(), {}, SETTINGS, budget=Fidelity(amount=amount, unit=unit))
    assert result.steps == steps_taken


def test_a_budget_in_seconds_counts_training_only(toy: ModuleType) -> None:
    class Slow(toy.Counting):  # type: ignore[name-defined, misc]
        def evaluate(self, model: Any, architecture: Any, **options: Any) -> dict[str, float]:
            sum(i * i for i in range(3_000_000))  # busy, since the clock may be that of the CPU
            return super().evaluate(model, architecture, **options)

    settings = dataclasses.replace(SETTINGS, evaluations=2)
    result = train(toy.small_model(), Slow(), {}, settings, budget=Fidelity(amount=0.3, unit="seconds"))
    assert 0.3 <= result.seconds < 0.45
    assert len(result.validation) == 2


def test_epochs_need_a_task_that_counts_them(toy: ModuleType) -> None:
    with pytest.raises(TaskError, match="epoch_size"):
        train(toy.small_model(), toy.Counting(), {}, SETTINGS, budget=Fidelity(amount=1, unit="epochs"))


def test_an_unknown_unit_is_refused(toy: ModuleType) -> None:
    with pytest.raises(RecipeError, match="'hours'"):
        train(toy.small_model(), toy.Counting(), {}, SETTINGS, budget=Fidelity(amount=1, unit="hours"))


def test_a_loss_that_is_not_finite_ends_training_and_keeps_the_last_good_checkpoint(
    toy: ModuleType, tmp_path: Path
) -> None:
    class Broken(toy.Counting):  # type: ignore[name-defined, misc]
        calls = 0

        def loss(self, model: Any, batch: Any) -> Any:
            self.calls += 1
            return super().loss(model, batch) * (math.nan if self.calls == 7 else 1.0)

    settings = dataclasses.replace(SETTINGS, checkpoint_seconds=0.0)
    result = train(toy.small_model(), Broken(), {}, settings, budget=steps(20), folder=tmp_path)
    assert result.status is Status.DIVERGED
    assert result.reason == "the loss is not finite at step 7"
    model = toy.small_model()
    load_weights(tmp_path / CHECKPOINT, model)
    assert all(p.isfinite().all() for p in model.parameters())


def test_a_gradient_that_is_not_finite_is_found(toy: ModuleType) -> None:
    class Steep(toy.Counting):  # type: ignore[name-defined, misc]
        def loss(self, model: Any, batch: Any) -> Any:
            loss = super().loss(model, batch)
            return loss + (loss - loss).sqrt()  # finite, with an infinite slope

    result = train(toy.small_model(), Steep(), {}, SETTINGS, budget=steps(3))
    assert result.status is Status.DIVERGED


def test_the_report_can_stop_training(toy: ModuleType) -> None:
    reported = []

    def report(spent: float, value: float) -> bool:
        reported.append((spent, value))
        return len(reported) < 2

    settings = dataclasses.replace(SETTINGS, evaluations=5)
    result = train(toy.small_model(), toy.Counting(), {}, settings, budget=steps(50), report=report)
    assert result.status is Status.STOPPED
    assert result.steps == 20
    assert [spent for spent, _ in reported] == [10, 20]


def test_early_stopping_goes_back_to_the_best_weights(toy: ModuleType, tmp_path: Path) -> None:
    class Scripted(toy.Counting):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.values = iter([5.0, 4.0, 4.5, 4.2, 1.0])
            self.weights: list[dict[str, Any]] = []

        def evaluate(self, model: Any, architecture: Any, **options: Any) -> dict[str, float]:
            self.weights.append({name: p.clone() for name, p in model.state_dict().items()})
            return {"bits": next(self.values)}

    model, task = toy.small_model(), Scripted()
    settings = dataclasses.replace(SETTINGS, evaluations=5, patience=2)
    result = train(model, task, {}, settings, budget=steps(25), folder=tmp_path)
    assert result.status is Status.COMPLETED
    assert result.steps == 20
    assert "did not improve" in result.reason
    loaded = toy.small_model()
    load_weights(tmp_path / CHECKPOINT, loaded)
    for name, best in task.weights[1].items():
        assert torch.equal(model.state_dict()[name], best)
        assert torch.equal(loaded.state_dict()[name], best)
    spent = spent_on_weights(tmp_path / CHECKPOINT)
    assert (spent.steps, spent.share) == (10, 0.5)
    assert spent.seconds == pytest.approx(result.seconds / 2)


def test_activation_checkpointing_changes_nothing_but_memory(toy: ModuleType) -> None:
    plain, thrifty = toy.small_model(), toy.small_model()
    train(plain, toy.Counting(), {}, SETTINGS, budget=steps(4))
    settings = dataclasses.replace(SETTINGS, checkpoint_activations=True)
    train(thrifty, toy.Counting(), {}, settings, budget=steps(4))
    assert thrifty.checkpoint_activations
    for a, b in zip(plain.parameters(), thrifty.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_models_without_activation_checkpointing_say_so(toy: ModuleType) -> None:
    settings = dataclasses.replace(SETTINGS, checkpoint_activations=True)
    with pytest.raises(RecipeError, match="Linear"):
        train(torch.nn.Linear(2, 2), toy.Counting(), {}, settings, budget=steps(1))


def test_accumulated_batches_give_the_gradient_of_their_union(toy: ModuleType) -> None:
    class Fixed(toy.Counting):  # type: ignore[name-defined, misc]
        def batches(self, architecture: Any, *, batch_size: int, **options: Any) -> Any:
            stream = super().batches(architecture, batch_size=1, **options)
            while True:
                rows = [next(stream) for _ in range(batch_size)]
                inputs, targets = (torch.cat([getattr(b, n) for b in rows]) for n in ("inputs", "targets"))
                yield type(rows[0])(inputs, targets)

    once, often = toy.small_model(), toy.small_model()
    train(once, Fixed(), {}, SETTINGS, budget=steps(5))
    settings = dataclasses.replace(SETTINGS, batch_size=2, accumulation=4)
    train(often, Fixed(), {}, settings, budget=steps(5))
    for a, b in zip(once.parameters(), often.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_bf16_trains_fp32_parameters(toy: ModuleType) -> None:
    model = toy.small_model()
    settings = dataclasses.replace(SETTINGS, precision="bf16")
    result = train(model, toy.Counting(), {}, settings, budget=steps(60))
    assert result.curve[-1][1] < 0.8 * result.curve[0][1]
    assert all(p.dtype is torch.float32 for p in model.parameters())


def test_the_global_random_state_is_left_alone(toy: ModuleType) -> None:
    before = torch.get_rng_state()
    train(toy.small_model(), toy.Counting(), {}, SETTINGS, budget=steps(2))
    assert torch.equal(before, torch.get_rng_state())
