"""Encoders for code search as the evaluator that trains sees them: compressed as the architecture says."""

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from sugata.compression import stored_size
from sugata.evaluators.language import compression_of, pruning_of
from sugata.evaluators.networks import Networks
from sugata.export import (
    CompressedSearch,
    compress_search,
    export_encoder_onnx,
    export_search_folder,
    load_search_folder,
)
from sugata.measure import count_parameters, flops, onnx_latency, onnx_session, peak_memory
from sugata.nn import LanguageModel, LanguageModelConfig, Pooling, TextEncoder, TwoTower, encoder_config
from sugata.spaces.language import LanguageSpace
from sugata.tasks.code_search import CodeSearch
from sugata.tasks.code_search.task import Embed
from sugata.training import AfterStep
from sugata.trial import TIMED, Fidelity, Metric, Trial, Value

Towers = Literal["shared", "two"]

_MEASURES = (
    Metric("parameters", "", "minimize", "trained parameters of all encoders"),
    Metric("size_bytes", "bytes", "minimize", "their stored files"),
    Metric("flops", "FLOP", "minimize", "forward pass over a query of the longest length"),
    Metric("latency_ms", "ms", "minimize", "such a query in onnxruntime, one thread, median"),
    Metric("latency_ms_p90", "ms", "minimize", "90th percentile of the same; limits are decided on it"),
    Metric("peak_memory_bytes", "bytes", "minimize", "what loading its encoder and a query add to a process"),
)


class CodeSearchNetworks(Networks):
    """The networks of a language space as encoders of queries and functions.

    Every choice of the space means what it means for language models, but for `tie_embeddings`, which has no
    effect: the head is a projection. Functions are encoded ahead of a search, so latency is a query's.

    Args:
        space: a language space.
        task: code search.
        towers: one network reads both (shared), or each has its own (two).
        pooling: see :class:`sugata.nn.TextEncoder`.
        evaluation_pairs: validation queries that score a candidate; None: all.
        test_pairs: test queries that score the winner, once; None: all.
    """

    metrics = _MEASURES

    def __init__(
        self,
        space: LanguageSpace,
        task: CodeSearch,
        *,
        towers: Towers = "shared",
        pooling: Pooling = "weighted",
        evaluation_pairs: int | None = None,
        test_pairs: int | None = None,
    ) -> None:
        self.space: LanguageSpace = space
        self.task: CodeSearch = task
        self.count = 1 if towers == "shared" else 2
        self.pooling: Pooling = pooling
        self.evaluation_pairs = evaluation_pairs
        self.test_pairs = test_pairs

    def settings(self) -> list[Any]:
        """Towers and pooling, and how many queries score a candidate."""
        return [self.count, self.pooling, self.evaluation_pairs]

    def build(
        self, architecture: Mapping[str, Value], fidelity: Fidelity, seed: int | None = None
    ) -> TwoTower:
        """The encoders before compression, the same at every fidelity."""
        config = self._config(architecture)
        model = TwoTower([LanguageModel(config) for _ in range(self.count)], self.pooling)
        if seed is not None:
            model.initialize(torch.Generator().manual_seed(seed))
        return model

    def while_training(self, model: nn.Module, architecture: Mapping[str, Value]) -> AfterStep | None:
        """Gradual pruning, where the architecture says so."""
        return pruning_of(model, architecture)

    def measure(
        self,
        model: nn.Module,
        architecture: Mapping[str, Value],
        fidelity: Fidelity,
        exclusive: AbstractContextManager[None],
    ) -> dict[str, float]:
        """Everything, of the compressed encoders."""
        compressed = self._compressed(model, architecture)
        quality = self.task.evaluate(
            compressed.restore(), architecture, split="validation", limit=self.evaluation_pairs
        )
        return {**quality, **self._static(architecture), **self._timed(compressed, exclusive)}

    def costs(
        self,
        architecture: Mapping[str, Value],
        names: Collection[str],
        exclusive: AbstractContextManager[None],
    ) -> dict[str, float]:
        """Parameters, exact stored size, FLOPs; latency and memory of freshly initialized encoders."""
        found = self._static(architecture, names)
        if TIMED.intersection(names):
            untrained = self._compressed(self.build(architecture, Fidelity(), seed=0), architecture)
            found |= self._timed(untrained, exclusive, names)
        return {name: value for name, value in found.items() if name in names}

    def export(self, folder: Path, model: nn.Module, trial: Trial, name: str) -> None:
        """Compressed weights, tokenizer, ONNX, model card."""
        architecture = self.space.architecture(trial.proposal.architecture)
        export_search_folder(
            folder,
            self._compressed(model, architecture),
            json.loads(architecture.to_json()),
            self.task.tokenizer(architecture),
            dict(trial.metrics),
            name=name,
        )

    def score(self, folder: Path, architecture: Mapping[str, Value]) -> dict[str, Any]:
        """Test metrics, and in ``lexical`` those of TF-IDF and BM25 on the same queries and candidates."""
        model, _ = load_search_folder(folder)
        code = _embedding(folder / "model.onnx")
        query = _embedding(folder / "query.onnx") if self.count == 2 else code
        asked = {"split": "test", "limit": self.test_pairs}
        with torch.inference_mode():
            return {
                "test": self.task.evaluate(model, architecture, split="test", limit=self.test_pairs),
                "test_exported": self.task.score(
                    query, code, architecture, split="test", limit=self.test_pairs
                ),
                "lexical": self.task.lexical(**asked),  # type: ignore[arg-type]
            }

    def _config(self, architecture: Mapping[str, Value]) -> LanguageModelConfig:
        return encoder_config(self.space.config(architecture), self.task.projection, self.pooling)

    def _compressed(self, model: nn.Module, architecture: Mapping[str, Value]) -> CompressedSearch:
        assert isinstance(model, TwoTower)
        return compress_search(
            model,
            compression_of(architecture),
            query_tokens=self.task.query_tokens,
            code_tokens=self.task.code_tokens,
        )

    def _static(
        self,
        architecture: Mapping[str, Value],
        names: Collection[str] = ("parameters", "size_bytes", "flops"),
    ) -> dict[str, float]:
        config, compression = self._config(architecture), compression_of(architecture)
        left = compression.shrink(config)

        def meta() -> TextEncoder:
            return TextEncoder(LanguageModel(left, device="meta"), self.pooling)

        counts: dict[str, Callable[[], int]] = {
            "parameters": lambda: self.count * count_parameters(lambda: LanguageModel(left)),
            "size_bytes": lambda: self.count * stored_size(config, **vars(compression)),
            "flops": lambda: flops(meta(), (1, self.task.query_tokens)),
        }
        return {name: float(count()) for name, count in counts.items() if name in names}

    def _timed(
        self,
        compressed: CompressedSearch,
        exclusive: AbstractContextManager[None],
        names: Collection[str] = TIMED,
    ) -> dict[str, float]:
        """What is measured on the exported encoder of queries."""
        tokens = np.ones((1, self.task.query_tokens), np.int64)
        found: dict[str, float] = {}
        with TemporaryDirectory(prefix="sugata-") as folder:
            path = Path(folder) / "query.onnx"
            export_encoder_onnx(compressed.towers[-1], compressed.pooling, path)
            with exclusive:
                if "latency_ms" in names or "latency_ms_p90" in names:
                    found_latency = onnx_latency(path, {"tokens": tokens})
                    found |= {"latency_ms": found_latency.median, "latency_ms_p90": found_latency.p90}
            if "peak_memory_bytes" in names:
                found["peak_memory_bytes"] = float(peak_memory(path, {"tokens": (tokens.shape, "int64")}))
        return found


def _embedding(path: Path) -> Embed:
    session = onnx_session(path)

    def embed(tokens: Tensor) -> Tensor:
        return torch.from_numpy(session.run(["vector"], {"tokens": tokens.numpy()})[0])

    return embed
