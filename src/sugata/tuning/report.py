"""What a tuning leaves behind: tables, a page, a picture, and the best settings as a recipe."""

from pathlib import Path

from sugata.recipe import Recipe
from sugata.report.wording import duration
from sugata.tuning.fields import applied
from sugata.tuning.page import html
from sugata.tuning.picture import write_png
from sugata.tuning.summary import BEST, Summary, setting_text, settings_text


def write(summary: Summary, recipe: Recipe, folder: Path) -> None:
    """Write ``tune.md``, ``tune.html``, ``tune.png``, ``trials.csv`` and ``best.yaml`` into a folder."""
    (folder / "tune.md").write_text(markdown(summary), encoding="utf-8")
    (folder / "tune.html").write_text(html(summary, recipe.to_yaml()), encoding="utf-8")
    _write_csv(summary, folder / "trials.csv")
    if summary.best is None:
        return
    write_png(summary, folder / "tune.png")
    best = applied(recipe, summary.best.values)
    found = f"{summary.metric.name} {summary.best.score:.6g} on validation data"
    (folder / BEST).write_text(
        f"# The best of {summary.about_trials} of {recipe.name}, trial {summary.best.number}: {found}."
        f"\n# {settings_text(summary.best.values, {path: path for path in summary.best.values})}\n"
        + best.to_yaml(),
        encoding="utf-8",
    )


def markdown(summary: Summary) -> str:
    """The tables as Markdown."""
    lines = [f"# Tuning {summary.title}", "", f"`{summary.command}`", ""]
    lines.append(
        f"{summary.about_trials}, chosen by {summary.sampler}. The {summary.words.label} is the winner's"
        " in each run, on validation data."
    )
    if summary.best is not None:
        lines += ["", f"**Best: {summary.score_text(summary.best)}** (trial {summary.best.number})", ""]
        lines += ["| field | best |", "| --- | --- |"]
        lines += [f"| `{path}` | {setting_text(value)} |" for path, value in summary.best.values.items()]
    if summary.own is not None and summary.own is not summary.best:
        lines += ["", f"With the recipe's own values: {summary.score_text(summary.own)}."]
    if summary.importances:
        lines += [
            "",
            "## Which fields mattered",
            "",
            f"**{summary.verdict}.** {summary.caution}".rstrip(),
            "",
        ]
        lines += ["| field | share of importance | by chance |", "| --- | ---: | ---: |"]
        lines += [
            f"| `{one.path}` | {100 * one.share:.0f} % | {100 * one.chance:.0f} % |"
            for one in summary.importances
        ]
        lines += ["", summary.about_importances]
    if summary.scored:
        lines += ["", "## Trials, from best to worst", "", *_table(summary)]
    if summary.failed:
        lines += ["", "## Runs that failed", "", "| trial | why | settings |", "| ---: | --- | --- |"]
        lines += [
            f"| {one.number} | {one.reason} | {settings_text(one.values, summary.names)} |"
            for one in summary.failed
        ]
    return "\n".join(lines) + "\n"


def _table(summary: Summary) -> list[str]:
    titles = ["trial", summary.words.axis, "time", *(summary.names[field.path] for field in summary.fields)]
    rows = [f"| {' | '.join(titles)} |", "| ---: | ---: | ---: |" + " --- |" * len(summary.fields)]
    for one in summary.scored:
        values = [
            setting_text(one.values[field.path]) if field.path in one.values else "–"
            for field in summary.fields
        ]
        took = f"as {one.same_as}" if one.same_as is not None else duration(one.seconds)
        rows.append(f"| {one.number} | {summary.words.bare(one.score)} | {took} | {' | '.join(values)} |")
    return rows


def _write_csv(summary: Summary, path: Path) -> None:
    import csv

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["trial", summary.metric.name, "seconds", "failed", "same_as", *(f.path for f in summary.fields)]
        )
        for one in summary.tried:
            same = "" if one.same_as is None else one.same_as
            score = "" if one.score is None else one.score
            values = [one.values.get(field.path, "") for field in summary.fields]
            writer.writerow([one.number, score, one.seconds, one.reason, same, *values])
