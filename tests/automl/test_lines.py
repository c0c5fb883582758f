"""What a fit says while it works, where there is no terminal."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sugata
from sugata.automl import outcome
from sugata.automl.progress import FitProgress

pytestmark = pytest.mark.slow


def test_a_fit_says_what_it_reads_does_and_keeps(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.DataFrame({"size": np.arange(60.0), "kind": ["a", "b"] * 30})
    sugata.StructuredDataClassifier(max_trials=1, n_jobs=1).fit(
        frame, np.arange(60) > 25, epochs=1, validation_data=(frame, np.arange(60) > 25)
    )
    said = [line[6:].strip() for line in capsys.readouterr().err.splitlines()]
    assert said[0] == "StructuredDataClassifier: reading data"
    assert said[2].startswith("up to 1 network, at most 1 epoch each; the best is kept; at most about")
    assert "the search ends: the budget of 1 trial is spent" in said
    assert "keeping the network as the search has trained it: trial 0" in said  # nothing is trained again
    assert said[-1].startswith("done: cross-entropy")


def test_the_report_of_a_fit_knows_that_it_has_ended(tmp_path: Path) -> None:
    model = sugata.StructuredDataClassifier(max_trials=2, n_jobs=1, directory=tmp_path, verbose=0)
    rows = np.arange(120.0).reshape(60, 2)
    model.fit(rows, np.arange(60) > 25, epochs=1)
    assert model.result.finished
    assert model.result.best.metrics["training_seconds"] > 0  # what its weights took, not what keeping them
    page = model.report().read_text(encoding="utf-8")
    assert "has not finished" not in page
    assert "The best it found is numbers " in page  # not table_block/embedding/numbers


def test_an_estimate_is_of_the_networks_that_the_search_begins_with(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[dict[str, object]] = []

    def epoch(assembly: object, architecture: dict[str, object]) -> float:
        measured.append(dict(architecture))
        return 0.5

    monkeypatch.setattr(outcome, "_epoch_of", epoch)
    said: list[str] = []
    monkeypatch.setattr(FitProgress, "say", lambda self, text: said.append(text))
    model = sugata.StructuredDataClassifier(max_trials=2, n_jobs=1)
    model.fit(np.arange(120.0).reshape(60, 2), np.arange(60) > 25, epochs=4)
    tried = [dict(trial.proposal.architecture) for trial in model.result.record.trials]
    assert measured == tried
    # Two networks of three folds of two seconds, scoring them, and two seconds for the last training.
    assert any("at most about 15.4 s" in text for text in said)
