"""`sugata evaluate`: HumanEval and MBPP, run in the sandbox."""

from typing import Annotated

import typer
from rich.console import Console

from sugata.errors import RecipeError

_out = Console(highlight=False)


def evaluate(
    benchmark: Annotated[str, typer.Option(help="humaneval or mbpp.")],
    data: Annotated[
        str | None, typer.Option(metavar="FILE", help="The benchmark's JSONL(.gz) file, or hf:NAME.")
    ] = None,
    canonical: Annotated[
        bool, typer.Option("--canonical", help="Judge the benchmark's own solutions, then empty ones.")
    ] = False,
    isolation: Annotated[
        str | None, typer.Option(help="bubblewrap, namespaces or landlock; default: the strongest here.")
    ] = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Agree to run programs where nothing isolates them.")
    ] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Programs at a time; default: cores.")] = None,
) -> None:
    """Judge programs of a benchmark of code: so far its own solutions."""
    from sugata.run import Progress
    from sugata.sandbox import Sandbox
    from sugata.tasks.benchmark import empty, judge, read_problems, right

    if not canonical:
        raise RecipeError("sugata evaluate: give --canonical; models are not evaluated yet")
    problems = read_problems(benchmark, data)
    sandbox = Sandbox(isolation, unsafe=unsafe)
    _out.print(f"isolation: {sandbox.level}: {sandbox.level.meaning}", soft_wrap=True)
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
