"""Everything a found model needs, in one folder: weights, configuration, tokenizer, ONNX, a model card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tokenizers import Tokenizer

from sugata import __version__
from sugata.compression import CompressedModel, load
from sugata.decoding import STEP_GRAPH, require_language_model
from sugata.errors import SugataError
from sugata.export.built import as_built
from sugata.export.card import model_card
from sugata.export.onnx_file import export_decode_onnx, export_onnx
from sugata.nn import LanguageModel


def export_folder(
    folder: str | Path,
    compressed: CompressedModel,
    architecture: Mapping[str, Any],
    tokenizer: str | Path,
    info: Mapping[str, object],
    name: str = "model",
) -> None:
    """Write a model to a folder that works without sugata and without torch.

    Files: `model.safetensors` (packed), `config.json`, `architecture.json`, `tokenizer.json`, `model.onnx`
    (whole sequences), `decode.onnx` (token by token) and `README.md`, a model card whose program runs as it
    stands; `compression.json`, the record of a compression step by step, where there was one: then
    `architecture.json` holds what was `built` (`as_built`), and in `compressed_from` the choices of the
    model before. They are made beside the folder and moved in when all are whole.

    Args:
        folder: made if missing; files of these names are replaced.
        compressed: the trained and compressed model.
        architecture: the choices it was built from, as plain JSON values; of a model that was compressed
            afterwards, those it was built from at first.
        tokenizer: the `tokenizer.json` to copy.
        info: what the card says about it, name -> value: scores, training time, data.
        name: title of the card.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".export-", dir=target.parent) as made:
        _write_files(Path(made), compressed, architecture, tokenizer, info, name)
        for file in Path(made).iterdir():
            file.replace(target / file.name)


def _write_files(
    folder: Path,
    compressed: CompressedModel,
    architecture: Mapping[str, Any],
    tokenizer: str | Path,
    info: Mapping[str, object],
    name: str,
) -> None:
    compressed.save(folder / "model.safetensors")
    if compressed.record.steps:  # choices say no more what it is
        origin = architecture.get("compressed_from", architecture)
        architecture = {"built": as_built(compressed), "compressed_from": origin}
    _write_json(folder / "architecture.json", dict(architecture))
    config = {
        "model_type": "sugata",
        "sugata_version": __version__,
        "model": compressed.config.to_dict(),
        "compression": vars(compressed.compression),
    }
    _write_json(folder / "config.json", config)
    if compressed.record.steps:
        text = json.dumps(json.loads(compressed.record.to_json()), indent=2)
        (folder / "compression.json").write_text(text + "\n", encoding="utf-8")
    shutil.copyfile(tokenizer, folder / "tokenizer.json")
    export_onnx(compressed, folder / "model.onnx")
    export_decode_onnx(compressed, folder / STEP_GRAPH)
    sizes = {
        file: (folder / file).stat().st_size
        for file in ("model.safetensors", "model.onnx", STEP_GRAPH, "tokenizer.json")
    }
    (folder / "README.md").write_text(
        model_card(name, compressed, architecture, info, sizes), encoding="utf-8"
    )


def load_folder(folder: str | Path) -> tuple[LanguageModel, Tokenizer]:
    """The model, with the weights that ship, and the tokenizer of a folder written by `export_folder`.

    Raises:
        SugataError: a file is missing or cannot be read.
    """
    folder = Path(folder)
    require_language_model(folder)
    model = load(folder / "model.safetensors").restore()
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises nothing more specific
        raise SugataError(f"{folder / 'tokenizer.json'}: cannot be read as a tokenizer ({error})") from None
    return model, tokenizer


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
