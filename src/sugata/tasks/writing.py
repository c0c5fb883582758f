"""Many texts at once: rows that read their prompts and write on, and how many of them memory holds."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from sugata.errors import DataError
from sugata.machine import free_memory
from sugata.nn.token_mixer import BLOCK

_SHARE = 0.25  # of the free memory: what runs beside it has a share too
_MOST_ROWS = 64
#: Of a token of the vocabulary while one is drawn: logits, their sorted copy and its order, weights, sums.
DRAW_BYTES = 28
_TOKEN_BYTES = 16  # of a token of a row: the number that draws it, and its text


class Draw(Protocol):
    """Chooses tokens for some rows of a batch."""

    def __call__(self, logits: Tensor, rows: Sequence[int], position: int) -> Tensor:
        """One token a row, ``(rows,)`` int64, from their logits ``(rows, vocabulary)`` at a position."""


def write(
    model: nn.Module,
    prompts: Sequence[Sequence[int]],
    table: list[bytes],
    end: int,
    max_new_tokens: int,
    draw: Draw,
    ended: Callable[[bytearray], bool],
) -> list[bytes]:
    """Advance all rows together; a row reads its prompt first and writes afterwards, so none is padded.

    Args:
        model: has ``initial_state(batch)`` and ``step(tokens, state) -> (logits, state)``; what all rows have
            to read is read in blocks where it has ``extend`` too.
    """
    stepper: Any = model
    device = next(iter(model.parameters()), torch.empty(0)).device
    state = stepper.initial_state(len(prompts))
    written = [bytearray() for _ in prompts]
    lengths = [len(prompt) for prompt in prompts]
    finished = [False] * len(prompts)
    read = min(lengths) - 1 if hasattr(stepper, "extend_features") else 0
    for first in range(0, read, BLOCK):
        block = torch.tensor([prompt[first : min(first + BLOCK, read)] for prompt in prompts])
        _, state = stepper.extend_features(block.to(device), state)
    tokens = torch.tensor([prompt[read] for prompt in prompts])
    for position in range(read + 1, max(lengths) + max_new_tokens):
        logits, state = stepper.step(tokens.to(device), state)
        reading = [row for row, length in enumerate(lengths) if position < length]
        writing = [row for row, length in enumerate(lengths) if position >= length and not finished[row]]
        for row in reading:
            tokens[row] = prompts[row][position]
        if not writing:
            continue
        tokens[writing] = draw(logits.cpu()[writing], writing, position)
        for row in writing:
            token = int(tokens[row])
            written[row] += b"\n" if token == end else table[token]
            over = position - lengths[row] + 1 >= max_new_tokens
            finished[row] = over or token == end or ended(written[row])
        if all(finished):
            break
    return [bytes(body) for body in written]


def uniforms(seeds: Sequence[Sequence[int]], count: int) -> Tensor:
    """Numbers below 1 for every row, ``(rows, count)``; a row's depend on its own seed alone."""
    return torch.from_numpy(np.stack([np.random.default_rng(list(seed)).random(count) for seed in seeds]))


def row_bytes(model: nn.Module, tokens: int) -> int:
    """About what one row takes while it is written up to so many tokens, prompt included.

    The state is tried out on two tokens: what has grown between them grows with every one. It counts twice,
    since a step makes the next one beside it.
    """
    stepper: Any = model
    device = next(iter(model.parameters()), torch.empty(0)).device
    token, sizes = torch.zeros(1, dtype=torch.int64, device=device), []
    with torch.no_grad():
        state = stepper.initial_state(1)
        for _ in range(2):
            logits, state = stepper.step(token, state)
            sizes.append(sum(part.numel() * part.element_size() for part in state))
    state_bytes = 2 * (sizes[0] + (sizes[1] - sizes[0]) * tokens)
    return int(state_bytes + DRAW_BYTES * logits.shape[-1] + _TOKEN_BYTES * tokens)


def rows_at_once(bytes_of_row: int, free: int | None = None) -> int:
    """How many rows are written at a time, as memory allows.

    Args:
        bytes_of_row: of one text while it is written.
        free: bytes of memory; None: what is free now.

    Raises:
        DataError: memory holds not even one.
    """
    free = free_memory() if free is None else free
    rows = int(_SHARE * free) // max(1, bytes_of_row)
    if not rows:
        raise DataError(
            f"tokens: writing one program takes about {bytes_of_row / 1e9:.3g} GB, and {free / 1e9:.3g} GB of"
            " memory are free; give fewer tokens a program, or free some memory"
        )
    return min(rows, _MOST_ROWS)
