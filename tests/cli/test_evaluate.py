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


@pytest.mark.parametrize("kind", ["GPT2", "Llama"])
def test_a_transformers_folder_is_scored_too(
    kind: str, sugata: Callable[..., tuple], problems: Path, tmp_path: Path
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
    if kind == "GPT2":
        config = transformers.GPT2Config(vocab_size=257, n_embd=16, n_layer=1, n_head=2, n_positions=256)
        made = transformers.GPT2LMHeadModel(config)
    else:
        sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
        made = transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=257, **sizes))
    made.save_pretrained(folder)
    given = ("--benchmark", "humaneval", "--data", problems, "--samples", 2, "--tokens", 8)
    code, out, err = sugata("evaluate", folder, *given, "--to", tmp_path / "report.md")
    assert code == 0, err
    row = next(line for line in (tmp_path / "report.md").read_text().splitlines() if "bits_per_byte" in line)
    assert 7.5 < float(row.split("|")[2]) < 8.5, out  # untrained, one of 257 bytes each


def test_the_transformers_form_of_a_model_scores_what_the_model_does(
    sugata: Callable[..., tuple], problems: Path, finished: Result, tmp_path: Path
) -> None:
    pytest.importorskip("transformers")
    best, other = finished.folder / "best", tmp_path / "other"
    assert sugata("export", best, "--format", "transformers", "--out", other)[0] == 0
    found = []
    for folder in (best, other):
        given = ("--benchmark", "humaneval", "--data", problems, "--samples", 2, "--tokens", 8)
        code, _, err = sugata("evaluate", folder, *given, "--to", tmp_path / "report.json")
        assert code == 0, err
        found.append(json.loads((tmp_path / "report.json").read_text()))
    assert found[0]["bits_per_byte"] == pytest.approx(found[1]["bits_per_byte"], rel=1e-5)
    assert found[0]["parse_rate"] == found[1]["parse_rate"]


def test_programs_that_memory_does_not_hold_are_refused_before_any_is_written(
    sugata: Callable[..., tuple], problems: Path, finished: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sugata.tasks.writing.free_memory", lambda: 20_000)
    given = ("--benchmark", "humaneval", "--data", problems, "--samples", 1000, "--k", 1)
    code, _, err = sugata("evaluate", finished.folder / "best", *given)
    assert code == 2
    assert err.startswith("error: tokens: writing one program takes about ")
    assert "give fewer tokens a program" in err
    assert err.count("\n") == 1


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
