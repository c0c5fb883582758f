"""Documented functions that a small network can learn to find."""

import json
from pathlib import Path

import pytest

from sugata.tasks import CodeSearch

from .rows import row


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CodeSearchNet's layout: a folder a split with JSONL files."""
    folder = tmp_path_factory.mktemp("pairs")
    for split, numbers in (("train", range(80)), ("valid", range(80, 90)), ("test", range(90, 100))):
        (folder / split).mkdir()
        lines = (json.dumps(row(number) | {"partition": split}) for number in numbers)
        (folder / split / f"python_{split}_0.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="session")
def task(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> CodeSearch:
    """A task on it with a vocabulary of 300 tokens."""
    cache = tmp_path_factory.mktemp("cache")
    task = CodeSearch(
        folder, query_tokens=12, code_tokens=24, projection=16, pad_vocabulary=True, cache_dir=cache
    )
    task.prepare({"vocab_size": [400]})
    return task
