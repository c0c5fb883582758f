"""Writing text with a language model token by token, and whether the functions that it writes parse."""

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from sugata import decoding
from sugata.decoding import END_OF_TEXT, decode_stream, stop_before, token_bytes
from sugata.errors import TaskError
from sugata.trial import Metric

PARSE_RATE = Metric("parse_rate", "", "maximize", "share of sampled functions that are valid Python")

# A function ends where a line begins in the first column with anything but a comment or a closing bracket.
_FUNCTION_END = re.compile(rb"\n(?=[^\s#)\]}])")


class Sampling(decoding.Sampling):
    """How tokens are drawn from logits of torch; see `sugata.decoding.Sampling`."""

    def draw(self, logits: Tensor, generator: torch.Generator) -> Tensor:
        """One token a row, ``(batch,)`` int64, from logits ``(batch, vocabulary)``."""
        logits = logits.float()
        if self.temperature == 0:
            return logits.argmax(-1)
        # Sorted once, by falling probability: both cuts are then prefixes.
        values, order = torch.sort(logits, dim=-1, descending=True, stable=True)
        if self.top_k:
            values, order = values[:, : self.top_k], order[:, : self.top_k]
        # The nucleus is that of the distribution that is sampled from: after temperature and top-k.
        probabilities = torch.softmax((values - values[:, :1]) / self.temperature, -1)
        before = probabilities.cumsum(-1) - probabilities
        before[:, 0] = 0.0  # the most probable token stays, whatever the rounding
        probabilities = probabilities.masked_fill(before >= self.top_p, 0.0)
        drawn = torch.multinomial(probabilities, 1, generator=generator)
        return order.gather(-1, drawn).squeeze(-1)


def generate(
    model: nn.Module,
    tokenizer: Tokenizer,
    prompt: str,
    *,
    max_new_tokens: int = 256,
    temperature: float = 0.8,
    top_k: int = 0,
    top_p: float = 0.95,
    seed: int = 0,
    stop: Sequence[str] = (),
) -> Iterator[str]:
    """Continue a prompt, giving the new text in pieces as soon as their characters are complete.

    The prompt is read after an end of text, as the beginning of a document. Generation ends with the
    next end of text, before the first of the ``stop`` texts, or after ``max_new_tokens``. Bytes that are
    not UTF-8 become U+FFFD.

    Args:
        model: has ``initial_state(batch)`` and ``step(tokens, state) -> (logits, state)``.
        temperature: 0 is greedy; this and the two cuts as in ``Sampling``.
        seed: of every random draw; the same seed gives the same text.

    Raises:
        TaskError: a setting is impossible.
    """
    sampling = Sampling(temperature, top_k, top_p)
    _check_length(max_new_tokens)
    if not all(stop):
        raise TaskError("stop: an empty text would stop before the first token; leave it out")
    end = _end(tokenizer)
    start = [end, *_encode(tokenizer, prompt)]
    tokens = _tokens(model, start, end, max_new_tokens, sampling, torch.Generator().manual_seed(seed))
    return stop_before(decode_stream(tokens, token_bytes(tokenizer)), stop)


def _tokens(
    model: nn.Module,
    start: list[int],
    end: int,
    max_new_tokens: int,
    sampling: Sampling,
    generator: torch.Generator,
) -> Iterator[int]:
    stepper: Any = model
    device = _device(model)
    # Gradients are off around each step, not around a yield: the caller's code runs between the steps.
    with torch.no_grad():
        state = stepper.initial_state(1)
        for token in start:
            logits, state = stepper.step(torch.tensor([token], device=device), state)
    for number in range(1, max_new_tokens + 1):
        chosen = sampling.draw(logits.cpu(), generator)
        if int(chosen) == end:
            return
        yield int(chosen)
        if number < max_new_tokens:
            with torch.no_grad():
                logits, state = stepper.step(chosen.to(device), state)


def parse_rate(
    model: nn.Module,
    tokenizer: Tokenizer,
    headers: Sequence[str],
    *,
    samples: int = 64,
    seed: int = 0,
    max_new_tokens: int = 96,
    sampling: Sampling | None = None,
) -> float:
    """The share of functions sampled from the model that are valid Python; none is run.

    See ``sample_functions`` for the arguments.
    """
    functions = sample_functions(
        model,
        tokenizer,
        headers,
        samples=samples,
        seed=seed,
        max_new_tokens=max_new_tokens,
        sampling=sampling,
    )
    return sum(map(parses, functions)) / samples


@torch.no_grad()
def sample_functions(
    model: nn.Module,
    tokenizer: Tokenizer,
    headers: Sequence[str],
    *,
    samples: int = 64,
    seed: int = 0,
    max_new_tokens: int = 96,
    sampling: Sampling | None = None,
    batch_size: int = 64,
) -> list[str]:
    """Functions that the model writes after the headers, a batch of them at a time.

    A function is a header and what the model writes after it, up to the next line that begins in the first
    column, or the end of text. Of one that is not finished after ``max_new_tokens`` the complete lines
    are kept.

    Args:
        headers: first lines of functions, from ``def`` to the colon; used in turn.
        sampling: temperature 0.8 and top-p 0.95 when None.

    Raises:
        TaskError: no header is given or a setting is impossible.
    """
    _check_length(max_new_tokens)
    if not headers or samples < 1:
        raise TaskError(f"samples: {samples} functions from {len(headers)} headers; both must be positive")
    generator = torch.Generator().manual_seed(seed)
    table = token_bytes(tokenizer)
    end = _end(tokenizer)
    functions: list[str] = []
    for first in range(0, samples, batch_size):
        group = [headers[number % len(headers)] for number in range(first, min(first + batch_size, samples))]
        prompts = [[end, *_encode(tokenizer, header)] for header in group]
        bodies = _write(
            model, prompts, table, end, max_new_tokens, sampling or Sampling(), generator, _function_ended
        )
        functions += [header + _function_body(body) for header, body in zip(group, bodies, strict=True)]
    return functions


@torch.no_grad()
def continuations(
    model: nn.Module,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    *,
    stop: Sequence[str] = (),
    max_new_tokens: int = 256,
    sampling: Sampling | None = None,
    seed: int = 0,
    batch_size: int = 64,
) -> list[str]:
    """What the model writes after each prompt, a batch at a time, up to a stop text that is kept.

    Args:
        sampling: temperature 0.8 and top-p 0.95 when None.

    Raises:
        TaskError: a setting is impossible.
    """
    _check_length(max_new_tokens)
    generator = torch.Generator().manual_seed(seed)
    table, end = token_bytes(tokenizer), _end(tokenizer)
    stops = [text.encode() for text in stop]

    def ended(written: bytearray) -> bool:
        return any(written.find(text, 1) >= 0 for text in stops)

    texts: list[str] = []
    for first in range(0, len(prompts), batch_size):
        rows = [[end, *_encode(tokenizer, prompt)] for prompt in prompts[first : first + batch_size]]
        bodies = _write(model, rows, table, end, max_new_tokens, sampling or Sampling(), generator, ended)
        texts += [body.decode("utf-8", "replace") for body in bodies]
    return texts


def _write(
    model: nn.Module,
    prompts: list[list[int]],
    table: list[bytes],
    end: int,
    max_new_tokens: int,
    sampling: Sampling,
    generator: torch.Generator,
    ended: Callable[[bytearray], bool],
) -> list[bytes]:
    """Advance all rows together; a row reads its prompt first and writes afterwards, so none is padded."""
    stepper: Any = model
    device = _device(model)
    state = stepper.initial_state(len(prompts))
    written = [bytearray() for _ in prompts]
    finished = np.zeros(len(prompts), dtype=bool)
    tokens = torch.tensor([prompt[0] for prompt in prompts])
    lengths = [len(prompt) for prompt in prompts]
    for position in range(1, max(lengths) + max_new_tokens):
        logits, state = stepper.step(tokens.to(device), state)
        tokens = sampling.draw(logits.cpu(), generator)
        for row, token in enumerate(tokens.tolist()):
            if position < lengths[row]:
                tokens[row] = prompts[row][position]
            elif not finished[row]:
                written[row] += b"\n" if token == end else table[token]
                done = token == end or ended(written[row])
                finished[row] = done or position - lengths[row] + 1 >= max_new_tokens
        if finished.all():
            break
    return [bytes(body) for body in written]


def _function_ended(written: bytearray) -> bool:
    return _FUNCTION_END.search(written) is not None


def _function_body(written: bytes) -> str:
    found = _FUNCTION_END.search(written)
    last = written.rfind(b"\n")
    complete = written[: found.start() + 1] if found else written[: last + 1] if last >= 0 else written
    return complete.decode("utf-8", "replace")


def parses(source: str) -> bool:
    """Whether a text is valid Python; it is not run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes and the like are not errors
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _end(tokenizer: Tokenizer) -> int:
    end = tokenizer.token_to_id(END_OF_TEXT)
    if end is None:
        raise TaskError(f"tokenizer: it lacks the token {END_OF_TEXT}; use one that this task has trained")
    return end


def _encode(tokenizer: Tokenizer, text: str) -> list[int]:
    # A command line may hold bytes that are no text; they become question marks.
    text = text.encode("utf-8", "replace").decode("utf-8")
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def _device(model: nn.Module) -> torch.device:
    return next(iter(model.parameters()), torch.empty(0)).device


def _check_length(max_new_tokens: int) -> None:
    if max_new_tokens < 1:
        raise TaskError(f"max_new_tokens: {max_new_tokens} is not positive; try 256")
