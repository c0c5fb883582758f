"""The report: one HTML file that needs nothing else, neither network nor neighbours."""

from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path

from sugata.report import _appendix, _outcome, _process, _shared
from sugata.report._front import payload, script_json
from sugata.report.data import ReportData
from sugata.report.plots import write_plots
from sugata.report.svg import escape
from sugata.report.tables import write_history, write_pareto
from sugata.report.wording import Wording, wordings

_SECTIONS: tuple[tuple[str, str, Callable[[ReportData, Mapping[str, Wording]], str]], ...] = (
    ("winner", "The winner", _outcome.winner),
    ("best", "The best architectures", _outcome.leading),
    ("front", "The Pareto front", _outcome.front),
    ("shared", "Shared weights", _shared.shared),
    ("progress", "The search over time", _process.progress),
    ("funnel", "How far the trials came", _process.funnel),
    ("importance", "What each choice does", _process.importance),
    ("curves", "Learning curves", _process.curves),
    ("table", "The front as a table", _outcome.front_table),
    ("next", "How to go on", _appendix.next_steps),
    ("settings", "Settings, machine and versions", _appendix.settings),
)

#: Nothing is loaded from anywhere, whatever stands in the page.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_report(data: ReportData, folder: Path) -> Path:
    """Write ``report.html``, ``history.csv``, ``pareto.csv`` and ``plots/*.png`` into a folder.

    Returns:
        The path of ``report.html``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_history(data, folder / "history.csv")
    write_pareto(data, folder / "pareto.csv")
    write_plots(data, folder / "plots")
    path = folder / "report.html"
    path.write_text(report_html(data), encoding="utf-8")
    return path


def report_html(data: ReportData) -> str:
    """The page as text. Sections with nothing to say are left out."""
    words = wordings(data)
    made = [(anchor, title, build(data, words)) for anchor, title, build in _SECTIONS]
    shown = [(anchor, title, body) for anchor, title, body in made if body]
    links = "".join(f'<a href="#{anchor}">{title}</a>' for anchor, title, _ in shown)
    bodies = "".join(
        f'<section id="{anchor}"><h2>{title}</h2>{body}</section>\n' for anchor, title, body in shown
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(data.title)} – sugata report</title><style>{_asset('report.css')}</style></head>\n"
        f"<body><main><header>{_outcome.headline(data, words)}<nav>{links}</nav></header>\n{bodies}</main>\n"
        f'<script type="application/json" id="run">{script_json(payload(data, words))}</script>\n'
        f"<script>{_asset('report.js')}</script></body></html>\n"
    )


def _asset(name: str) -> str:
    return resources.files("sugata.report").joinpath("assets", name).read_text(encoding="utf-8")
