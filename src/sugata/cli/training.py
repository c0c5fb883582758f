"""Training one network without a search."""

from pathlib import Path

from rich.console import Console

from sugata import recipe as recipes
from sugata.report.wording import wording
from sugata.run.single import train_single


def train_one(
    network: str, to: Path, *, data: str | None, amount: str, changes: list[str], out: Console
) -> None:
    """Train a baseline or an architecture.json, export it and print its test score."""
    given = {"task.data": data, "final.amount": recipes.seconds(amount), "name": to.name}
    fields = {field: value for field, value in given.items() if value is not None}
    test = train_single(network, recipes.load("tiny", fields | recipes.assignments(changes)), to)
    scores = (wording(name) for name in test)
    out.print("test   " + ", ".join(f"{score.label} {score.text(test[score.name])}" for score in scores))
    out.print(f'write  sugata generate {to} "def quicksort(xs):"', soft_wrap=True)
