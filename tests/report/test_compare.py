"""Two runs beside each other, and how far one is."""

import re
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from sugata.errors import RunFolderError
from sugata.objectives import Objectives
from sugata.report import ReportData, compare_runs, run_status
from sugata.trial import Metric


def printed(content: RenderableType) -> str:
    console = Console(width=140)
    with console.capture() as capture:
        console.print(content)
    return capture.get()


def test_a_run_that_is_better_throughout_beats_the_whole_other_front(language_data: ReportData):
    def better(trial):
        names = ("bits_per_byte", "size_bytes", "latency_ms")
        return {name: value * (0.9 if name in names else 1) for name, value in trial.metrics.items()}

    trials = tuple(replace(trial, metrics=better(trial)) for trial in language_data.trials)
    assert language_data.winner is not None
    text = printed(compare_runs(language_data, replace(language_data, title="better", trials=trials)))
    assert "better beats 6 of the 6 on the front of tiny-invented" in text
    assert "tiny-invented beats 0 of the 6" in text
    assert "10 % lower" in text


def test_a_run_and_itself_are_equal(language_data: ReportData):
    text = printed(compare_runs(language_data, language_data))
    volumes = re.findall(r"(\d\.\d{4}) │$", text, flags=re.MULTILINE)
    assert len(volumes) == 2
    assert volumes[0] == volumes[1]
    assert "differs" not in text


@pytest.mark.parametrize("counts", [(0, 0), (1, 0), (3, 2)])
def test_single_objective_and_few_trials(function_data, counts):
    text = printed(compare_runs(function_data(counts[0]), function_data(counts[1])))
    assert "mine (first)" in text


def test_runs_without_a_common_objective_are_refused(function_data, language_data):
    with pytest.raises(RunFolderError, match="no objective in common"):
        compare_runs(function_data(2), language_data)
    opposite = replace(function_data(2), objectives=Objectives((Metric("score"),)))
    with pytest.raises(RunFolderError):
        compare_runs(function_data(2), opposite)


def test_unequal_training_is_said_first(language_data: ReportData):
    short = tuple(trial for trial in language_data.trials if trial.proposal.fidelity.rung == 0)
    text = printed(compare_runs(language_data, replace(language_data, trials=short, winner=None)))
    assert text.startswith("Top rungs differ")


def test_status_counts_and_names_the_best(language_data, function_data):
    text = printed(run_status(replace(language_data, finished=False), pending=3))
    assert "not finished; 91 trials told, 3 pending" in text
    assert "best so far: trial 20" in text
    assert "No trial has completed" in printed(run_status(function_data(0)))
