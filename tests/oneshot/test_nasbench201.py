"""The mixture of a NAS-Bench-201 cell that is computed together against its edges one by one."""

import pytest
import torch

from sugata.oneshot import NasBench201Supernet
from sugata.oneshot.nasbench201 import MixedCell
from sugata.space import image_signature
from sugata.spaces.cell import NasBench201Space


def results(together: bool, dtype: torch.dtype, left_out: bool) -> dict[str, torch.Tensor]:
    """Outputs, gradients of weights and logits, and running statistics of one training pass."""
    supernet = NasBench201Supernet(NasBench201Space(channels=4, cells=1), image_signature(3, 9, 9, 4))
    supernet.initialize(torch.Generator().manual_seed(0))
    supernet.train().to(dtype)
    for layer in supernet.layers:
        if isinstance(layer, MixedCell):
            layer.together = together
    generator = torch.Generator().manual_seed(1)
    logits = {
        name: torch.randn(5, generator=generator, dtype=dtype).requires_grad_() for name in supernet.decisions
    }
    kept = torch.tensor([1.0, 0.0 if left_out else 1.0, 1.0, 1.0, 1.0], dtype=dtype)
    supernet.mix({name: torch.softmax(one, 0) * kept for name, one in logits.items()})
    outputs = supernet(torch.randn(6, 3, 9, 9, generator=generator).to(dtype))
    outputs.square().sum().backward()
    found = {name: parameter.grad for name, parameter in supernet.named_parameters()}
    found |= {name: one.grad for name, one in logits.items()}
    return found | dict(supernet.named_buffers()) | {"outputs": outputs.detach()}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
@pytest.mark.parametrize("left_out", [False, True])
def test_results_gradients_and_statistics_are_the_same(dtype, tolerance: float, left_out: bool) -> None:
    expected, found = results(False, dtype, left_out), results(True, dtype, left_out)
    for name, right in expected.items():
        torch.testing.assert_close(found[name], right, rtol=tolerance, atol=tolerance, msg=name)
