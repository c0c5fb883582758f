"""What a fit says while it works, where there is no terminal."""

import numpy as np
import pandas as pd
import pytest

import sugata

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
