"""HumanEval and MBPP: programs that a model writes, run against tests."""

from sugata.tasks.benchmark.harness import BENCHMARKS, empty, judge, pass_at_k, passes, right
from sugata.tasks.benchmark.parts import guides, has_parts, judges
from sugata.tasks.benchmark.problems import Problem, read_humaneval, read_mbpp, read_problems
from sugata.tasks.benchmark.published import PUBLISHED, Published

__all__ = [
    "BENCHMARKS",
    "PUBLISHED",
    "Problem",
    "Published",
    "empty",
    "guides",
    "has_parts",
    "judge",
    "judges",
    "pass_at_k",
    "passes",
    "read_humaneval",
    "read_mbpp",
    "read_problems",
    "right",
]
