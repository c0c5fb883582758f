"""Teaching a model that exists."""

from pathlib import Path

import pytest
import torch

from sugata.export import load_folder
from sugata.nn import LanguageModel
from sugata.tasks import CodeLanguageModelling, TokenizedCode
from sugata.training import DistillationSettings, TrainingSettings
from sugata.training.distillation import taught
from sugata.training.loop import AfterStep
from sugata.trial import Fidelity

pytestmark = pytest.mark.slow

BUDGET = Fidelity(amount=5, unit="steps")
SETTINGS = TrainingSettings(batch_size=2, length=16)


@pytest.fixture
def given(task: CodeLanguageModelling, exported: Path) -> TokenizedCode:
    """The same text in the tokens of the exported model."""
    found = TokenizedCode(exported / "tokenizer.json", task.settings.data, cache_dir=task.cache_dir)
    found.prepare()
    return found


def test_an_exported_model_that_was_pruned_learns_and_stays_pruned(
    given: TokenizedCode, exported: Path
) -> None:
    model, _ = load_folder(exported)
    matrix = model.layers[0].mixer.qkv.weight
    with torch.no_grad():
        matrix[::2] = 0.0
    before = {name: p.clone() for name, p in model.named_parameters()}
    teacher = DistillationSettings(str(exported))
    student = taught(model, teacher, given, given.architecture, budget=BUDGET, training=SETTINGS)
    assert all(torch.equal(before[name], p) for name, p in model.named_parameters())
    name = next(name for name, p in model.named_parameters() if p is matrix)
    learned = dict(student.named_parameters())[name]
    assert not learned[::2].any()
    assert not torch.equal(learned, matrix)


def test_a_model_can_be_pruned_while_it_learns(given: TokenizedCode, exported: Path) -> None:
    model, _ = load_folder(exported)

    def gradually(student: LanguageModel) -> AfterStep:
        def prune(share: float) -> None:
            with torch.no_grad():
                student.head.weight[: int(share * 10)] = 0.0

        return prune

    student = taught(
        model, None, given, given.architecture, budget=BUDGET, training=SETTINGS, while_training=gradually
    )
    assert not student.head.weight[:10].any()
    assert student.head.weight[10:].any()
