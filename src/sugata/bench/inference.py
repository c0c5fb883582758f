"""How fast a found language model writes: every precision, beside the same weights in `transformers`."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from sugata.bench.writers import LIBRARY, Timing, Writer, prepare
from sugata.errors import SugataError
from sugata.machine import cores, processor
from sugata.nn import LanguageModelConfig

_PACKAGES = ("onnxruntime", "torch", "transformers", "numpy")
_BASE = "fp32"
_STREAM = 1 << 25  # 32-bit numbers of each of two vectors that measure the memory: far more than caches hold


@dataclass(frozen=True)
class Spread:
    """A median with the 10 % and 90 % quantiles of the rounds."""

    median: float
    p10: float
    p90: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of measured values, at least one."""
        p10, median, p90 = (float(q) for q in np.quantile(values, [0.1, 0.5, 0.9]))
        return cls(median, p10, p90)

    def shown(self, form: str = ".2f") -> str:
        """As text, such as `1.50 [1.40, 1.60]`."""
        return f"{self.median:{form}} [{self.p10:{form}}, {self.p90:{form}}]"


def bench_inference(
    folder: str | Path,
    *,
    prompt: int = 128,
    tokens: int = 64,
    rounds: int = 9,
    library: bool = True,
    to: Path | None = None,
    say: Callable[[str], None] = lambda message: None,
) -> str:
    """Time an exported model's prefill and decoding on one thread, and write a table.

    Everything takes turns within each of the rounds, and ratios are those of one round, in seconds of the
    processor: what else runs on the machine cancels as far as it can. Decoding is greedy and whole: choosing
    the token counts.

    Args:
        folder: an exported language model.
        prompt: tokens of the prompt, drawn at random; also the context at which decoding begins.
        tokens: new tokens that are timed.
        rounds: how often.
        library: time `transformers` too, where it is installed.
        to: a JSON file for everything measured.
        say: told what happens.

    Returns:
        Tables as Markdown.

    Raises:
        SugataError: no language model, or an impossible setting.
    """
    if prompt < 1 or tokens < 2 or rounds < 1:
        raise SugataError(f"prompt {prompt}, tokens {tokens}, rounds {rounds}: at least 1, 2 and 1")
    with TemporaryDirectory(prefix="sugata-bench-") as scratch:
        say("writing step graphs of every precision")
        config, writers, notes = prepare(Path(folder), Path(scratch), prompt + tokens // 2, library=library)
        timings: dict[str, list[Timing]] = {writer.name: [] for writer in writers}
        generator = np.random.default_rng(0)
        for number in range(rounds + 1):
            say(f"round {number} of {rounds}" if number else "warming up")
            start = generator.integers(config.vocabulary_size, size=prompt).tolist()
            for writer in writers:
                timing = writer.write(start, tokens)
                if number:
                    timings[writer.name].append(timing)
        say("measuring memory")
        memory = {writer.name: writer.memory(prompt) for writer in writers}
    bandwidth = memory_bandwidth()
    result = _result(config, writers, timings, memory, bandwidth)
    result |= {"prompt": prompt, "tokens": tokens, "rounds": rounds, "notes": notes}
    result |= {"folder": str(folder), "machine": f"{processor()}, {cores()} cores, one thread"}
    result["versions"] = {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES}
    if to is not None:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return _tables(result)


def memory_bandwidth(repeats: int = 5) -> float:
    """Bytes a second that one thread reads from memory: the fastest of a few products of long vectors."""
    from time import perf_counter

    first, second = np.ones(_STREAM, np.float32), np.ones(_STREAM, np.float32)
    seconds = []
    for _ in range(repeats):
        start = perf_counter()
        np.dot(first, second)
        seconds.append(perf_counter() - start)
    return (first.nbytes + second.nbytes) / min(seconds)


def _result(
    config: LanguageModelConfig,
    writers: Sequence[Writer],
    timings: Mapping[str, list[Timing]],
    memory: Mapping[str, int],
    bandwidth: float,
) -> dict[str, Any]:
    rows = {}
    for writer in writers:
        name, mine = writer.name, timings[writer.name]
        row: dict[str, Any] = {
            "prefill_ms": vars(Spread.of([1e3 * one.prefill for one in mine])),
            "token_ms": vars(Spread.of([1e3 * one.token for one in mine])),
            "token_cpu_ms": vars(Spread.of([1e3 * one.token_cpu for one in mine])),
            "tokens_per_second": vars(Spread.of([1 / one.token for one in mine])),
            "peak_memory_bytes": memory[name],
            "bytes_per_token": writer.bytes_per_token,
            "bound_tokens_per_second": bandwidth / writer.bytes_per_token,
        }
        for other in (LIBRARY, _BASE):
            if other in timings and other != name:
                pairs = list(zip(timings[other], mine, strict=True))
                row[f"decoding_over_{other}"] = vars(Spread.of([t.token_cpu / m.token_cpu for t, m in pairs]))
                row[f"prefill_over_{other}"] = vars(
                    Spread.of([t.prefill_cpu / m.prefill_cpu for t, m in pairs])
                )
        rows[name] = row
    return {"model": config.to_dict(), "bandwidth_bytes_per_second": bandwidth, "rows": rows}


def _tables(result: Mapping[str, Any]) -> str:
    """What was measured, and what it is beside the library and beside our own 32-bit weights."""
    header = ("", "prefill ms", "ms a token", "processor ms a token", "tokens/s", "bound tokens/s", "peak MB")
    rows, ratios = [], []
    for name, row in result["rows"].items():
        names = ("prefill_ms", "token_ms", "token_cpu_ms", "tokens_per_second")
        prefill, token, cpu, rate = (Spread(**row[key]) for key in names)
        peak = f"{row['peak_memory_bytes'] / 1e6:.0f}"
        bound = f"{row['bound_tokens_per_second']:,.0f}"
        times = (prefill.shown(), token.shown(".3f"), cpu.shown(".3f"), rate.shown(",.0f"))
        rows.append((name, *times, bound, peak))
        over = [
            Spread(**row[key]).shown() if key in row else ""
            for what in ("decoding", "prefill")
            for key in (f"{what}_over_{LIBRARY}", f"{what}_over_{_BASE}")
        ]
        ratios.append((name, *over))
    ratio_header = (
        "times as fast (processor time)", f"decoding, {LIBRARY}", f"decoding, {_BASE}",
        f"prefill, {LIBRARY}", f"prefill, {_BASE}",
    )  # fmt: skip
    lines = [
        f"{result['machine']}; prompt {result['prompt']}, {result['tokens']} new tokens, greedy; "
        f"median [10 %, 90 %] of {result['rounds']} interleaved rounds",
        "",
        *_markdown(header, rows),
        "",
        *_markdown(ratio_header, ratios),
        "",
        f"bound: {result['bandwidth_bytes_per_second'] / 1e9:.1f} GB/s of memory over the bytes that a token "
        "reads; caches of the processor may hold a small model and beat it",
        *result["notes"],
    ]
    return "\n".join(lines)


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
