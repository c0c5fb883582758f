"""Code language modelling: signature, batches, preparation, errors."""

import pickle
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from sugata.errors import DataError, TaskError
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.tasks import CodeLanguageModelling
from sugata.tasks.base import Generator

ARCHITECTURE = {"vocab_size": 300}


def small_model(vocabulary: int = 300) -> LanguageModel:
    config = LanguageModelConfig(
        vocabulary_size=vocabulary,
        hidden_dim=32,
        num_heads=2,
        layers=(LayerConfig("transformer", 64), LayerConfig("mamba", 64)),
        normalization="rmsnorm",
        activation="silu",
        position="rope",
        tie_embeddings=False,
    )
    return LanguageModel(config)


def test_the_signature_names_the_vocabulary(task: CodeLanguageModelling) -> None:
    signature = task.signature({"vocab_size": 400, "num_layers": 2})
    assert (signature.inputs[0].name, signature.inputs[0].classes) == ("tokens", 400)
    assert signature.outputs[0].shape == ("batch", "length", 400)
    with pytest.raises(TaskError, match="vocab_size: missing"):
        task.signature({"num_layers": 2})


@pytest.mark.parametrize(
    "new", [lambda seed: torch.Generator().manual_seed(seed), np.random.default_rng], ids=["torch", "numpy"]
)
def test_batches_repeat_with_their_generator(
    task: CodeLanguageModelling, new: Callable[[int], Generator]
) -> None:
    def first(seed: int) -> torch.Tensor:
        batches = task.batches(ARCHITECTURE, batch_size=4, generator=new(seed))
        return torch.stack([next(batches).inputs for _ in range(3)])

    assert first(1).shape == (3, 4, 16)
    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))


def test_batches_are_windows_of_the_train_split_with_the_next_tokens(task: CodeLanguageModelling) -> None:
    stream = " ".join(map(str, task.vocabulary(300).tokens("train")))
    batch = next(task.batches(ARCHITECTURE, batch_size=8, length=9, generator=np.random.default_rng(0)))
    assert batch.inputs.dtype == torch.int64
    for inputs, targets in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        assert inputs[1:] == targets[:-1]
        assert " ".join(map(str, [*inputs, targets[-1]])) in stream


def test_the_last_token_can_be_drawn(task: CodeLanguageModelling) -> None:
    tokens = task.vocabulary(300).tokens("test")
    length = len(tokens) - 1
    batch = next(
        task.batches(
            ARCHITECTURE, batch_size=1, length=length, generator=np.random.default_rng(0), split="test"
        )
    )
    assert batch.targets[0, -1] == tokens[-1]
    with pytest.raises(DataError, match=r"length: \d+ is longer than the test split"):
        task.batches(
            ARCHITECTURE, batch_size=1, length=length + 1, generator=np.random.default_rng(0), split="test"
        )


def test_a_real_model_learns_and_is_scored_on_both_scales(task: CodeLanguageModelling) -> None:
    model = small_model()
    before = task.evaluate(model, ARCHITECTURE)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    batches = task.batches(ARCHITECTURE, batch_size=16, generator=torch.Generator().manual_seed(0))
    for _ in range(20):
        loss = task.loss(model, next(batches))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = task.evaluate(model, ARCHITECTURE)
    assert loss.ndim == 0
    assert after["bits_per_byte"] < 0.8 * before["bits_per_byte"]
    assert after["accuracy"] > before["accuracy"] + 0.05


def test_the_loss_is_in_nats_per_token(task: CodeLanguageModelling) -> None:
    model = small_model()
    torch.nn.init.zeros_(model.head.weight)
    batch = next(task.batches(ARCHITECTURE, batch_size=2, generator=np.random.default_rng(0)))
    assert task.loss(model, batch).item() == pytest.approx(np.log(300), rel=1e-6)


def test_a_pickled_task_opens_the_same_data_quickly(task: CodeLanguageModelling) -> None:
    task.vocabulary(300).tokens("train")
    raw = pickle.dumps(task)
    assert len(raw) < 2000
    start = time.process_time()
    again = pickle.loads(raw)
    batch = next(again.batches(ARCHITECTURE, batch_size=2, generator=np.random.default_rng(0)))
    assert time.process_time() - start < 0.2
    assert again.fingerprint() == task.fingerprint()
    own = next(task.batches(ARCHITECTURE, batch_size=2, generator=np.random.default_rng(0)))
    assert torch.equal(batch.inputs, own.inputs)


def test_a_vocabulary_that_was_not_prepared_is_made_on_first_use(task: CodeLanguageModelling) -> None:
    assert task.tokenizer({"vocab_size": 321}).get_vocab_size() == 321


def test_the_fingerprint_tells_settings_apart(code_folder: Path, cache: Path) -> None:
    def fingerprint(**options: int) -> str:
        return CodeLanguageModelling(code_folder, cache_dir=cache, **options).fingerprint()

    assert fingerprint() == fingerprint()
    assert (
        len(
            {
                fingerprint(),
                fingerprint(length=8),
                fingerprint(pad_vocabulary=True),
                fingerprint(max_bytes=20_000),
            }
        )
        == 4
    )


def test_a_vocabulary_too_large_is_refused_or_padded(code_folder: Path, cache: Path) -> None:
    with pytest.raises(DataError, match=r"vocab_size: 50000 is too large .* choose at most \d+"):
        CodeLanguageModelling(code_folder, cache_dir=cache).prepare(vocabulary_sizes=[300, 50000])
    padded = CodeLanguageModelling(code_folder, cache_dir=cache, pad_vocabulary=True)
    said: list[str] = []
    padded.prepare(vocabulary_sizes=[300, 50000], say=said.append)
    assert any(re.search(r"yields only [\d,]+ tokens: [\d,]+ of 50,000 are padding", line) for line in said)
    tokenizer = padded.tokenizer({"vocab_size": 50000})
    assert tokenizer.get_vocab_size() == 50000
    assert tokenizer.decode(tokenizer.encode("größe = 1").ids) == "größe = 1"


def test_bad_data_are_refused_when_they_are_first_needed(tmp_path: Path) -> None:
    task = CodeLanguageModelling(tmp_path / "missing", cache_dir=tmp_path / "cache")
    with pytest.raises(DataError, match="does not exist"):
        task.prepare()
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.py").write_text("x = 1\n")
    with pytest.raises(DataError, match="1 different usable files; train, validation and test need at least"):
        CodeLanguageModelling(tmp_path / "one", cache_dir=tmp_path / "cache").prepare()
    with pytest.raises(DataError, match="length: 0"):
        CodeLanguageModelling(length=0)
    with pytest.raises(TaskError, match="split: 'dev' is unknown"):
        CodeLanguageModelling(cache_dir=tmp_path).evaluate(small_model(), ARCHITECTURE, split="dev")


def test_headers_are_those_of_functions_in_the_split(task: CodeLanguageModelling) -> None:
    headers = task.function_headers(10, seed=3)
    texts = "\n".join(task.corpus().documents("validation"))
    assert len(set(headers)) == 10
    assert all(header.startswith("def function_") and header + "\n" in texts for header in headers)
    assert headers == task.function_headers(10, seed=3) != task.function_headers(10, seed=4)


def test_a_corpus_without_functions_has_no_parse_rate(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.c").write_text(f"int main(void) {{ return {number}; }}\n")
    task = CodeLanguageModelling(tmp_path, cache_dir=tmp_path / "cache")
    with pytest.raises(DataError, match="holds no Python function"):
        task.function_headers(3)


def test_the_parse_rate_is_a_share_that_repeats(task: CodeLanguageModelling) -> None:
    model = small_model()
    first = task.parse_rate(model, ARCHITECTURE, samples=6, max_new_tokens=12)
    assert 0 <= first["parse_rate"] <= 1
    assert task.parse_rate(model, ARCHITECTURE, samples=6, max_new_tokens=12) == first


@pytest.mark.slow
def test_the_standard_library_is_ready_in_seconds_and_from_the_cache_at_once(tmp_path: Path) -> None:
    start = time.perf_counter()
    CodeLanguageModelling(cache_dir=tmp_path).prepare({"vocab_size": [2048, 4096, 8192]})
    cold = time.perf_counter()
    task = CodeLanguageModelling(cache_dir=tmp_path)
    task.prepare({"vocab_size": [2048, 4096, 8192]})
    warm = time.perf_counter()
    assert cold - start < 30  # 4 s on two free cores
    assert warm - cold < 0.5
    assert task.corpus().facts["files"]["train"] > 100
