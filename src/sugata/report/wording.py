"""How metrics and numbers are written: labels, units and a sensible number of digits."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sugata.report.data import ReportData
from sugata.trial import Metric, Value

_LABELS = {
    "bits_per_byte": "bits per byte",
    "accuracy": "accuracy",
    "cross_entropy": "cross-entropy",
    "roc_auc": "area under the ROC curve",
    "f1": "F1",
    "r2": "R²",
    "parse_rate": "share that parses",
    "mean_reciprocal_rank": "mean reciprocal rank",
    "solution_parse_rate": "programs that parse",
    "solution_bits_per_byte": "bits per byte of solutions",
    "solution_ranking": "solutions before mutants",
    "recall_at_1": "recall at 1",
    "recall_at_5": "recall at 5",
    "recall_at_10": "recall at 10",
    "parameters": "parameters",
    "size_bytes": "stored size",
    "flops": "FLOPs",
    "latency_ms": "latency",
    "latency_ms_p90": "latency, 90th percentile",
    "decode_ms": "decoding a token",
    "peak_memory_bytes": "peak memory",
    "training_seconds": "training time",
    "fitness": "fitness",
}
_MAXIMIZED = {
    "accuracy",
    "roc_auc",
    "f1",
    "r2",
    "parse_rate",
    "mean_reciprocal_rank",
    "recall_at_1",
    "recall_at_5",
    "recall_at_10",
    "fitness",
}
_PASSES = re.compile(r"pass_at_(\d+)$")
_COUNTS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Wording:
    """How one metric is written: ``value / divisor`` followed by ``unit``."""

    name: str
    label: str
    unit: str
    divisor: float
    maximize: bool

    @property
    def axis(self) -> str:
        """The label with its unit, for an axis or a column."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def text(self, value: float | None) -> str:
        """The value with its unit; a dash where there is none."""
        if value is None or not math.isfinite(value):
            return "–"
        return f"{number(value / self.divisor)}\N{NO-BREAK SPACE}{self.unit}".strip()

    def bare(self, value: float | None) -> str:
        """The value without its unit; a dash where there is none."""
        return "–" if value is None or not math.isfinite(value) else number(value / self.divisor)


def wordings(data: ReportData) -> dict[str, Wording]:
    """Wording of every metric that occurs in a run, objectives first, then by name."""
    known = {metric.name: metric for metric in (*data.metrics, *data.objectives.metrics)}
    groups = [trial.metrics for trial in data.trials if trial.ok]
    groups += [baseline.metrics for baseline in data.baselines]
    groups += [data.winner.metrics] if data.winner else []
    found = sorted({name for metrics in groups for name in metrics})
    names = [metric.name for metric in data.objectives.metrics]
    names += [name for name in _LABELS if name in found and name not in names]
    names += [name for name in found if name not in names]
    return {name: wording(name, known.get(name), _values(name, groups)) for name in names}


def wording(name: str, metric: Metric | None = None, values: Iterable[float] = ()) -> Wording:
    """Wording of one metric; counts are scaled by the largest of the values."""
    largest = max((abs(value) for value in values), default=0.0)
    label = _LABELS.get(name) or _PASSES.sub(r"pass@\1", name).replace("_", " ")
    unit, divisor = (metric.unit if metric else ""), 1.0
    if name.endswith("_bytes") or unit in ("bytes", "B"):
        unit, divisor = "MB", 1e6
        label = label.removesuffix(" bytes")
    elif name in ("parameters", "flops"):
        divisor, unit = next(((d, u) for d, u in _COUNTS if largest >= d), (1.0, ""))
    elif "_ms" in name:
        unit = "ms"
        label = label.removesuffix(" ms")
    elif name.endswith("_seconds"):
        unit = "s"
        label = label.removesuffix(" seconds")
    elif unit == label or name == "bits_per_byte":
        unit = ""
    maximize = metric.direction == "maximize" if metric else name in _MAXIMIZED
    return Wording(name, label, unit, divisor, maximize)


def _values(name: str, groups: Iterable[Mapping[str, float]]) -> list[float]:
    return [metrics[name] for metrics in groups if name in metrics and math.isfinite(metrics[name])]


def number(value: float, digits: int = 4) -> str:
    """A number with that many significant digits, thousands separated, no exponent where avoidable."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -5 or magnitude > 14:
        return f"{value:.{digits - 1}e}"
    decimals = max(0, digits - 1 - magnitude)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 90:
        return f"{number(seconds, 2 if seconds < 10 else 3)} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def count(value: int) -> str:
    """A whole number, as a power of ten when it is too long to read."""
    if value < 10**12:
        return f"{value:,}"
    exponent = len(str(value)) - 1
    powers = str(exponent).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{value / 10**exponent:.1f} × 10{powers}"


def value_text(value: Value | None) -> str:
    """An option as it is written in a table."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def architecture_text(architecture: Mapping[str, Value]) -> str:
    """An architecture on one line."""
    return ", ".join(f"{name} {value_text(value)}" for name, value in architecture.items())


def shortened(names: Iterable[str]) -> dict[str, str]:
    """Choices of blocks, ``block/part/choice``, by their last words, where only one is called so."""
    last = {name: name.rsplit("/", 1)[-1].replace("_", " ") if "/" in name else name for name in names}
    found = list(last.values())
    return {name: short if found.count(short) == 1 else name for name, short in last.items()}


def plural(amount: int, noun: str) -> str:
    """``1 trial``, ``2 trials``."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"
