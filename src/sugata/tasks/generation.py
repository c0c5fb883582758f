"""Writing text with a language model token by token, and whether the functions that it writes parse."""

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from sugata import decoding
from sugata.decoding import END_OF_TEXT, decode_stream, stop_before, token_bytes
from sugata.errors import TaskError
from sugata.tasks.writing import row_bytes, rows_at_once, uniforms, write
from sugata.trial import Metric

PARSE_RATE = Metric("parse_rate", "", "maximize", "share of sampled functions that are valid Python")

# A function ends where a line begins in the first column with anything but a comment or a closing bracket.
_FUNCTION_END = re.compile(rb"\n(?=[^\s#)\]}])")


class Sampling(decoding.Sampling):
    """How tokens are drawn from logits of torch; see `sugata.decoding.Sampling`."""

    def draw(self, logits: Tensor, generator: torch.Generator) -> Tensor:
        """One token a row, ``(batch,)`` int64, from logits ``(batch, vocabulary)``."""
        if self.temperature == 0:
            return logits.argmax(-1)
        probabilities, order = self._cut(logits)
        drawn = torch.multinomial(probabilities, 1, generator=generator)
        return order.gather(-1, drawn).squeeze(-1)

    def pick(self, logits: Tensor, numbers: Tensor) -> Tensor:
        """The same from random numbers below 1, ``(batch,)``: a row's token depends on nothing else."""
        if self.temperature == 0:
            return logits.argmax(-1)
        probabilities, order = self._cut(logits)
        sums = probabilities.double().cumsum(-1)
        places = torch.searchsorted(sums, (numbers * sums[:, -1])[:, None], right=True)
        last = (probabilities > 0).sum(-1, keepdim=True) - 1  # where rounding has reached the whole sum
        return order.gather(-1, torch.minimum(places, last)).squeeze(-1)

    def _cut(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Weights of the tokens that may be drawn, by falling probability, and which tokens they are."""
        logits = logits.float()
        # Sorted once, by falling probability: both cuts are then prefixes.
        values, order = torch.sort(logits, dim=-1, descending=True, stable=True)
        if self.top_k:
            values, order = values[:, : self.top_k], order[:, : self.top_k]
        # The nucleus is that of the distribution that is sampled from: after temperature and top-k.
        probabilities = torch.softmax((values - values[:, :1]) / self.temperature, -1)
        before = probabilities.cumsum(-1) - probabilities
        before[:, 0] = 0.0  # the most probable token stays, whatever the rounding
        return probabilities.masked_fill(before >= self.top_p, 0.0), order


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
    chosen = sampling or Sampling()
    table = token_bytes(tokenizer)
    end = _end(tokenizer)

    def draw(logits: Tensor, rows: Sequence[int], position: int) -> Tensor:
        return chosen.draw(logits, generator)

    functions: list[str] = []
    for first in range(0, samples, batch_size):
        group = [headers[number % len(headers)] for number in range(first, min(first + batch_size, samples))]
        prompts = [[end, *_encode(tokenizer, header)] for header in group]
        bodies = write(model, prompts, table, end, max_new_tokens, draw, _function_ended)
        functions += [header + _function_body(body) for header, body in zip(group, bodies, strict=True)]
    return functions


@torch.no_grad()
def continuations(
    model: nn.Module,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    *,
    seeds: Sequence[Sequence[int]],
    stop: Sequence[str] = (),
    max_new_tokens: int = 256,
    sampling: Sampling | None = None,
    batch_size: int | None = None,
) -> list[str]:
    """What the model writes after each prompt, a batch at a time, up to a stop text that is kept.

    Args:
        seeds: one a prompt: each text is drawn by its own, whatever is written beside it.
        sampling: temperature 0.8 and top-p 0.95 when None.
        batch_size: None: as many as memory holds, up to 64.

    Raises:
        TaskError: a setting is impossible.
        DataError: memory does not hold the writing of one.
    """
    _check_length(max_new_tokens)
    chosen = sampling or Sampling()
    table, end = token_bytes(tokenizer), _end(tokenizer)
    stops = [text.encode() for text in stop]
    rows = [[end, *_encode(tokenizer, prompt)] for prompt in prompts]
    if batch_size is None:
        longest = max(map(len, rows), default=1) + max_new_tokens
        batch_size = rows_at_once(row_bytes(model, longest))

    def ended(written: bytearray) -> bool:
        return any(written.find(text, 1) >= 0 for text in stops)

    texts = [""] * len(rows)
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))  # alike in length: read in blocks
    for first in range(0, len(rows), batch_size):
        batch = order[first : first + batch_size]
        given = [rows[row] for row in batch]
        numbers = uniforms([seeds[row] for row in batch], max(map(len, given)) + max_new_tokens)

        def draw(logits: Tensor, rows: Sequence[int], position: int, numbers: Tensor = numbers) -> Tensor:
            return chosen.pick(logits, numbers[rows, position])

        bodies = write(model, given, table, end, max_new_tokens, draw, ended)
        for row, body in zip(batch, bodies, strict=True):
            texts[row] = body.decode("utf-8", "replace")
    return texts


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
