"""A corpus in the tokens of a model that is there already."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models

from sugata.errors import DataError, TaskError
from sugata.tasks import CodeLanguageModelling, TokenizedCode


@pytest.fixture
def tokenizer(task: CodeLanguageModelling, tmp_path: Path) -> Path:
    """That of another corpus."""
    path = tmp_path / "tokenizer.json"
    task.tokenizer({"vocab_size": 300}).save(str(path))
    return path


def test_another_text_is_read_in_given_tokens(tokenizer: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    for number in range(8):
        (folder / f"m{number}.py").write_text(f"def other_{number}(größe):\n    return größe + {number}\n")
    task = TokenizedCode(tokenizer, folder, length=8, cache_dir=tmp_path / "cache")
    task.prepare()
    vocabulary = task.vocabulary(300)
    read = vocabulary.tokens("train")
    text = vocabulary.tokenizer.decode(read[read != 0].tolist())
    assert text == "".join(task.corpus().documents("train"))
    assert vocabulary.token_bytes[read].sum() == len(task.corpus().text("train"))
    batch = next(task.batches(task.architecture, batch_size=2, generator=np.random.default_rng(0)))
    assert batch.inputs.shape == (2, 8)
    again = pickle.loads(pickle.dumps(task))
    assert again.fingerprint() == task.fingerprint()
    with pytest.raises(TaskError, match="400 is not the 300 tokens"):
        task.vocabulary(400)


def test_what_is_no_tokenizer_of_ours_is_refused(
    tokenizer: Path, code_folder: Path, cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="cannot be read as a tokenizer"):
        TokenizedCode(tmp_path / "nothing.json", code_folder)
    Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a")).save(str(tmp_path / "words.json"))
    task = TokenizedCode(tmp_path / "words.json", code_folder, cache_dir=cache)
    with pytest.raises(DataError, match=r"its token 0 is not <\|endoftext\|>"):
        task.prepare()
