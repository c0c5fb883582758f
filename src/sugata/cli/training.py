"""Training one network without a search."""

from pathlib import Path
from typing import Any

from rich.console import Console

from sugata import recipe as recipes
from sugata.report.wording import wording
from sugata.run.single import train_single
from sugata.spaces import find
from sugata.spaces.language import LanguageSpace


def train_one(
    network: str, to: Path, *, data: str | None, amount: str, changes: list[str], out: Console
) -> None:
    """Train a baseline or an architecture.json, export it and print its test score.

    As the recipe `tiny` trains language models, or `mnist` image networks, each at its own size.
    """
    code = isinstance(find(network)[0], LanguageSpace)
    given = {"task.data": data, "final.amount": recipes.seconds(amount), "name": to.name}
    fields: dict[str, Any] = {field: value for field, value in given.items() if value is not None}
    if not code:
        fields |= {"final.channels": 1, "final.cells": 1}
    changed = fields | recipes.assignments(changes)
    test = train_single(network, recipes.load("tiny" if code else "mnist", changed), to)
    scores = (wording(name) for name in test)
    out.print("test   " + ", ".join(f"{score.label} {score.text(test[score.name])}" for score in scores))
    use = f'write  sugata generate {to} "def quicksort(xs):"' if code else f"use    as {to}/README.md says"
    out.print(use, soft_wrap=True)
