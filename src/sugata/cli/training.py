"""Training one network without a search."""

from pathlib import Path
from typing import Any

from rich.console import Console

from sugata import recipe as recipes
from sugata.run.single import train_single


def train_one(
    network: str, to: Path, *, data: str | None, amount: str, changes: dict[str, Any], out: Console
) -> None:
    """Train a baseline or an architecture.json, export it and print its test score."""
    given = {"task.data": data, "final.amount": recipes.seconds(amount), "name": to.name}
    fields = {field: value for field, value in given.items() if value is not None}
    test = train_single(network, recipes.load("tiny", fields | changes), to)
    out.print("test   " + "  ".join(f"{name} {value:.4f}" for name, value in test.items()))
    out.print(f'write  sugata generate {to} "def quicksort(xs):"')
