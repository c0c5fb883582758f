"""`sugata bench`: benchmarks that anybody can run again."""

from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(
    help="Benchmarks: strategies and workers on tables, speed of a model.", no_args_is_help=True
)

TableOption = Annotated[
    list[str] | None,
    typer.Option(
        "--table", metavar="FILE", help="A table; default: the known ones in the folder SUGATA_DATA names."
    ),
]
DataFolder = Annotated[
    str | None, typer.Option("--data", metavar="FOLDER", help="Of tables, in place of SUGATA_DATA.")
]
To = Annotated[Path, typer.Option(help="The folder to write; must hold no earlier benchmark.")]
Processes = Annotated[int, typer.Option(min=1, help="Processes, of one thread each.")]


@app.command()
def strategies(
    table: TableOption = None,
    data: DataFolder = None,
    metric: Annotated[str | None, typer.Option(help="The column to search on.")] = None,
    report: Annotated[
        str | None,
        typer.Option(help="The column to report of the best by --metric; then oracle mode uses it."),
    ] = None,
    direction: Annotated[
        Literal["maximize", "minimize"] | None, typer.Option(help="Of the metric; default: as its name says.")
    ] = None,
    space: Annotated[str | None, typer.Option(help="The table's space; default: as its columns say.")] = None,
    choices: Annotated[
        str | None, typer.Option(help="Columns of a table that are choices of a space of its own: a,b,c.")
    ] = None,
    data_set: Annotated[str | None, typer.Option(help="One of the table's data sets; default: all.")] = None,
    strategy: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A strategy, or module:name; default: all.")
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="OPTION=VALUE", help="For the one strategy named.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Default: 100 where an ask costs under 10 ms, else 10.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Proposals that are asked for and told together.")] = 1,
    budget: Annotated[
        int | None, typer.Option(min=1, help="Evaluations; default: 100 by validation, 500 in oracle mode.")
    ] = None,
    processes: Processes = 2,
    to: To = Path("bench/strategies"),
) -> None:
    """Every strategy on tables: what it finds in 100 evaluations, how many it needs to find the optimum."""
    from sugata.bench import bench_strategies, contenders, tables, tasks_of, titled
    from sugata.bench.command import settings

    tasks = [
        task
        for path in tables(table or [], data)
        for task in tasks_of(
            path,
            metric=metric,
            report=report,
            direction=direction,
            space=space,
            data_set=data_set,
            choices=choices.split(",") if choices else (),
            budget=budget,
            batch=batch,
        )
    ]
    chosen = contenders(strategy or (), settings(changes or []))
    print(bench_strategies(chosen, titled(tasks), seeds=seeds, processes=processes, to=to))


@app.command()
def workers(
    table: TableOption = None,
    data: DataFolder = None,
    metric: Annotated[str | None, typer.Option(help="The column to search on.")] = None,
    data_set: Annotated[str, typer.Option(help="One of the table's data sets.")] = "cifar100",
    strategy: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A strategy, or module:name; can be repeated.")
    ] = None,
    counts: Annotated[str, typer.Option(help="Numbers of workers.")] = "1,2,5,10,20,50,100,200,500,1000",
    budget: Annotated[int, typer.Option(min=10, help="Evaluations of a search.")] = 1000,
    seeds: Annotated[int, typer.Option(min=1, help="Searches of each kind.")] = 10,
    processes: Processes = 2,
    to: To = Path("bench/workers"),
) -> None:
    """Speed-up and regret of 1 to 1,000 simulated workers, asynchronous beside synchronous."""
    from sugata.bench import bench_workers, contenders, tables, tasks_of
    from sugata.bench.contenders import PARALLEL
    from sugata.errors import RecipeError
    from sugata.evaluators import data_sets

    path = tables(table or [], data)[0]
    sets = data_sets(path)
    tasks = tasks_of(path, metric=metric, data_set=data_set if sets else None, budget=budget)
    numbers = [text.strip() for text in counts.split(",")]
    if not all(text.isdigit() and int(text) for text in numbers) or "1" not in numbers:
        raise RecipeError(f"--counts {counts}: give whole numbers with 1 among them, such as 1,10,100")
    print(
        bench_workers(
            contenders(strategy or PARALLEL),
            tasks[-1],
            counts=sorted({int(text) for text in numbers}),
            seeds=seeds,
            processes=processes,
            to=to,
        )
    )


@app.command()
def inference(
    model: Annotated[Path, typer.Argument(metavar="DIR", help="An exported language model.")],
    prompt: Annotated[int, typer.Option(min=1, help="Tokens of the prompt.")] = 128,
    tokens: Annotated[int, typer.Option(min=2, help="New tokens of a round.")] = 64,
    rounds: Annotated[int, typer.Option(min=1, help="Interleaved rounds.")] = 9,
    library: Annotated[
        bool, typer.Option("--transformers/--no-transformers", help="Beside the library, where it can be.")
    ] = True,
    to: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Write everything measured here.")
    ] = None,
) -> None:
    """Prefill and decoding of every precision on one thread, beside transformers and the memory's bound."""
    from sugata.bench.inference import bench_inference
    from sugata.run.progress import Progress

    with Progress() as progress:
        tables = bench_inference(
            model,
            prompt=prompt,
            tokens=tokens,
            rounds=rounds,
            library=library,
            to=to,
            say=lambda message: progress.now(message),
        )
    print(tables)
