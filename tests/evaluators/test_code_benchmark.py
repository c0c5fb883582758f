"""Problems as metrics of a search: which guide, which judge, and on which rungs."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from sugata.errors import DataError, RecipeError
from sugata.evaluators import benchmark as benchmark_module
from sugata.evaluators.benchmark import Settings, likelihoods, proven_wrong, written
from sugata.evaluators.code_benchmark import CodeBenchmark, Rungs
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.recipe import parse
from sugata.run.assembly import assemble
from sugata.sandbox import Sandbox
from sugata.tasks.benchmark import read_mbpp
from sugata.tasks.corpus import train_tokenizer
from sugata.tasks.generation import Sampling

pytestmark = pytest.mark.slow

NUMBERS = (1, 11, 12, 511, 512, 601)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Problems of every part of MBPP, and one of HumanEval."""
    rows = [
        {
            "task_id": number, "text": f"Add {number}.", "code": f"def f(x):\n  return x + {number}",
            "test_list": [f"assert f(1) == {number + 1}"], "test_setup_code": "",
        }
        for number in NUMBERS
    ]  # fmt: skip
    (tmp_path / "mbpp.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    humaneval = {
        "task_id": "HumanEval/0", "prompt": 'def f(x):\n    """Add one."""\n', "entry_point": "f",
        "canonical_solution": "    return x + 1\n",
        "test": "def check(candidate):\n    assert candidate(1) == 2\n",
    }  # fmt: skip
    (tmp_path / "humaneval.jsonl").write_text(json.dumps(humaneval) + "\n")
    return {name: str(tmp_path / f"{name}.jsonl") for name in ("mbpp", "humaneval")}


class Knows:
    """Writes right solutions for the problems that it knows, else nothing that is Python."""

    parameters = 0

    def __init__(self, solutions: dict[str, str]) -> None:
        self.solutions = solutions
        self.rows: list[int] = []

    def write(
        self,
        prompts: Sequence[str],
        stops: Sequence[str],
        tokens: int,
        sampling: Sampling,
        seeds: Sequence[Sequence[int]],
    ) -> list[str]:
        assert len({tuple(seed) for seed in seeds}) == len(prompts)
        self.rows.append(len(prompts))
        return [self.solutions.get(prompt, "def f(x") for prompt in prompts]

    def nats(self, prompt: str, text: str) -> float:
        return 1.0 if text.strip() == self.solutions.get(prompt, "").strip() else 8.0


def test_the_published_parts_guide_and_judge(files: dict[str, str]) -> None:
    benchmark = CodeBenchmark("mbpp", Settings((1,), 2), files=files, judges=["mbpp", "humaneval"])
    assert [one.name for one in benchmark.guides] == ["MBPP/511", "MBPP/512"]
    assert [one.name for one in benchmark.judges["mbpp"]] == ["MBPP/11", "MBPP/12"]
    assert [one.name for one in benchmark.judges["humaneval"]] == ["HumanEval/0"]
    trained = CodeBenchmark("mbpp", Settings((1,), 2), files=files, part="train")
    assert [one.name for one in trained.guides] == ["MBPP/601"]


def test_where_test_problems_guide_the_metrics_say_oracle(files: dict[str, str]) -> None:
    settings = Settings((1, 2), 2)
    names = [metric.name for metric in CodeBenchmark("humaneval", settings, files=files).metrics]
    assert all(name.startswith("oracle_") for name in names)
    assert [metric.name for metric in CodeBenchmark("mbpp", settings, files=files).metrics] == [
        "pass_at_1", "pass_at_2", "solution_parse_rate", "solution_bits_per_byte", "solution_ranking",
    ]  # fmt: skip


def test_what_a_model_knows_is_what_it_scores(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_module, "_ROWS", 8)
    problems = read_mbpp(files["mbpp"])
    knows = Knows({one.prompt: one.solution for one in problems[:3]})
    sandbox = Sandbox()
    found = written(knows, problems, sandbox, Settings((1, 2), 2))
    assert found == {"pass@1": 0.5, "pass@2": 0.5, "parse_rate": 0.5}
    assert knows.rows == [8, 4]  # in parts, whatever the number of samples
    wrong = proven_wrong(problems, sandbox)
    assert len(wrong) == len(problems)
    knows = Knows({one.prompt: one.solution for one, _ in wrong[:3]})
    assert likelihoods(knows, problems, wrong)["ranking"] == 0.5


def test_programs_are_written_on_the_rungs_that_are_named(files: dict[str, str]) -> None:
    tokenizer = train_tokenizer(["def f(x):\n    return x + 1\n"], 270)
    config = LanguageModelConfig(
        vocabulary_size=270, hidden_dim=16, num_heads=2, layers=(LayerConfig("transformer", 32),),
        normalization="rmsnorm", activation="silu", position="rope", tie_embeddings=False,
    )  # fmt: skip
    benchmark = CodeBenchmark("mbpp", Settings((1,), 2, 4), Rungs(1, 2), files=files)
    measured = [set(benchmark.measure(LanguageModel(config), tokenizer, rung)) for rung in range(3)]
    likely = {"solution_bits_per_byte", "solution_ranking"}
    assert measured == [set(), likely, likely | {"pass_at_1", "solution_parse_rate"}]
    for rung, names in enumerate(measured):
        assert names == {metric.name for metric in benchmark.metrics if metric.rung <= rung}


def test_a_file_without_the_part_is_named(tmp_path: Path, files: dict[str, str]) -> None:
    rows = Path(files["mbpp"]).read_text().splitlines()
    Path(files["mbpp"]).write_text(rows[0] + "\n")
    benchmark = CodeBenchmark("mbpp", Settings((1,), 2), files=files)
    with pytest.raises(
        DataError, match="mbpp: the file has no problem of the validation part, numbers 511 to"
    ):
        benchmark.prepare()


def recipe(**changes: object) -> dict[str, object]:
    rungs = [{"name": "low", "amount": 1, "keep": 0.5}, {"name": "top", "amount": 2}]
    data = {"space": "tiny", "funnel": rungs, "promote_by": "bits_per_byte", "budget": {"trials": 4}}
    return data | {"task": {"benchmark": {"name": "mbpp"}}} | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"task.benchmark.k": [10]},
            "task.benchmark.*pass@10 needs k from 1 and as many samples; samples is 5",
        ),
        ({"task.benchmark.files": {"mbp": "x"}}, "files: 'mbp' is none of mbpp, humaneval"),
        ({"task.benchmark.sample": 3}, "task.benchmark.sample'; did you mean 'samples'"),
        ({"task.benchmark.name": "apps"}, "task.benchmark.name' is 'apps'"),
        (
            {"objectives.metrics": ["pass_at_1"]},
            "'pass_at_1' is measured from rung 'top' on; add one of every",
        ),
        ({"objectives.metrics": ["pass_at_5", "bits_per_byte"]}, "'pass_at_5' is not measured; there are"),
        ({"promote_by": "pass_at_1", "objectives.metrics": ["pass_at_1", "bits_per_byte"]}, "promote_by is"),
    ],
)
def test_bad_settings_get_one_line(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message) as error:
        assemble(parse(recipe(), "recipe", changes)).strategy()
    assert "\n" not in str(error.value)


def test_pass_at_k_decides_the_winner_and_the_rest_who_goes_on() -> None:
    metrics = ["pass_at_1", "solution_bits_per_byte", "size_bytes"]
    changes = {"objectives.metrics": metrics, "promote_by": "solution_bits_per_byte"}
    assembly = assemble(parse(recipe(), "recipe", changes))
    assert assembly.objectives.primary.name == "pass_at_1"
    assert [one.name for one in assembly.strategy().objectives.metrics] == metrics[1:]
    everywhere = assemble(parse(recipe(), "recipe", {**changes, "task.benchmark.rungs": "all"}))
    assert [one.name for one in everywhere.strategy().objectives.metrics] == metrics
