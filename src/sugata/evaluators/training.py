"""The evaluator that trains: build, train, compress, and measure what would ship."""

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

import sugata
from sugata.compression import CompressedModel, Compression, compress, stored_size
from sugata.evaluators.base import Context, Evaluation, Evaluator
from sugata.export import export_decode_onnx, export_onnx
from sugata.measure import count_parameters, decode_latency, flops, onnx_latency, peak_memory
from sugata.nn import LanguageModel, LanguageModelConfig
from sugata.spaces.language import LanguageSpace
from sugata.tasks import Task
from sugata.training import CHECKPOINT, TrainingSettings, load_weights, train
from sugata.trial import TIMED, Fidelity, Metric, Proposal, Status, Value

PREFILL_TOKENS = 128
_NO_CURVE: tuple[tuple[float, float], ...] = ()

_MEASURES = (
    Metric("parameters", "", "minimize", "trained parameters of the built network"),
    Metric("size_bytes", "bytes", "minimize", "the stored model file"),
    Metric("flops", "FLOP", "minimize", "forward pass over a prefill of 128 tokens"),
    Metric("latency_ms", "ms", "minimize", "prefill of 128 tokens in onnxruntime, one thread, median"),
    Metric("latency_ms_p90", "ms", "minimize", "90th percentile of the same; limits are decided on it"),
    Metric("decode_ms", "ms", "minimize", "one more token in onnxruntime, one thread, median"),
    Metric("peak_memory_bytes", "bytes", "minimize", "what loading the file and a prefill add to a process"),
    Metric("training_seconds", "s", "minimize", "training time of this rung"),
)


class TrainingEvaluator(Evaluator):
    """Trains an architecture of a language space, compresses it as the architecture says, and measures it.

    The quality is that of the compressed network; size, latency and memory are those of what ships.
    Training goes on from the lower rung's checkpoint, and is shared by architectures that train the same.
    """

    def __init__(
        self,
        space: LanguageSpace,
        task: Task,
        settings: TrainingSettings,
        *,
        ladder: tuple[Fidelity, ...],
        evaluation_bytes: int,
    ) -> None:
        self.space = space
        self.task = task
        self.settings = settings
        self.ladder = ladder
        self.evaluation_bytes = evaluation_bytes
        self.metrics = (*task.metrics, *_MEASURES)

    def fingerprint(self) -> str:
        """Of task data, training settings and the versions of sugata and torch."""
        parts = [self.task.fingerprint(), asdict(self.settings), self.evaluation_bytes]
        parts += [sugata.__version__, torch.__version__]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def quick_metrics(
        self,
        architecture: Mapping[str, Value],
        names: Collection[str],
        exclusive: AbstractContextManager[None] | None = None,
    ) -> dict[str, float]:
        """Parameters, exact stored size, FLOPs, and latency and memory, before any training.

        Latency does not depend on the weights' values, so it is that of a freshly initialized network.
        """
        metrics = _static(self.space.config(architecture), compression_of(architecture), names)
        if TIMED.intersection(names):
            metrics |= _timed(_untrained(self.space, architecture), exclusive or nullcontext())
        return {name: value for name, value in metrics.items() if name in names}

    def evaluate(self, proposal: Proposal, context: Context) -> Evaluation:
        """Train on a GPU where there is one (or share a training), compress, score and measure.

        The curve is (tokens, mean training loss in bits a token); it is also written to ``curve.csv``.
        """
        architecture = self.space.architecture(proposal.architecture)
        model = LanguageModel(self.space.config(architecture))
        model.initialize(torch.Generator().manual_seed(context.seed))
        if context.trained and context.source is not None:
            _share(context.source / CHECKPOINT, context.folder / CHECKPOINT)
            load_weights(context.folder / CHECKPOINT, model)
            curve, seconds = _NO_CURVE, 0.0
            details: dict[str, Any] = {"training": f"shared with {context.source.name}"}
        else:
            result = train(
                model.to(training_device()),
                self.task,
                architecture,
                self.settings,
                budget=proposal.fidelity,
                seed=context.seed,
                report=context.report,
                folder=context.folder,
                resume_from=self._checkpoint(context),
            )
            if result.status is not Status.COMPLETED:
                return Evaluation(result.status, reason=result.reason, curve=result.curve)
            model.to("cpu")  # what ships is compressed and measured there
            curve, seconds = result.curve, result.seconds
            _write_curve(curve, context.folder / "curve.csv")
            details = {"steps": result.steps, "tokens": result.tokens}
        compression = compression_of(architecture)
        compressed = compress(model, **vars(compression))
        quality = self.task.evaluate(
            compressed.restore(), architecture, split="validation", limit_bytes=self.evaluation_bytes
        )
        metrics = {
            **quality,
            **_static(model.config, compression),
            **_timed(compressed, context.exclusive()),
            "training_seconds": seconds,
        }
        return Evaluation(Status.COMPLETED, metrics, curve=curve, details=details)

    @staticmethod
    def _checkpoint(context: Context) -> Path | None:
        """Its own, where a killed attempt left one; else that of the trial it continues."""
        for folder in (context.folder, context.source):
            if folder is not None and (folder / CHECKPOINT).is_file():
                return folder / CHECKPOINT
        return None


def training_device() -> torch.device:
    """A GPU where this worker has one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _share(checkpoint: Path, own: Path) -> None:
    """Give a trial the weights of the trial that trained the same, without a copy where that is possible."""
    own.unlink(missing_ok=True)
    try:
        own.hardlink_to(checkpoint)
    except OSError:
        shutil.copyfile(checkpoint, own)


def _write_curve(curve: tuple[tuple[float, float], ...], path: Path) -> None:
    lines = ["tokens,training_bits_per_token", *(f"{tokens:g},{bits:.6g}" for tokens, bits in curve)]
    path.write_text("\n".join(lines) + "\n")


def deployment_metrics(space: LanguageSpace, architecture: Mapping[str, Value]) -> list[tuple[Metric, float]]:
    """What a network of these choices costs where it ships, measured here and now, before any training.

    Latency and memory do not depend on the weights' values: those are freshly initialized.
    """
    values = _static(space.config(architecture), compression_of(architecture))
    values |= _timed(_untrained(space, architecture), nullcontext())
    return [(metric, values[metric.name]) for metric in _MEASURES if metric.name in values]


def compression_of(architecture: Mapping[str, Value]) -> Compression:
    """What an architecture's choices say of quantization and pruning."""
    return Compression(
        str(architecture["quantization"]),  # type: ignore[arg-type]
        float(architecture["pruning_ratio"]),
        str(architecture.get("pruning_method", "magnitude")),  # type: ignore[arg-type]
    )


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


def _untrained(space: LanguageSpace, architecture: Mapping[str, Value]) -> CompressedModel:
    model = LanguageModel(space.config(architecture))
    model.initialize(torch.Generator().manual_seed(0))
    return compress(model, **vars(compression_of(architecture)))


def _timed(compressed: CompressedModel, exclusive: AbstractContextManager[None]) -> dict[str, float]:
    """What is measured on the exported files."""
    tokens = np.zeros((1, PREFILL_TOKENS), np.int64)
    with TemporaryDirectory(prefix="sugata-") as name:
        prefill, decode = Path(name) / "model.onnx", Path(name) / "decode.onnx"
        export_onnx(compressed, prefill)
        export_decode_onnx(compressed, decode)
        with exclusive:
            first = onnx_latency(prefill, {"tokens": tokens})
            each = decode_latency(decode)
        memory = peak_memory(prefill, {"tokens": (tokens.shape, "int64")})
    return {
        "latency_ms": first.median,
        "latency_ms_p90": first.p90,
        "decode_ms": each.median,
        "peak_memory_bytes": float(memory),
    }
