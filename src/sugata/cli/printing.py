"""What the commands print: tables for people, JSON for programs."""

import inspect
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sugata.errors import RecipeError
from sugata.options import Option
from sugata.recipe import Recipe
from sugata.report import rank_line, run_status
from sugata.report.wording import architecture_text, count, wording
from sugata.run import BEST, Result, is_locked
from sugata.run.progress import shown_metric
from sugata.run.reporting import report_data, winner_number
from sugata.space import image_signature
from sugata.trial import Trial, Value

_SCORES = ("parse_rate", "bits_per_byte", "ranking")
_COUNTS = {
    "raw": "all combinations of options",
    "valid": "those that satisfy the constraints",
    "distinct": "different networks among them",
}


def print_result(result: Result, out: Console) -> None:
    """The end of a run: what was found, where it is, how to go on."""
    best = result.best
    if best is None:
        out.print(f"nothing found within the limits; see {result.report}", soft_wrap=True)
        return
    lines = [
        ("found", architecture_text(best.proposal.architecture)),
        ("measured", ", ".join(_measured(result, best))),
    ]
    test = result.stages.get("test", {})
    if "test" in test:
        primary = result.test_metric
        here, exported = (shown_metric(primary, test[key][primary.name]) for key in ("test", "test_exported"))
        lines.append(("test", f"{here}; from the exported file {exported}"))
        for method, values in test.get("lexical", {}).items():
            lines.append((method, shown_metric(primary, values[primary.name]) + ", on the same test data"))
        for name, figures in test.get("benchmark", {}).items():
            lines.append((f"{name} test", _figures(figures)))
    if ranks := rank_line(report_data(result, drawn=False)):
        lines.append(("ranking", ranks))
    lines += [("looked up", f"{column} {value:.6g}") for column, value in result.reported.items()]
    lines.append(("report", str(result.report)))
    if "export" in result.stages:
        model = result.folder / BEST
        lines.append(("model", str(model)))
        if "prompt" in test:
            lines.append(("write", f'sugata generate {model} "def quicksort(xs):"'))
        else:
            lines.append(("use it", f"as {model / 'README.md'} says"))
    table = Table.grid(padding=(0, 2))
    for word, text in lines:
        table.add_row(Text(word, style="bold"), Text(text, overflow="fold"))
    out.print()
    if result.leading:
        out.print(_leading(result))
        out.print()
    out.print(table)


def _leading(result: Result) -> Table:
    """The best architectures, a row each."""
    objectives = result.objectives.on(result.leading[0].proposal.fidelity.rung)
    title = f"the {len(result.leading)} best, as the search measured them"
    table = Table(box=None, header_style="bold", title=title, title_justify="left")
    table.add_column("trial", justify="right")
    for metric in objectives.metrics:
        table.add_column(wording(metric.name, metric).label, justify="right")
    table.add_column("architecture", overflow="fold")
    for trial in result.leading:
        values = (trial.metrics[metric.name] for metric in objectives.metrics)
        words = [wording(m.name, m, [v]).text(v) for m, v in zip(objectives.metrics, values, strict=True)]
        table.add_row(str(trial.number), *words, Text(architecture_text(trial.proposal.architecture)))
    return table


def _figures(figures: Mapping[str, Any]) -> str:
    """What a model scored on a benchmark, in a line."""
    shown = [f"{name.replace('_', ' ')} {value:.4g}" for name, value in figures.items() if name in _SCORES]
    shown += [f"{name} {value:.4g}" for name, value in figures.items() if name.startswith("pass@")]
    return f"{', '.join(shown[::-1])}; {figures['problems']} problems, {figures['samples']} programs each"


def print_status(result: Result, out: Console, *, as_json: bool) -> None:
    """How far a run is."""
    data = report_data(result, drawn=False)
    running = is_locked(result.folder)
    if not as_json:
        out.print(run_status(data, len(result.record.pending)))
        if running:
            out.print("it is running now")
        elif not data.finished:
            out.print(f"to go on: sugata resume {result.folder}", soft_wrap=True)
        return
    best = result.best
    statuses = Counter(str(trial.status) for trial in result.record.trials)
    found = best and {"trial": winner_number(best), **best.proposal.architecture, **best.metrics}
    print_json(
        {
            "run": str(result.folder),
            "running": running,
            "finished": data.finished,
            "stages": dict(data.stages),
            "trials": len(result.record.trials),
            "pending": len(result.record.pending),
            "statuses": statuses,
            "best": found,
        }
    )


def print_json(value: Any) -> None:
    """For other programs."""
    print(json.dumps(value, indent=2))


def print_spaces(name: str | None, out: Console, *, as_json: bool, explained: bool) -> None:
    """Sizes of all spaces; of one also its choices, a sampled architecture and its baselines."""
    from sugata.spaces import names, space
    from sugata.spaces.describe import explain, summary

    chosen = [space(one) for one in ([name] if name else names())]
    data = [explain(one) if explained else summary(one) for one in chosen]
    if as_json:
        print_json(data[0] if name else data)
    elif explained:
        for one in data:
            _print_explained(one, out)
    elif name:
        _print_space(data[0], out)
    else:
        sizes = Table("space", *_COUNTS, box=None, header_style="bold")
        for one in data:
            shown = ["not counted" if one[key] is None else count(one[key]) for key in _COUNTS]
            sizes.add_row(one["name"], *shown)
        out.print(sizes)


def _print_space(data: dict[str, Any], out: Console) -> None:
    sizes = Table(data["name"], "", "", "", box=None, header_style="bold")
    for key, meaning in _COUNTS.items():
        exact = "not counted" if data[key] is None else f"{data[key]:,}"
        sizes.add_row(key, exact, data["scientific"][key], meaning)
    choices = Table("choice", "options", "applies when", box=None, header_style="bold")
    alike: dict[tuple[str, str], list[str]] = {}
    for choice in data["choices"]:
        options = " ".join(map(str, choice["options"]))
        alike.setdefault((options, choice["when"] or ""), []).append(choice["name"])
    for (options, when), together in alike.items():
        choices.add_row(", ".join(together), options, when)
    out.print(sizes)
    out.print()
    out.print(choices)
    sample = data["sample"]
    out.print("\n[bold]sampled[/bold]")
    out.print(_choices_text(sample["choices"]), markup=False)
    if sample["string"]:
        quote = '"' if "'" in sample["string"] else "'"
        out.print(f"drawn by: sugata show {quote}{sample['string']}{quote}", markup=False, soft_wrap=True)
    for known in data["baselines"]:
        out.print(f"\n[bold]{known['name']}[/bold]  {escape(known['description'])}")
        out.print(_choices_text(known["choices"]), markup=False)


def _choices_text(choices: Mapping[str, Value]) -> str:
    return "  ".join(f"{name}={value}" for name, value in choices.items())


def _print_explained(data: dict[str, Any], out: Console) -> None:
    for choice in data["choices"]:
        out.print(f"\n[bold]{choice['name']}[/bold]  {choice['description']}")
        for option, note in choice["notes"].items():
            out.print(f"  [bold]{option}[/bold]: {note['what']}")
            for word, text in (("for", note["pro"]), ("against", note["contra"])):
                if text:
                    out.print(f"      {word}: {text}", style="dim")
            for paper in note["papers"]:
                out.print(f"      {paper}", style="dim italic")


def print_network(network: str, out: Console, *, as_json: bool, svg: Path | None) -> None:
    """Layers, shapes, parameters and choices of one network."""
    from sugata.report import cell_table, draw_svg, draw_text
    from sugata.spaces.describe import find, signature_of, string
    from sugata.spaces.describe import network as described

    space, architecture = find(network)
    signature = signature_of(network)
    cells = space.cell_graphs(architecture)
    text = string(space, architecture)
    if as_json:
        print_json(described(space, architecture, signature))
    else:
        out.print(draw_text(space.outline(architecture, signature)))
        for name, graph in cells.items():
            out.print()
            out.print(cell_table(name, graph))
        out.print()
        if text:
            out.print(text, markup=False, soft_wrap=True)
        out.print(_choices_text(architecture), markup=False)
    if svg is not None:
        title = text if text and ":" in network else Path(network).stem
        svg.write_text(draw_svg(space.outline(architecture, signature), title, cells), encoding="utf-8")
        out.print(f"drawn into {svg}")


def print_strategies(name: str | None, out: Console) -> None:
    """What each strategy is in a line; of one, its options."""
    from sugata.strategies import STRATEGIES, options, strategy_class

    described = {kind: strategy_class(kind) for kind in ([name] if name else STRATEGIES)}
    _print_catalogue("strategy", described, out)
    if name:
        _print_options(options(name), out)


def print_methods(name: str | None, out: Console) -> None:
    """What each method on shared weights is in a line; of one, its options."""
    from sugata.oneshot.catalogue import METHODS, method_class, options

    _print_catalogue("method", {kind: method_class(kind) for kind in ([name] if name else METHODS)}, out)
    if name:
        _print_options(options(name), out)


def _print_catalogue(what: str, described: Mapping[str, type], out: Console) -> None:
    listed = Table(what, "what it is", box=None, header_style="bold")
    for kind, found in described.items():
        text = (inspect.getdoc(found) or "").split("\n\n")[0]
        listed.add_row(kind, escape(" ".join(text.split())))
    out.print(listed)


def _print_options(options: Mapping[str, Option], out: Console) -> None:
    known = Table("option", "default", "what it is", box=None, header_style="bold")
    for option in options.values():
        known.add_row(option.name, escape(str(option.default)), escape(option.description))
    out.print()
    out.print(known)


def print_measures(network: str, image: str, classes: int, out: Console, *, as_json: bool) -> None:
    """What a network costs, measured here; for ``image`` and ``classes`` where it does not say for what."""
    from sugata.evaluators.blocks import MEASURES, block_costs
    from sugata.evaluators.image import image_costs
    from sugata.evaluators.training import deployment_metrics
    from sugata.run.assembly import networks_of
    from sugata.spaces import find, signature_of
    from sugata.spaces.blocks import BlockSpace
    from sugata.spaces.language import LanguageSpace

    space, architecture = find(network)
    if isinstance(space, LanguageSpace):
        measured = deployment_metrics(networks_of(Recipe(), space), architecture)
    elif isinstance(space, BlockSpace):
        costs = block_costs(space, architecture, signature_of(network) or space.usual_signature())
        measured = [(metric, costs[metric.name]) for metric in MEASURES]
    else:
        given = image_signature(*image_shape(image), classes)
        measured = image_costs(space, architecture, signature_of(network) or given)
    if as_json:
        print_json({metric.name: value for metric, value in measured})
        return
    table = Table("", "", "", box=None, show_header=False)
    for metric, value in measured:
        table.add_row(shown_metric(metric, value), metric.description)
    out.print(table)


def image_shape(text: str) -> tuple[int, int, int]:
    """Channels, height and width of ``32``, ``1x28x28`` or ``3x224x224``.

    Raises:
        RecipeError: it is none of these.
    """
    parts = text.lower().split("x")
    if len(parts) in (1, 3) and all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts):
        numbers = [int(part) for part in parts]
        if min(numbers) > 0:
            return (3, numbers[0], numbers[0]) if len(parts) == 1 else (numbers[0], numbers[1], numbers[2])
    raise RecipeError(f"--image {text}: give the side such as 224, or channels, height and width: 1x28x28")


def _measured(result: Result, trial: Trial) -> list[str]:
    return [
        shown_metric(metric, trial.metrics[metric.name])
        for metric in result.metrics
        if metric.name in trial.metrics
    ]
