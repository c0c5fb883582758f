"""What the commands print: tables for people, JSON for programs."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sugata.run import Result, is_locked
from sugata.run.progress import shown_metric
from sugata.trial import Trial


def print_result(result: Result, out: Console) -> None:
    """The end of a run: what was found, where it is, how to go on."""
    best = result.best
    if best is None:
        out.print(f"nothing found; see {result.report}")
        return
    out.print()
    out.print("found  " + "  ".join(f"{name}={value}" for name, value in best.proposal.architecture.items()))
    out.print("       " + _metrics(result, best))
    test = result.stages.get("test")
    if test:
        name = result.objectives.primary.name
        here, exported = test["test"][name], test["test_exported"][name]
        out.print(f"test   {name} {here:.4f}, from the exported file {exported:.4f}")
    out.print(f"report {result.report}")
    if result.recipe.task is not None and "export" in result.stages:
        out.print(f"model  {result.folder / 'best'}")
        out.print(f'write  sugata generate {result.folder / "best"} "def quicksort(xs):"')


def print_status(result: Result, out: Console, *, as_json: bool) -> None:
    """How far a run is."""
    trials = result.record.trials
    best = result.best
    data: dict[str, Any] = {
        "run": str(result.folder),
        "running": is_locked(result.folder),
        "stages": {name: stage["seconds"] for name, stage in result.stages.items()},
        "trials": len(trials),
        "pending": len(result.record.pending),
        "statuses": {
            str(status): sum(t.status is status for t in trials) for status in {t.status for t in trials}
        },
        "best": None
        if best is None
        else {"trial": best.number, **best.proposal.architecture, **best.metrics},
    }
    if as_json:
        print(json.dumps(data, indent=2))
        return
    state = "running" if data["running"] else "finished" if _finished(result) else "not running"
    out.print(f"{result.folder}: {state}, {len(trials)} trials, {data['pending']} pending")
    for name, seconds in data["stages"].items():
        out.print(f"  {name:<8} done in {seconds:.0f} s")
    if best is not None:
        out.print(f"best: trial {best.number}, {_metrics(result, best)}")
        out.print("  " + "  ".join(f"{name}={value}" for name, value in best.proposal.architecture.items()))
    if state == "not running":
        out.print(f"go on: sugata resume {result.folder}")


def print_spaces(name: str | None, out: Console, *, as_json: bool, explained: bool) -> None:
    """Sizes and choices of one space or of all."""
    from sugata.spaces import names, space
    from sugata.spaces.describe import explain, summary

    chosen = [space(one) for one in ([name] if name else names())]
    if as_json:
        data = [explain(one) if explained else summary(one) for one in chosen]
        print(json.dumps(data[0] if name else data, indent=2))
        return
    sizes = Table("space", "raw", "valid", "distinct", box=None, header_style="bold")
    for one in chosen:
        counts = summary(one)
        shown = [
            "not counted" if counts[k] is None else f"{counts[k]:,}" for k in ("raw", "valid", "distinct")
        ]
        sizes.add_row(one.name, *shown)
    out.print(sizes)
    if name and not explained:
        choices = Table("choice", "options", "applies when", box=None, header_style="bold")
        for choice in chosen[0].choices:
            options = " ".join(str(option) for option in choice.options)
            choices.add_row(choice.name, options, choice.when.text if choice.when else "")
        out.print()
        out.print(choices)
    if explained:
        for one in chosen:
            _print_explained(explain(one), out)


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
    """Layers, shapes and parameters of one network."""
    from sugata.report import draw_svg, draw_text
    from sugata.spaces.describe import find
    from sugata.spaces.describe import network as described

    space, architecture = find(network)
    if as_json:
        print(json.dumps(described(space, architecture), indent=2))
    else:
        out.print(draw_text(space.outline(architecture)))
    if svg is not None:
        svg.write_text(draw_svg(space.outline(architecture), Path(network).stem), encoding="utf-8")
        out.print(f"drawn into {svg}")


def print_measures(network: str, out: Console, *, as_json: bool) -> None:
    """What a network costs, measured here."""
    from sugata.evaluators.training import deployment_metrics
    from sugata.spaces.describe import find

    space, architecture = find(network)
    measured = deployment_metrics(space, architecture)  # type: ignore[arg-type]
    if as_json:
        print(json.dumps({metric.name: value for metric, value in measured}, indent=2))
        return
    table = Table("", "", "", box=None, show_header=False)
    for metric, value in measured:
        table.add_row(shown_metric(metric, value), metric.description)
    out.print(table)


def _finished(result: Result) -> bool:
    return ("search" if result.recipe.task is None else "test") in result.stages


def _metrics(result: Result, trial: Trial) -> str:
    shown = [
        shown_metric(metric, trial.metrics[metric.name])
        for metric in result.metrics
        if metric.name in trial.metrics
    ]
    return "  ".join(shown)
