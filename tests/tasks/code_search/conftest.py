"""Documented functions that a small network can learn to find."""

import json
from pathlib import Path

import pytest

from sugata.tasks import CodeSearch

VERBS = ("read", "write", "copy", "sort", "merge", "count", "close", "parse", "join", "split")
NOUNS = ("file", "table", "tree", "queue", "record", "header", "socket", "matrix", "token", "image")


def row(number: int) -> dict[str, object]:
    """One pair as CodeSearchNet writes it."""
    verb, noun = VERBS[number % 10], NOUNS[number // 10 % 10]
    return {
        "repo": f"owner/repo{number % 7}",
        "path": "a.py",
        "func_name": f"{verb}_{noun}",
        "language": "python",
        "docstring": f"{verb.title()} the {noun} number {number}.\n\nMore about it.",
        "code": f"def {verb}_{noun}(value):\n    total = {verb}(value, {number})\n    return {noun}(total)\n",
        "code_tokens": ["def", f"{verb}_{noun}", "(", "value", ")"],
    }


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
