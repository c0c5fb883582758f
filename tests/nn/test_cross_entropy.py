import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig, linear_cross_entropy
from sugata.nn import cross_entropy as module


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CPU_LOGITS", 1)
    monkeypatch.setattr(module, "_LEAST_TOKENS", 4)


def example(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, 5, 3, dtype=dtype, generator=generator).requires_grad_()
    weight = (2 * torch.randn(7, 3, dtype=dtype, generator=generator)).requires_grad_()
    return features, weight, torch.randint(7, (2, 5), generator=generator)


def plain(features: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy((features @ weight.T).flatten(0, -2).float(), targets.flatten())


def test_gradients_agree_with_finite_differences() -> None:
    features, weight, targets = example(torch.float64)
    assert torch.autograd.gradcheck(lambda x, w: linear_cross_entropy(x, w, targets), (features, weight))


def test_loss_and_gradients_are_those_of_the_plain_form() -> None:
    features, weight, targets = example()
    found, expected = (f(features, weight, targets) for f in (linear_cross_entropy, plain))
    torch.testing.assert_close(found, expected)
    for scale in (1.0, 0.25):
        ours = torch.autograd.grad(scale * found, (features, weight), retain_graph=True)
        theirs = torch.autograd.grad(scale * expected, (features, weight), retain_graph=True)
        torch.testing.assert_close(ours, theirs)


def test_one_side_may_be_frozen() -> None:
    features, weight, targets = example()
    linear_cross_entropy(features.detach(), weight, targets).backward()
    frozen = torch.autograd.grad(linear_cross_entropy(features, weight.detach(), targets), features)[0]
    expected = torch.autograd.grad(plain(features, weight, targets), (features, weight))
    torch.testing.assert_close(frozen, expected[0])
    torch.testing.assert_close(weight.grad, expected[1])
    with torch.no_grad():
        assert not linear_cross_entropy(features, weight, targets).requires_grad


def test_large_logits_do_not_overflow() -> None:
    features, weight, targets = example()
    loss = linear_cross_entropy(1e4 * features, weight, targets)
    loss.backward()
    assert loss.isfinite()
    assert weight.grad is not None
    assert weight.grad.isfinite().all()


def test_under_autocast_products_are_bf16_and_the_loss_is_fp32() -> None:
    features, weight, targets = example()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = linear_cross_entropy(features, weight, targets)
    loss.backward()
    expected = torch.autograd.grad(plain(features, weight, targets), (features, weight))
    assert loss.dtype is torch.float32
    assert loss != plain(features, weight, targets)
    torch.testing.assert_close(features.grad, expected[0], rtol=0.1, atol=0.01)
    torch.testing.assert_close(weight.grad, expected[1], rtol=0.1, atol=0.01)


def test_a_tied_weight_gets_both_gradients() -> None:
    config = LanguageModelConfig(7, 8, 2, (LayerConfig("transformer", 16),), tie_embeddings=True)
    tokens = torch.tensor([[1, 2, 3, 4, 5, 6]])
    grads = []
    for loss in (linear_cross_entropy, plain):
        model = LanguageModel(config)
        loss(model.features(tokens[:, :-1]), model.head.weight, tokens[:, 1:]).backward()
        grads.append(model.embedding.weight.grad)
    torch.testing.assert_close(grads[0], grads[1])


def test_no_tensor_of_all_logits_is_kept() -> None:
    features, weight, targets = example()
    stored = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: stored.append(t.shape) or t, lambda t: t):
        linear_cross_entropy(features, weight, targets)
    assert stored == [features.shape, weight.shape]
