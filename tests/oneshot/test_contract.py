"""What every method of the catalogue promises."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sugata.errors import DataError, LimitError, RecipeError, RunFolderError
from sugata.oneshot import METHODS, Supernet, SupernetSettings, TrainedMethod, method_class
from sugata.oneshot.catalogue import options
from sugata.oneshot.state import STATE
from sugata.tasks import ImageTask, Task
from sugata.trial import Value

from .language_toy import Repeating, plain_space, supernet
from .toy import Quiet, ToySupernet, ToyTask

SETTINGS = SupernetSettings(steps=10, batch_size=8, learning_rate=0.05, checks=4)
#: Options that keep a method short here.
QUICK: dict[str, dict[str, Any]] = {
    "single_path": {"candidates": 30},
    "elastic": {"candidates": 12, "random": 1},
    "enas": {"controller_steps": 2, "samples": 2, "candidates": 30},
    "perturbation": {"tuning": 2, "held": 2},
}
every_method = pytest.mark.parametrize("name", METHODS)
pytestmark = pytest.mark.slow


class Killed(BaseException):
    """The process is no more."""


def made(name: str, settings: SupernetSettings = SETTINGS, **more: Any) -> TrainedMethod:
    return method_class(name)(settings, **(QUICK.get(name, {}) | more))  # type: ignore[call-arg, return-value]


def world(name: str, killed_after: int | None = None) -> tuple[Supernet, Task]:
    """A supernet that the method can train, and a task that ends the process after so many batches."""

    class Mortal(Repeating if name == "elastic" else ToyTask):  # type: ignore[misc]
        left = killed_after

        def batches(self, *given, **more):
            for batch in super().batches(*given, **more):
                if self.left is not None:
                    self.left -= 1
                    if self.left < 0:
                        raise Killed
                yield batch

    torch.manual_seed(0)
    return (supernet(plain_space()) if name == "elastic" else ToySupernet()), Mortal()


def first(name: str) -> str:
    return "hidden_dim" if name == "elastic" else "first"


def fitted(name: str, context: Quiet, killed_after: int | None = None, **more: Any) -> TrainedMethod:
    method = made(name)
    method.fit(*world(name, killed_after), context, **more)
    return method


def everything(method: TrainedMethod) -> list[Any]:
    """Weights, moments, what is learned besides, and what is derived, as a flat list."""
    tree = [
        dict(method.supernet.state_dict()),
        method.weight_optimizer.state_dict(),
        method._state(),
        method.ended,
        method.details(),
        [dict(one) for one in method.derive(2)],
    ]
    return flat(tree)


def flat(tree: Any) -> list[Any]:
    if isinstance(tree, Mapping):
        return [leaf for key in tree for leaf in [key, *flat(tree[key])]]
    if isinstance(tree, list | tuple):
        return [leaf for one in tree for leaf in flat(one)]
    return [tree.tolist() if isinstance(tree, torch.Tensor) else tree]


@every_method
@pytest.mark.parametrize("batches", [8, 15])
def test_a_killed_training_goes_on_as_if_nothing_had_happened(
    name: str, batches: int, tmp_path: Path
) -> None:
    whole = fitted(name, Quiet(seed=3))
    context = Quiet(seed=3, folder=tmp_path)
    try:
        fitted(name, context, batches)
    except Killed:
        assert (tmp_path / STATE).is_file()
    resumed = fitted(name, context)
    assert everything(resumed) == everything(whole)


@every_method
def test_a_finished_training_is_not_repeated(name: str, tmp_path: Path) -> None:
    context = Quiet(folder=tmp_path)
    done = fitted(name, context)
    reported = len(context.reported)
    again = fitted(name, context)
    assert len(context.reported) == reported
    assert everything(again) == everything(done)


@every_method
def test_the_seed_decides_everything(name: str) -> None:
    one, same, other = (everything(fitted(name, Quiet(seed=seed))) for seed in (1, 1, 2))
    assert one == same
    assert one != other


@every_method
def test_another_seed_or_another_method_does_not_go_on_from_here(name: str, tmp_path: Path) -> None:
    fitted(name, Quiet(folder=tmp_path))
    with pytest.raises(RunFolderError, match="a state of another training: seed is 0 there and 1 here"):
        fitted(name, Quiet(seed=1, folder=tmp_path))
    with pytest.raises(RunFolderError, match="batch_size is 8 there and 4 here"):
        made(name, SupernetSettings(10, 4, 0.05, checks=4)).fit(*world(name), Quiet(folder=tmp_path))
    (tmp_path / STATE).write_bytes(b"nothing")
    with pytest.raises(RunFolderError, match="not a readable state of a training"):
        fitted(name, Quiet(folder=tmp_path))


@every_method
def test_nothing_that_breaks_a_limit_is_activated_or_derived(name: str) -> None:
    shared, task = world(name)
    refused = shared.decisions[first(name)][-1]
    activated = []

    def feasible(architecture: Mapping[str, Value]) -> str | None:
        return "too large" if architecture[first(name)] == refused else None

    activate = type(shared).activate

    class Watched(type(shared)):  # type: ignore[misc]
        def activate(self, architecture: Mapping[str, Value]) -> None:
            activated.append(architecture)
            activate(self, architecture)

    shared.__class__ = Watched
    method = made(name)
    method.fit(shared, task, Quiet(), feasible)
    derived = method.derive(3)
    assert len({shared.key(one) for one in derived}) == 3
    assert all(feasible(one) is None for one in [*activated, *derived])


@every_method
def test_limits_that_nothing_meets_are_one_line(name: str) -> None:
    with pytest.raises(LimitError, match=r"break the limits \(too large\); loosen them"):
        fitted(name, Quiet(), feasible=lambda architecture: "too large")


@every_method
def test_who_is_asked_to_stop_stops_and_still_derives(name: str, tmp_path: Path) -> None:
    class Impatient(Quiet):
        def report(self, step: float, value: float) -> bool:
            super().report(step, value)
            return len(self.reported) < 2

    context = Impatient(folder=tmp_path)
    method = fitted(name, context)
    assert len(context.reported) == 2
    assert 0 < context.reported[0][0] < context.reported[1][0] < 1
    assert method.ended == "stopped, as asked"
    assert len(method.derive(2)) == 2
    assert fitted(name, context).ended == "stopped, as asked"
    assert len(context.reported) == 2


@every_method
def test_a_loss_that_is_not_finite_ends_the_training_in_one_line(name: str) -> None:
    shared, task = world(name)
    task.loss = lambda model, batch: type(task).loss(task, model, batch) * float("nan")  # type: ignore[method-assign]
    with pytest.raises(RecipeError, match=r"learning_rate is .*: the loss is nan after .* steps; lower it"):
        made(name).fit(shared, task, Quiet())


@every_method
def test_who_learns_from_validation_images_refuses_them_where_a_class_is_missing(
    name: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "rare.npz", x=np.zeros((40, 8, 8), np.uint8), y=np.array([0] * 20 + [1] * 19 + [2]))
    task = ImageTask(tmp_path / "rare.npz", cache_dir=tmp_path / "cache")
    method = made(name)
    if not method.learns_held:
        assert name in ("single_path", "elastic")
        return
    with pytest.raises(DataError, match="no image of class '2' is in the validation split"):
        method.fit(world(name)[0], task, Quiet())


@every_method
def test_every_option_has_a_line_of_doc_and_a_default_and_is_kept(name: str) -> None:
    method = made(name)
    for option in options(name).values():
        assert option.description, f"{name}.{option.name} is not described in the class's Args"
        assert not isinstance(option.default, type), f"{name}.{option.name} has no default"
        assert hasattr(method, option.name), f"{name}.{option.name} is not kept: states cannot be told apart"


OWN_METHOD = '''
from sugata.oneshot import SinglePath


class Mine(SinglePath):
    """Mine.

    Args:
        strength: of it.
    """

    def __init__(self, settings=None, *, strength: float = 2.0) -> None:
        super().__init__(settings)
        self.strength = strength
'''


def test_ones_own_method_is_named_by_its_module(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "own_methods.py").write_text(OWN_METHOD)
    monkeypatch.syspath_prepend(tmp_path)
    assert method_class("own_methods:Mine").__name__ == "Mine"
    assert options("own_methods:Mine")["strength"].description == "of it"
    with pytest.raises(RecipeError, match=r"json:dumps is no class derived from sugata\.oneshot\.OneShot"):
        method_class("json:dumps")
    with pytest.raises(RecipeError, match=r"field 'supernet\.method' .*nowhere:Mine.* cannot be imported"):
        method_class("nowhere:Mine")


def test_an_unknown_method_is_one_line() -> None:
    with pytest.raises(
        RecipeError, match=r"'supernet\.method': 'magic' is not known; use single_path, .*darts"
    ):
        method_class("magic")
    assert options("gdas")["hottest"].default == 10.0
    assert options("gdas")["zeros"].description.startswith("whether ``none`` may be derived")
