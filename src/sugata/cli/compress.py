"""`sugata compress`: an exported model made smaller without a search."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

_out = Console(highlight=False)


def compress(
    model: Annotated[Path, typer.Argument(metavar="DIR", help="An exported language model.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to export to.")],
    to: Annotated[str, typer.Option(help="Storage: fp16, int8 or int4.")] = "int4",
    method: Annotated[str, typer.Option(help="Of rounding: rtn, gptq or awq.")] = "gptq",
    activations: Annotated[
        str, typer.Option(help="With int8: int8 rounds what is multiplied too, token by token.")
    ] = "float",
    prune: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND:RATIO",
            help="Before: magnitude, global, gradual, structured, heads or layers, with a share.",
        ),
    ] = None,
    taylor: Annotated[bool, typer.Option(help="Structured pruning by first-order importance.")] = False,
    finetune: Annotated[
        int, typer.Option(metavar="STEPS", min=0, help="Of training after each pruning.")
    ] = 0,
    distill: Annotated[
        str | None, typer.Option(metavar="TEACHER", help="Learn from it meanwhile, as training.distill.")
    ] = None,
    data: Annotated[str, typer.Option(help="Text, as a recipe's task.data.")] = "stdlib",
    max_bytes: Annotated[str, typer.Option(help="Of the text, as a recipe's task.max_bytes.")] = "8MB",
    windows: Annotated[int, typer.Option(min=1, help="Of text to calibrate on.")] = 32,
    length: Annotated[int, typer.Option(min=2, help="Tokens of a window.")] = 256,
    seed: Annotated[int, typer.Option(help="Of all draws.")] = 0,
) -> None:
    """Prune, fine-tune and quantize an exported model, and export it again with a record of the steps."""
    from sugata.recipe import size
    from sugata.run import Progress
    from sugata.shrink import Wanted, pruning, shrink
    from sugata.tasks import CodeLanguageModelling

    wanted = Wanted(
        storage=to,
        method=method,
        activations=activations,
        prunings=tuple(map(pruning, prune or ())),
        taylor=taylor,
        steps=finetune,
        teacher=distill,
        windows=windows,
        length=length,
        seed=seed,
    )
    task = CodeLanguageModelling(data, max_bytes=int(size(max_bytes)))
    with Progress() as progress:
        found = shrink(model, out, task, wanted, progress.now)
    change = found["after"] / found["before"] - 1
    _out.print(
        f"{out}  {found['bytes_before'] / 1e6:.3f} to {found['bytes_after'] / 1e6:.3f} MB, "
        f"{found['before']:.4f} to {found['after']:.4f} bits per byte ({change:+.2%})",
        soft_wrap=True,
    )
