"""A model on a benchmark of code: its programs are run, its likelihoods compared."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from sugata.errors import DataError
from sugata.evaluators.writers import Writer
from sugata.sandbox import Sandbox
from sugata.tasks.benchmark import PUBLISHED, Problem, judge, pass_at_k, passes
from sugata.tasks.benchmark.harness import until_stop
from sugata.tasks.benchmark.mutants import mutant
from sugata.tasks.generation import Sampling, parses

Say = Callable[[str], None]
Wrong = Sequence[tuple[Problem, str]]  # problems with mutated solutions that their tests refuse
_ROWS = 64  # programs that are written and judged before the next ones


@dataclass(frozen=True)
class Settings:
    """How a model is asked.

    Attributes:
        ks: of pass@k.
        samples: of each problem.
        tokens: of a sample at most.
        seed: of every draw, with the problem and the sample.
    """

    ks: tuple[int, ...] = (1, 10)
    samples: int = 10
    tokens: int = 256
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0

    def __post_init__(self) -> None:
        for k in self.ks:
            pass_at_k(self.samples, 0, k)


def evaluate(
    model: Writer,
    problems: Sequence[Problem],
    sandbox: Sandbox,
    settings: Settings,
    *,
    workers: int | None = None,
    say: Say = lambda text: None,
) -> dict[str, Any]:
    """Every figure of the report: pass@k, parse rate, bits per byte of right solutions, and their ranking.

    Raises:
        DataError: memory does not hold the writing of one program.
    """
    figures = written(model, problems, sandbox, settings, workers=workers, say=say)
    say("ranking right against mutated solutions")
    wrong = proven_wrong(problems, sandbox, workers=workers)
    return {
        **figures,
        **likelihoods(model, problems, wrong),
        "parameters": model.parameters,
        "problems": len(problems),
        "samples": settings.samples,
        "isolation": str(sandbox.level),
    }


def written(
    model: Writer,
    problems: Sequence[Problem],
    sandbox: Sandbox,
    settings: Settings,
    *,
    workers: int | None = None,
    say: Say = lambda text: None,
) -> dict[str, float]:
    """``pass@k`` and ``parse_rate`` of what the model writes.

    A sample is drawn by a seed of its own, so that it is the same whatever else is asked.

    Raises:
        DataError: memory does not hold the writing of one program.
    """
    counts = [0] * len(problems)
    parsed, total = 0, len(problems) * settings.samples
    # A part at a time, so that no number of samples is too much for memory.
    for first in range(0, total, _ROWS):
        rows = [divmod(row, settings.samples) for row in range(first, min(first + _ROWS, total))]
        say(f"problem {rows[0][0] + 1} of {len(problems)}, program {first + 1:,} of {total:,}")
        try:
            texts = model.write(
                [problems[number].prompt for number, _ in rows],
                problems[0].stops,  # those of the benchmark
                settings.tokens,
                settings.sampling,
                [(settings.seed, number, sample) for number, sample in rows],
            )
        except (MemoryError, torch.OutOfMemoryError):
            raise DataError("tokens: memory does not hold the writing; give fewer tokens a program") from None
        tried, owners = [], []
        for (number, _), text in zip(rows, texts, strict=True):
            text = until_stop(text, problems[number].stops)
            if parses(problems[number].before + text):  # what is no Python fails without being run
                tried.append(text)
                owners.append(number)
        parsed += len(tried)
        verdicts = judge(sandbox, [problems[number] for number in owners], tried, workers=workers)
        for number, verdict in zip(owners, verdicts, strict=True):
            counts[number] += verdict.passed
    return {**passes(counts, settings.samples, settings.ks), "parse_rate": parsed / total}


def proven_wrong(problems: Sequence[Problem], sandbox: Sandbox, *, workers: int | None = None) -> Wrong:
    """Problems with their solution plainly written, and a mutated solution that the tests refuse."""
    pairs = [pair for problem in problems if (pair := mutant(problem)) is not None]
    verdicts = judge(sandbox, [one for one, _ in pairs], [text for _, text in pairs], workers=workers)
    return [pair for pair, verdict in zip(pairs, verdicts, strict=True) if not verdict.passed]


def likelihoods(model: Writer, problems: Sequence[Problem], wrong: Wrong) -> dict[str, float]:
    """``bits_per_byte`` of right solutions after their prompts, and ``ranking`` against ``ranked`` mutants.

    The ranking is the share of mutants that the model finds less likely than the right solution; chance is
    one half.
    """
    nats = sum(model.nats(one.prompt, one.solution) for one in problems)
    size = sum(len(one.solution.encode()) for one in problems)
    first = sum(model.nats(one.prompt, one.solution) < model.nats(one.prompt, text) for one, text in wrong)
    return {
        "bits_per_byte": nats / size / math.log(2),
        "ranking": first / len(wrong) if wrong else math.nan,
        "ranked": float(len(wrong)),
    }


def as_markdown(benchmark: str, found: Mapping[str, Any]) -> str:
    """The figures as a page, for HumanEval beside published models."""
    lines = [f"# {benchmark}", "", "| figure | value |", "| --- | --- |"]
    lines += [
        f"| {key} | {f'{value:.4g}' if isinstance(value, float) else value} |" for key, value in found.items()
    ]
    if benchmark == "humaneval" and "pass@1" in found:
        lines += ["", "| model | parameters | pass@1, % | source |", "| --- | --- | --- | --- |"]
        lines += [f"| this | {found['parameters'] / 1e6:.1f} M | {100 * found['pass@1']:.2f} | measured |"]
        lines += [
            f"| {one.name} | {one.parameters / 1e6:.0f} M | {one.percent:.2f} | {one.source} |"
            for one in PUBLISHED
        ]
    return "\n".join(lines) + "\n"
