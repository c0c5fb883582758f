"""The model card of an image network: what it is, what was measured, and a program that runs it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sugata.export.card import rows

if TYPE_CHECKING:
    from sugata.export.image import Pixels

_CLASSES = """\
import json
import sys

import numpy as np
import onnxruntime
from PIL import Image

pixels = json.load(open("config.json"))["pixels"]
channels, height, width = pixels["shape"]
image = Image.open(sys.argv[1]).convert("L" if channels == 1 else "RGB").resize((width, height))
array = np.asarray(image).reshape(height, width, channels).transpose(2, 0, 1)  # uint8, channels first

session = onnxruntime.InferenceSession("model.onnx")
logits = session.run(["logits"], {"image": array[None]})[0][0]
chances = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
for number in chances.argsort()[::-1][:3]:
    print(f"{pixels['classes'][number]}  {chances[number]:.1%}")
"""
_END = _CLASSES.index("logits = session")
_VALUES = _CLASSES[:_END] + 'print(*session.run(["value"], {"image": array[None]})[0][0])\n'

_CARD = """\
# {name}

{summary}
Found, trained and exported by sugata.

| | |
| --- | --- |
{facts}

## Run it

With `pip install onnxruntime pillow numpy`, in this folder, `python run.py PICTURE` with this as `run.py`:

```python
{program}```

`model.onnx` takes `image` `(batch, {channels}, {height}, {width})`, uint8, and gives `{output}`
`(batch, {outputs})`; normalization is inside. With sugata installed,
`sugata.export.load_image_folder(".")` gives the same as a torch module.

## Files

| file | bytes | what it is |
| --- | ---: | --- |
| `model.safetensors` | {weights:,} | the weights |
| `model.onnx` | {graph:,} | the network, batch norms joined with the convolutions before them |
| `config.json` | | shapes, classes, normalization |
| `architecture.json` | | the choices that the search made |

## Architecture

| choice | value |
| --- | --- |
{choices}
"""


def image_card(
    name: str,
    pixels: "Pixels",
    architecture: Mapping[str, Any],
    info: Mapping[str, object],
    sizes: Mapping[str, int],
) -> str:
    """Markdown for `README.md`.

    Args:
        name: title.
        pixels: shapes and classes.
        architecture: its choices.
        info: facts, name -> value.
        sizes: file name -> bytes.
    """
    channels, height, width = pixels.shape
    kind = f"{channels} x {height} x {width} images"
    what = f"{pixels.outputs} classes of {kind}" if pixels.classes else f"{pixels.outputs} values of {kind}"
    facts = {**info, "stored size": f"{sizes['model.safetensors'] / 1e6:.3f} MB"}
    if pixels.classes:
        facts["classes"] = ", ".join(pixels.classes[:20]) + (" ..." if len(pixels.classes) > 20 else "")
    return _CARD.format(
        name=name,
        summary=f"A network for {what}.",
        facts=rows(facts),
        program=_CLASSES if pixels.classes else _VALUES,
        channels=channels,
        height=height,
        width=width,
        output=pixels.output,
        outputs=pixels.outputs,
        weights=sizes["model.safetensors"],
        graph=sizes["model.onnx"],
        choices=rows(architecture),
    )
