"""A network of blocks as it ships: in a folder that runs without sugata, and without the training data."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from sugata import __version__
from sugata.compression.file import file_size, write
from sugata.errors import SugataError
from sugata.export.blocks_card import blocks_card
from sugata.export.onnx_file import IR_VERSION
from sugata.export.tracing import OPSET, quiet
from sugata.nn.block_network import BlockNetwork
from sugata.space import Architecture, Signature
from sugata.spaces.blocks import BlockSpace
from sugata.tasks.prepared import Adapters

MODEL_TYPE = "sugata-blocks"
_COUNTER = "num_batches_tracked"  # of batch norms, of no use once trained


def example_inputs(signature: Signature, rows: int) -> dict[str, NDArray[Any]]:
    """Inputs of the right shapes and types: words that are no padding, zeros elsewhere."""
    found = {}
    for spec in signature.inputs:
        sizes = [size for size in spec.shape[1:] if isinstance(size, int)]
        make = np.ones if spec.dtype == "int64" else np.zeros
        found[spec.name] = make((rows, *sizes), spec.dtype)
    return found


def export_blocks_onnx(network: BlockNetwork, signature: Signature, path: str | Path) -> None:
    """Write the graph, with the signature's named inputs and outputs; the first axis of all is the batch.

    Traced by torch's older exporter, which is the faster one by far.
    """
    buffer = io.BytesIO()
    examples = tuple(torch.from_numpy(array) for array in example_inputs(signature, 2).values())
    inputs, outputs = list(network.inputs), list(network.outputs)
    with torch.no_grad(), quiet():
        torch.onnx.export(
            network.eval(),
            examples,
            buffer,  # type: ignore[arg-type] # the older exporter writes to any file object
            dynamo=False,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in (*inputs, *outputs)},
            opset_version=OPSET,
        )
    graph = onnx.load_from_string(buffer.getvalue())
    graph.ir_version = IR_VERSION
    graph.producer_name, graph.producer_version, graph.doc_string = "sugata", "", ""
    Path(path).write_bytes(graph.SerializeToString())


def stored_blocks_size(network: nn.Module) -> int:
    """Bytes of the ``model.safetensors`` that the network ships as; it may be on the meta device."""
    return file_size(_parts(_stored(network)), {"format": "pt"})


def export_blocks_folder(
    folder: str | Path,
    network: BlockNetwork,
    space: BlockSpace,
    architecture: Architecture,
    signature: Signature,
    info: Mapping[str, object],
    *,
    adapters: Adapters | None = None,
    name: str = "model",
) -> None:
    """Write a trained network to a folder that works without sugata and without torch.

    Files: `model.safetensors`, `config.json`, `architecture.json`, `adapters.json`, `model.onnx` and
    `README.md`, a model card whose program runs as it stands. They are made beside the folder and moved in
    when all are whole.

    Args:
        space: what the architecture is of.
        architecture: its choices.
        signature: of the task.
        info: what the card says about it, name -> value.
        adapters: what makes tensors of raw input, and labels or values of outputs; None leaves them out.
        name: title of the card.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".export-", dir=target.parent) as temporary:
        made = Path(temporary)
        stored = _stored(network)
        arrays = {key: tensor.numpy() for key, tensor in stored.items()}
        write(made / "model.safetensors", _parts(stored), arrays, {"format": "pt"})
        described = {"parameters": dict(space.parameters), "signature": signature.to_json()}
        _write_json(made / "architecture.json", json.loads(architecture.to_json()) | described)
        config = {
            "model_type": MODEL_TYPE,
            "sugata_version": __version__,
            "space": space.name,
            **described,
            "choices": dict(architecture),
        }
        _write_json(made / "config.json", config)
        if adapters is not None:
            (made / "adapters.json").write_text(json.dumps(adapters.to_json()), encoding="utf-8")
        export_blocks_onnx(network, signature, made / "model.onnx")
        sizes = {path.name: path.stat().st_size for path in made.iterdir()}
        parameters = sum(parameter.numel() for parameter in network.parameters())
        facts = {"parameters": f"{parameters:,}", **info}
        known = {} if adapters is None else {**adapters.inputs, **adapters.targets}
        meanings = {name: adapter.describe() for name, adapter in known.items()}
        card = blocks_card(name, network.outline, signature, dict(architecture), facts, sizes, meanings)
        (made / "README.md").write_text(card, encoding="utf-8")
        for file in made.iterdir():
            file.replace(target / file.name)


def load_blocks_network(folder: str | Path) -> tuple[BlockNetwork, Signature]:
    """The network, with the weights that ship, of a folder written by `export_blocks_folder`.

    Returns:
        The network in evaluation mode, and its named inputs and outputs.

    Raises:
        SugataError: a file is missing or cannot be read.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        if config["model_type"] != MODEL_TYPE:
            raise ValueError(f"its model_type is {config['model_type']}")
        signature = Signature.from_json(config["signature"])
        space = BlockSpace(**config["parameters"])
        stored = load_file(folder / "model.safetensors")
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise SugataError(f"{folder}: not an exported network of blocks ({error}); export it again") from None
    network = space.build(space.architecture(config["choices"]), signature)
    counters = {key: tensor for key, tensor in network.state_dict().items() if key.endswith(_COUNTER)}
    try:
        network.load_state_dict({**stored, **counters})
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise SugataError(f"{folder}/model.safetensors does not fit config.json: {reason}") from None
    return network.eval(), signature


def load_block_folder(folder: str | Path) -> tuple[BlockNetwork, Adapters]:
    """The network of a folder written by `export_blocks_folder`, and what makes its inputs of raw rows.

    ``network(*adapters.network_inputs({NAME: rows}))`` gives outputs, and ``adapters.targets[NAME].inverse``
    makes labels or values of them.

    Raises:
        SugataError: a file is missing or cannot be read.
    """
    network, _ = load_blocks_network(folder)
    path = Path(folder) / "adapters.json"
    try:
        return network, Adapters.from_json(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        raise SugataError(f"{path}: cannot be read ({error}); export the model again") from None


def _stored(network: nn.Module) -> dict[str, Tensor]:
    return {
        name: tensor.detach().float().contiguous()
        for name, tensor in network.state_dict().items()
        if not name.endswith(_COUNTER)
    }


def _parts(stored: Mapping[str, Tensor]) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {name: ("F32", tuple(tensor.shape)) for name, tensor in stored.items()}


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
