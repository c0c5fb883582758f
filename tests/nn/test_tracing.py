"""Both forms of every mixer as ONNX graphs, traced at one length and run at others."""

import io
import warnings

import pytest
import torch
from torch import Tensor, nn

from sugata.nn import MIXERS, LanguageModel, LanguageModelConfig, LayerConfig, State

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

CHOICES = [("absolute", "layernorm", "gelu"), ("rope", "rmsnorm", "swiglu"), ("alibi", "groupnorm", "geglu")]
CACHES = ("key", "value")


class Step(nn.Module):
    """The step form with one argument per tensor."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        logits, after = self.model.step(tokens, state)
        return logits, *after


def small_model(mixer: str, position: str, normalization: str, activation: str) -> LanguageModel:
    return LanguageModel(
        LanguageModelConfig(
            vocabulary_size=17,
            hidden_dim=16,
            num_heads=4,
            layers=(LayerConfig(mixer, 24),),
            position=position,
            normalization=normalization,
            activation=activation,
            state_dim=4,
        )
    ).eval()


def session(module: nn.Module, inputs: tuple[Tensor, ...], names: list[str], **options: object) -> object:
    file = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracing exporter is deprecated, and says so
        torch.onnx.export(module, inputs, file, dynamo=False, opset_version=18, input_names=names, **options)  # type: ignore[arg-type]
    return onnxruntime.InferenceSession(file.getvalue())


def some_tokens(*shape: int) -> Tensor:
    return torch.randint(17, shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("choices", CHOICES, ids=lambda c: c[0])
@pytest.mark.parametrize("mixer", MIXERS)
@torch.no_grad()
def test_parallel_form_runs_at_any_batch_and_length(mixer: str, choices: tuple[str, str, str]) -> None:
    model = small_model(mixer, *choices)
    axes = {0: "batch", 1: "length"}
    graph = session(model, (some_tokens(2, 16),), ["tokens"], dynamic_axes={"tokens": axes})
    for batch, length in ((1, 1), (2, 5), (3, 100), (1, 128), (2, 300)):
        tokens = some_tokens(batch, length)
        logits = graph.run(None, {"tokens": tokens.numpy()})[0]  # type: ignore[attr-defined]
        torch.testing.assert_close(torch.from_numpy(logits), model(tokens), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("choices", CHOICES, ids=lambda c: c[0])
@pytest.mark.parametrize("mixer", MIXERS)
@torch.no_grad()
def test_step_form_runs_from_the_first_token_on(mixer: str, choices: tuple[str, str, str]) -> None:
    model = small_model(mixer, *choices)
    names = list(model.state_names)
    axes = {
        name: {0: "batch", 2: "cached"} if name.split(".")[-1] in CACHES else {0: "batch"} for name in names
    }
    state: State = model.initial_state(2)
    _, state = model.step(some_tokens(2), state)
    inputs = (some_tokens(2), *state)
    graph = session(Step(model), inputs, ["tokens", *names], dynamic_axes={"tokens": {0: "batch"}, **axes})
    state = model.initial_state(3)
    values = [t.numpy() for t in state]
    for tokens in some_tokens(6, 3):
        expected, state = model.step(tokens, state)
        feed = {"tokens": tokens.numpy(), **dict(zip(names, values, strict=True))}
        logits, *values = graph.run(None, feed)  # type: ignore[attr-defined]
        torch.testing.assert_close(torch.from_numpy(logits), expected, atol=1e-4, rtol=1e-4)
