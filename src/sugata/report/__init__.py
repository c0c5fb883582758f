"""What a run says: the report page, plots, tables, drawings and comparisons. No torch in here."""

from sugata.report._shared import rank_line
from sugata.report.compare import compare_runs
from sugata.report.data import MeasuredBaseline, Ranked, ReportData, SharedWeights, Winner
from sugata.report.drawing import draw_svg, draw_text
from sugata.report.graph_drawing import cell_table
from sugata.report.html import report_html, write_report
from sugata.report.status import run_status
from sugata.report.tables import write_history, write_pareto

__all__ = [
    "MeasuredBaseline",
    "Ranked",
    "ReportData",
    "SharedWeights",
    "Winner",
    "cell_table",
    "compare_runs",
    "draw_svg",
    "draw_text",
    "rank_line",
    "report_html",
    "run_status",
    "write_history",
    "write_pareto",
    "write_report",
]
