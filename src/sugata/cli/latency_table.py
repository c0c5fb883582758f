"""`sugata latency-table`: measure the parts of a space's networks on this machine."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sugata.errors import RecipeError

_out = Console(highlight=False)


def latency_table(
    space: Annotated[str, typer.Argument(help="An image space, such as proxyless or mnasnet.")],
    to: Annotated[Path, typer.Option(help="The .json file to write.")],
    image: Annotated[str, typer.Option(help="Side, or channels x height x width.")] = "32",
    classes: Annotated[int, typer.Option(min=1, help="Of the task.")] = 10,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Of its networks, such as network.width=0.5."),
    ] = None,
) -> None:
    """Measure every operation of every block of a space here, for searches that count latency."""
    from sugata.cli.printing import image_shape
    from sugata.export import measure_latencies
    from sugata.recipe import assignments
    from sugata.run import Progress
    from sugata.space import image_signature
    from sugata.spaces import space as space_named

    parameters = {}
    for field, value in assignments(changes or []).items():
        section, _, name = field.partition(".")
        if section != "network" or not name:
            raise RecipeError(
                f"--set {field}: only fields of network can be set here, such as network.width=0.5"
            )
        parameters[name] = value
    channels, height, width = image_shape(image)
    signature = image_signature(channels, height, width, classes)
    started = time.monotonic()
    with Progress() as progress:

        def show(done: int, total: int) -> None:
            left = (time.monotonic() - started) / done * (total - done) if done else None
            progress.now(f"measuring parts of network {min(done + 1, total)} of {total}", left)

        table = measure_latencies(space_named(space, **parameters), signature, progress=show)
    table.write(to)
    machine = f"{table.machine['cpu']}, {table.runtime['name']} {table.runtime['version']}"
    _out.print(f"{to}: {len(table.entries)} parts of {table.space.name}, {machine}", soft_wrap=True)
