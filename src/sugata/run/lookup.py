"""The end of a search on a table: what the column that it never saw says of the winner."""

from sugata.evaluators import TableEvaluator
from sugata.journal import Journal
from sugata.run.assembly import Assembly
from sugata.run.result import Result


def report_winner(assembly: Assembly, result: Result, journal: Journal) -> None:
    """Journal the reported column of the winner, once for a winner; nothing where none is asked for."""
    section, best = assembly.recipe.table, result.best
    if section is None or section.report is None or best is None:
        return
    noted = result.record.notes("reported")
    if noted and noted[-1].data["trial"] == best.number:
        return
    evaluator = assembly.evaluator
    assert isinstance(evaluator, TableEvaluator)
    value = float(evaluator.table.column(section.report)[evaluator.table.row(best.architecture)])
    journal.note("reported", {"trial": best.number, "metrics": {section.report: value}})
