"""The CSV files: what pandas reads is what was measured."""

import pandas as pd

from sugata.report import ReportData, analysis, write_history, write_pareto


def test_history_has_a_row_a_trial_and_a_column_a_choice_and_metric(language_data: ReportData, tmp_path):
    table = pd.read_csv(write_history(language_data, tmp_path / "history.csv"))
    assert list(table["trial"]) == [trial.number for trial in language_data.trials]
    assert {"status", "rung", "origin", "architecture", "num_layers", "bits_per_byte", "reason"} <= set(table)
    for row, trial in zip(table.itertuples(), language_data.trials, strict=True):
        if trial.ok:
            assert row.bits_per_byte == trial.metrics["bits_per_byte"]


def test_pareto_is_the_front_in_order(language_data: ReportData, tmp_path):
    table = pd.read_csv(write_pareto(language_data, tmp_path / "pareto.csv"))
    front = analysis.front(language_data.trials, language_data.objectives)
    assert list(table["trial"]) == [trial.number for trial in front]
    assert list(table["bits_per_byte"]) == sorted(table["bits_per_byte"])


def test_a_choice_that_is_named_like_a_column_keeps_its_own(function_data, tmp_path):
    from dataclasses import replace

    data = function_data(4)
    data = replace(data, choices=(*data.choices, ("rung", (0, 1))))
    header = pd.read_csv(write_history(data, tmp_path / "history.csv")).columns
    assert {"rung", "choice_rung"} <= set(header)


def test_an_empty_run_has_headers_only(function_data, tmp_path):
    assert len(pd.read_csv(write_history(function_data(0), tmp_path / "history.csv"))) == 0
