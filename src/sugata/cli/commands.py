"""The commands, in the order in which a person meets them."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import sugata
from sugata.cli import bench
from sugata.cli.compress import compress
from sugata.cli.evaluate import evaluate
from sugata.cli.export import export
from sugata.cli.latency_table import latency_table
from sugata.cli.teach import teach
from sugata.cli.tune import tune
from sugata.errors import RecipeError, RunFolderError

app = typer.Typer(
    name="sugata",
    help="Find, train, compress and export a small network within your limits. Start: sugata search",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(bench.app, name="bench")
_out = Console(highlight=False)

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, such as runs/tiny.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Network = Annotated[
    str,
    typer.Argument(metavar="ARCH", help="An architecture.json, a baseline's name, or space:string."),
]
Data = Annotated[str | None, typer.Option(help="Corpus or images: folder, file, hf:NAME, stdlib, digits.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Change a recipe field, such as seed=1."),
]

EngineKind = Annotated[
    str | None, typer.Option("--engine", help="Where trials run: local, or ray for a cluster.")
]
Address = Annotated[str | None, typer.Option(help="With ray: a running cluster, auto or HOST:PORT.")]


@app.callback(invoke_without_command=True)
def _version(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print it.")] = False
) -> None:
    if version:
        print(f"sugata {sugata.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def search(
    recipe: Annotated[
        str | None,
        typer.Argument(metavar="[RECIPE]", help="A .yaml file or a shipped recipe; default: tiny."),
    ] = None,
    changes: Changes = None,
    table: Annotated[
        str | None, typer.Option(metavar="FILE", help="Look results up in a table instead of training.")
    ] = None,
    metric: Annotated[str | None, typer.Option(help="The table's column to search on.")] = None,
    data: Data = None,
    warm_start: Annotated[
        list[str] | None, typer.Option(metavar="RUN", help="Begin with the best of an earlier run.")
    ] = None,
    budget: Annotated[str | None, typer.Option(help="Wall clock of the search, such as 10m.")] = None,
    max_size: Annotated[str | None, typer.Option(help="Largest stored model, such as 50MB.")] = None,
    max_latency: Annotated[
        str | None, typer.Option(help="Slowest prefill of 128 tokens, such as 10ms.")
    ] = None,
    top: Annotated[int | None, typer.Option(help="Winners to train in full; 0: the whole front.")] = None,
    run_dir: Annotated[Path | None, typer.Option(help="The run's folder; a new one under runs/.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of every random draw.")] = None,
    engine: EngineKind = None,
    address: Address = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would run, and what it costs.")
    ] = False,
) -> None:
    """Search, train the winner, export it, and write a report."""
    from sugata import recipe as recipes
    from sugata.run import fresh, start
    from sugata.run.folder import JOURNAL

    given = {
        "table.file": table,
        "table.metric": metric,
        "task.data": data,
        "warm_start": warm_start or None,
        "budget.seconds": budget,
        "limits.size": max_size,
        "limits.latency": max_latency,
        "final.top": top,
        "seed": seed,
        "engine.kind": engine,
        "engine.address": address,
    }
    fields = {field: value for field, value in given.items() if value is not None}
    fields |= recipes.assignments(changes or [])
    if recipe is None and table is not None:
        resolved = recipes.parse({"name": Path(table).stem, "budget": {"trials": 100}}, "--table", fields)
    else:
        resolved = recipes.load(recipe or "tiny", fields)
    if dry_run:
        from sugata.cli.estimate import estimate

        estimate(resolved, _out)
        return
    folder = run_dir or fresh(resolved.name)
    if (folder / JOURNAL).exists():
        raise RunFolderError(f"--run-dir {folder}: holds a run already; go on with: sugata resume {folder}")
    from sugata.cli.printing import print_result

    print_result(start(resolved, folder), _out)


@app.command()
def resume(
    run: Run,
    budget: Annotated[str | None, typer.Option(help="A new total budget of the search, such as 20m.")] = None,
    engine: EngineKind = None,
    address: Address = None,
) -> None:
    """Go on with a run where it was left, however it ended."""
    from sugata.cli.printing import print_result
    from sugata.run import resume as go_on

    print_result(go_on(run, budget=budget, engine=engine, address=address), _out)


@app.command()
def status(run: Run, as_json: Json = False) -> None:
    """How far a run is, and the best so far."""
    from sugata.cli.printing import print_status
    from sugata.run import Result

    print_status(Result(run), _out, as_json=as_json)


@app.command()
def report(run: Run) -> None:
    """Write a run's report again from its journal."""
    from sugata.run import report as write

    print(write(run))


@app.command()
def compare(first: Run, second: Run) -> None:
    """Two runs side by side: fronts, hypervolume, winners."""
    from sugata.report import compare_runs
    from sugata.run import Result
    from sugata.run.reporting import report_data

    _out.print(compare_runs(*(report_data(Result(run), drawn=False) for run in (first, second))))


app.command()(export)


@app.command()
def generate(
    model: Annotated[Path, typer.Argument(metavar="DIR", help="An exported model, such as runs/tiny/best.")],
    prompt: Annotated[str, typer.Argument(help="What to continue.")],
    tokens: Annotated[int, typer.Option(help="How many new tokens at most.")] = 128,
    temperature: Annotated[float, typer.Option(help="0 is greedy.")] = 0.8,
    top_k: Annotated[int, typer.Option(help="Draw from the k most likely; 0: from all.")] = 0,
    top_p: Annotated[float, typer.Option(help="Draw from the smallest set of this probability.")] = 0.95,
    seed: Annotated[int, typer.Option(help="Of every random draw.")] = 0,
) -> None:
    """Write code with an exported model, as it comes."""
    from sugata import decoding

    if not (model / "config.json").is_file():
        remedy = f"give {model / 'best'}" if (model / "best").is_dir() else "give one such as runs/tiny/best"
        raise RunFolderError(f"{model}: not an exported model; {remedy}")
    pieces = decoding.load(model).generate(
        prompt,
        max_new_tokens=tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
    )
    print(prompt, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


@app.command()
def spaces(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One space; default: all.")] = None,
    as_json: Json = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="What every option is, for and against.")
    ] = False,
) -> None:
    """Search spaces: exact sizes; of one also choices, a sampled architecture and baselines."""
    from sugata.cli.printing import print_spaces

    print_spaces(name, _out, as_json=as_json, explained=explain)


@app.command()
def strategies(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One strategy, with its options.")
    ] = None,
) -> None:
    """The search strategies, or the options of one."""
    from sugata.cli.printing import print_strategies

    print_strategies(name, _out)


@app.command()
def methods(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One method, with its options.")
    ] = None,
) -> None:
    """The methods that learn on shared weights, or the options of one."""
    from sugata.cli.printing import print_methods

    print_methods(name, _out)


@app.command()
def recipes() -> None:
    """The recipes that come with sugata."""
    from sugata.recipe import shipped

    found = shipped()
    width = max(map(len, found))
    for name, about in found.items():
        print(f"{name:<{width}}  {about}")


@app.command()
def init(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The recipe file to write.")] = Path(
        "recipe.yaml"
    ),
    recipe: Annotated[str, typer.Option("--from", help="A shipped recipe to start from.")] = "tiny",
) -> None:
    """Write a commented recipe to change."""
    from sugata.recipe import commented

    if path.exists():
        raise RecipeError(f"{path} exists already; give another name")
    try:
        path.write_text(commented(recipe))
    except OSError as error:
        raise RecipeError(f"{path} cannot be written ({error.strerror})") from None
    print(f"{path} written; run it: sugata search {path}")


@app.command()
def convert_table(
    source: Annotated[Path, typer.Argument(help="A folder or file of NATS-Bench, a .pth of NAS-Bench-201.")],
    target: Annotated[Path, typer.Argument(help="The .parquet or .csv file to write.")],
) -> None:
    """Make a table of the official files of NAS-Bench-201 or NATS-Bench."""
    from sugata.cli.tables import convert_table as convert

    convert(source, target, _out)


@app.command()
def doctor(
    as_json: Json = False,
    task: Annotated[
        str | None,
        typer.Option(help="Recommend a method: image, table, text, code, code_search, own, research."),
    ] = None,
    data: Annotated[str | None, typer.Option(help="Of that task, as for `sugata search`.")] = None,
    budget: Annotated[str, typer.Option(help="Time for everything, such as 2h.")] = "1h",
) -> None:
    """What this machine can do, and what is installed; with --task, which method to take."""
    from sugata.cli.doctor import print_advice, print_findings

    if task is not None:
        print_advice(task, data, budget, _out, as_json=as_json)
    else:
        print_findings(_out, as_json=as_json)


@app.command()
def show(
    network: Network,
    as_json: Json = False,
    svg: Annotated[Path | None, typer.Option(help="Also draw it into this SVG file.")] = None,
) -> None:
    """One network: layers, shapes, parameters, choices, drawn."""
    from sugata.cli.printing import print_network

    print_network(network, _out, as_json=as_json, svg=svg)


@app.command()
def measure(
    network: Network,
    image: Annotated[
        str, typer.Option(help="Of an image network: side, or channels x height x width.")
    ] = "32",
    classes: Annotated[int, typer.Option(min=1, help="Of an image network's task.")] = 10,
    as_json: Json = False,
) -> None:
    """One network: parameters, stored size, FLOPs, latency, memory, measured here before any training."""
    from sugata.cli.printing import print_measures

    print_measures(network, image, classes, _out, as_json=as_json)


app.command()(latency_table)
app.command()(teach)
app.command()(compress)
app.command()(evaluate)


@app.command()
def scale(
    network: Network,
    phi: Annotated[int, typer.Option(min=0, max=20, help="The largest size; all from 0 are shown.")] = 3,
    alpha: Annotated[float, typer.Option(help="Layers grow by alpha^phi.")] = 1.2,
    beta: Annotated[float, typer.Option(help="Channels grow by beta^phi.")] = 1.1,
    gamma: Annotated[float, typer.Option(help="Images grow by gamma^phi.")] = 1.15,
    image: Annotated[str, typer.Option(help="Before scaling: side, or channels x height x width.")] = "32",
    classes: Annotated[int, typer.Option(min=1, help="Of the task.")] = 10,
    search: Annotated[
        str | None,
        typer.Option(help="Search the coefficients: module:function that scores a scaled network."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Search them by training on these images: digits, a folder, hf:NAME.")
    ] = None,
    epochs: Annotated[float, typer.Option(min=0.01, help="Of each of these trainings.")] = 5,
    step: Annotated[float, typer.Option(help="Of the grid of coefficients.")] = 0.05,
    divisor: Annotated[int, typer.Option(min=1, help="Channels are multiples of it.")] = 8,
    as_json: Json = False,
) -> None:
    """One image network at larger sizes, by EfficientNet's compound scaling."""
    from sugata.cli.scaling import Scaled, own_function, print_coefficients, print_scaled, trained_on
    from sugata.spaces.scaling import CompoundScaling

    if search is not None and data is not None:
        raise RecipeError("--search and --data: both score networks; give one")
    scaled = Scaled.of(network, image, classes, divisor)
    if search is not None:
        print_coefficients(scaled, own_function(search), step, _out, as_json=as_json)
    elif data is not None:
        print_coefficients(*trained_on(scaled, data, epochs), step, _out, as_json=as_json)
    else:
        print_scaled(scaled, CompoundScaling(alpha, beta, gamma), phi, _out, as_json=as_json)


@app.command()
def train(
    network: Network,
    to: Annotated[Path, typer.Option(help="The folder to export to.")],
    data: Data = None,
    amount: Annotated[str, typer.Option(help="Training time, such as 60s or 10m.")] = "60s",
    changes: Changes = None,
) -> None:
    """Train one network without a search, export it, and score it once on test data."""
    from sugata.cli.training import train_one

    train_one(network, to, data=data, amount=amount, changes=changes or [], out=_out)


app.command()(tune)
