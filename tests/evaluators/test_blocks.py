"""Networks of blocks in the evaluator that trains: built, trained, measured, exported."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from sugata import recipe as recipes
from sugata.errors import InvalidArchitecture, SugataError
from sugata.evaluators.blocks import BlockNetworks
from sugata.evaluators.training import TrainingEvaluator
from sugata.export.blocks import example_inputs, load_block_folder, load_blocks_network
from sugata.measure import onnx_session
from sugata.nn.block_network import BlockNetwork
from sugata.run import Progress, start
from sugata.spaces.blocks import BlockSpace, default_graph
from sugata.training import TrainingSettings
from sugata.trial import Fidelity, Proposal, Status, Trial

from .blocks_toy import prepared
from .test_image import Quiet

pytestmark = pytest.mark.slow

SETTINGS = TrainingSettings(batch_size=32, length=None, evaluation_limit=None)
KINDS = ("image", "text", "table", "array")


def networks(kind: str, folder: Path, **training: object) -> BlockNetworks:
    graph = default_graph({kind: kind}, {"label": "classification"})  # type: ignore[dict-item]
    space = BlockSpace(**graph | {"training": training, "good": None})
    return BlockNetworks(space, prepared(folder / "data", kind))


def proposal(found: BlockNetworks, epochs: int = 12) -> Proposal:
    return Proposal(0, found.space.known_good()[0], Fidelity(0, "few", epochs, "epochs"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_default_graph_learns_ships_and_gives_the_same_in_onnx(kind: str, tmp_path: Path) -> None:
    found = networks(kind, tmp_path, learning_rate=0.01)
    evaluator = TrainingEvaluator(found, SETTINGS, ladder=(Fidelity(),))
    asked = proposal(found, 4 if kind == "image" else 40)
    result = evaluator.evaluate(asked, Quiet(tmp_path))
    assert result.status is Status.COMPLETED, result.reason
    assert set(result.metrics) == {metric.name for metric in evaluator.metrics}
    assert result.metrics["accuracy"] > 0.9
    model = found.build(asked.architecture, asked.fidelity, seed=0)
    before = found.costs(asked.architecture, ["parameters", "size_bytes"], Quiet(tmp_path).exclusive())
    trial = Trial(asked, Status.COMPLETED, result.metrics)
    found.export(tmp_path / "best", model, trial, "toy")
    assert (tmp_path / "best" / "model.safetensors").stat().st_size == before["size_bytes"]
    loaded, adapters = load_block_folder(tmp_path / "best")
    (rows,) = next(found.task.batches({}, batch_size=7, generator=np.random.default_rng(0))).arguments
    session = onnx_session(tmp_path / "best" / "model.onnx")
    expected = model.eval()(rows).detach().numpy()
    np.testing.assert_allclose(loaded(rows).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    exported = session.run(["label"], {kind: rows.numpy()})[0]
    np.testing.assert_allclose(exported, expected, rtol=1e-4, atol=1e-5)
    assert adapters == found.task.data.adapters
    scores = found.score(tmp_path / "best", asked.architecture)
    assert scores["test_exported"] == pytest.approx(scores["test"], rel=1e-4)


def test_the_program_of_the_card_runs(tmp_path: Path) -> None:
    found = networks("table", tmp_path)
    asked = proposal(found)
    found.export(
        tmp_path, found.build(asked.architecture, asked.fidelity, 0), Trial(asked, Status.COMPLETED), "x"
    )
    program = (tmp_path / "README.md").read_text().split("```python\n")[1].split("```")[0]
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("label [[")


def test_training_choices_set_the_training(tmp_path: Path) -> None:
    found = networks("array", tmp_path, learning_rate=[0.001, 0.02], batch_size=16)
    for rate in (0.001, 0.02):
        chosen = {**found.space.known_good()[0], "training/learning_rate": rate}
        settings = found.training_settings(found.space.architecture(chosen), SETTINGS)
        assert (settings.learning_rate, settings.batch_size) == (rate, 16)
        assert settings.warmup == SETTINGS.warmup


def test_a_training_is_repeated_bit_for_bit_with_dropout(tmp_path: Path) -> None:
    found = networks("text", tmp_path)
    asked = proposal(found, 3)
    assert asked.architecture["text_block/ngrams/word_dropout"] > 0
    evaluator = TrainingEvaluator(found, SETTINGS, ladder=(Fidelity(),))
    state = torch.get_rng_state()
    curves = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        torch.manual_seed(len(curves))
        curves.append(evaluator.evaluate(asked, Quiet(tmp_path / name)).curve)
    torch.set_rng_state(state)
    assert curves[0] == curves[1]


def test_normalization_is_filled_from_the_training_data(tmp_path: Path) -> None:
    found = networks("image", tmp_path)
    (images,) = next(found.task.batches({}, batch_size=90, generator=np.random.default_rng(0))).arguments
    network = found.build(proposal(found).architecture, Fidelity())
    normalized = network.block("image_normalization")(images)
    assert float(normalized.mean()) == pytest.approx(0, abs=1e-4)
    assert float(normalized.std()) == pytest.approx(1, abs=1e-3)


def test_a_graph_of_other_names_than_the_tasks_is_refused(tmp_path: Path) -> None:
    graph = default_graph({"picture": "image"}, {"label": "classification"})
    found = BlockNetworks(BlockSpace(**graph), prepared(tmp_path / "data", "image"))
    with pytest.raises(InvalidArchitecture, match="inputs are picture, the task's image"):
        found.build(found.space.known_good()[0], Fidelity())


def test_what_is_no_exported_network_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SugataError, match="not an exported network of blocks") as caught:
        load_blocks_network(tmp_path)
    assert "\n" not in str(caught.value)


def test_example_inputs_are_no_padding(tmp_path: Path) -> None:
    assert example_inputs(networks("text", tmp_path).task.signature({}), 2)["text"].all()


def test_a_recipe_of_a_graph_of_blocks_runs_to_the_report(tmp_path: Path) -> None:
    task = prepared(tmp_path / "data", "image", "table", values=True)
    graph = default_graph(
        {"image": "image", "table": "table"}, {"label": "classification", "price": "regression"}
    )
    recipe = recipes.parse(
        {
            "name": "both",
            "task": {
                "kind": "prepared",
                "data": str(task.data.folder),
                "augment": {"image": "image_augmentation"},
            },
            "space": "blocks/graph",
            "network": graph,
            "strategy": {"kind": "random"},
            "funnel": [{"name": "few", "amount": 2, "unit": "epochs", "capacity": 4}],
            "final": {"amount": 4, "unit": "epochs"},
            "promote_by": "loss",
            "objectives": {"metrics": ["loss", "parameters"]},
            "training": {"batch_size": 16},
            "engine": {"workers": 0},
        }
    )
    result = start(recipe, tmp_path / "run", progress=Progress(quiet=True))
    assert result.finished
    origins = [trial.proposal.origin for trial in result.record.trials]
    assert origins[:3] == ["known good"] * 3
    scores = result.stages["test"]
    assert scores["test_exported"] == pytest.approx(scores["test"], rel=1e-3)
    assert "label.accuracy" in scores["test"]
    page = result.report.read_text()
    assert "image_augmentation" in page
    assert (result.folder / "best" / "adapters.json").is_file()
    assert isinstance(result.model(), BlockNetwork)
