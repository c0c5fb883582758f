"""The task of prepared data: signature, batches, loss and scores, against scikit-learn and torch."""

import pickle
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sugata.errors import DataError, InputError, RecipeError, TaskError
from sugata.tasks import PreparedTask
from sugata.tasks.prepared import (
    ArrayAdapter,
    ClassAdapter,
    ImageAdapter,
    LabelsAdapter,
    Rows,
    TableAdapter,
    ValueAdapter,
    fit_text,
    prepare,
)
from sugata.tasks.prepared.folder import joined
from sugata.tasks.prepared.heads import head_of
from sugata.training import TrainingSettings, train
from sugata.trial import Fidelity

COUNT = 60
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (COUNT, 8, 8, 3)).astype(np.uint8)
TABLE = pd.DataFrame(
    {"x": RNG.normal(size=COUNT), "c": np.array(["red", "green", "blue"])[np.arange(COUNT) % 3]}
)
TEXTS = ["good film" if number % 2 else "a bad , bad film" for number in range(COUNT)]
CLASSES = np.array(["cat", "dog", "eel"])[np.arange(COUNT) % 3]
PRICES = 100 + 5 * RNG.normal(size=COUNT)

ALL: dict[str, Any] = {
    "image": ImageAdapter.fit,
    "table": TableAdapter.fit,
    "text": fit_text,
    "array": ArrayAdapter.fit,
}
RAW = {
    "image": PIXELS,
    "table": TABLE,
    "text": TEXTS,
    "array": RNG.normal(size=(COUNT, 4)).astype(np.float32),
}


class Outputs(nn.Module):
    """What each input sums up to, as many outputs as are wanted of each head."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.LazyLinear(width) for width in widths)

    def forward(self, *inputs: Tensor) -> Any:
        features = torch.cat([one.float().flatten(1) for one in inputs], 1)
        found = tuple(head(features) for head in self.heads)
        return found if len(found) > 1 else found[0]


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four inputs, three targets, no test rows."""
    folder = tmp_path_factory.mktemp("several") / "data"
    labels = (RNG.random((COUNT, 4)) < 0.4).astype(int)
    targets = {"animal": CLASSES, "price": PRICES, "tags": labels}
    fits = {"animal": ClassAdapter.fit, "price": ValueAdapter.fit, "tags": LabelsAdapter.fit}
    prepare(folder, Rows(RAW, targets), ALL, fits, validation=0.25)
    return folder


def single(
    folder: Path, target: Any, fit: Callable[[Any], Any], inputs: str = "array", **given: Any
) -> PreparedTask:
    rows = Rows({inputs: RAW[inputs]}, {"target": target})
    prepare(folder / "data", rows, {inputs: ALL[inputs]}, {"target": fit}, test=0.2)
    return PreparedTask(folder / "data", **given)


def first(task: PreparedTask, size: int = 10, seed: int = 0, **given: Any) -> Any:
    return next(task.batches({}, batch_size=size, generator=np.random.default_rng(seed), **given))


def test_the_signature_names_all_inputs_and_outputs(several: Path) -> None:
    signature = PreparedTask(several).signature({})
    assert [(spec.name, spec.shape[1:], spec.dtype) for spec in signature.inputs] == [
        ("image", (3, 8, 8), "float32"),
        ("table", (2,), "float32"),
        ("text", (5,), "int64"),
        ("array", (4,), "float32"),
    ]
    assert signature.inputs[1].categories == (5,)  # missing, rare, and three colours
    assert signature.inputs[2].classes == 7  # padding, unknown, and good, film, a, bad, the comma
    assert [(spec.name, spec.shape[1:], spec.classes) for spec in signature.outputs] == [
        ("animal", (3,), 3),
        ("price", (1,), None),
        ("tags", (4,), None),
    ]


def test_batches_have_every_tensor_of_the_signature(several: Path) -> None:
    task = PreparedTask(several)
    batch = first(task)
    specs = task.signature({}).inputs
    assert [(tuple(one.shape[1:]), str(one.dtype)) for one in batch.inputs] == [
        (spec.shape[1:], f"torch.{spec.dtype}") for spec in specs
    ]
    assert batch.inputs[0].max() <= 1
    assert [tuple(one.shape) for one in batch.targets] == [(10,), (10, 1), (10, 4)]
    assert batch.size == 60
    assert batch.arguments == batch.inputs
    assert task.epoch_size({}) == 6 * 45


def test_a_single_input_and_target_come_alone(tmp_path: Path) -> None:
    batch = first(single(tmp_path, CLASSES, ClassAdapter.fit))
    assert batch.inputs.shape == (10, 4)
    assert batch.targets.shape == (10,)
    assert len(batch.arguments) == 1


def test_an_epoch_has_every_training_row_once_and_its_own_targets(tmp_path: Path) -> None:
    task = single(tmp_path, PRICES, ValueAdapter.fit)
    adapter = task.data.adapters.targets["target"]
    prices = dict(zip(RAW["array"][:, 0].tolist(), PRICES.tolist(), strict=True))
    size = task.epoch_size({})
    one, other = islice(task.batches({}, batch_size=size, generator=np.random.default_rng(1)), 2)
    for batch in (one, other):
        assert len(set(batch.inputs[:, 0].tolist())) == size == 38
        expected = [prices[value] for value in batch.inputs[:, 0].tolist()]
        assert adapter.inverse(batch.targets.numpy()) == pytest.approx(expected, rel=1e-5)
    assert not torch.equal(one.inputs, other.inputs)


def test_equal_generators_give_equal_batches_augmented_or_not(several: Path) -> None:
    task = PreparedTask(several, augment={"image": "augment"})
    policies = (
        {"augment/policy": "none"},
        {"augment/policy": "shift+flip"},
        {"augment/policy": "affine+cutout"},
    )
    images = []
    for architecture in policies:
        draws = [
            next(task.batches(architecture, batch_size=8, generator=np.random.default_rng(3)))
            for _ in range(2)
        ]
        assert torch.equal(draws[0].inputs[0], draws[1].inputs[0])
        images.append(draws[0].inputs[0])
    assert not torch.equal(images[0], images[1])
    assert not torch.equal(images[1], images[2])


def test_validation_rows_are_never_augmented(several: Path) -> None:
    plain, changed = PreparedTask(several), PreparedTask(several, augment={"image": "shift+flip"})
    assert torch.equal(
        first(plain, split="validation").inputs[0], first(changed, split="validation").inputs[0]
    )
    assert not torch.equal(first(plain).inputs[0], first(changed).inputs[0])


def test_a_fidelity_takes_a_part_of_the_rows_and_shrinks_images(several: Path) -> None:
    task = PreparedTask(several)
    half = Fidelity(samples=0.5, resolution=0.5)
    assert task.signature({}, half).inputs[0].shape == ("batch", 3, 4, 4)
    assert first(task, fidelity=half).inputs[0].shape == (10, 3, 4, 4)
    assert task.epoch_size({}, half) == 6 * 22
    few = {tuple(row) for row in first(task, 10, fidelity=Fidelity(samples=10)).inputs[3].tolist()}
    many = {tuple(row) for row in first(task, 22, fidelity=half).inputs[3].tolist()}
    assert few < many


def test_the_loss_is_the_weighted_sum_of_the_heads(several: Path) -> None:
    task = PreparedTask(several, loss_weights={"price": 3.0}, label_smoothing=0.1)
    batch = first(task)
    model = Outputs(3, 1, 4)
    animal, price, tags = model(*batch.inputs)
    expected = (
        F.cross_entropy(animal, batch.targets[0], label_smoothing=0.1)
        + 3 * (price - batch.targets[1]).square().mean()
        + F.binary_cross_entropy_with_logits(tags, batch.targets[2])
    )
    assert task.loss(model, batch).item() == pytest.approx(expected.item(), rel=1e-6)


def test_balanced_classes_weigh_as_scikit_learn_says(tmp_path: Path) -> None:
    weights = pytest.importorskip("sklearn.utils.class_weight")
    skewed = np.where(np.arange(COUNT) % 5 == 0, "rare", "usual")
    task = single(tmp_path, skewed, ClassAdapter.fit, class_weight={"target": "balanced"})
    (head,) = task.heads.values()
    codes = task.data.array("train", "target")
    expected = weights.compute_class_weight("balanced", classes=np.arange(2), y=codes)
    assert head.weights == pytest.approx(expected)
    logits, targets = torch.randn(8, 2), torch.tensor([0, 1, 1, 1, 0, 1, 1, 1])
    plain = F.cross_entropy(logits, targets, reduction="none")
    assert head.loss(logits, targets).item() == pytest.approx(
        (plain * torch.tensor(expected)[targets]).mean().item(), rel=1e-5
    )


def test_scores_are_those_of_all_rows_in_their_own_unit(tmp_path: Path) -> None:
    measured = pytest.importorskip("sklearn.metrics")
    task = single(tmp_path, PRICES, ValueAdapter.fit)
    model = Outputs(1)
    scores = task.evaluate(model, {}, split="test", batch_size=5)
    adapter = task.data.adapters.targets["target"]
    rows = torch.from_numpy(task.data.array("test", "array"))
    predicted = adapter.inverse(model(rows).detach().numpy())
    truth = adapter.inverse(task.data.array("test", "target"))
    assert scores["r2"] == pytest.approx(measured.r2_score(truth, predicted), rel=1e-5)
    assert scores["root_mean_squared_error"] == pytest.approx(
        measured.root_mean_squared_error(truth, predicted), rel=1e-5
    )
    assert task.primary.name == "r2"


def test_several_heads_have_their_names_before_their_metrics(several: Path) -> None:
    task = PreparedTask(several, primary="animal.roc_auc")
    scores = task.evaluate(Outputs(3, 1, 4), {})
    assert list(scores) == [metric.name for metric in task.metrics]
    assert task.primary.name == "animal.roc_auc"
    assert {"loss", "animal.accuracy", "price.r2", "tags.f1"} < scores.keys()
    assert not task.tested


def test_a_task_trains_and_travels_to_another_process(several: Path) -> None:
    task = pickle.loads(pickle.dumps(PreparedTask(several)))
    model = Outputs(3, 1, 4)
    model(*first(task).inputs)
    before = task.evaluate(model, {}, split="train")["loss"]
    settings = TrainingSettings(
        learning_rate=0.02, batch_size=15, length=None, evaluations=2, evaluation_limit=None
    )
    result = train(model, task, {}, settings, budget=Fidelity(amount=20, unit="epochs"))
    assert result.steps == 60
    assert result.tokens == 20 * task.epoch_size({})
    assert task.evaluate(model, {}, split="train")["loss"] < 0.8 * before


def test_the_fingerprint_follows_content_and_settings(tmp_path: Path) -> None:
    one = single(tmp_path / "one", CLASSES, ClassAdapter.fit)
    same = single(tmp_path / "same", CLASSES, ClassAdapter.fit)
    other = single(tmp_path / "other", CLASSES[::-1], ClassAdapter.fit)
    weighed = PreparedTask(one.data.folder, class_weight={"target": "balanced"})
    assert one.fingerprint() == same.fingerprint()
    assert len({one.fingerprint(), other.fingerprint(), weighed.fingerprint()}) == 3


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"augment": {"sound": "flip"}}, TaskError, "task.augment.sound: the data have no such name"),
        ({"augment": {"table": "flip"}}, TaskError, "task.augment.table: it is no image input"),
        ({"class_weight": {"price": "balanced"}}, TaskError, "class_weight.price: values have no classes"),
        ({"class_weight": {"animal": {"cow": 2}}}, TaskError, "'cow' is no class; they are cat, dog, eel"),
        ({"primary": "speed"}, TaskError, "task.primary: 'speed' is no metric"),
        ({"label_smoothing": 1.0}, RecipeError, "task.label_smoothing"),
    ],
)
def test_settings_that_the_data_do_not_have_get_one_line(
    several: Path, given: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        PreparedTask(several, **given)


def test_an_unknown_policy_and_a_missing_split_get_one_line(several: Path) -> None:
    with pytest.raises(TaskError, match=r"task.augment.image: 'spin' is unknown; use none, or steps"):
        first(PreparedTask(several, augment={"image": "spin"}))
    with pytest.raises(TaskError, match="no test rows; use train, validation"):
        PreparedTask(several).evaluate(Outputs(3, 1, 4), {}, split="test")
    with pytest.raises(DataError, match="prepare the data anew"):
        PreparedTask(several.parent / "nowhere")


def test_a_network_with_other_outputs_is_refused(several: Path) -> None:
    task = PreparedTask(several)
    with pytest.raises(TaskError, match="gives 1 outputs, the task has 3"):
        task.loss(Outputs(3), first(task))


def test_inputs_and_targets_of_different_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="x has 3, y has 4; give equally many"):
        Rows({"x": np.zeros((3, 2))}, {"y": [0, 1, 0, 1]})


def test_on_all_rows_validation_rows_train_too(several: Path) -> None:
    task = PreparedTask(several)
    whole = task.on_all_rows()
    shares = whole.epoch_size({}), task.epoch_size({})
    assert shares == (COUNT * 6, COUNT * 3 // 4 * 6)  # an animal, a price and four tags a row
    prices = first(whole, COUNT).targets[1]
    stored = [task.data.array(split, "price") for split in ("train", "validation")]
    assert sorted(prices.flatten().tolist()) == pytest.approx(sorted(np.concatenate(stored).ravel().tolist()))
    assert first(task, COUNT).targets[1].shape == prices.shape  # the task itself is as before
    assert task.epoch_size({}) == shares[1]


def test_rows_mapped_from_the_disk_stay_there_when_they_are_joined(tmp_path: Path) -> None:
    parts = [RNG.normal(size=(count, 3)).astype(np.float32) for count in (5, 2)]
    np.save(tmp_path / "part.npy", parts[0])
    mapped = np.load(tmp_path / "part.npy", mmap_mode="r")
    whole = joined([mapped, parts[1]])
    assert isinstance(whole, np.memmap)
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert not isinstance(joined(parts), np.memmap)


@pytest.mark.parametrize("labels", [np.array([0.0, 1.0]), np.array([False, True])])
def test_weights_of_classes_are_found_by_their_value(labels: np.ndarray) -> None:
    adapter = ClassAdapter.fit(labels)
    assert head_of("y", adapter, [1, 1], {"1": 3.0}, 0.0).weights == (1, 3)  # type: ignore[attr-defined]
    assert head_of("y", adapter, [1, 1], {str(labels[1]): 3.0}, 0.0).weights == (1, 3)  # type: ignore[attr-defined]
    with pytest.raises(TaskError, match="inf is no weight"):
        head_of("y", adapter, [1, 1], {"1": float("inf")}, 0.0)
