"""A journal in memory."""

from pathlib import Path

from sugata.engines import InProcessEngine
from sugata.evaluators import FunctionEvaluator
from sugata.journal import Journal, Note
from sugata.loop import Budget, search
from sugata.objectives import Objectives
from sugata.space import DictionarySpace
from sugata.strategies import RandomSearch
from sugata.trial import Metric, Proposal, Status, Trial

LOSS = Metric("loss")
SPACE = DictionarySpace({"a": list(range(20))})


def test_it_holds_what_a_file_would() -> None:
    trial = Trial(Proposal(0, {"depth": 2}), Status.COMPLETED, {"loss": 1.5})
    journal = Journal.in_memory({"name": "x"})
    journal.ask(trial.proposal)
    journal.finished(trial)
    record = journal.record()
    assert (record.header, record.pending, record.finished) == ({"name": "x"}, [trial.proposal], [trial])
    journal.tell(trial)
    journal.note("warning", {"text": "slow"})
    record = journal.record()
    assert (record.trials, record.pending, record.finished) == ([trial], [], [])
    assert record.notes("warning") == [Note("warning", {"text": "slow"})]
    assert len(record.times) == len(record.events) == 4


def test_a_search_runs_and_goes_on_with_it(tmp_path: Path) -> None:
    evaluator = FunctionEvaluator(lambda architecture: architecture["a"], [LOSS])

    def trials(journal: Journal, budget: int) -> list[Trial]:
        strategy = RandomSearch(SPACE, Objectives((LOSS,)))
        return search(
            strategy,
            evaluator,
            InProcessEngine(evaluator),
            journal,
            space=SPACE,
            folder=tmp_path,
            budget=Budget(budget),
        )

    journal = Journal.in_memory()
    first = trials(journal, 5)
    assert trials(journal, 12)[:5] == first
    assert len(journal.record().trials) == 12
