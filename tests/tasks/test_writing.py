"""Texts that are written together are those that are written alone, and memory decides how many."""

import pytest
import torch
from torch import nn

from sugata.errors import DataError
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.tasks.corpus import train_tokenizer
from sugata.tasks.generation import Sampling, continuations
from sugata.tasks.writing import row_bytes, rows_at_once, uniforms

pytestmark = pytest.mark.slow

TOKENIZER = train_tokenizer(["def f(x):\n    return x + 1\n", "for a in range(3): print(a)"], 280)
PROMPTS = ["def f(x):", "for a in range(3):\n    print(a)\n" * 3, "x", "def f(x):"]
SEEDS = [(0, number, 0) for number in range(len(PROMPTS))]


def model(mixer: str = "transformer") -> LanguageModel:
    config = LanguageModelConfig(
        vocabulary_size=280, hidden_dim=32, num_heads=2, layers=(LayerConfig(mixer, 64),) * 2,
        normalization="rmsnorm", activation="silu", position="rope", tie_embeddings=False,
    )  # fmt: skip
    return LanguageModel(config)


class StepsOnly(nn.Module):
    """A model that reads prompts token by token."""

    def __init__(self, whole: LanguageModel) -> None:
        super().__init__()
        self.whole = whole
        self.initial_state, self.step = whole.initial_state, whole.step


@pytest.mark.parametrize("mixer", ["transformer", "rwkv", "mamba"])
def test_a_text_depends_on_its_own_prompt_and_seed_alone(mixer: str) -> None:
    given = {"max_new_tokens": 12, "seeds": SEEDS}
    together = continuations(model(mixer), TOKENIZER, PROMPTS, **given)  # type: ignore[arg-type]
    assert together == continuations(model(mixer), TOKENIZER, PROMPTS, batch_size=1, **given)  # type: ignore[arg-type]
    assert together == continuations(StepsOnly(model(mixer)), TOKENIZER, PROMPTS, **given)  # type: ignore[arg-type]
    assert together[0] != together[3]  # one prompt, two seeds
    alone = continuations(model(mixer), TOKENIZER, [PROMPTS[1]], max_new_tokens=12, seeds=[SEEDS[1]])
    assert alone == [together[1]]


def test_a_text_ends_with_the_token_that_completes_a_stop_text() -> None:
    given = {"max_new_tokens": 40, "seeds": SEEDS}
    whole = continuations(model(), TOKENIZER, PROMPTS, **given)  # type: ignore[arg-type]
    ended = continuations(model(), TOKENIZER, PROMPTS, stop=["r"], **given)  # type: ignore[arg-type]
    found = [text.find("r", 1) for text in whole]
    assert max(found) > 0
    for text, part, place in zip(whole, ended, found, strict=True):
        assert text.startswith(part)
        assert part == text if place < 0 else place < len(part) < place + 8


def test_picking_follows_the_distribution_that_drawing_follows() -> None:
    probabilities = torch.tensor([0.1, 0.5, 0.05, 0.3, 0.05])
    numbers = uniforms([(0,)], 20_000)[0]
    for options in ({}, {"top_k": 2}, {"top_p": 0.75}, {"temperature": 0.5}):
        sampling = Sampling(**{"temperature": 1.0, "top_p": 1.0, **options})  # type: ignore[arg-type]
        logits = probabilities.log().expand(20_000, -1)
        picked = torch.bincount(sampling.pick(logits, numbers), minlength=5) / 20_000
        drawn = sampling.draw(logits, torch.Generator().manual_seed(0))
        assert torch.allclose(picked, torch.bincount(drawn, minlength=5) / 20_000, atol=0.02), options
    ends = torch.tensor([0.0, 1.0 - 1e-16])
    assert Sampling(1.0, 0, 0.75).pick(probabilities.log().expand(2, -1), ends).tolist() == [1, 3]


def test_what_grows_with_every_token_is_counted_for_all_of_them() -> None:
    cache = row_bytes(model(), 1001) - row_bytes(model(), 1)
    state = row_bytes(model("rwkv"), 1001) - row_bytes(model("rwkv"), 1)
    keys_and_values = 2 * 2 * 32 * 4  # two layers of width 32
    assert cache - state == 2 * 1000 * keys_and_values


def test_memory_decides_how_many_are_written_at_a_time() -> None:
    assert rows_at_once(1_000_000, free=40_000_000) == 10
    assert rows_at_once(1, free=40_000_000) == 64
    with pytest.raises(DataError, match=r"tokens: writing one program takes about 0\.02 GB, and 0\.04 GB"):
        rows_at_once(20_000_000, free=40_000_000)
