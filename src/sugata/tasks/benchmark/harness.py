"""Continuations of problems, judged in the sandbox, and what they say of a model."""

from collections.abc import Callable, Sequence

import numpy as np

from sugata.errors import TaskError
from sugata.sandbox import Program, Sandbox, Verdict
from sugata.tasks.benchmark.problems import READERS, Problem

BENCHMARKS = tuple(READERS)


def right(problem: Problem) -> str:
    """The benchmark's own solution, as a model would write it."""
    return problem.solution


def empty(problem: Problem) -> str:
    """A continuation that does nothing."""
    return "    pass\n" if problem.before else ""


def judge(
    sandbox: Sandbox,
    problems: Sequence[Problem],
    continuations: Sequence[str],
    *,
    workers: int | None = None,
    done: Callable[[int], None] = lambda number: None,
) -> list[Verdict]:
    """Run each problem with its continuation."""
    programs = [
        Program(problem.before + text, problem.tests, problem.given, problem.names)
        for problem, text in zip(problems, continuations, strict=True)
    ]
    return sandbox.judge_all(programs, workers=workers, done=done)


def pass_at_k(samples: int, right: int, k: int) -> float:
    """The chance that one of k samples is right, without bias, from more samples (Chen et al. 2021, eq. 1).

    Raises:
        TaskError: fewer samples than k.
    """
    if not 1 <= k <= samples:
        raise TaskError(f"k: pass@{k} needs k from 1 and as many samples a problem, not {samples}")
    if samples - right < k:
        return 1.0
    return 1.0 - float(np.prod(1.0 - k / np.arange(samples - right + 1, samples + 1)))


def passes(right: Sequence[int], samples: int, ks: Sequence[int]) -> dict[str, float]:
    """``pass@k`` of a benchmark, the mean over its problems, from how many samples of each are right."""
    return {f"pass@{k}": float(np.mean([pass_at_k(samples, one, k) for one in right])) for k in ks}


def until_stop(text: str, stops: Sequence[str]) -> str:
    """A continuation before the first of the stop texts; one that it begins with does not count."""
    found = [at for stop in stops if (at := text.find(stop, 1)) >= 0]
    return text[: min(found)] if found else text
