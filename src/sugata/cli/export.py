"""`sugata export`: a trained model as a folder that others can use, or in the form of another tool."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sugata.errors import RecipeError


def export(
    source: Annotated[
        Path, typer.Argument(metavar="RUN|DIR", help="A run folder, or with --format an exported model.")
    ],
    trial: Annotated[
        int | None, typer.Option(help="A trial of the highest rung; default: the winner.")
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", "--out", help="The folder to write.")] = None,
    form: Annotated[
        Literal["onnx", "transformers", "torch"] | None,
        typer.Option("--format", help="Of an exported model: ONNX, for AutoModelForCausalLM, torch.export."),
    ] = None,
    quantization: Annotated[
        Literal["fp16", "int8", "int4"] | None, typer.Option(help="Of ONNX weights; default: as stored.")
    ] = None,
) -> None:
    """Export a trained model: weights, tokenizer, ONNX, model card; or convert one with --format."""
    if form is None:
        from sugata.run.winners import export_again

        if quantization is not None:
            raise RecipeError("--quantization goes with --format onnx")
        print(export_again(source, trial, to))
        return
    if to is None:
        raise RecipeError(f"--format {form}: name the folder to write with --out")
    if trial is not None:
        raise RecipeError("--trial goes with a run; export the trial first, then convert its folder")
    from sugata.export import convert_folder

    if not (source / "config.json").is_file() and (source / "best").is_dir():
        source /= "best"
    print(convert_folder(source, form, to, quantization))
