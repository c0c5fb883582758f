"""Sampling follows its distribution, streaming gives whole characters, functions end where they should."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from sugata.decoding import BYTE_OF_CHARACTER
from sugata.errors import TaskError
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.tasks import CodeLanguageModelling, Sampling, generate, parse_rate
from sugata.tasks.corpus import train_tokenizer
from sugata.tasks.generation import parses, sample_functions

TOKENIZER = train_tokenizer(["def f(x):\n    return x + 1\n", "größe 日本 🙂"], 280)


class Recite(nn.Module):
    """Writes the same text whatever was read before, then an end of text; rows count their own steps."""

    def __init__(self, texts: Sequence[bytes], prompt_lengths: Sequence[int]) -> None:
        super().__init__()
        vocabulary = TOKENIZER.get_vocab()
        of_byte = {byte: vocabulary[character] for character, byte in BYTE_OF_CHARACTER.items()}
        self.scripts = [[of_byte[byte] for byte in text] + [0] * 50 for text in texts]
        self.starts = list(prompt_lengths)

    def initial_state(self, batch: int) -> tuple[Tensor, ...]:
        return (torch.zeros(batch, dtype=torch.int64),)

    def step(self, tokens: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        assert tokens.shape == state[0].shape
        logits = torch.zeros(len(tokens), TOKENIZER.get_vocab_size())
        for row, position in enumerate(state[0].tolist()):
            script = self.scripts[row % len(self.scripts)]
            written = position + 1 - self.starts[row % len(self.starts)]
            logits[row, script[min(max(written, 0), len(script) - 1)]] = 100.0
        return logits, (state[0] + 1,)


def prompt_length(prompt: str) -> int:
    return 1 + len(TOKENIZER.encode(prompt).ids)


def recited(text: str | bytes, **options: object) -> list[str]:
    raw = text.encode() if isinstance(text, str) else text
    model = Recite([raw], [prompt_length("def")])
    return list(generate(model, TOKENIZER, "def", **{"temperature": 0.0, **options}))  # type: ignore[arg-type]


def test_only_whole_characters_are_given() -> None:
    assert recited("aé日🙂b") == ["a", "é", "日", "🙂", "b"]


def test_bytes_that_are_no_text_are_marked() -> None:
    assert "".join(recited(b"a\xffb\xe6\x97")) == "a\ufffdb\ufffd"


def test_generation_ends_at_the_end_of_text_and_at_the_limit() -> None:
    assert "".join(recited("x" * 20)) == "x" * 20
    assert "".join(recited("x" * 20, max_new_tokens=7)) == "x" * 7


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        (["\ndef"], "return\n"),
        (["turn", "\n"], "re"),
        (["zzz"], "return\n\ndef g"),
        (["return"], ""),
        (["\ndef gh"], "return\n\ndef g"),
    ],
)
def test_generation_ends_before_a_stop_text(stop: list[str], expected: str) -> None:
    assert "".join(recited("return\n\ndef g", stop=stop)) == expected


def test_streaming_is_lazy() -> None:
    model = Recite([b"x" * 50], [prompt_length("def")])
    calls = 0
    step = model.step

    def counted(tokens: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        nonlocal calls
        calls += 1
        return step(tokens, state)

    model.step = counted  # type: ignore[method-assign]
    pieces = generate(model, TOKENIZER, "def", temperature=0.0)
    assert next(pieces) == "x"
    assert calls <= prompt_length("def") + 1


def real_model(mixer: str = "transformer") -> LanguageModel:
    config = LanguageModelConfig(
        vocabulary_size=280,
        hidden_dim=32,
        num_heads=2,
        layers=(LayerConfig(mixer, 64),) * 2,
        normalization="rmsnorm",
        activation="silu",
        position="rope",
        tie_embeddings=False,
    )
    return LanguageModel(config)


def test_the_seed_decides_the_text() -> None:
    def text(**options: float) -> str:
        return "".join(generate(real_model(), TOKENIZER, "def f(", max_new_tokens=20, **options))  # type: ignore[arg-type]

    assert text(seed=1) == text(seed=1) != text(seed=2)
    assert text(seed=1, temperature=0) == text(seed=2, temperature=0)
    assert text(seed=1, top_k=1) == text(temperature=0)


@pytest.mark.parametrize("mixer", ["transformer", "mamba", "rwkv"])
def test_greedy_text_is_that_of_the_parallel_form(mixer: str) -> None:
    model = real_model(mixer)
    tokens = [0, *TOKENIZER.encode("def f(x):").ids]
    with torch.no_grad():
        for _ in range(8):
            tokens.append(int(model(torch.tensor([tokens]))[0, -1].argmax()))
    expected = TOKENIZER.decode([t for t in tokens if t != 0])[len("def f(x):") :]
    assert 0 not in tokens[1:]
    assert "".join(generate(model, TOKENIZER, "def f(x):", max_new_tokens=8, temperature=0)) == expected


def test_sampling_follows_the_distribution() -> None:
    probabilities = torch.tensor([0.1, 0.5, 0.05, 0.3, 0.05])

    def shares(**options: float) -> Tensor:
        sampling = Sampling(**{"temperature": 1.0, "top_p": 1.0, **options})  # type: ignore[arg-type]
        drawn = sampling.draw(probabilities.log().expand(20_000, -1), torch.Generator().manual_seed(0))
        return torch.bincount(drawn, minlength=5) / 20_000

    assert torch.allclose(shares(), probabilities, atol=0.02)
    assert torch.allclose(shares(top_k=2), torch.tensor([0, 0.625, 0, 0.375, 0]), atol=0.02)
    assert torch.allclose(shares(top_p=0.75), torch.tensor([0, 0.625, 0, 0.375, 0]), atol=0.02)
    assert torch.allclose(shares(top_p=0.85), torch.tensor([1, 5, 0, 3, 0]) / 9, atol=0.02)
    assert torch.allclose(shares(top_p=1e-9), torch.tensor([0, 1.0, 0, 0, 0]))
    assert torch.allclose(shares(temperature=0.5), probabilities**2 / (probabilities**2).sum(), atol=0.02)
    assert torch.allclose(shares(temperature=0.0), torch.tensor([0, 1.0, 0, 0, 0]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1.0}, "temperature: -1.0"),
        ({"temperature": float("nan")}, "temperature: nan"),
        ({"top_k": -1}, "top_k: -1"),
        ({"top_p": 0.0}, "top_p: 0.0"),
        ({"top_p": 1.5}, "top_p: 1.5"),
        ({"max_new_tokens": 0}, "max_new_tokens: 0"),
        ({"stop": [""]}, "stop: an empty text"),
    ],
)
def test_impossible_settings_are_refused_before_the_first_token(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(TaskError, match=message):
        generate(real_model(), TOKENIZER, "x", **options)  # type: ignore[arg-type]


def test_a_prompt_may_be_empty_or_hold_broken_text() -> None:
    assert isinstance("".join(generate(real_model(), TOKENIZER, "", max_new_tokens=3)), str)
    assert isinstance("".join(generate(real_model(), TOKENIZER, "a\udcff", max_new_tokens=3)), str)


BODIES = [
    "\n    return x\n\n\ndef other():\n    return (",  # the next definition is not part of it
    "\n    return (x\n)\n# done\nprint(x",  # a closing bracket and a comment do not end it
    "\n    return (x",  # ends with the text, unfinished
    "\n    return x +\nclass A",  # ends, but is wrong
    " return x",  # on one line
    "\nx = 1",  # no body
]


def test_functions_are_cut_at_their_end_and_parsed() -> None:
    headers = ["def f(x):"] + ["def long_name(x, y=1):"] * 5
    model = Recite([body.encode() for body in BODIES], [prompt_length(header) for header in headers])
    functions = sample_functions(
        model, TOKENIZER, headers, samples=6, seed=0, max_new_tokens=60, sampling=Sampling(temperature=0)
    )
    assert functions == [
        "def f(x):\n    return x\n\n\n",
        "def long_name(x, y=1):\n    return (x\n)\n# done\n",
        "def long_name(x, y=1):\n    return (x\n",
        "def long_name(x, y=1):\n    return x +\n",
        "def long_name(x, y=1): return x\n",
        "def long_name(x, y=1):\n",
    ]
    assert [parses(function) for function in functions] == [True, True, False, False, True, False]
    rate = parse_rate(
        model, TOKENIZER, headers, samples=6, max_new_tokens=60, sampling=Sampling(temperature=0)
    )
    assert rate == 0.5


def test_an_unfinished_function_is_judged_by_its_whole_lines() -> None:
    model = Recite([b"\n    y = x\n    return (y"], [prompt_length("def f(x):")])
    (function,) = sample_functions(
        model, TOKENIZER, ["def f(x):"], samples=1, max_new_tokens=22, sampling=Sampling(temperature=0)
    )
    assert function == "def f(x):\n    y = x\n"


def test_rows_of_a_batch_do_not_disturb_each_other() -> None:
    model, headers = real_model(), ["def a(x):", "def longer_name(first, second):", "def b():"]
    greedy = Sampling(temperature=0)
    together = sample_functions(model, TOKENIZER, headers, samples=3, max_new_tokens=10, sampling=greedy)
    alone = sample_functions(
        model, TOKENIZER, headers, samples=3, max_new_tokens=10, sampling=greedy, batch_size=1
    )
    assert together == alone


def test_nothing_to_sample_is_refused() -> None:
    with pytest.raises(TaskError, match="samples: 4 functions from 0 headers"):
        parse_rate(real_model(), TOKENIZER, [], samples=4)


@pytest.mark.parametrize("source", ["x = '\\d'\n", "x = 1 is 1\n"])
def test_warnings_are_no_errors(source: str, recwarn: pytest.WarningsRecorder) -> None:
    assert parses(source)
    assert not list(recwarn)


@pytest.mark.parametrize("source", ["x =", "x = '\0'", "(" * 5000 + ")" * 5000, "def f():\n"])
def test_what_does_not_parse_is_false(source: str) -> None:
    assert not parses(source)


def test_generation_works_with_a_tokenizer_of_the_task(task: CodeLanguageModelling) -> None:
    tokenizer = task.tokenizer({"vocab_size": 300})
    config = LanguageModelConfig(
        vocabulary_size=300, hidden_dim=32, num_heads=2, layers=(LayerConfig("rwkv", 64),),
        normalization="layernorm", activation="gelu", position="absolute", tie_embeddings=True,
    )  # fmt: skip
    pieces = list(generate(LanguageModel(config), tokenizer, "def", max_new_tokens=20))
    assert all(isinstance(piece, str) and piece for piece in pieces)
