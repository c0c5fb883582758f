"""Image networks as they ship, of several families of spaces, and files that are not what they should be."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from sugata.errors import SugataError
from sugata.export import (
    Pixels,
    ShippedImageNetwork,
    export_image_folder,
    export_image_onnx,
    load_image_folder,
    stored_image_size,
)
from sugata.nn.initialization import initialize_convolutional
from sugata.spaces import space
from sugata.spaces.scaling import scaled_space

pytestmark = pytest.mark.slow

PIXELS = Pixels((3, 32, 32), 5, (0.4, 0.5, 0.6), (0.2, 0.3, 0.2), classes=tuple("abcde"))
VALUES = Pixels((1, 8, 8), 2, (0.4,), (0.2,), target_mean=(10.0, -3.0), target_std=(2.0, 0.5))


def network(name: str, pixels: Pixels, width: float) -> torch.nn.Module:
    small = scaled_space(space(name), width=width, depth=1, divisor=1)
    architecture = small.canonical(small.sample(np.random.default_rng(2)))
    made = small.build(architecture, pixels.signature)
    generator = torch.Generator().manual_seed(0)
    initialize_convolutional(made, generator)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = (
                1.0  # statistics of one batch, so that activations are of a trained network's size
            )
    with torch.no_grad():
        made(torch.randn(16, *pixels.shape, generator=generator))
    for name, statistic in made.named_buffers():
        if name.endswith("running_var"):
            statistic.clamp_(min=0.3)  # what hardly varies would be blown up, and its rounding errors with it
    return made.eval()


@pytest.mark.parametrize("name", ["nasbench201", "nasbench101", "darts", "mnasnet"])
def test_the_exported_graph_computes_what_torch_does(name: str, tmp_path: Path) -> None:
    shipped = ShippedImageNetwork(network(name, PIXELS, 0.25), PIXELS)
    export_image_onnx(shipped, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    found = session.run(["logits"], {"image": images})[0]
    expected = shipped(torch.from_numpy(images)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3 * np.abs(expected).max())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    small = space("nasbench201", channels=2, cells=1)
    architecture = small.canonical(small.sample(np.random.default_rng(2)))
    made = small.build(architecture, VALUES.signature)
    made.initialize(torch.Generator().manual_seed(0))
    export_image_folder(folder, made.eval(), VALUES, small, architecture, {}, source="nasbench201", name="x")
    return folder


def test_a_folder_gives_the_network_back_and_its_size_is_known_before(folder: Path) -> None:
    shipped = load_image_folder(folder)
    assert shipped.pixels == VALUES
    assert stored_image_size(shipped.network) == (folder / "model.safetensors").stat().st_size
    images = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    found = session.run(["value"], {"image": images.numpy()})[0]
    np.testing.assert_allclose(shipped(images).detach().numpy(), found, rtol=1e-3, atol=1e-3)
    normalized = (0 - 0.4) / 0.2 * torch.ones(2, 1, 8, 8)
    raw = shipped.network(normalized).detach().numpy()
    np.testing.assert_allclose(found, raw * [2.0, 0.5] + [10.0, -3.0], rtol=1e-3, atol=1e-3)


def test_a_folder_that_is_none_gets_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SugataError, match="not an exported image network"):
        load_image_folder(tmp_path)
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config["parameters"]["channels"] = 3
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(SugataError, match=r"does not fit config\.json"):
        load_image_folder(tmp_path)
