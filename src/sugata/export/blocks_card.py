"""The model card of a network of blocks: what it is, what was measured, and a program that runs it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sugata.export.card import rows
from sugata.space import Block, Signature, TensorSpec

_PROGRAM = """\
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
inputs = {{
{inputs}
}}  # one row of each; put yours here
for output, value in zip(session.get_outputs(), session.run(None, inputs)):
    print(output.name, value)
"""

_CARD = """\
# {name}

A network of blocks: {summary}.
Found, trained and exported by sugata.

| | |
| --- | --- |
{facts}

## Run it

With `pip install onnxruntime numpy`, in this folder:

```python
{program}```

| tensor | shape | type | what it is |
| --- | --- | --- | --- |
{tensors}

{raw}
## Files

| file | bytes | what it is |
| --- | ---: | --- |
{files}

## Blocks

| block | kind | output | parameters |
| --- | --- | --- | ---: |
{blocks}

## Architecture

| choice | value |
| --- | --- |
{choices}
"""

_FILES = {
    "model.safetensors": "the weights",
    "model.onnx": "the network",
    "config.json": "blocks, choices, shapes",
    "architecture.json": "the choices that the search made",
    "adapters.json": "what makes tensors of raw input, and labels of outputs",
}


def blocks_card(
    name: str,
    outline: Sequence[Block],
    signature: Signature,
    architecture: Mapping[str, Any],
    info: Mapping[str, object],
    sizes: Mapping[str, int],
    meanings: Mapping[str, str],
) -> str:
    """Markdown for `README.md`.

    Args:
        name: title.
        outline: the network's blocks.
        signature: its inputs and outputs.
        architecture: its choices.
        info: facts, name -> value.
        sizes: file name -> bytes.
        meanings: what tensors hold, by their name, where it is known.
    """
    inputs, outputs = (
        ", ".join(spec.name for spec in specs) for specs in (signature.inputs, signature.outputs)
    )
    blocks = [
        f"| {block.name} | {block.kind} | {_sizes(block.output)} | {block.parameters:,} |"
        for block in outline
    ]
    tensors = [
        f"| `{spec.name}` | {_sizes(spec.shape)} | {spec.dtype} | {meanings.get(spec.name, '')} |"
        for spec in (*signature.inputs, *signature.outputs)
    ]
    raw = ", ".join(f'"{spec.name}": ...' for spec in signature.inputs)
    return _CARD.format(
        name=name,
        summary=f"{inputs} in, {outputs} out",
        facts=rows({**info, "stored size": f"{sizes['model.safetensors'] / 1e6:.3f} MB"}),
        program=_PROGRAM.format(inputs="\n".join(_example(spec) for spec in signature.inputs)),
        tensors="\n".join(tensors),
        raw=_RAW.format(raw=raw) if "adapters.json" in sizes else "",
        files="\n".join(
            f"| `{file}` | {sizes[file]:,} | {what} |" for file, what in _FILES.items() if file in sizes
        ),
        blocks="\n".join(blocks),
        choices=rows(architecture),
    )


_RAW = """\
With sugata installed, from raw rows to labels or values:

```python
from sugata.export import load_block_folder

network, adapters = load_block_folder(".")
rows = {{{raw}}}  # raw, as in training
outputs = network(*adapters.network_inputs(rows))
```

`adapters.targets[NAME].inverse(outputs)` makes labels, or values in their unit, of an output.
"""


def _example(spec: TensorSpec) -> str:
    make = "ones" if spec.dtype == "int64" else "zeros"
    return f'    "{spec.name}": np.{make}({(1, *spec.shape[1:])}, "{spec.dtype}"),'


def _sizes(sizes: Sequence[int | str]) -> str:
    return " x ".join(map(str, sizes))
