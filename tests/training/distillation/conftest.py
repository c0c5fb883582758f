"""A small corpus, a task on it, and models that read its tokens."""

from pathlib import Path
from typing import Any

import pytest
import torch

from sugata.compression import compress
from sugata.export import export_folder
from sugata.tasks import CodeLanguageModelling

from .models import ARCHITECTURE, SIZE, language_model


@pytest.fixture(scope="session")
def task(tmp_path_factory: pytest.TempPathFactory) -> CodeLanguageModelling:
    folder = tmp_path_factory.mktemp("code")
    for i in range(30):
        lines = [f"def function_{i}_{j}(value_{j}):\n    return value_{j} * {i + j}\n" for j in range(12)]
        (folder / f"module_{i}.py").write_text("\n".join(lines))
    task = CodeLanguageModelling(folder, length=16, cache_dir=tmp_path_factory.mktemp("cache"))
    task.prepare({"vocab_size": [SIZE, 280]})
    return task


@pytest.fixture(scope="session")
def exported(task: CodeLanguageModelling, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a search would have exported."""
    folder = tmp_path_factory.mktemp("exported")
    tokenizer = folder / "given.json"
    task.tokenizer(ARCHITECTURE).save(str(tokenizer))
    export_folder(
        folder / "best", compress(language_model(layers=3, width=48, heads=3)), ARCHITECTURE, tokenizer, {}
    )
    return folder / "best"


@pytest.fixture(scope="session")
def stock(task: CodeLanguageModelling, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stock transformers model with random weights, and with embeddings for more tokens than there are."""
    transformers: Any = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=SIZE + 20, n_positions=32, n_embd=24, n_layer=4, n_head=3, bos_token_id=0, eos_token_id=0
    )
    folder = tmp_path_factory.mktemp("stock")
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    task.tokenizer(ARCHITECTURE).save(str(folder / "tokenizer.json"))
    return folder
