"""Bits per byte: which tokens are predicted, in which windows, and their summed nats."""

import re
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sugata.errors import DataError

END_ID = 0  # the end of text, in every vocabulary
SPAN_BYTES = 4096  # a limited evaluation reads spans of about this much, spread over the split
LOGITS_AT_ONCE = 4_000_000  # elements of a chunk of logits
_SAFE_START = re.compile(rb"[!-~](?=\n)")  # after such a byte a word begins in every vocabulary


def byte_spans(text: np.ndarray, limit: int | None) -> list[tuple[int, int]]:
    """Parts of a split's text, of at most ``limit`` bytes together, that begin and end between words."""
    if limit is None or limit >= len(text):
        return [(0, len(text))]
    if limit <= 0:
        raise DataError(f"limit: {limit} is not positive; leave it out to evaluate the whole split")

    def start_of_word(position: int, forward: bool) -> int:
        if position == 0:
            return 0
        if forward:
            found = _SAFE_START.search(text[position : position + 65536].tobytes())
            return position + found.end() if found else len(text)
        first = max(0, position - 65536)
        ends = [match.end() for match in _SAFE_START.finditer(text[first : position + 1].tobytes())]
        return first + (ends[-1] if ends else 0)

    count = min(max(1, round(limit / SPAN_BYTES)), len(text))
    spans: list[tuple[int, int]] = []
    for number in range(count):
        start = start_of_word(number * len(text) // count, True)
        end = start_of_word(min(len(text), start + limit // count), False)
        if start < end and (not spans or start >= spans[-1][1]):
            spans.append((start, end))
    return spans or [(0, start_of_word(1, True))]  # a limit below one line: the first line


def token_spans(
    text: np.ndarray, tokens: np.ndarray, token_bytes: np.ndarray, limit: int | None
) -> list[tuple[int, int]]:
    """The first and last token of each span of text; ends of text on its borders belong to it."""
    spans = byte_spans(text, limit)
    ends = np.cumsum(token_bytes[tokens])  # after each token
    begins = ends - token_bytes[tokens]
    if int(ends[-1]) != len(text):
        raise DataError(f"cache: the packed tokens stand for {ends[-1]} bytes of a text of {len(text)}; "
                        "delete the cache folder, it is damaged")  # fmt: skip
    firsts = np.searchsorted(begins, [start for start, _ in spans], side="left")
    lasts = np.searchsorted(ends, [end for _, end in spans], side="right")
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def evaluation_batches(
    tokens: np.ndarray, spans: list[tuple[int, int]], batch_size: int, length: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Windows of the spans, inputs and targets ``(batch, length)``; targets are -100 after a span's end."""
    starts = [
        (start, min(start + length, last)) for first, last in spans for start in range(first, last, length)
    ]
    for position in range(0, len(starts), batch_size):
        rows = starts[position : position + batch_size]
        inputs = torch.full((len(rows), length), END_ID)
        targets = torch.full((len(rows), length), -100)
        for row, (start, end) in enumerate(rows):
            window = torch.from_numpy(tokens[start:end].astype(np.int64))
            targets[row, : end - start] = window
            inputs[row, 0] = int(tokens[start - 1]) if start else END_ID
            inputs[row, 1 : end - start] = window[:-1]
        yield inputs, targets


def score(model: nn.Module, inputs: Tensor, targets: Tensor) -> tuple[float, int]:
    """The sum of nats and the number of right predictions over the targets that are not negative."""
    features = getattr(model, "features", None)
    head: Callable[[Tensor], Tensor] | None = getattr(model, "head", None)
    if callable(features) and callable(head):
        hidden = features(inputs).flatten(0, 1)
    else:
        hidden, head = model(inputs).flatten(0, 1), lambda logits: logits
    flat = targets.flatten()
    kept = flat >= 0
    hidden, flat = hidden[kept], flat[kept]
    rows = max(1, LOGITS_AT_ONCE // max(1, head(hidden[:1]).shape[-1]))
    nats, hits = 0.0, 0
    for position in range(0, len(flat), rows):
        logits = head(hidden[position : position + rows]).float()
        part = flat[position : position + rows]
        nats += F.cross_entropy(logits, part, reduction="none").double().sum().item()
        hits += int((logits.argmax(-1) == part).sum())
    return nats, hits
