"""Which trials are trained in full, and what happens when that fails."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sugata import recipe as recipes
from sugata.errors import SugataError
from sugata.evaluators import Context, Evaluation
from sugata.evaluators.training import TrainingEvaluator
from sugata.run import Result, start
from sugata.run.progress import Progress
from sugata.trial import TIMED, Proposal, Status

pytestmark = pytest.mark.slow


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> recipes.Recipe:
    monkeypatch.setenv("SUGATA_CACHE", str(tmp_path / "cache"))
    code = tmp_path / "code"
    code.mkdir()
    for i in range(60):
        lines = [f"def function_{i}_{j}(value_{j}):\n    return value_{j} * {i + j}\n" for j in range(12)]
        (code / f"module_{i}.py").write_text("\n".join(lines))
    fields: dict[str, Any] = {
        "name": "small",
        "task": {"data": str(code), "pad_vocabulary": True, "evaluation_bytes": 2000, "test_bytes": 2000},
        "choices": {"hidden_dim": [64], "num_layers": [2], "vocab_size": [2048]},
        "baselines": False,
        "funnel": [{"name": "few", "amount": 2, "unit": "steps", "capacity": 3}],
        "training": {"batch_size": 2, "length": 32},
        "final": {"amount": 3, "unit": "steps"},
        "engine": {"workers": 0},
    }
    return recipes.parse(fields)


def failing(monkeypatch: pytest.MonkeyPatch, all_of_them: bool) -> None:
    """Let the first final training diverge, or all of them."""
    evaluate, failed = TrainingEvaluator.evaluate, []

    def diverge(self: TrainingEvaluator, proposal: Proposal, context: Context) -> Evaluation:
        if proposal.origin == "final" and (all_of_them or not failed):
            failed.append(proposal.number)
            return Evaluation(Status.DIVERGED, reason="the loss is not finite at step 2")
        return evaluate(self, proposal, context)

    monkeypatch.setattr(TrainingEvaluator, "evaluate", diverge)


def test_the_next_best_takes_the_place_of_a_winner_that_diverges(
    recipe: recipes.Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, all_of_them=False)
    result = start(recipe, tmp_path / "run", progress=Progress(quiet=True))
    assert len(result.finals) == 1
    assert result.best is not None
    assert result.best.proposal.parents != (result.objectives.best(result.record.trials).number,)  # type: ignore[union-attr]
    assert (tmp_path / "run" / "best" / "model.onnx").is_file()
    searched = next(t for t in result.record.trials if t.number == result.best.proposal.parents[0])
    assert all(result.best.metrics[name] == searched.metrics[name] for name in TIMED)


def test_as_many_as_are_asked_for_are_trained_in_full_also_where_one_metric_decides(
    recipe: recipes.Recipe, tmp_path: Path
) -> None:
    changes = {"objectives.metrics": ["bits_per_byte"], "promote_by": "bits_per_byte", "final.top": 2}
    recipe = recipes.parse(recipe.model_dump(mode="json"), changes=changes)
    result = start(recipe, tmp_path / "run", progress=Progress(quiet=True))
    best = result.objectives.ranked(result.record.trials)
    assert {trial.proposal.parents for trial in result.finals} == {(one.number,) for one in best[:2]}
    assert (tmp_path / "run" / "best-2" / "model.onnx").is_file()


def test_where_all_fail_one_line_says_why(
    recipe: recipes.Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, all_of_them=True)
    with pytest.raises(SugataError, match="the loss is not finite at step 2"):
        start(recipe, tmp_path / "run", progress=Progress(quiet=True))
    assert "train" not in Result(tmp_path / "run").stages


def test_a_full_training_that_leaves_the_model_worse_gives_way_to_the_network_of_the_search(
    recipe: recipes.Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate, spoilt = TrainingEvaluator.evaluate, []

    def spoil(self: TrainingEvaluator, proposal: Proposal, context: Context) -> Evaluation:
        found = evaluate(self, proposal, context)
        if proposal.origin != "final" or spoilt:
            return found
        spoilt.append(proposal.number)
        return replace(found, metrics={**found.metrics, "bits_per_byte": 99.0})

    monkeypatch.setattr(TrainingEvaluator, "evaluate", spoil)
    result = start(recipe, tmp_path / "run", progress=Progress(quiet=True))
    assert len(result.finals) == 2
    assert result.finals[-1].number == spoilt[0]
    assert result.best is not None
    searched = next(t for t in result.record.trials if t.number == result.best.proposal.parents[0])
    assert result.best.metrics["bits_per_byte"] == searched.metrics["bits_per_byte"]
    shared = [final.details.get("training", "").startswith("shared with") for final in result.finals]
    assert shared == [True, False]  # the spoilt one alone was trained anew
    assert result.stages["test"]["test"]["bits_per_byte"] < 20
