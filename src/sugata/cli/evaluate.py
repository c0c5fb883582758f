"""`sugata evaluate`: HumanEval and MBPP, run in the sandbox."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from sugata.errors import RecipeError

if TYPE_CHECKING:
    from sugata.sandbox import Sandbox
    from sugata.tasks.benchmark import Problem

_out = Console(highlight=False)


def evaluate(
    model: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="An exported model, or one of transformers.")
    ] = None,
    *,
    benchmark: Annotated[str, typer.Option(help="humaneval or mbpp.")],
    data: Annotated[
        str | None, typer.Option(metavar="FILE", help="The benchmark's JSONL(.gz) file, or hf:NAME.")
    ] = None,
    canonical: Annotated[
        bool, typer.Option("--canonical", help="Judge the benchmark's own solutions, then empty ones.")
    ] = False,
    k: Annotated[str, typer.Option("--k", help="Of pass@k, such as 1,10.")] = "1",
    samples: Annotated[int, typer.Option(min=1, help="Programs a problem.")] = 10,
    tokens: Annotated[int, typer.Option(min=1, help="Of a program at most.")] = 256,
    temperature: Annotated[float, typer.Option(help="0 is greedy.")] = 0.8,
    top_p: Annotated[float, typer.Option(help="Draw from the smallest set of this probability.")] = 0.95,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many problems, the first.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of every random draw.")] = 0,
    to: Annotated[Path | None, typer.Option(help="A .json or .md file for the report.")] = None,
    isolation: Annotated[
        str | None, typer.Option(help="bubblewrap, namespaces or landlock; default: the strongest here.")
    ] = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Agree to run programs where nothing isolates them.")
    ] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Programs at a time; default: cores.")] = None,
) -> None:
    """Run the programs that a model writes for a benchmark of code, or the benchmark's own solutions."""
    from sugata.sandbox import Sandbox
    from sugata.tasks.benchmark import read_problems

    if canonical == (model is not None):
        raise RecipeError("sugata evaluate: give a model's folder, or --canonical")
    if to is not None and to.suffix not in (".json", ".md"):
        raise RecipeError(f"--to {to}: give a .json or .md file")
    problems = read_problems(benchmark, data)[:limit]
    sandbox = Sandbox(isolation, unsafe=unsafe)
    _out.print(f"isolation: {sandbox.level}: {sandbox.level.meaning}", soft_wrap=True)
    if model is None:
        _canonical(problems, sandbox, workers)
        return
    from sugata.evaluators.benchmark import Settings, as_markdown
    from sugata.evaluators.benchmark import evaluate as measured
    from sugata.evaluators.writers import writer
    from sugata.run import Progress
    from sugata.tasks import Sampling

    settings = Settings(_numbers(k), samples, tokens, Sampling(temperature, 0, top_p), seed)
    with Progress() as progress:
        found = measured(writer(model), problems, sandbox, settings, workers=workers, say=progress.now)
    text = as_markdown(benchmark, found)
    if to is not None:
        to.write_text(json.dumps(found, indent=2) + "\n" if to.suffix == ".json" else text, encoding="utf-8")
    _out.print(text, markup=False, soft_wrap=True)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise RecipeError(f"--k {text}: write it as 1,10") from None


def _canonical(problems: Sequence["Problem"], sandbox: "Sandbox", workers: int | None) -> None:
    from sugata.run import Progress
    from sugata.tasks.benchmark import empty, judge, right

    for what, write in (("right solutions", right), ("empty bodies", empty)):
        with Progress() as progress:
            progress.now(f"judging {len(problems)} {what}")
            texts = [write(problem) for problem in problems]
            verdicts = judge(sandbox, problems, texts, workers=workers)
        _out.print(f"{what}: {sum(verdict.passed for verdict in verdicts)}/{len(problems)} passed")
        if write is right:
            for problem, verdict in zip(problems, verdicts, strict=True):
                if not verdict.passed:
                    _out.print(f"  {problem.name}: {verdict.reason}", markup=False, soft_wrap=True)
