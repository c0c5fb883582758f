"""What writes tokens in the benchmark of inference: our step graphs, and `transformers`."""

from __future__ import annotations

import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from sugata.compression import GROUP_SIZE, Storage, compress
from sugata.decoding import ExportedModel, Sampling, StepGraph
from sugata.errors import SugataError
from sugata.export import export_decode_onnx, load_folder
from sugata.export.stock import ATTENTION_MIXERS, stock_class, stock_model
from sugata.measure import peak_memory
from sugata.nn import LanguageModel, LanguageModelConfig

Moment = tuple[float, float]  # by the wall clock, of the processor

LIBRARY = "transformers fp32"
_BF16 = "transformers bf16"
_STORAGE: dict[str, Storage] = {"fp32": "fp16", "int8": "int8", "int4": "int4"}
_BITS = {"fp32": 32.0, "int8": 8 + 32 / GROUP_SIZE, "int4": 4 + 32 / GROUP_SIZE}  # as they are read

_PROGRAM = """
import sys, torch, transformers
from transformers import AutoModelForCausalLM

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

class_ = getattr(transformers, sys.argv[4])
before = peak()
model = class_.from_pretrained(sys.argv[1], dtype=getattr(torch, sys.argv[2]))
tokens = torch.zeros(1, int(sys.argv[3]), dtype=torch.int64)
model.generate(tokens, max_new_tokens=2, min_new_tokens=2, do_sample=False)
print(peak() - before)
"""


@dataclass(frozen=True)
class Timing:
    """Seconds to the first new token, and for each further one, by the wall clock and of the processor."""

    prefill: float
    token: float
    prefill_cpu: float
    token_cpu: float


class Writer(ABC):
    """Continues a prompt greedily and says how long it took.

    Attributes:
        name: of its row.
        bytes_per_token: what it reads from memory for a token: weights, and the state.
    """

    name: str
    bytes_per_token: float

    @abstractmethod
    def write(self, prompt: list[int], count: int) -> Timing:
        """Write `count` tokens after the prompt."""

    @abstractmethod
    def memory(self, prompt: int) -> int:
        """Bytes that loading and a prompt add to a fresh process, or 0 where they cannot be measured."""


class GraphWriter(Writer):
    """A step graph in onnxruntime, as `sugata generate` uses it.

    Args:
        name: of its row.
        path: the graph.
        tokenizer: of the model.
        bytes_per_token: see `Writer`.
    """

    def __init__(self, name: str, path: Path, tokenizer: Tokenizer, bytes_per_token: float) -> None:
        self.name = name
        self.path = path
        self.bytes_per_token = bytes_per_token
        self.model = ExportedModel(StepGraph(path), tokenizer)

    def write(self, prompt: list[int], count: int) -> Timing:
        """By the same loop as `generate`."""
        generator = np.random.default_rng(0)
        start = _now()
        tokens = self.model.continue_tokens(prompt, None, count, Sampling(temperature=0), generator)
        stamps = [_now() for _ in tokens]
        return _timing(start, stamps)

    def memory(self, prompt: int) -> int:
        """Beyond onnxruntime itself."""
        state = self.model.graph.initial_state()
        feeds = {name: (values.shape, str(values.dtype)) for name, values in state.items()}
        return peak_memory(self.path, {"tokens": ((1, prompt), "int64"), **feeds})


class LibraryWriter(Writer):
    """`generate` of the library's own class, in eager mode.

    Args:
        name: of its row.
        model: the model.
        folder: where it is saved, for measuring its memory.
        bytes_per_token: see `Writer`.
    """

    def __init__(self, name: str, model: Any, folder: Path, bytes_per_token: float) -> None:
        self.name = name
        self.model = model
        self.folder = folder
        self.bytes_per_token = bytes_per_token

    def write(self, prompt: list[int], count: int) -> Timing:
        """One call of `generate`, whose streamer notes when tokens come."""
        stamps = _Stamps()
        tokens = torch.tensor([prompt])
        start = _now()
        with torch.no_grad():
            self.model.generate(
                tokens, max_new_tokens=count, min_new_tokens=count, do_sample=False, streamer=stamps
            )
        return _timing(start, stamps.times[1:])  # the first is the prompt itself

    def memory(self, prompt: int) -> int:
        """Beyond torch and the library themselves."""
        precision = "bfloat16" if self.model.dtype == torch.bfloat16 else "float32"
        arguments = [str(self.folder), precision, str(prompt), type(self.model).__name__]
        done = subprocess.run([sys.executable, "-c", _PROGRAM, *arguments], capture_output=True, text=True)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise SugataError(f"{self.name}: its memory could not be measured: {reason}")
        return int(done.stdout.split()[-1])


class _Stamps:
    """A streamer that keeps times, not tokens."""

    def __init__(self) -> None:
        self.times: list[Moment] = []

    def put(self, _: Any) -> None:
        self.times.append(_now())

    def end(self) -> None:
        """Nothing is left to do."""


def prepare(
    folder: Path, scratch: Path, context: int, *, library: bool
) -> tuple[LanguageModelConfig, list[Writer], list[str]]:
    """Everything that takes part, at a context of so many tokens, and notes on what does not."""
    model, tokenizer = load_folder(folder)
    writers: list[Writer] = []
    for name, storage in _STORAGE.items():
        path = scratch / f"{name}.onnx"
        export_decode_onnx(compress(model, quantization=storage), path)
        writers.append(GraphWriter(name, path, tokenizer, bytes_of_token(model, _BITS[name], context)))
    notes = ["bf16: onnxruntime has no such products on a CPU; it stands here in the library's form only"]
    made, note = _library(model) if library else (None, "transformers: left out, as asked")
    if made is None:
        return model.config, writers, [note]
    saved = scratch / "library"
    made.save_pretrained(saved)
    writers.append(LibraryWriter(LIBRARY, made, saved, bytes_of_token(model, 32, context)))
    half, _ = _library(model)
    writers.append(LibraryWriter(_BF16, half.to(torch.bfloat16), saved, bytes_of_token(model, 16, context)))
    return model.config, writers, [note, *notes]


def _library(model: LanguageModel) -> tuple[Any, str]:
    name = stock_class(model.config)
    if name is None:
        return None, "transformers: has no class for this architecture"
    try:
        import transformers
    except ImportError:
        return None, "transformers: not installed; pip install 'sugata[hf]' to compare"
    transformers.utils.logging.set_verbosity_error()
    made = stock_model(model, name)
    made.generation_config.bos_token_id = made.generation_config.eos_token_id = None
    made.generation_config.pad_token_id = 0
    return made, f"transformers: {name}, eager"


def bytes_of_token(model: LanguageModel, bits: float, context: int) -> float:
    """Bytes that one token reads: every matrix but the embedding's other rows, and keys and values.

    Args:
        model: the model.
        bits: of a weight as it is read, scales included.
        context: tokens in caches of 32-bit floats.
    """
    config = model.config
    weights = sum(parameter.numel() for parameter in model.parameters())
    if not config.tie_embeddings:
        weights -= model.embedding.weight.numel()
    cached = sum(
        2 * config.heads_of(layer)[1] * config.head_dim
        for layer in config.layers
        if layer.mixer in ATTENTION_MIXERS
    )
    return weights * bits / 8 + 4 * cached * context


def _now() -> Moment:
    return time.perf_counter(), time.process_time()


def _timing(start: Moment, stamps: Sequence[Moment]) -> Timing:
    prefill, prefill_cpu = (first - begun for first, begun in zip(stamps[0], start, strict=True))
    token, token_cpu = (
        (end - first) / (len(stamps) - 1) for end, first in zip(stamps[-1], stamps[0], strict=True)
    )
    return Timing(prefill, token, prefill_cpu, token_cpu)
