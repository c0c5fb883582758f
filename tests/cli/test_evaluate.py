"""`sugata evaluate` on a trained model, on one of transformers, and on the right solutions."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sugata.run import Result

pytestmark = pytest.mark.slow

PROBLEM = {
    "task_id": "HumanEval/0",
    "prompt": 'def f(x):\n    """Add one."""\n',
    "entry_point": "f",
    "canonical_solution": "    return x + 1\n",
    "test": "def check(candidate):\n    assert candidate(1) == 2\n",
}


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    path = tmp_path / "problems.jsonl"
    path.write_text(json.dumps(PROBLEM) + "\n" + json.dumps({**PROBLEM, "task_id": "HumanEval/1"}) + "\n")
    return path


def test_right_solutions_prove_the_harness(sugata: Callable[..., tuple], problems: Path) -> None:
    code, out, err = sugata("evaluate", "--benchmark", "humaneval", "--data", problems, "--canonical")
    assert code == 0, err
    assert "right solutions: 2/2 passed" in out
    assert "empty bodies: 0/2 passed" in out
    assert "isolation:" in out


def test_a_trained_model_is_scored_and_reported(
    sugata: Callable[..., tuple], problems: Path, finished: Result, tmp_path: Path
) -> None:
    options = ("--benchmark", "humaneval", "--data", problems, "--samples", 2, "--k", "1,2", "--tokens", 12)
    to = tmp_path / "report.json"
    code, out, err = sugata("evaluate", finished.folder / "best", *options, "--to", to)
    assert code == 0, err
    found = json.loads(to.read_text())
    assert 0 <= found["pass@1"] <= found["pass@2"] <= 1
    assert 0 <= found["parse_rate"] <= 1
    assert 0 < found["bits_per_byte"] < 20
    assert found["ranked"] == 2
    assert "Codex-25M" in out


def test_a_transformers_folder_is_scored_too(
    sugata: Callable[..., tuple], problems: Path, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {one: number for number, one in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE({**vocabulary, "<end>": 256}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    folder = tmp_path / "model"
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")
    fast.save_pretrained(folder)
    config = transformers.GPT2Config(vocab_size=257, n_embd=16, n_layer=1, n_head=2, n_positions=256)
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    given = ("--benchmark", "humaneval", "--data", problems, "--samples", 2, "--tokens", 8)
    code, out, err = sugata("evaluate", folder, *given, "--to", tmp_path / "report.md")
    assert code == 0, err
    row = next(line for line in (tmp_path / "report.md").read_text().splitlines() if "bits_per_byte" in line)
    assert 7.5 < float(row.split("|")[2]) < 8.5, out  # untrained, one of 257 bytes each


def test_bad_input_gets_one_line(sugata: Callable[..., tuple], problems: Path, finished: Result) -> None:
    best = finished.folder / "best"
    given = ("--benchmark", "humaneval", "--data", problems)
    for arguments, message in (
        ((*given,), "give a model's folder, or --canonical"),
        ((best, *given, "--k", "100"), "pass@100"),
        ((best, *given, "--k", "a"), "write it as 1,10"),
        ((problems.parent, *given), "config.json"),
        ((best, "--benchmark", "mbpp", "--data", problems), "line 1: no field 'code'"),
    ):
        code, _, err = sugata("evaluate", *arguments)
        assert code == 2
        assert message in err
        assert err.startswith("error: ")
        assert err.count("\n") == 1
