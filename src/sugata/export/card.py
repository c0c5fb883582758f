"""The model card: what the model is, what was measured, and a program that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sugata.compression import CompressedModel
from sugata.export.built import as_built, kernels, zero_share
from sugata.nn import LanguageModel, LanguageModelConfig

PROGRAM = """\
import numpy as np
import onnxruntime
from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file("tokenizer.json")
session = onnxruntime.InferenceSession("decode.onnx")
outputs = [value.name for value in session.get_outputs()]

# The state starts as zeros, with empty caches; every step returns the next one as NAME.next.
state = {
    value.name: np.zeros(
        [{"batch": 1, "past": 0}.get(axis, axis) for axis in value.shape],
        np.int64 if "int64" in value.type else np.float32,
    )
    for value in session.get_inputs()
    if value.name != "tokens"
}

end = tokenizer.token_to_id("<|endoftext|>")  # also stands before every text
tokens = [end, *tokenizer.encode("def quicksort(xs):").ids]
new = tokens  # first the prompt, then a token at a time
while len(tokens) < 60:
    values = dict(zip(outputs, session.run(outputs, {"tokens": np.array([new]), **state})))
    state = {name: values[name + ".next"] for name in state}
    new = [int(values["logits"][0].argmax())]  # the likeliest next token
    tokens += new
    if new == [end]:
        break
print(tokenizer.decode(tokens))
"""

_CARD = """\
# {name}

A causal language model: {summary}.
Found, trained, compressed and exported by sugata.

| | |
| --- | --- |
{facts}

## Run it

With `pip install onnxruntime tokenizers numpy`, in this folder:

```python
{program}```

`model.onnx` reads whole sequences at once: `tokens` `(batch, length)`, int64, gives `logits`
`(batch, length, vocabulary)`. `decode.onnx` reads a few tokens a call and keeps a state, as above.
With sugata installed, `sugata.export.load_folder(".")` gives the torch model and the tokenizer.

## Files

| file | bytes | what it is |
| --- | ---: | --- |
{files}
| `config.json` | | shapes of the model, how its weights are stored |
| `architecture.json` | | {origin} |

## Architecture

| layer | mixer | heads | feed-forward network |
| ---: | --- | --- | ---: |
{layers}

{of_choices}:

| choice | value |
| --- | --- |
{choices}
"""

_FILES = {
    "model.safetensors": "the weights, packed",
    "model.onnx": "the network for whole sequences, weights stored in the same precision",
    "decode.onnx": "the network with its state: reads a prompt, then a token at a time",
    "tokenizer.json": "byte-level BPE, read by the `tokenizers` library",
}


def model_card(
    name: str,
    compressed: CompressedModel,
    architecture: Mapping[str, Any],
    info: Mapping[str, object],
    sizes: Mapping[str, int],
) -> str:
    """Markdown for `README.md`.

    Args:
        name: title.
        compressed: the model.
        architecture: its choices, or `as_built` and the choices that it was `compressed_from`.
        info: further facts, name -> value.
        sizes: file name -> bytes.
    """
    facts = {
        "parameters": f"{_count(compressed):,}",
        "stored size": f"{sizes['model.safetensors'] / 1e6:.3f} MB",
        "weights": _storage(compressed),
        "computed by": kernels(compressed),
        **info,
    }
    origin = architecture.get("compressed_from")
    choices = architecture if origin is None else origin
    return _CARD.format(
        name=name,
        summary=_summary(compressed.config),
        facts=rows(facts),
        program=PROGRAM,
        files="\n".join(f"| `{file}` | {size:,} | {_FILES[file]} |" for file, size in sizes.items()),
        origin="the choices that the search made"
        if origin is None
        else "what was built, and the choices of the model that it was compressed from",
        layers="\n".join(_layer(number, one) for number, one in enumerate(as_built(compressed)["layers"], 1)),
        of_choices="Built from" if origin is None else "Choices of the model that it was compressed from",
        choices=rows(choices.get("choices", choices)),
    )


def _summary(config: LanguageModelConfig) -> str:
    mixers = sorted({layer.mixer for layer in config.layers})
    return (
        f"{len(config.layers)} layers ({', '.join(mixers)}), width {config.hidden_dim}, "
        f"vocabulary {config.vocabulary_size:,}"
    )


def _storage(compressed: CompressedModel) -> str:
    pruning, zeros = compressed.compression, zero_share(compressed)
    text = f"{pruning.quantization}"
    if pruning.pruning_ratio:
        return f"{text}, {pruning.pruning_ratio:.0%} pruned ({pruning.pruning_method})"
    return f"{text}, {zeros:.0%} of those in matrices are zero" if zeros else text


def _layer(number: int, built: Mapping[str, Any]) -> str:
    heads = ""
    if "heads" in built:
        heads = f"{built['heads']} of {built['head_dim']}"
        if built["key_value_heads"] != built["heads"]:
            heads += f", {built['key_value_heads']} for keys and values"
    return f"| {number} | {built['mixer']} | {heads} | {built['ffn_dim'] or ''} |"


def _count(compressed: CompressedModel) -> int:
    return sum(
        parameter.numel() for parameter in LanguageModel(compressed.config, device="meta").parameters()
    )


def rows(values: Mapping[str, object]) -> str:
    """Lines of a markdown table of two columns."""
    return "\n".join(f"| {name} | {_text(value)} |" for name, value in values.items())


def _text(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
