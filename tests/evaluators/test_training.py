"""The evaluator that trains, on a corpus of a few files and budgets of a few steps."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from sugata.compression import sparsity
from sugata.evaluators.language import LanguageNetworks
from sugata.evaluators.training import TrainingEvaluator
from sugata.spaces.language import LanguageSpace
from sugata.tasks import CodeLanguageModelling
from sugata.training import CHECKPOINT, TrainingSettings, load_weights
from sugata.trial import TIMED, Fidelity, Proposal, Status

pytestmark = pytest.mark.slow

FIDELITY = Fidelity(0, "few", 3, "steps")


@dataclass
class Quiet:
    """A context that nobody listens to."""

    folder: Path
    source: Path | None = None
    trained: bool = False
    seed: int = 0

    def report(self, step: float, value: float) -> bool:
        return True

    def exclusive(self) -> AbstractContextManager[None]:
        return nullcontext()


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory: pytest.TempPathFactory) -> TrainingEvaluator:
    folder = tmp_path_factory.mktemp("code")
    for i in range(60):
        lines = [f"def function_{i}_{j}(value_{j}):\n    return value_{j} * {i + j}\n" for j in range(12)]
        (folder / f"module_{i}.py").write_text("\n".join(lines))
    task = CodeLanguageModelling(folder, cache_dir=tmp_path_factory.mktemp("cache"), pad_vocabulary=True)
    space = LanguageSpace("tiny", {"hidden_dim": [64], "num_layers": [2], "vocab_size": [2048]})
    settings = TrainingSettings(batch_size=2, length=32)
    networks = LanguageNetworks(space, task, evaluation_bytes=4000)
    return TrainingEvaluator(networks, settings, ladder=(FIDELITY,))


@pytest.fixture
def proposal(evaluator: TrainingEvaluator) -> Proposal:
    values = {choice.name: choice.default for choice in evaluator.networks.space.choices}
    return Proposal(0, evaluator.networks.space.architecture({**values, "quantization": "fp16"}), FIDELITY)  # type: ignore[dict-item]


def test_everything_is_measured_and_left_in_the_folder(
    evaluator: TrainingEvaluator, proposal: Proposal, tmp_path: Path
) -> None:
    found = evaluator.evaluate(proposal, Quiet(tmp_path))
    assert found.status is Status.COMPLETED
    assert {metric.name for metric in evaluator.metrics} == set(found.metrics)
    assert (tmp_path / "curve.csv").read_text().startswith("tokens,training_bits_per_token\n")
    assert (tmp_path / "checkpoint.safetensors").is_file()


def test_what_trains_the_same_shares_weights_and_keeps_them(
    evaluator: TrainingEvaluator, proposal: Proposal, tmp_path: Path
) -> None:
    first, second = tmp_path / "0000", tmp_path / "0001"
    first.mkdir()
    second.mkdir()
    trained = evaluator.evaluate(proposal, Quiet(first))
    smaller = Proposal(1, {**proposal.architecture, "quantization": "int8"}, FIDELITY)
    shared = evaluator.evaluate(smaller, Quiet(second, source=first, trained=True))
    assert shared.metrics["training_seconds"] == 0
    assert shared.metrics["size_bytes"] < trained.metrics["size_bytes"]
    assert shared.metrics["bits_per_byte"] == pytest.approx(trained.metrics["bits_per_byte"], rel=0.02)
    checkpoint = second / "checkpoint.safetensors"
    (first / "checkpoint.safetensors").unlink()
    assert checkpoint.stat().st_size > 0


def test_a_network_is_pruned_while_it_trains_where_its_choices_say_so(
    evaluator: TrainingEvaluator, proposal: Proposal, tmp_path: Path
) -> None:
    space = evaluator.networks.space
    pruned = {**proposal.architecture, "pruning_ratio": 0.4}
    found = {}
    for method in ("magnitude", "gradual"):
        architecture = space.architecture({**pruned, "pruning_method": method})
        (tmp_path / method).mkdir()
        trained = evaluator.evaluate(Proposal(0, architecture, FIDELITY), Quiet(tmp_path / method))
        model = evaluator.networks.build(architecture, FIDELITY)
        load_weights(tmp_path / method / CHECKPOINT, model)
        found[method] = sparsity(model), trained.metrics["size_bytes"]
    assert found["magnitude"][0] == 0  # pruned afterwards
    assert found["gradual"][0] == pytest.approx(0.4, abs=1e-3)
    assert found["gradual"][1] == pytest.approx(found["magnitude"][1], abs=16)  # the name of the method


def test_limits_are_known_before_training_and_nothing_else_is_computed(
    evaluator: TrainingEvaluator, proposal: Proposal, tmp_path: Path
) -> None:
    counted = {"parameters", "size_bytes", "flops"}
    before = evaluator.quick_metrics(proposal.architecture, counted)
    after = evaluator.evaluate(proposal, Quiet(tmp_path)).metrics
    assert before == {name: after[name] for name in counted}
    assert set(evaluator.quick_metrics(proposal.architecture, ["size_bytes"])) == {"size_bytes"}
    assert set(evaluator.quick_metrics(proposal.architecture, TIMED)) == TIMED


def test_only_the_file_that_a_limit_is_timed_on_is_exported(
    evaluator: TrainingEvaluator, proposal: Proposal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sugata.evaluators.language.export_decode_onnx", None)
    monkeypatch.setattr("sugata.evaluators.language.peak_memory", None)
    assert set(evaluator.quick_metrics(proposal.architecture, ["latency_ms_p90"])) == {"latency_ms_p90"}
    monkeypatch.undo()
    monkeypatch.setattr("sugata.evaluators.language.export_onnx", None)
    assert set(evaluator.quick_metrics(proposal.architecture, ["decode_ms"])) == {"decode_ms"}


def test_a_budget_in_epochs_is_a_pass_over_the_training_text(
    evaluator: TrainingEvaluator, proposal: Proposal, tmp_path: Path
) -> None:
    tokens = evaluator.networks.task.epoch_size(proposal.architecture)
    short = Proposal(0, proposal.architecture, Fidelity(0, "part", 300 / tokens, "epochs"))
    found = evaluator.evaluate(short, Quiet(tmp_path))
    assert 300 <= found.details["tokens"] < 300 + 2 * 32
