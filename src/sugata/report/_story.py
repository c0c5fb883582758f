"""The headline: what was searched, what was found and how it compares, in plain sentences."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sugata.report import analysis
from sugata.report.data import ReportData
from sugata.report.wording import Wording, count, number, plural, shortened, value_text
from sugata.trial import Status, Trial

_MOST_CHOICES = 8  # named in the headline
_COMPARED = ("size_bytes", "latency_ms", "parameters")


@dataclass(frozen=True)
class Row:
    """One line of the comparison: the found architecture or a baseline, with its metrics."""

    name: str
    metrics: Mapping[str, float]
    found: bool


def comparison(data: ReportData) -> list[Row]:
    """What was found, as its trial measured it, and the baselines: all with the top rung's training."""
    trial = winning_trial(data)
    rows = [Row(f"found (trial {trial.number})", trial.metrics, True)] if trial else []
    return rows + [Row(baseline.name, baseline.metrics, False) for baseline in data.baselines]


def winning_trial(data: ReportData) -> Trial | None:
    """The trial of the search that the winner is; the best one where no winner was made yet."""
    if data.winner is None:
        return data.objectives.best(analysis.comparable(data.trials, data.objectives))
    return next((t for t in data.trials if t.number == data.winner.number and t.ok), None)


def lead(data: ReportData, words: Mapping[str, Wording]) -> str:
    """One paragraph."""
    return " ".join(part for part in (_searched(data), _found(data, words), _against(data, words)) if part)


def _searched(data: ReportData) -> str:
    if not data.trials:
        return "No trial has finished yet."
    ran = [trial for trial in data.trials if trial.status is not Status.REFUSED and not trial.cached]
    tried = len({repr(sorted(trial.proposal.architecture.items())) for trial in ran})
    where = f" of the {data.space_name} space" if data.space_name else ""
    size = f" ({count(data.space_size)} configurations)" if data.space_size is not None else ""
    text = (
        f"The search tried {plural(tried, 'architecture')}{where}{size} in {plural(len(ran), 'evaluation')}"
    )
    rungs = analysis.funnel(data.trials)
    if len(rungs) > 1:
        text += f"; {rungs[-1].entered:,} reached the top rung, “{rungs[-1].name}”"
    bad = sum(1 for t in ran if t.status not in (Status.COMPLETED, Status.STOPPED))
    refused = sum(1 for trial in data.trials if trial.status is Status.REFUSED)
    notes = [f"{bad} did not complete"] if bad else []
    notes += [f"{refused} broke a limit and {'was' if refused == 1 else 'were'} refused"] if refused else []
    text += f"; {' and '.join(notes)}." if notes else "."
    return " ".join([text, *data.beginning])


def _found(data: ReportData, words: Mapping[str, Wording]) -> str:
    trial = winning_trial(data)
    won = data.winner
    if won is None and trial is None:
        return "No architecture completed with all objectives measured and within the limits." * bool(
            data.trials
        )
    architecture = won.architecture if won else trial.proposal.architecture if trial else {}
    metrics = won.metrics if won and won.metrics else trial.metrics if trial else {}
    main = "architecture" if "architecture" in architecture else ""
    named = f"a {value_text(architecture[main]).replace('_', ' ')}" if main else ""
    sizes = [
        f"{number(float(architecture[k]))} {w}" for k, w in _SIZES if isinstance(architecture.get(k), int)
    ]
    if named:
        what = named + (f" with {' of '.join(sizes)}" if sizes else "")
    else:
        short = shortened(architecture)
        listed = [f"{short[name]} {value_text(value)}" for name, value in architecture.items()]
        what = ", ".join(listed[:_MOST_CHOICES] + ["…"] * (len(listed) > _MOST_CHOICES))
    shown = [*(metric.name for metric in data.objectives.metrics), *_COMPARED]
    unique = list(dict.fromkeys(name for name in shown if name in metrics and name in words))
    numbers = ", ".join(_said(words[name], metrics[name]) for name in unique)
    number_ = won.number if won else trial.number if trial else None
    label = f" (trial {number_})" if number_ is not None else ""
    after = " after its final training" if won and won.curve else ""
    return f"The best it found is {what}{label}{': ' + numbers + after if numbers else ''}."


_SIZES = (("num_layers", "layers"), ("hidden_dim", "channels"))


_COUNTED = ("bits_per_byte", "parameters")


def _said(word: Wording, value: float) -> str:
    """``2.1 bits per byte``, ``1.4 MB``, ``latency 3.1 ms``."""
    if word.name in _COUNTED:
        return f"{word.text(value)} {word.label}"
    return word.text(value) if word.unit == "MB" else f"{word.label} {word.text(value)}"


def _against(data: ReportData, words: Mapping[str, Wording]) -> str:
    trial = winning_trial(data)
    primary = data.objectives.primary
    rivals = [b for b in data.baselines if math.isfinite(b.metrics.get(primary.name, math.nan))]
    if trial is None or not rivals or primary.name not in trial.metrics:
        return ""
    allowed = [b for b in rivals if all(limit.allows(b.metrics) for limit in data.objectives.limits)]
    pool = allowed or rivals
    rival = min(pool, key=lambda b: primary.cost(b.metrics[primary.name]))
    within = (
        " (no baseline is within the limits)"
        if not allowed
        else " within the limits"
        if len(allowed) < len(rivals)
        else ""
    )
    names = [m.name for m in data.objectives.metrics] + [n for n in _COMPARED if n in words]
    parts = [
        difference(words[name], trial.metrics[name], rival.metrics[name])
        for name in dict.fromkeys(names)
        if name in trial.metrics and name in rival.metrics
    ]
    better = primary.cost(trial.metrics[primary.name]) < primary.cost(rival.metrics[primary.name])
    verdict = "With equal training it beats" if better else "With equal training it does not beat"
    kind = "the best baseline" if len(pool) > 1 else "the baseline"
    label = words[primary.name].label
    return f"{verdict} {kind}{within}, {rival.name}, in {label}; against it: {', '.join(parts)}."


def difference(word: Wording, ours: float, theirs: float) -> str:
    """``stored size 41 % lower``."""
    if not (math.isfinite(ours) and math.isfinite(theirs)):
        return f"{word.label} unknown"
    if ours == theirs:
        return f"{word.label} equal"
    direction = "lower" if ours < theirs else "higher"
    if theirs == 0 or ours / theirs < 0:
        return f"{word.label} {direction}"
    if ours / theirs > 3:
        return f"{word.label} {number(ours / theirs, 2)} times as high"
    return f"{word.label} {number(100 * abs(ours - theirs) / abs(theirs), 2)} % {direction}"
