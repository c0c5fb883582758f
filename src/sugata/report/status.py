"""How far a run is, for the terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sugata.report import analysis
from sugata.report._story import winning_trial
from sugata.report.data import ReportData
from sugata.report.wording import architecture_text, duration, plural, wordings
from sugata.trial import Status


def run_status(data: ReportData, pending: int = 0) -> Group:
    """Rungs with what they hold, the best trial so far and how long it has taken.

    Args:
        pending: evaluations that were asked for and have not ended.
    """
    state = "finished" if data.finished else "not finished"
    counts = f"{plural(len(data.trials), 'trial')} told, {pending:,} pending"
    parts: list[RenderableType] = [Text(f"{data.title}: {state}; {counts}")]
    if data.stages:
        stages = ", ".join(f"{name} {duration(seconds)}" for name, seconds in data.stages)
        parts.append(Text(f"took {duration(sum(seconds for _, seconds in data.stages))}: {stages}"))
    if data.trials:
        parts.append(_rungs(data))
    parts.append(_best(data))
    return Group(*parts)


def _rungs(data: ReportData) -> Table:
    rungs = analysis.funnel(data.trials)
    seen = [status for status in Status if any(status in rung.statuses for rung in rungs)]
    table = Table()
    table.add_column("rung")
    for title in ("entered", "went on", *(status.value.replace("_", " ") for status in seen)):
        table.add_column(title, justify="right")
    for rung in rungs:
        statuses = (str(rung.statuses.get(status, 0)) for status in seen)
        table.add_row(Text(rung.name), str(rung.entered), str(rung.promoted), *statuses)
    return table


def _best(data: ReportData) -> Text:
    best = winning_trial(data)
    if best is None:
        return Text("No trial has completed with all objectives measured and within the limits.")
    words = wordings(data)
    values = ", ".join(
        f"{words[metric.name].label} {words[metric.name].text(best.metrics.get(metric.name))}"
        for metric in data.objectives.metrics
    )
    front = plural(len(analysis.front(data.trials, data.objectives)), "trial")
    text = f"best so far: trial {best.number}: {values}\n  {architecture_text(best.proposal.architecture)}"
    return Text(f"{text}\nthe front has {front}")
