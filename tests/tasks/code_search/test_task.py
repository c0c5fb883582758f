"""Training to search, and what is scored."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sugata.errors import DataError, TaskError
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig, TwoTower, encoder_config
from sugata.tasks import Batch, CodeSearch
from sugata.training import TrainingSettings, train
from sugata.trial import Fidelity

ARCHITECTURE = {"vocab_size": 400}


def two_tower(pooling: str = "weighted", count: int = 1) -> TwoTower:
    config = LanguageModelConfig(400, 32, 2, (LayerConfig("transformer", 64),), position="rope")
    config = encoder_config(config, 16, pooling)  # type: ignore[arg-type]
    model = TwoTower([LanguageModel(config) for _ in range(count)], pooling)  # type: ignore[arg-type]
    model.initialize(torch.Generator().manual_seed(0))
    return model


def first_batch(task: CodeSearch, size: int = 8, seed: int = 0) -> Batch:
    return next(task.batches(ARCHITECTURE, batch_size=size, generator=np.random.default_rng(seed)))


def test_a_batch_holds_queries_and_their_functions(task: CodeSearch) -> None:
    batch = first_batch(task)
    assert batch.inputs.shape == (8, 12 + 24)
    tokenizer, texts = task.tokenizer(ARCHITECTURE), task.pairs().texts("train")
    for tokens, number in zip(batch.inputs, batch.targets, strict=True):
        query, code = (tokenizer.decode(part[part != 0].tolist()) for part in tokens.split([12, 24]))
        assert texts[number].query.startswith(query)
        assert texts[number].code.startswith(code)
    assert (batch.inputs[:, [11, -1]] == 0).all()


def test_an_epoch_has_every_pair_once(task: CodeSearch) -> None:
    batches = task.batches(ARCHITECTURE, batch_size=20, generator=np.random.default_rng(0))
    seen = torch.cat([next(batches).targets for _ in range(4)])
    assert sorted(seen.tolist()) == list(range(80))
    assert task.epoch_size(ARCHITECTURE) == 80


def test_the_loss_is_symmetric_cross_entropy_over_the_batch(task: CodeSearch) -> None:
    model, batch = two_tower(count=2), first_batch(task)
    queries = model.query(batch.inputs[:, :12])
    codes = model.code(batch.inputs[:, 12:])
    scores = queries @ codes.T / 0.05
    expected = -(scores.log_softmax(0).diagonal().mean() + scores.log_softmax(1).diagonal().mean()) / 2
    assert task.loss(model, batch).item() == pytest.approx(expected.item(), rel=1e-5)


def test_pairs_with_the_same_query_are_no_negatives_of_each_other(task: CodeSearch) -> None:
    model, batch = two_tower(), first_batch(task)
    batch.inputs[1, :12] = batch.inputs[0, :12]
    left = Batch(batch.inputs[:2], batch.targets[:2])
    assert task.loss(model, left).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("pooling", ["weighted", "mean", "last"])
def test_padding_does_not_change_a_vector(pooling: str) -> None:
    model = two_tower(pooling)
    tokens = torch.tensor([[5, 6, 7, 0, 0, 0], [9, 8, 7, 6, 5, 0]])
    vectors = model.code(tokens)
    torch.testing.assert_close(model.code(tokens[:1, :4]), vectors[:1])
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))


def test_last_pooling_reads_the_end_of_text_and_mean_all_before_it_too() -> None:
    tokens = torch.tensor([[5, 6, 0, 0]])
    for pooling, read in (("last", slice(2, 3)), ("mean", slice(0, 3))):
        model = two_tower(pooling)
        tower = model.models[0]
        expected = F.normalize(tower.head(tower.features(tokens)[:, read].mean(1)), dim=-1)
        torch.testing.assert_close(model.query(tokens), expected)


def test_a_network_learns_to_search(task: CodeSearch) -> None:
    model = two_tower()
    before = task.evaluate(model, ARCHITECTURE, split="train")
    settings = TrainingSettings(batch_size=16, length=None)
    result = train(model, task, ARCHITECTURE, settings, budget=Fidelity(amount=60, unit="steps"))
    after = task.evaluate(model, ARCHITECTURE, split="train")
    assert result.tokens == 60 * 16
    assert after["mean_reciprocal_rank"] > 0.5 > before["mean_reciprocal_rank"]
    held_out = task.evaluate(model, ARCHITECTURE, split="test")
    assert set(held_out) == {"mean_reciprocal_rank", "recall_at_1", "recall_at_5", "recall_at_10"}


def test_lexical_search_answers_the_same_queries(task: CodeSearch) -> None:
    found = task.lexical(split="test")
    assert set(found) == {"tf_idf", "bm25"}
    assert found["bm25"]["recall_at_10"] == 1.0  # all of ten
    assert found["bm25"]["mean_reciprocal_rank"] > 0.9  # the number of a pair stands in both of its texts


def test_vectors_are_scored_in_the_order_of_their_pairs(task: CodeSearch) -> None:
    """An oracle that knows the pairs of a split finds every function."""
    tokens = task.vocabulary(400)
    numbers = np.arange(tokens.count("validation"))
    known = {
        bytes(tokens.rows("validation", part, numbers[i : i + 1], length)[0].tobytes()): i
        for part, length in (("query", 12), ("code", 24))
        for i in numbers
    }

    def embed(length: int):  # type: ignore[no-untyped-def]
        def vectors(rows: torch.Tensor) -> torch.Tensor:
            padded = F.pad(rows, (0, length - rows.shape[1])).numpy()
            found = [known[row.tobytes()] for row in padded]
            return F.one_hot(torch.tensor(found), task.projection).float()

        return vectors

    assert len(numbers) == 10
    result = task.score(embed(12), embed(24), ARCHITECTURE, split="validation")
    assert result["mean_reciprocal_rank"] == 1.0


def test_a_small_split_is_announced(task: CodeSearch) -> None:
    said: list[str] = []
    task.prepare({"vocab_size": [400]}, say=said.append)
    assert said == [f"10 pairs of {split}: 9 distractors, not 999" for split in ("validation", "test")]


def test_a_task_travels_to_workers(task: CodeSearch) -> None:
    again = pickle.loads(pickle.dumps(task))
    assert again.fingerprint() == task.fingerprint()
    assert torch.equal(first_batch(again).inputs, first_batch(task).inputs)


def test_what_cannot_be_done_is_one_line(task: CodeSearch, folder: Path) -> None:
    for size in (1, 81):
        with pytest.raises(DataError, match=r"training.batch_size: .* pairs of 80"):
            first_batch(task, size)
    with pytest.raises(TaskError, match="vocab_size: missing"):
        task.evaluate(two_tower(), {})
    with pytest.raises(TaskError, match="split: 'dev' is unknown"):
        task.evaluate(two_tower(), ARCHITECTURE, split="dev")
    with pytest.raises(DataError, match="temperature: 0 is not positive"):
        CodeSearch(folder, temperature=0)
    with pytest.raises(DataError, match="held_out: 0 is not positive"):
        CodeSearch(folder, held_out=0)
