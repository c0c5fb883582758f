"""How long something takes: warmed up, repeated, as quantiles."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sugata.decoding import StepGraph, onnx_session

Feeds = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Latency:
    """Quantiles of repeated timings, in milliseconds.

    Attributes:
        median: half of the repetitions took at most this.
        p10: the fastest tenth took at most this.
        p90: nine tenths took at most this; limits are decided on it.
        repeats: how many were timed.
    """

    median: float
    p10: float
    p90: float
    repeats: int

    @property
    def spread(self) -> float:
        """Distance between the 10 % and the 90 % quantile, as a share of the median."""
        return (self.p90 - self.p10) / self.median


def latency(
    run: Callable[[], object], *, warmup: int = 3, repeats: int = 50, seconds: float = 0.4
) -> Latency:
    """Time a call again and again.

    Args:
        run: what is timed; a call must return only when its work is done (a GPU must be synchronized inside).
        warmup: untimed calls first, for caches and lazy initialization.
        repeats: timed calls, at most.
        seconds: stop when the timed calls took this long together, but not before three of them.
    """
    for _ in range(warmup):
        run()
    timings: list[float] = []
    total = 0.0
    while len(timings) < repeats and (total < seconds or len(timings) < 3):
        start = time.perf_counter()
        run()
        timings.append(time.perf_counter() - start)
        total += timings[-1]
    p10, median, p90 = (1e3 * float(q) for q in np.quantile(timings, [0.1, 0.5, 0.9]))
    return Latency(median, p10, p90, len(timings))


def onnx_latency(
    path: str | Path,
    feeds: Feeds,
    threads: int = 1,
    *,
    warmup: int = 3,
    repeats: int = 50,
    seconds: float = 0.4,
) -> Latency:
    """Time an ONNX file in onnxruntime: one run of the whole graph, all outputs computed.

    Args:
        path: the file.
        feeds: input name -> array.
        threads: threads of onnxruntime.
        warmup, repeats, seconds: see `latency`.
    """
    session = onnx_session(path, threads)
    inputs = dict(feeds)
    return latency(lambda: session.run(None, inputs), warmup=warmup, repeats=repeats, seconds=seconds)


def decode_latency(
    path: str | Path,
    *,
    context: int = 128,
    threads: int = 1,
    repeats: int = 64,
    seconds: float = 0.4,
) -> Latency:
    """Time one token of a step graph, after a context: every step feeds back the state of the one before.

    The context is not decoded: caches are filled with zeros of its length, which takes the same time to
    attend to. They fill while timing goes on, as they do when text is generated.

    Args:
        path: a graph with an input `tokens` `(batch, length)` and states that come back as `NAME.next`.
        context: tokens in the caches (axes named "past") before the first timed step.
        threads: threads of onnxruntime.
        repeats, seconds: see `latency`.
    """
    sequence = StepGraph(path, threads).start(capacity=context + repeats + 8)
    sequence.skip(context)
    token = np.zeros((1, 1), np.int64)
    return latency(lambda: sequence.feed(token), repeats=repeats, seconds=seconds)
