"""Reading HumanEval and MBPP, judging continuations, and the estimate of pass@k."""

import gzip
import itertools
import json
from pathlib import Path

import pytest

from sugata.errors import DataError, TaskError
from sugata.sandbox import Sandbox
from sugata.tasks.benchmark import (
    empty,
    judge,
    pass_at_k,
    passes,
    read_humaneval,
    read_mbpp,
    read_problems,
    right,
)
from sugata.tasks.benchmark.harness import until_stop

HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'def helper(x):\n    return x\n\n\ndef f(x):\n    """Add one."""\n',
    "entry_point": "f",
    "canonical_solution": "    return helper(x) + 1\n",
    "test": "def check(candidate):\n    assert candidate(helper(1)) == 2\n",
}
MBPP = {
    "task_id": 126,
    "text": "Write a function to add.",
    "code": "def sum(a, b):\n  return a + b",
    "test_list": ["assert sum(1, 2) == 3"],
    "test_setup_code": "",
}


def written(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_right_solutions_pass_and_empty_ones_fail(tmp_path: Path) -> None:
    problems = [
        *read_humaneval(written(tmp_path / "h.jsonl", HUMANEVAL)),
        *read_mbpp(written(tmp_path / "m.jsonl", MBPP)),
    ]
    sandbox = Sandbox()
    for write, expected in ((right, True), (empty, False)):
        verdicts = judge(sandbox, problems, [write(problem) for problem in problems])
        assert [verdict.passed for verdict in verdicts] == [expected] * 2, verdicts


def test_a_compressed_file_is_read_as_a_plain_one(tmp_path: Path) -> None:
    packed = tmp_path / "h.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(HUMANEVAL).encode()))
    assert read_problems("humaneval", packed) == read_humaneval(written(tmp_path / "h.jsonl", HUMANEVAL))


def test_bad_files_are_named_with_line_and_field(tmp_path: Path) -> None:
    broken = {key: value for key, value in HUMANEVAL.items() if key != "entry_point"}
    with pytest.raises(DataError, match=r"h\.jsonl, line 2: no field 'entry_point'"):
        read_humaneval(written(tmp_path / "h.jsonl", HUMANEVAL, broken))
    with pytest.raises(DataError, match="'test_list' is a str, not a list"):
        read_mbpp(written(tmp_path / "m.jsonl", {**MBPP, "test_list": "assert True"}))
    with pytest.raises(DataError, match="line 1: no JSON object"):
        read_mbpp(written(tmp_path / "m.jsonl", []))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no problems"):
        read_mbpp(written(tmp_path / "m.jsonl"))
    with pytest.raises(DataError, match="cannot be read"):
        read_mbpp(tmp_path / "missing.jsonl")
    with pytest.raises(DataError, match="one of humaneval, mbpp"):
        read_problems("apps", tmp_path)


def test_pass_at_k_is_the_chance_that_a_draw_of_k_holds_a_right_one() -> None:
    for right_ones in range(6):
        outcomes = [number < right_ones for number in range(5)]
        for k in range(1, 6):
            draws = list(itertools.combinations(outcomes, k))
            assert pass_at_k(5, min(right_ones, 5), k) == pytest.approx(sum(map(any, draws)) / len(draws))
    assert passes([5, 0], 5, (1, 5)) == {"pass@1": 0.5, "pass@5": 0.5}
    with pytest.raises(TaskError, match="pass@10"):
        pass_at_k(5, 0, 10)


def test_a_continuation_ends_before_the_first_stop() -> None:
    assert until_stop("    return 1\ndef g():\n    pass\nprint", ("\nprint", "\ndef ")) == "    return 1"
    assert until_stop("    return 1\n", ("\nprint",)) == "    return 1\n"


@pytest.mark.slow
def test_real_problems_that_need_set_up_code_or_hide_builtins_pass(real_data: Path) -> None:
    problems = read_mbpp(real_data / "code_eval" / "mbpp.jsonl")
    assert len(problems) == 974
    chosen = [one for one in problems if one.name in ("MBPP/126", "MBPP/367", "MBPP/927")]
    assert all(verdict.passed for verdict in judge(Sandbox(), chosen, [right(one) for one in chosen]))
    assert len(read_humaneval(real_data / "code_eval" / "HumanEval.jsonl.gz")) == 164
