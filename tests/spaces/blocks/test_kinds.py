"""Every kind of block: it learns a little, ships in ONNX with the same outputs, and says its shapes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from sugata.export.blocks import export_blocks_onnx
from sugata.measure import onnx_session
from sugata.spaces.blocks import KINDS, BlockSpace

from .test_space import inputs_of

pytestmark = pytest.mark.slow

BEFORE = {
    "ngrams": "text",
    "embedding": "text",
    "rnn": "text",
    "transformer": "text",
    "temporal_reduction": "text",
    "text_block": "text",
    "table_embedding": "table",
    "table_block": "table",
}
EMBEDDED = ("rnn", "transformer", "temporal_reduction")
#: Cases: a kind, the fields that are fixed, and the kind of the input.
CASES = [
    *((name, {}, BEFORE.get(name, "image")) for name in KINDS if name != "merge"),
    *(("image_block", {"block_type": kind}, "image") for kind in ("conv", "resnet", "mobile", "cell")),
    *(("text_block", {"block_type": kind}, "text") for kind in ("ngrams", "conv", "rnn", "transformer")),
    ("mobile", {"squeeze": True}, "image"),
    ("conv", {"separable": True, "max_pooling": False}, "image"),
    ("conv", {"num_blocks": 2}, "embedded"),
    ("rnn", {"layer_type": "lstm", "num_layers": 2}, "text"),
    ("transformer", {"num_heads": 8}, "signal"),
    *(("table_block", {"embedding/numbers": kind}, "table") for kind in ("plain", "piecewise", "periodic")),
    ("dense", {"residual": True, "batch_norm": True}, "table"),
    *(
        (kind, {}, "signal")
        for kind in ("normalization", "conv", "rnn", "temporal_reduction", "flatten", "dense")
    ),
    *((kind, {}, "array") for kind in ("normalization", "dense", "table_embedding")),
    ("embedding", {}, "table"),
    *(("merge", {"merge_type": kind}, "both") for kind in ("add", "concatenate")),
]


def space_of(kind: str, fields: dict, source: str) -> BlockSpace:
    inputs = [
        {"name": "x", "kind": {"signal": "array", "embedded": "text", "both": "image"}.get(source, source)}
    ]
    blocks, before = [], ["x"]
    if source == "embedded" or (source == "text" and kind in EMBEDDED):
        blocks, before = [{"name": "e", "kind": "embedding", "inputs": ["x"], "dim": 12}], ["e"]
    if source == "both":
        inputs.append({"name": "z", "kind": "table"})
        before = ["x", "z"]
    blocks.append({"name": "block", "kind": kind, "inputs": before, **fields})
    head = {"name": "label", "kind": "classification", "inputs": ["block"]}
    return BlockSpace(inputs, blocks, [head])


def signature_of(made: BlockSpace, source: str):
    signature = made.usual_signature()
    if source == "signal":
        return type(signature)(
            (type(signature.inputs[0])("x", ("batch", 9, 3), "float32"),), signature.outputs
        )
    return signature


@pytest.mark.parametrize(("kind", "fields", "source"), CASES, ids=lambda value: str(value))
def test_a_block_trains_a_step_and_gives_the_same_in_onnx(
    kind: str, fields: dict, source: str, tmp_path: Path
) -> None:
    made = space_of(kind, fields, source)
    signature = signature_of(made, source)
    network = made.build(made.known_good()[0], signature)
    network.initialize(torch.Generator().manual_seed(0))
    inputs = inputs_of(signature, 4)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    losses = []
    for _ in range(3):
        network.draw_from(torch.Generator().manual_seed(0))
        loss = torch.nn.functional.cross_entropy(network.train()(*inputs), torch.arange(4))
        optimizer.zero_grad()
        loss.backward()
        assert all(p.grad is not None for p in network.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):  # as networks with convolutions train
        loss = torch.nn.functional.cross_entropy(network(*inputs).float(), torch.arange(4))
    loss.backward()
    assert loss.item() == pytest.approx(losses[-1], rel=0.5)
    network.draw_from(None)
    export_blocks_onnx(network, signature, tmp_path / "model.onnx")
    session = onnx_session(tmp_path / "model.onnx")
    rows = inputs_of(signature, 3)  # another batch than what was traced
    expected = network(*rows).detach().numpy()
    found = session.run(None, {name: x.numpy() for name, x in zip(network.inputs, rows, strict=True)})[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    assert expected.shape == (3, 10)


def test_every_kind_is_a_case() -> None:
    assert {kind for kind, _, _ in CASES} == set(KINDS)
