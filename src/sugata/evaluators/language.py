"""Language models as the evaluator that trains sees them: compressed as the architecture says."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sugata.compression import CompressedModel, Compression, GradualPruning, compress, stored_size
from sugata.errors import DataError
from sugata.evaluators.code_benchmark import CodeBenchmark
from sugata.evaluators.networks import Networks
from sugata.export import export_decode_onnx, export_folder, export_onnx, load_folder
from sugata.measure import (
    count_parameters,
    decode_latency,
    flops,
    onnx_latency,
    onnx_session,
    peak_memory,
)
from sugata.nn import LanguageModel, LanguageModelConfig
from sugata.spaces.language import LanguageSpace
from sugata.tasks import CodeLanguageModelling, generate
from sugata.training import AfterStep
from sugata.trial import TIMED, Fidelity, Metric, Trial, Value

PREFILL_TOKENS = 128
_SAMPLE_TOKENS = 120
_PROMPT = "def "
_OF_PREFILL = TIMED - {"decode_ms"}  # measured on the file for whole sequences

_MEASURES = (
    Metric("parameters", "", "minimize", "trained parameters of the built network"),
    Metric("size_bytes", "bytes", "minimize", "the stored model file"),
    Metric("flops", "FLOP", "minimize", "forward pass over a prefill of 128 tokens"),
    Metric("latency_ms", "ms", "minimize", "prefill of 128 tokens in onnxruntime, one thread, median"),
    Metric("latency_ms_p90", "ms", "minimize", "90th percentile of the same; limits are decided on it"),
    Metric("decode_ms", "ms", "minimize", "one more token in onnxruntime, one thread, median"),
    Metric("peak_memory_bytes", "bytes", "minimize", "what loading the file and a prefill add to a process"),
)


class LanguageNetworks(Networks):
    """Code language models, compressed after training.

    The quality is that of the compressed network; size, latency and memory are those of what ships.

    Args:
        space: a language space.
        task: language modelling of code.
        evaluation_bytes: validation text that scores a candidate; None: all of it.
        test_bytes: test text that scores the winner, once.
        benchmark: problems that candidates are asked to solve, besides.
    """

    metrics: tuple[Metric, ...] = _MEASURES

    def __init__(
        self,
        space: LanguageSpace,
        task: CodeLanguageModelling,
        *,
        evaluation_bytes: int | None = None,
        test_bytes: int | None = None,
        benchmark: CodeBenchmark | None = None,
    ) -> None:
        self.space: LanguageSpace = space
        self.task: CodeLanguageModelling = task
        self.evaluation_bytes = evaluation_bytes
        self.test_bytes = test_bytes
        self.benchmark = benchmark
        if benchmark is not None:
            self.metrics = (*_MEASURES, *benchmark.metrics)

    def prepare(self, options: Mapping[str, Sequence[Value]], *, say: Callable[[str], None]) -> None:
        """Prepare the corpus, and read the problems."""
        if self.benchmark is not None:
            self.benchmark.prepare()
        super().prepare(options, say=say)

    def settings(self) -> list[Any]:
        """How much text scores a candidate, and which problems."""
        return [self.evaluation_bytes, *([] if self.benchmark is None else self.benchmark.fingerprint())]

    def build(
        self, architecture: Mapping[str, Value], fidelity: Fidelity, seed: int | None = None
    ) -> LanguageModel:
        """The model before compression, the same at every fidelity."""
        model = LanguageModel(self.space.config(architecture))
        if seed is not None:
            model.initialize(torch.Generator().manual_seed(seed))
        return model

    def while_training(self, model: nn.Module, architecture: Mapping[str, Value]) -> AfterStep | None:
        """Gradual pruning, where the architecture says so; with a teacher, it is distillation-aware."""
        return pruning_of(model, architecture)

    def measure(
        self,
        model: nn.Module,
        architecture: Mapping[str, Value],
        fidelity: Fidelity,
        exclusive: AbstractContextManager[None],
    ) -> dict[str, float]:
        """Everything, of the compressed model."""
        assert isinstance(model, LanguageModel)
        compression = compression_of(architecture)
        compressed = compress(model, **vars(compression))
        restored = compressed.restore()
        quality = self.task.evaluate(restored, architecture, split="validation", limit=self.evaluation_bytes)
        if self.benchmark is not None:
            tokenizer = self.task.tokenizer(architecture)
            quality |= self.benchmark.measure(restored, tokenizer, fidelity.rung)
        return {**quality, **_static(model.config, compression), **_timed(compressed, exclusive)}

    def costs(
        self,
        architecture: Mapping[str, Value],
        names: Collection[str],
        exclusive: AbstractContextManager[None],
    ) -> dict[str, float]:
        """Parameters, exact stored size, FLOPs; latency and memory of a freshly initialized network."""
        metrics = _static(self.space.config(architecture), compression_of(architecture), names)
        if TIMED.intersection(names):
            metrics |= _timed(self._untrained(architecture), exclusive, names)
        return {name: value for name, value in metrics.items() if name in names}

    def export(self, folder: Path, model: nn.Module, trial: Trial, name: str) -> None:
        """Compressed weights, tokenizer, ONNX for whole sequences and for decoding, model card."""
        assert isinstance(model, LanguageModel)
        architecture = self.space.architecture(trial.proposal.architecture)
        compressed = compress(model, **vars(compression_of(architecture)))
        with NamedTemporaryFile("w", suffix=".json") as tokenizer:
            tokenizer.write(self.task.tokenizer(architecture).to_str())
            tokenizer.flush()
            facts = json.loads(architecture.to_json())
            export_folder(folder, compressed, facts, tokenizer.name, dict(trial.metrics), name=name)

    def score(self, folder: Path, architecture: Mapping[str, Value]) -> dict[str, Any]:
        """Test metrics, ``parse_rate``, and a ``sample`` of what it writes after ``prompt``.

        Where problems guided the search, in ``benchmark`` the figures on those that judge.
        """
        model, tokenizer = load_folder(folder)
        exported = _Exported(folder / "model.onnx")
        limit = self.test_bytes
        with torch.inference_mode():
            return {
                "test": self.task.evaluate(model, architecture, split="test", limit=limit),
                "test_exported": self.task.evaluate(exported, architecture, split="test", limit=limit),
                **self._parse_rate(model, architecture),
                **({} if self.benchmark is None else {"benchmark": self.benchmark.judge(model, tokenizer)}),
                "prompt": _PROMPT,
                "sample": "".join(
                    generate(model, tokenizer, _PROMPT, max_new_tokens=_SAMPLE_TOKENS, temperature=0.5)
                ),
            }

    def _parse_rate(self, model: nn.Module, architecture: Mapping[str, Value]) -> dict[str, float]:
        try:
            return self.task.parse_rate(model, architecture)
        except DataError:
            return {}  # a corpus without Python functions

    def _untrained(self, architecture: Mapping[str, Value]) -> CompressedModel:
        model = self.build(architecture, Fidelity(), seed=0)
        return compress(model, **vars(compression_of(architecture)))


class _Exported(nn.Module):
    """The ONNX file behind the interface that the task evaluates."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._session = onnx_session(path)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits ``(batch, length, vocabulary)`` of tokens ``(batch, length)``."""
        return torch.from_numpy(self._session.run(["logits"], {"tokens": tokens.numpy()})[0])


def compression_of(architecture: Mapping[str, Value]) -> Compression:
    """What an architecture's choices say of quantization and pruning."""
    return Compression(
        str(architecture["quantization"]),  # type: ignore[arg-type]
        float(architecture["pruning_ratio"]),
        str(architecture.get("pruning_method", "magnitude")),  # type: ignore[arg-type]
    )


def pruning_of(model: nn.Module, architecture: Mapping[str, Value]) -> GradualPruning | None:
    """What prunes a model of this architecture while it trains; None: it is pruned afterwards, or not."""
    compression = compression_of(architecture)
    if compression.pruning_method != "gradual" or not compression.pruning_ratio:
        return None
    return GradualPruning(model, compression.pruning_ratio)


def _static(
    config: LanguageModelConfig,
    compression: Compression,
    names: Collection[str] = ("parameters", "size_bytes", "flops"),
) -> dict[str, float]:
    """What follows from shapes alone: of the network that is left after structured pruning."""
    left = compression.shrink(config)
    counts: dict[str, Callable[[], int]] = {
        "parameters": lambda: count_parameters(lambda: LanguageModel(left)),
        "size_bytes": lambda: stored_size(config, **vars(compression)),
        "flops": lambda: flops(LanguageModel(left, device="meta"), (1, PREFILL_TOKENS)),
    }
    return {name: float(count()) for name, count in counts.items() if name in names}


def _timed(
    compressed: CompressedModel,
    exclusive: AbstractContextManager[None],
    names: Collection[str] = TIMED,
) -> dict[str, float]:
    """What is measured on the exported files; each of them is made only where a named metric needs it."""
    tokens = np.zeros((1, PREFILL_TOKENS), np.int64)
    found: dict[str, float] = {}
    with TemporaryDirectory(prefix="sugata-") as folder:
        prefill, decode = Path(folder) / "model.onnx", Path(folder) / "decode.onnx"
        if _OF_PREFILL.intersection(names):
            export_onnx(compressed, prefill)
        if "decode_ms" in names:
            export_decode_onnx(compressed, decode)
        with exclusive:
            if "latency_ms" in names or "latency_ms_p90" in names:
                first = onnx_latency(prefill, {"tokens": tokens})
                found |= {"latency_ms": first.median, "latency_ms_p90": first.p90}
            if "decode_ms" in names:
                found["decode_ms"] = decode_latency(decode).median
        if "peak_memory_bytes" in names:
            found["peak_memory_bytes"] = float(peak_memory(prefill, {"tokens": (tokens.shape, "int64")}))
    return found
