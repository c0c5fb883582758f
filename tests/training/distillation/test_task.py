"""What each kind of teacher does to the loss and to a training."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sugata.errors import DataError, SugataError
from sugata.nn import LanguageModel
from sugata.tasks import CodeLanguageModelling
from sugata.training import CHECKPOINT, DistillationSettings, TrainingSettings, load_weights, train
from sugata.training.distillation import (
    distilled,
    open_teacher,
    read_completions,
    write_completions,
    write_logits,
)
from sugata.training.distillation.texts import IGNORED, CompletionTokens
from sugata.trial import Fidelity

from .models import ARCHITECTURE, SIZE, language_model, write_rows

pytestmark = pytest.mark.slow

STEPS = Fidelity(amount=4, unit="steps")


def settings(teacher: object, **given: Any) -> DistillationSettings:
    return DistillationSettings(str(teacher), **given)


def batch_of(task: Any) -> Any:
    return next(task.batches(ARCHITECTURE, batch_size=4, length=16, generator=np.random.default_rng(0)))


def test_a_stock_transformers_model_teaches_by_its_own_logits(
    task: CodeLanguageModelling, stock: Path
) -> None:
    from transformers import AutoModelForCausalLM

    student = language_model()
    taught = distilled(task, settings(stock, weight=0.75, temperature=3.0), student, ARCHITECTURE)
    batch = batch_of(taught)
    with torch.no_grad():
        theirs = AutoModelForCausalLM.from_pretrained(stock)(input_ids=batch.inputs).logits[..., :SIZE]
        ours = student(batch.inputs)
        kl = F.kl_div(
            F.log_softmax(ours / 3, -1), F.softmax(theirs / 3, -1), reduction="none"
        ).sum(-1).mean() * 9  # fmt: skip
        own = F.cross_entropy(ours.flatten(0, 1), batch.targets.flatten())
    assert taught.loss(student, batch).item() == pytest.approx((0.25 * own + 0.75 * kl).item(), rel=1e-5)


def test_a_model_taught_by_itself_has_nothing_to_learn_from_soft_targets(
    task: CodeLanguageModelling, exported: Path
) -> None:
    from sugata.export import load_folder

    student, _ = load_folder(exported)
    taught = distilled(task, settings(exported, weight=1.0), student, ARCHITECTURE)
    assert taught.loss(student, batch_of(taught)).item() == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("kind", ["stock", "exported"])
def test_states_and_attention_are_learned_with_projections_that_are_not_kept(
    task: CodeLanguageModelling, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    teacher = request.getfixturevalue(kind)
    student = language_model()
    names = {name for name, _ in student.named_parameters()}
    training = TrainingSettings(batch_size=4, length=16, distill=settings(teacher, hidden=1.0, attention=1.0))
    taught = distilled(task, training.distill, student, ARCHITECTURE, seed=3)  # type: ignore[arg-type]
    assert taught.companion is not None
    shapes = {name: tuple(p.shape) for name, p in taught.companion.named_parameters()}
    width, heads = (24, 3) if kind == "stock" else (48, 3)
    assert shapes["hidden.1.weight"] == (width, 32)
    assert shapes["attention.1.weight"] == (heads, 2)

    before = taught.loss(student, batch_of(task)).item()
    result = train(
        student, task, ARCHITECTURE, training, budget=Fidelity(amount=20, unit="steps"), folder=tmp_path
    )
    assert result.status == "completed"
    assert taught.loss(student, batch_of(task)).item() < before
    assert {name for name, _ in student.named_parameters()} == names
    again = language_model()
    load_weights(tmp_path / CHECKPOINT, again)
    assert torch.equal(again.embedding.weight, student.embedding.weight)
    longer = Fidelity(amount=22, unit="steps")
    resumed = train(again, task, ARCHITECTURE, training, budget=longer, resume_from=tmp_path / CHECKPOINT)
    assert resumed.steps == 22


def test_projections_learn(
    task: CodeLanguageModelling, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sugata.training.distillation import task as module

    made: list[Any] = []

    def kept(*arguments: Any, **more: Any) -> Any:
        made.append(distilled(*arguments, **more))
        made.append([p.detach().clone() for p in made[0].companion.parameters()])
        return made[0]

    monkeypatch.setattr("sugata.training.distillation.distilled", kept)
    training = TrainingSettings(batch_size=4, length=16, distill=settings(exported, hidden=1.0))
    train(language_model(), task, ARCHITECTURE, training, budget=STEPS)
    assert module.distilled is distilled
    assert all(
        not torch.equal(now, before)
        for now, before in zip(made[0].companion.parameters(), made[1], strict=True)
    )


def test_stored_logits_teach_almost_what_the_teacher_does(
    task: CodeLanguageModelling, exported: Path, tmp_path: Path
) -> None:
    student, teacher = language_model(), open_teacher(exported)
    folder = tmp_path / "logits"
    write_logits(teacher, task, ARCHITECTURE, folder, windows=20, length=16, k=SIZE)
    chosen = settings(folder, weight=0.5)
    stored = distilled(task, chosen, student, ARCHITECTURE)
    batch = batch_of(stored)
    assert batch.inputs.shape == (4, 17)
    live = distilled(task, settings(exported, weight=0.5), student, ARCHITECTURE)
    plain = type(batch)(batch.inputs[:, 1:], batch.targets)
    assert stored.loss(student, batch).item() == pytest.approx(live.loss(student, plain).item(), rel=1e-3)
    training = TrainingSettings(batch_size=4, length=12, distill=chosen)  # shorter than they are stored
    assert train(student, task, ARCHITECTURE, training, budget=STEPS).steps == 4


def test_stored_logits_refuse_what_they_were_not_written_for(
    task: CodeLanguageModelling, exported: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "logits"
    write_logits(open_teacher(exported), task, ARCHITECTURE, folder, windows=4, length=8, k=5)
    with pytest.raises(SugataError, match=r"written for another tokenizer .* sequence level only"):
        distilled(task, settings(folder), _student(280), {"vocab_size": 280})
    taught = distilled(task, settings(folder), language_model(), ARCHITECTURE)
    with pytest.raises(SugataError, match="16 is longer than the stored windows of 8"):
        batch_of(taught)
    (folder / "indices.npy").write_bytes(b"nothing")
    with pytest.raises(SugataError, match=r"indices.npy cannot be read"):
        next(taught.batches(ARCHITECTURE, batch_size=2, length=8, generator=np.random.default_rng(0)))
    (folder / "logits.json").write_text('{"format": 1}')
    with pytest.raises(SugataError, match="it lacks k"):
        distilled(task, settings(folder), language_model(), ARCHITECTURE)


def test_completions_are_targets_and_prompts_are_not(task: CodeLanguageModelling, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "a.jsonl", [{"prompt": "def add(a):", "completion": "\n    return a"}])
    tokenizer = task.tokenizer(ARCHITECTURE)
    inputs, targets = CompletionTokens(read_completions(file), tokenizer).rows(
        1, 40, np.random.default_rng(0)
    )
    read = targets[0][targets[0] != IGNORED].tolist()
    assert tokenizer.decode(read[:-1]) == "\n    return a"
    assert read[-1] == 0
    shown = inputs[0].tolist()
    prompt = tokenizer.encode("def add(a):", add_special_tokens=False).ids
    assert shown[: len(prompt) + 1] == [0, *prompt]
    assert (targets[0, : len(prompt)] == IGNORED).all()
    assert targets[0, len(prompt)] == inputs[0, len(prompt) + 1]
    # In a short row the end of the prompt and half of a row of the completion are left.
    inputs, targets = CompletionTokens(read_completions(file), tokenizer).rows(1, 6, np.random.default_rng(0))
    assert (targets[0] != IGNORED).sum() >= 3


def test_texts_of_a_teacher_with_another_tokenizer_take_their_share_of_a_batch(
    task: CodeLanguageModelling, exported: Path, tmp_path: Path
) -> None:
    student = _student(280)
    with pytest.raises(
        SugataError, match=r"another tokenizer \(300 tokens, the student's 280\).* sequence level only"
    ):
        distilled(task, settings(exported), student, {"vocab_size": 280})
    file = tmp_path / "texts.jsonl"
    write_completions(open_teacher(exported), ["def a(b):", "def c(d):"], file, max_new_tokens=5)
    taught = distilled(task, settings(file, weight=0.5), student, {"vocab_size": 280})
    batches = taught.batches({"vocab_size": 280}, batch_size=4, length=16, generator=np.random.default_rng(0))
    batch = next(batches)
    assert [(row == IGNORED).any().item() for row in batch.targets] == [True, True, False, False]
    training = TrainingSettings(batch_size=4, length=16, distill=settings(file))
    assert train(student, task, {"vocab_size": 280}, training, budget=STEPS).status == "completed"


def test_a_stock_model_writes_texts_as_its_own_generate_does(stock: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    teacher = open_teacher(stock)
    write_completions(teacher, ["def f(x):"], tmp_path / "a.jsonl", max_new_tokens=6, temperature=0.0)
    (_, completion), *_ = read_completions(tmp_path / "a.jsonl")
    assert teacher.tokenizer is not None
    given = torch.tensor([teacher.tokenizer.encode("def f(x):").ids])
    model = AutoModelForCausalLM.from_pretrained(stock)
    written = model.generate(given, max_new_tokens=6, do_sample=False, pad_token_id=0)[0, given.shape[1] :]
    assert completion == teacher.tokenizer.decode([token for token in written.tolist() if token < SIZE])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"prompt": "a"}], "line 1 has no field 'completion'"),
        ([{"prompt": "a", "completion": "b"}, {"completion": "b"}], "line 2 has no field 'prompt'"),
        ([{"prompt": "a", "completion": None}], "line 1 has no text in field 'completion'"),
        (["text"], "line 1 is no JSON object"),
        ([], "is empty"),
    ],
)
def test_a_wrong_file_of_texts_is_named(rows: list[Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_completions(write_rows(tmp_path / "a.jsonl", rows))


def test_what_is_no_teacher_is_refused_in_one_line(
    task: CodeLanguageModelling, exported: Path, stock: Path, tmp_path: Path
) -> None:
    for source, name in ((exported, "ours"), (stock, "theirs")):
        folder = tmp_path / name
        folder.mkdir()
        for file in ("config.json", "tokenizer.json"):
            (folder / file).write_bytes((source / file).read_bytes())
        with pytest.raises(SugataError, match="has no weights"):
            open_teacher(folder)
    with pytest.raises(SugataError, match="does not exist"):
        open_teacher(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SugataError, match="is no folder of a model"):
        open_teacher(tmp_path / "empty")
    with pytest.raises(SugataError, match="has no softmax attention"):
        distilled(task, settings(stock, attention=1.0), language_model("rwkv"), ARCHITECTURE)
    with pytest.raises(SugataError, match="reads at most 32 tokens, not 40"):
        open_teacher(stock).see(torch.zeros(1, 40, dtype=torch.int64))
    file = write_rows(tmp_path / "a.jsonl", [{"prompt": "a", "completion": "b"}])
    with pytest.raises(SugataError, match=r"hidden: .* holds texts only"):
        distilled(task, settings(file, hidden=1.0), language_model(), ARCHITECTURE)
    with pytest.raises(SugataError, match=r"distill.weight is 2"):
        settings(stock, weight=2)


def test_settings_travel_to_workers(exported: Path) -> None:
    training = TrainingSettings(distill=settings(exported))
    assert pickle.loads(pickle.dumps(training)) == training


def test_weights_may_be_changed_before_training_and_after_every_step(task: CodeLanguageModelling) -> None:
    student, shares = language_model(), []

    def mask(share: float) -> None:
        shares.append(share)
        with torch.no_grad():
            student.head.weight[0].zero_()

    train(
        student, task, ARCHITECTURE, TrainingSettings(batch_size=2, length=16), budget=STEPS, after_step=mask
    )
    assert shares == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert not student.head.weight[0].any()


def _student(size: int) -> LanguageModel:
    from dataclasses import replace

    return LanguageModel(replace(language_model().config, vocabulary_size=size))
