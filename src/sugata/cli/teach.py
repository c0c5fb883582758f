"""`sugata teach`: let a model say what students learn from, once, and keep it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sugata.errors import RecipeError

_out = Console(highlight=False)


def teach(
    teacher: Annotated[str, typer.Argument(help="An exported folder, or a local transformers folder.")],
    logits: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write its largest logits over training text.")
    ] = None,
    texts: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Write its continuations of function headers.")
    ] = None,
    data: Annotated[str, typer.Option(help="Text, as a recipe's task.data.")] = "stdlib",
    max_bytes: Annotated[str, typer.Option(help="Of the text, as a recipe's task.max_bytes.")] = "8MB",
    count: Annotated[int, typer.Option(min=1, help="Windows, or texts.")] = 1000,
    length: Annotated[int, typer.Option(min=1, help="Tokens of a window, or new ones of a text.")] = 256,
    k: Annotated[int, typer.Option(min=1, help="Logits of each position.")] = 32,
    seed: Annotated[int, typer.Option(help="Of the choice of windows, prompts and tokens.")] = 0,
) -> None:
    """Write down what a teacher knows, for `training.distill.teacher`: its logits, or texts of it."""
    from sugata.recipe import size
    from sugata.run import Progress
    from sugata.training.distillation.teaching import store_logits, store_texts

    most = int(size(max_bytes))
    with Progress() as progress:
        if logits is not None and texts is None:
            store_logits(
                teacher,
                data,
                logits,
                max_bytes=most,
                windows=count,
                length=length,
                k=k,
                seed=seed,
                say=progress.now,
            )
        elif texts is not None and logits is None:
            store_texts(
                teacher,
                data,
                texts,
                max_bytes=most,
                count=count,
                length=length,
                seed=seed,
                say=progress.now,
            )
        else:
            raise RecipeError("sugata teach: give one of --logits FOLDER and --texts FILE.jsonl")
    written = logits or texts
    _out.print(f"{written}; learn from it: --set training.distill.teacher={written}", soft_wrap=True)
