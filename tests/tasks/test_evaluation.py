"""Bits per byte equal what can be computed by hand, and are those of the same text for every vocabulary."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sugata.errors import DataError
from sugata.tasks import CodeLanguageModelling
from sugata.tasks.evaluation import byte_spans, evaluation_batches, score, token_spans


class Uniform(nn.Module):
    """Every token is equally probable."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary

    def forward(self, tokens: Tensor) -> Tensor:
        return torch.zeros(*tokens.shape, self.vocabulary)


class Bigram(nn.Module):
    """The next token depends on the last one only, so windows make no difference."""

    def __init__(self, vocabulary: int, *, split_head: bool = False) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, 8)
        self.output = nn.Linear(8, vocabulary, bias=False)
        with torch.no_grad():
            generator = torch.Generator().manual_seed(vocabulary)
            self.table.weight.normal_(generator=generator)
            self.output.weight.normal_(generator=generator)
        if split_head:
            self.features = self.table
            self.head = self.output

    def forward(self, tokens: Tensor) -> Tensor:
        return self.output(self.table(tokens))  # type: ignore[no-any-return]


@pytest.mark.parametrize("size", [300, 400])
def test_a_uniform_model_needs_log2_of_the_vocabulary_per_token(
    task: CodeLanguageModelling, size: int
) -> None:
    for split in ("validation", "test"):
        texts = task.corpus().documents(split)
        tokenizer = task.tokenizer({"vocab_size": size})
        tokens = sum(len(tokenizer.encode(text).ids) + 1 for text in texts)  # and the end of text
        expected = tokens * math.log2(size) / sum(len(text.encode()) for text in texts)
        measured = task.evaluate(Uniform(size), {"vocab_size": size}, split=split)
        assert measured["bits_per_byte"] == pytest.approx(expected, rel=1e-6)


def test_vocabularies_of_the_same_quality_have_the_same_bits_per_byte(task: CodeLanguageModelling) -> None:
    """A model of bytes that spreads 8 bits over every token, however long, scores 8 in every vocabulary."""

    class EightBitsPerByte(nn.Module):
        def __init__(self, token_bytes: np.ndarray) -> None:
            super().__init__()
            self.logits = torch.from_numpy(-8.0 * math.log(2) * token_bytes)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.logits.expand(*tokens.shape, -1)

    for size in (300, 400):
        table = task.vocabulary(size).token_bytes
        normalizer = math.log(np.exp2(-8.0 * table).sum()) / math.log(2)  # bits a token lost to normalization
        tokens = task.vocabulary(size).tokens("validation")
        expected = 8 + normalizer * len(tokens) / table[tokens].sum()
        measured = task.evaluate(EightBitsPerByte(table), {"vocab_size": size})
        assert measured["bits_per_byte"] == pytest.approx(expected, rel=1e-5)


def test_every_token_is_predicted_once_whatever_the_windows(task: CodeLanguageModelling) -> None:
    model, architecture = Bigram(300), {"vocab_size": 300}
    reference = task.evaluate(model, architecture, length=100_000)
    tokens = task.vocabulary(300).tokens("validation").astype(np.int64)
    logits = model(torch.from_numpy(np.concatenate([[0], tokens[:-1]])))
    nats = nn.functional.cross_entropy(logits, torch.from_numpy(tokens), reduction="sum").item()
    assert reference["bits_per_byte"] == pytest.approx(
        nats / math.log(2) / task.corpus().facts["bytes"]["validation"], rel=1e-5
    )
    assert reference["accuracy"] == pytest.approx((logits.argmax(-1).numpy() == tokens).mean(), abs=1e-9)
    for options in ({"length": 1}, {"length": 7, "batch_size": 3}, {"length": 64}, {}):
        assert task.evaluate(model, architecture, **options) == pytest.approx(reference, rel=1e-5)


def test_features_and_head_give_what_logits_give(
    task: CodeLanguageModelling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sugata.tasks.evaluation.LOGITS_AT_ONCE", 3000)
    whole = task.evaluate(Bigram(300), {"vocab_size": 300})
    parts = task.evaluate(Bigram(300, split_head=True), {"vocab_size": 300})
    assert parts == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("limit", [10, 500, 1500, 4000, 10**9])
def test_a_limit_covers_the_same_text_in_every_vocabulary(
    task: CodeLanguageModelling, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sugata.tasks.evaluation.SPAN_BYTES", 400)
    text = task.corpus().text("validation")
    covered = []
    for size in (300, 400):
        vocabulary = task.vocabulary(size)
        tokens = vocabulary.tokens("validation")
        table = vocabulary.tokenizer
        spans = token_spans(text, tokens, vocabulary.token_bytes, limit)
        covered.append(
            [table.decode(tokens[first:last].tolist(), skip_special_tokens=False) for first, last in spans]
        )
    assert covered[0] == covered[1]
    size = sum(len(part.replace("<|endoftext|>", "").encode()) for part in covered[0])
    assert size <= max(limit, 60)  # one line is the least
    assert size > 0.5 * min(limit, len(text))
    if limit == 4000:
        assert len(covered[0]) == 10  # spread over the split


def test_spans_do_not_overlap_and_lie_in_order() -> None:
    text = np.frombuffer(b"".join(b"line %d of some text\n" % n for n in range(3000)), dtype=np.uint8)
    for limit in (1, 100, 4096, 30_000, len(text) - 1):
        spans = byte_spans(text, limit)
        borders = [border for span in spans for border in span]
        assert borders == sorted(borders)
        assert sum(end - start for start, end in spans) <= max(limit, 21)


def test_text_without_lines_is_evaluated_whole_rather_than_not_at_all() -> None:
    assert byte_spans(np.frombuffer(b"x" * 100, dtype=np.uint8), 10) == [(0, 100)]
    with pytest.raises(DataError, match="limit: 0"):
        byte_spans(np.frombuffer(b"x" * 100, dtype=np.uint8), 0)


def test_windows_know_the_token_before_them() -> None:
    tokens = np.array([11, 12, 13, 14, 15], dtype=np.uint16)
    ((inputs, targets),) = evaluation_batches(tokens, [(0, 3), (3, 5)], 9, 2)
    assert inputs.tolist() == [[0, 11], [12, 0], [13, 14]]
    assert targets.tolist() == [[11, 12], [13, -100], [14, 15]]


def test_the_score_leaves_out_what_has_no_target() -> None:
    model = Uniform(4)
    nats, hits = score(model, torch.zeros(1, 3, dtype=torch.int64), torch.tensor([[0, 1, -100]]))
    assert nats == pytest.approx(2 * math.log(4))
    assert hits == 1


def test_evaluation_changes_neither_mode_nor_gradients(task: CodeLanguageModelling) -> None:
    model = Bigram(300).train()
    first = task.evaluate(model, {"vocab_size": 300}, limit=1000)
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert task.evaluate(model.eval(), {"vocab_size": 300}, limit=1000) == first
    assert not model.training
