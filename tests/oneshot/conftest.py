"""A small corpus of source code."""

from pathlib import Path

import pytest

from sugata.tasks import CodeLanguageModelling


@pytest.fixture(scope="session")
def code_task(tmp_path_factory: pytest.TempPathFactory) -> CodeLanguageModelling:
    """A prepared task with a vocabulary of 300 tokens, windows of 32."""
    folder: Path = tmp_path_factory.mktemp("oneshot_code")
    for number in range(40):
        text = "\n".join(
            f"def f_{number}_{i}(x):\n    return x * {number * i} + {i}" for i in range(number % 7 + 2)
        )
        (folder / f"module_{number}.py").write_text(text + "\n")
    task = CodeLanguageModelling(
        str(folder),
        length=32,
        validation_share=0.2,
        test_share=0.1,
        cache_dir=folder.with_name("oneshot_cache"),
    )
    task.prepare(vocabulary_sizes=[300], say=lambda line: None)
    return task
