"""An exported folder in the forms of other tools: ONNX, transformers, torch."""

from __future__ import annotations

import json
import re
import shutil
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

import torch
from tokenizers import Tokenizer

from sugata.compression import CompressedModel, Storage, compress, load
from sugata.decoding import END_OF_TEXT, STEP_GRAPH, require_language_model
from sugata.errors import SugataError
from sugata.export.onnx_file import export_decode_onnx, export_onnx
from sugata.export.stock import stock_class, stock_model
from sugata.export.tracing import quiet
from sugata.nn import LanguageModel

Format = Literal["onnx", "transformers", "torch"]

PROGRAM = "model.pt2"
_MODELING = "modeling_sugata"
_OWN_IMPORT = re.compile(r"^from sugata\.(?:\w+\.)*(\w+) import", re.MULTILINE)


def convert_folder(
    source: str | Path, form: str, target: str | Path, quantization: Storage | None = None
) -> str:
    """Write an exported language model in another form, with its tokenizer.

    - onnx: `model.onnx` (whole sequences) and `decode.onnx` (the step graph), at the stored precision or
      another one.
    - transformers: loads with `AutoModelForCausalLM.from_pretrained`, as a class of the library where the
      architecture is one, else with a modelling file of its own and `trust_remote_code=True`.
    - torch: `model.pt2`, a `torch.export` program from tokens to logits, for any batch and length.

    The files are made beside the folder and moved in when all are whole. Weights are the stored ones, in
    32-bit floats in the last two forms.

    Args:
        source: a folder that `export_folder` wrote.
        form: one of the three.
        target: the folder to write, made if missing.
        quantization: store ONNX weights so instead; rounds what is stored once more.

    Returns:
        What was written, in a line.

    Raises:
        SugataError: no such form, no such folder, or what the form needs is not installed.
    """
    if form not in get_args(Format):
        raise SugataError(f"format: '{form}' is not one of {', '.join(get_args(Format))}")
    if quantization is not None and form != "onnx":
        raise SugataError(f"quantization: goes with format onnx, not {form}; sugata compress changes weights")
    source, target = Path(source), Path(target)
    if source.resolve() == target.resolve():
        raise SugataError(f"{target}: would overwrite the model that is converted; give another folder")
    require_language_model(source)
    compressed = load(source / "model.safetensors")
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".export-", dir=target.parent) as made:
        if form == "onnx":
            said = _write_onnx(Path(made), compressed, quantization)
        elif form == "torch":
            said = write_program(compressed.restore(), Path(made) / PROGRAM)
        else:
            said = write_transformers(Path(made), compressed.restore(), source / "tokenizer.json")
        if form != "transformers":
            shutil.copyfile(source / "tokenizer.json", Path(made) / "tokenizer.json")
        for file in Path(made).iterdir():
            file.replace(target / file.name)
    return f"{target}: {said}"


def _write_onnx(folder: Path, compressed: CompressedModel, quantization: Storage | None) -> str:
    if quantization is not None:
        compressed = compress(compressed.restore(), quantization=quantization)
    export_onnx(compressed, folder / "model.onnx")
    export_decode_onnx(compressed, folder / STEP_GRAPH)
    return f"model.onnx and {STEP_GRAPH}, weights {compressed.compression.quantization}"


def write_program(model: LanguageModel, path: Path) -> str:
    """Write `tokens` `(batch, length)` -> `logits` as a program that `torch.export.load` reads.

    Load it with `.module(check_guards=False)`: the chunks of recurrences make the exporter suppose things of
    the length (such as "more than one chunk") that the program itself does not need.
    """
    tokens = torch.zeros(2, 70, dtype=torch.int64)
    shapes = {"tokens": {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}}
    with torch.no_grad(), quiet():
        program = torch.export.export(model.eval(), (tokens,), dynamic_shapes=shapes)
    torch.export.save(program, path)
    return f"{PROGRAM}, load it with torch.export.load(...).module(check_guards=False)"


def write_transformers(folder: Path, model: LanguageModel, tokenizer: Path) -> str:
    """Write a folder that `AutoModelForCausalLM.from_pretrained` and `AutoTokenizer` read.

    Raises:
        SugataError: transformers is not installed.
    """
    try:
        from transformers import PreTrainedTokenizerFast
    except ImportError:
        raise SugataError("format transformers: needs the library; pip install 'sugata[hf]'") from None
    name = stock_class(model.config)
    made = _own_model(model) if name is None else stock_model(model, name)
    loaded = Tokenizer.from_file(str(tokenizer))
    end = loaded.token_to_id(END_OF_TEXT)
    if end is not None:
        for settings in (made.config, made.generation_config):
            settings.bos_token_id = settings.eos_token_id = settings.pad_token_id = end
        special = dict.fromkeys(("bos_token", "eos_token", "pad_token"), END_OF_TEXT)
    else:
        special = {}
    made.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=loaded, **special).save_pretrained(folder)
    if name is not None:
        return f"{name}, load it with AutoModelForCausalLM"
    _write_sources(folder)
    return "its own modelling file, load it with AutoModelForCausalLM and trust_remote_code=True"


def load_transformers_folder(folder: str | Path) -> tuple[LanguageModel, Tokenizer]:
    """The model and the tokenizer of a transformers form with a modelling file, which is not run.

    Raises:
        SugataError: transformers is not installed, or the folder is none.
    """
    try:
        from sugata.export.modeling import SugataForCausalLM
    except ImportError:
        raise SugataError(f"{folder}: needs transformers; pip install 'sugata[hf]'") from None
    try:
        made = SugataForCausalLM.from_pretrained(str(folder), local_files_only=True)
        tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    except Exception as error:  # of two libraries, which raise nothing more specific
        reason = (str(error).splitlines() or ["?"])[0]
        raise SugataError(f"{folder}: cannot be read as a model of transformers ({reason})") from None
    return made.model.eval(), tokenizer


def _own_model(model: LanguageModel) -> Any:
    from sugata.export.modeling import SugataConfig, SugataForCausalLM

    config = SugataConfig(model=model.config.to_dict(), dtype="float32")
    made = SugataForCausalLM(config)
    made.model.load_state_dict(model.state_dict())
    return made


def _write_sources(folder: Path) -> None:
    """The modelling file and what it imports, each beside it, and where `config.json` says to find it."""
    wanted, written = ["sugata.export.modeling"], set()
    while wanted:
        module = wanted.pop()
        package, _, stem = module.rpartition(".")
        text = files(package).joinpath(f"{stem}.py").read_text(encoding="utf-8")
        written.add(module)
        imported = re.findall(r"^from (sugata\.[\w.]+) import", text, re.MULTILINE)
        wanted += [name for name in imported if name not in written]
        file = _MODELING if module == "sugata.export.modeling" else stem
        (folder / f"{file}.py").write_text(_OWN_IMPORT.sub(r"from .\1 import", text), encoding="utf-8")
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["auto_map"] = {
        "AutoConfig": f"{_MODELING}.SugataConfig",
        "AutoModelForCausalLM": f"{_MODELING}.SugataForCausalLM",
    }
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
