"""The page's charts as PNG files, for slides and READMEs; matplotlib is imported only here, when called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sugata.report import analysis
from sugata.report._story import winning_trial
from sugata.report.data import ReportData
from sugata.report.drawing import block_name, fold
from sugata.report.svg import COLOURS, SERIES
from sugata.report.wording import Wording, value_text, wording, wordings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Maker = Callable[[Axes, ReportData, Mapping[str, Wording]], bool]


def write_plots(data: ReportData, folder: Path) -> list[Path]:
    """Write what there is something to draw for: front, progress, importance, learning curves, winner."""
    folder.mkdir(parents=True, exist_ok=True)
    words = wordings(data)
    makers = {
        "front": _front,
        "progress": _progress,
        "importance": _importance,
        "learning_curves": _curves,
        "winner": _winner,
    }
    written = []
    for name, maker in makers.items():
        path = folder / f"{name}.png"
        if _save(data, words, maker, path):
            written.append(path)
        else:
            path.unlink(missing_ok=True)
    return written


def _save(data: ReportData, words: Mapping[str, Wording], maker: Maker, path: Path) -> bool:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": COLOURS["line"],
        "axes.axisbelow": True,
        "text.parse_math": False,
    }
    with rc_context(style):
        figure = Figure(figsize=(7.2, 4.6), layout="constrained")
        FigureCanvasAgg(figure)
        if not maker(figure.add_subplot(), data, words):
            return False
        figure.savefig(path, dpi=150)
    return True


def _front(axes: Axes, data: ReportData, words: Mapping[str, Wording]) -> bool:
    trials = data.objectives.candidates(analysis.comparable(data.trials, data.objectives))
    if not trials:
        return False
    objectives = data.objectives.on(trials[0].proposal.fidelity.rung)
    y = words[objectives.primary.name]
    others = [metric.name for metric in objectives.metrics[1:]]
    others += [name for name in ("size_bytes", "parameters") if all(name in t.metrics for t in trials)]
    x = words[others[0]] if others else None

    def at(metrics: Mapping[str, float], number: int = 0) -> tuple[float, float]:
        return (metrics[x.name] / x.divisor if x else number, metrics[y.name] / y.divisor)

    front = analysis.front(data.trials, data.objectives)
    axes.scatter(
        *zip(*(at(t.metrics, t.number) for t in trials), strict=True),
        color=COLOURS["grey"],
        alpha=0.5,
        label="beaten",
    )
    axes.scatter(
        *zip(*(at(t.metrics, t.number) for t in front), strict=True),
        color=COLOURS["blue"],
        label="on the front",
        zorder=3,
    )
    for i, baseline in enumerate(data.baselines if x else ()):
        if x and x.name in baseline.metrics and y.name in baseline.metrics:
            place = at(baseline.metrics)
            label = "baseline" if i == 0 else None
            axes.scatter(
                *place, marker="D", facecolors="none", edgecolors=COLOURS["purple"], label=label, zorder=3
            )
            axes.annotate(
                baseline.name,
                place,
                xytext=(6, 4),
                textcoords="offset points",
                fontsize=8,
                color=COLOURS["purple"],
            )
    best = winning_trial(data)
    if best is not None and (x is None or x.name in best.metrics):
        axes.scatter(
            *at(best.metrics, best.number),
            marker="*",
            s=170,
            color=COLOURS["orange"],
            label="winner",
            zorder=4,
        )
    axes.set_xlabel(x.axis if x else "trial number")
    axes.set_ylabel(y.axis)
    axes.set_title(
        "Top-rung trials and the Pareto front" if len(data.objectives.metrics) > 1 else "Top-rung trials"
    )
    axes.legend(frameon=False, fontsize=9)
    return True


def _progress(axes: Axes, data: ReportData, words: Mapping[str, Wording]) -> bool:
    rungs = analysis.progress(data.trials, data.objectives)
    name = analysis.score_name(data.objectives)
    word = words.get(name) or wording(name)
    for i, rung in enumerate(rungs):
        shade = COLOURS[SERIES[i % len(SERIES)]]
        scaled = [[v / word.divisor for v in row] for row in (rung.values, rung.mean, rung.spread, rung.best)]
        values, mean, spread, best = scaled
        axes.scatter(rung.positions, values, s=12, color=shade, alpha=0.5)
        low = [m - s for m, s in zip(mean, spread, strict=True)]
        high = [m + s for m, s in zip(mean, spread, strict=True)]
        axes.fill_between(rung.positions, low, high, color=shade, alpha=0.15, linewidth=0)
        axes.plot(rung.positions, mean, color=shade, linestyle="--", linewidth=1)
        axes.step(rung.positions, best, where="post", color=shade, label=f"{rung.name}: best so far")
    axes.set_xlabel("trial, in the order they finished")
    axes.set_ylabel(word.axis)
    axes.set_title("Every trial, rolling mean and standard deviation, best so far")
    if rungs:
        axes.legend(frameon=False, fontsize=9)
    return bool(rungs)


def _importance(axes: Axes, data: ReportData, words: Mapping[str, Wording]) -> bool:
    items = analysis.importance(data.trials, data.choices, data.objectives)[:14][::-1]
    if not items:
        return False
    shades = [COLOURS["blue"] if item.share > item.chance else COLOURS["grey"] for item in items]
    axes.barh([item.choice for item in items], [100 * item.share for item in items], color=shades)
    for i, item in enumerate(items):
        axes.plot([100 * item.chance] * 2, [i - 0.45, i + 0.45], color=COLOURS["ink"], linewidth=1.5)
    axes.grid(visible=False, axis="y")
    label = words[data.objectives.primary.name].label
    axes.set_xlabel(f"% of the variance of {label} that the choice explains by itself")
    axes.set_title("Importance of each choice (mark: 95th percentile of chance)")
    return True


def _curves(axes: Axes, data: ReportData, words: Mapping[str, Wording]) -> bool:
    curves = analysis.top_curves(data.trials, data.objectives)[:40]
    if not curves:
        return False
    won = data.winner.number if data.winner else None
    chosen = won if any(trial.number == won for trial, _ in curves) else curves[0][0].number
    for trial, curve in curves:
        strong = trial.number == chosen
        axes.plot(
            *zip(*curve, strict=True),
            color=COLOURS["orange" if strong else "grey"],
            linewidth=2.2 if strong else 1,
            alpha=1 if strong else 0.5,
            zorder=3 if strong else 2,
            label=f"trial {trial.number}" if strong else None,
        )
    axes.set_xlabel(data.curve_step)
    axes.set_ylabel(data.curve_metric)
    axes.set_title("Learning curves of the trials that trained longest")
    axes.legend(frameon=False)
    return True


def _winner(axes: Axes, data: ReportData, words: Mapping[str, Wording]) -> bool:
    """The winner's parameters block by block: the drawing itself is in the page."""
    if data.winner is None or not data.winner.outline:
        return False
    rows = []
    for group in fold(data.winner.outline):
        for first, last in zip(group.blocks, group.last, strict=True):
            name = block_name(first, last, group.count)
            kind = "" if first.kind in name else f"\n{first.kind.replace('_', ' ')}"
            rows.append((name + kind, first.parameters * group.count))
    labels, counts = zip(*rows[::-1], strict=True)
    largest = max(counts)
    divisor, unit = (1e6, "millions") if largest >= 1e6 else (1e3, "thousands") if largest >= 1e4 else (1, "")
    axes.barh(range(len(rows)), [amount / divisor for amount in counts], color=COLOURS["blue"])
    axes.set_yticks(range(len(rows)), labels)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"parameters{f' ({unit})' if unit else ''}")
    chosen = data.winner.architecture.get("architecture")
    axes.set_title(
        f"The winner{f': {value_text(chosen)}' if chosen is not None else ''}, from input (top) to output"
    )
    return True
