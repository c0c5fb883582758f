"""An image network as it ships: pixels in, logits or values out, in a folder that runs without sugata."""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from sugata import __version__
from sugata.compression.file import file_size, write
from sugata.errors import SugataError
from sugata.export.image_card import image_card
from sugata.export.onnx_file import IR_VERSION
from sugata.export.tracing import OPSET, quiet
from sugata.space import Architecture, SearchSpace, Signature, TensorSpec
from sugata.spaces import space as space_named

MODEL_TYPE = "sugata-image"
_COUNTER = "num_batches_tracked"  # of batch norms, of no use once trained


@dataclass(frozen=True)
class Pixels:
    """What stands between pixels and a network, and between its outputs and what is wanted.

    Attributes:
        shape: channels, height and width of an image.
        outputs: logits or values of an image.
        mean: of the training images, by channel, where pixels go from 0 to 1.
        std: their deviation.
        target_mean: of the values to predict; empty for classes.
        target_std: their deviation.
        classes: their names; empty for values.
    """

    shape: tuple[int, int, int]
    outputs: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    target_mean: tuple[float, ...] = ()
    target_std: tuple[float, ...] = ()
    classes: tuple[str, ...] = ()

    @property
    def output(self) -> str:
        """The name of the output: ``logits`` or ``value``."""
        return "logits" if self.classes else "value"

    @property
    def signature(self) -> Signature:
        """Of the network between."""
        image = TensorSpec("image", ("batch", *self.shape), "float32")
        classes = self.outputs if self.classes else None
        return Signature((image,), (TensorSpec(self.output, ("batch", self.outputs), "float32", classes),))


class ShippedImageNetwork(nn.Module):
    """A trained network with its normalization inside: pixels in, logits or values in their unit out."""

    mean: Tensor
    std: Tensor
    target_mean: Tensor
    target_std: Tensor

    def __init__(self, network: nn.Module, pixels: Pixels) -> None:
        super().__init__()
        self.network = network
        self.pixels = pixels
        for name in ("mean", "std"):
            values = torch.tensor(getattr(pixels, name)).view(1, -1, 1, 1)
            self.register_buffer(name, values, persistent=False)
            self.register_buffer(f"target_{name}", torch.tensor(getattr(pixels, f"target_{name}")), False)

    def forward(self, image: Tensor) -> Tensor:
        """``(batch, channels, height, width)`` uint8 to ``(batch, outputs)``."""
        outputs: Tensor = self.network((image.float() / 255 - self.mean) / self.std)
        return outputs if self.pixels.classes else outputs * self.target_std + self.target_mean


def export_image_onnx(shipped: ShippedImageNetwork, path: str | Path) -> None:
    """Write the graph: ``image`` ``(batch, channels, height, width)`` uint8 to ``logits`` or ``value``.

    Traced by torch's older exporter, which is the faster one by far, and joins each batch norm with the
    convolution before it.
    """
    buffer = io.BytesIO()
    output = shipped.pixels.output
    with torch.no_grad(), quiet():
        torch.onnx.export(
            shipped.eval(),
            (torch.zeros(2, *shipped.pixels.shape, dtype=torch.uint8),),
            buffer,  # type: ignore[arg-type] # the older exporter writes to any file object
            dynamo=False,
            input_names=["image"],
            output_names=[output],
            dynamic_axes={"image": {0: "batch"}, output: {0: "batch"}},
            opset_version=OPSET,
        )
    graph = onnx.load_from_string(buffer.getvalue())
    graph.ir_version = IR_VERSION
    graph.producer_name, graph.producer_version, graph.doc_string = "sugata", "", ""
    Path(path).write_bytes(graph.SerializeToString())


def stored_image_size(network: nn.Module) -> int:
    """Bytes of the ``model.safetensors`` that the network ships as; it may be on the meta device."""
    return file_size(_parts(_stored(network)), {"format": "pt"})


def export_image_folder(
    folder: str | Path,
    network: nn.Module,
    pixels: Pixels,
    space: SearchSpace,
    architecture: Architecture,
    info: Mapping[str, object],
    *,
    source: str,
    name: str = "model",
) -> None:
    """Write a trained network to a folder that works without sugata and without torch.

    Files: `model.safetensors`, `config.json`, `architecture.json`, `model.onnx` and `README.md`, a model card
    whose program runs as it stands. They are made beside the folder and moved in when all are whole.

    Args:
        space: at the size of the network.
        architecture: its choices, in the form that was built.
        info: what the card says about it, name -> value.
        source: what a recipe calls the space.
        name: title of the card.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".export-", dir=target.parent) as temporary:
        made = Path(temporary)
        stored = _stored(network)
        arrays = {key: tensor.numpy() for key, tensor in stored.items()}
        write(made / "model.safetensors", _parts(stored), arrays, {"format": "pt"})
        choices = json.loads(architecture.to_json()) | {
            "parameters": dict(space.parameters),
            "image": {"shape": list(pixels.shape), "outputs": pixels.outputs},
        }
        _write_json(made / "architecture.json", choices)
        config = {
            "model_type": MODEL_TYPE,
            "sugata_version": __version__,
            "space": source,
            "parameters": dict(space.parameters),
            "choices": dict(architecture),
            "pixels": asdict(pixels),
        }
        _write_json(made / "config.json", config)
        export_image_onnx(ShippedImageNetwork(network, pixels), made / "model.onnx")
        sizes = {file: (made / file).stat().st_size for file in ("model.safetensors", "model.onnx")}
        parameters = sum(parameter.numel() for parameter in network.parameters())
        card = image_card(name, pixels, dict(architecture), {"parameters": f"{parameters:,}", **info}, sizes)
        (made / "README.md").write_text(card, encoding="utf-8")
        for file in made.iterdir():
            file.replace(target / file.name)


def load_image_folder(folder: str | Path, space: SearchSpace | None = None) -> ShippedImageNetwork:
    """The network, with the weights that ship, of a folder written by `export_image_folder`.

    Args:
        space: of the network's size, where its name is not one of the catalogue.

    Raises:
        SugataError: a file is missing or cannot be read.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        pixels = Pixels(**{name: _frozen(value) for name, value in config["pixels"].items()})
        stored = load_file(folder / "model.safetensors")
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise SugataError(f"{folder}: not an exported image network ({error}); export it again") from None
    space = space or space_named(config["space"], **config["parameters"])
    network = space.build(space.architecture(config["choices"]), pixels.signature)
    counters = {key: tensor for key, tensor in network.state_dict().items() if key.endswith(_COUNTER)}
    try:
        network.load_state_dict({**stored, **counters})
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise SugataError(f"{folder}/model.safetensors does not fit config.json: {reason}") from None
    return ShippedImageNetwork(network, pixels).eval()


def _stored(network: nn.Module) -> dict[str, Tensor]:
    state = network.state_dict()
    return {
        name: tensor.detach().float().contiguous()
        for name, tensor in state.items()
        if not name.endswith(_COUNTER)
    }


def _parts(stored: Mapping[str, Tensor]) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {name: ("F32", tuple(tensor.shape)) for name, tensor in stored.items()}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
