"""Encoders trained for a few steps, measured, exported and scored as they ship."""

import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

from sugata.errors import RecipeError, SugataError
from sugata.evaluators.code_search import CodeSearchNetworks
from sugata.export import load_folder, load_search_folder
from sugata.nn import TwoTower
from sugata.recipe import parse
from sugata.run.assembly import assemble
from sugata.spaces.language import LanguageSpace
from sugata.tasks import CodeSearch
from sugata.trial import Fidelity, Proposal, Status, Trial

pytestmark = pytest.mark.slow

CHOICES = {
    "architecture": ["transformer"],
    "hidden_dim": [64],
    "num_layers": [2],
    "vocab_size": [400],
    "pruning_method": ["structured"],
}


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> CodeSearch:
    folder = tmp_path_factory.mktemp("code")
    for module in range(12):
        functions = (
            f'def add_{n}(a):\n    """Add the number {n} of {module}."""\n    b = {n}\n    return a + b\n\n'
            for n in range(12)
        )
        (folder / f"module_{module}.py").write_text(
            "".join(functions).replace("return a", f"return {module}")
        )
    cache = tmp_path_factory.mktemp("cache")
    return CodeSearch(
        folder, query_tokens=16, code_tokens=32, projection=32, pad_vocabulary=True, cache_dir=cache
    )


def networks(task: CodeSearch, towers: str) -> CodeSearchNetworks:
    return CodeSearchNetworks(LanguageSpace("tiny", CHOICES), task, towers=towers)  # type: ignore[arg-type]


def architecture(space: LanguageSpace, **changes: object) -> dict[str, object]:
    values = {choice.name: choice.default for choice in space.choices}
    return dict(space.architecture({**values, "quantization": "int8", "pruning_ratio": 0.2, **changes}))  # type: ignore[dict-item]


@pytest.mark.parametrize("towers", ["shared", "two"])
def test_what_is_measured_is_what_ships(task: CodeSearch, towers: str, tmp_path: Path) -> None:
    found = networks(task, towers)
    values = architecture(found.space)
    model = found.build(values, Fidelity(), seed=0)
    metrics = found.measure(model, values, Fidelity(), nullcontext())
    assert set(metrics) == {metric.name for metric in (*task.metrics, *found.metrics)}
    trial = Trial(Proposal(0, found.space.architecture(values), Fidelity()), Status.COMPLETED, metrics)
    found.export(tmp_path, model, trial, "finder")
    stored = sum(path.stat().st_size for path in tmp_path.glob("*.safetensors"))
    assert metrics["size_bytes"] == stored
    restored, tokenizer = load_search_folder(tmp_path)
    assert isinstance(restored, TwoTower)
    assert metrics["parameters"] == sum(parameter.numel() for parameter in restored.parameters())
    assert tokenizer.get_vocab_size() == 400

    scores = found.score(tmp_path, values)
    assert scores["test_exported"] == pytest.approx(scores["test"], abs=1e-3)
    assert set(scores["lexical"]) == {"tf_idf", "bm25"}

    files = {"model.onnx", "query.onnx"} if towers == "two" else {"model.onnx"}
    assert {path.name for path in tmp_path.glob("*.onnx")} == files


def test_the_cards_program_finds_what_the_torch_model_finds(task: CodeSearch, tmp_path: Path) -> None:
    found = networks(task, "two")
    values = architecture(found.space)
    trial = Trial(Proposal(0, found.space.architecture(values), Fidelity()), Status.COMPLETED, {})
    found.export(tmp_path, found.build(values, Fidelity(), seed=0), trial, "finder")
    card = (tmp_path / "README.md").read_text()
    program = card.split("```python\n")[1].split("```")[0]
    texts = ["def add_1(a):\n    return a + 1\n", "def add_2(b):\n    return 2 + b\n"]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.py").write_text(text)
    command = [sys.executable, "-c", program, "Add the number 1.", "0.py", "1.py"]
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    model, tokenizer = load_search_folder(tmp_path)

    def tokens(text: str) -> torch.Tensor:
        return torch.tensor([[*tokenizer.encode(text, add_special_tokens=False).ids, 0]])

    query = model.query(tokens("Add the number 1."))
    scores = [(query @ model.code(tokens(text)).T).item() for text in texts]
    expected = [f"{scores[i]:.3f}  {texts[i].splitlines()[0]}" for i in np.argsort(scores)[::-1]]
    for line, other in zip(printed.splitlines(), expected, strict=True):
        assert line.split()[1:] == other.split()[1:]
        assert float(line.split()[0]) == pytest.approx(float(other.split()[0]), abs=2e-3)


def test_costs_are_those_of_the_measured_network(task: CodeSearch) -> None:
    found = networks(task, "shared")
    values = architecture(found.space)
    names = ("parameters", "size_bytes", "flops")
    costs = found.costs(values, names, nullcontext())
    two = networks(task, "two").costs(values, names, nullcontext())
    assert two["size_bytes"] == 2 * costs["size_bytes"]
    assert two["flops"] == costs["flops"]
    assert set(found.costs(values, ("latency_ms",), nullcontext())) == {"latency_ms"}


def test_folders_of_other_kinds_are_refused_in_one_line(task: CodeSearch, tmp_path: Path) -> None:
    with pytest.raises(SugataError, match="not an exported network for code search"):
        load_search_folder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "sugata-code-search"}))
    with pytest.raises(SugataError, match="it finds code and writes none"):
        load_folder(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": "nasbench201"}, "no encoders of code"),
        ({"training": {"batch_size": 1}}, "training.batch_size 1 has no negative"),
        ({"final": {"unit": "tokens"}}, "code_search counts pairs"),
        ({"task": {"kind": "code_search", "towers": "three"}}, "field 'task.towers' is 'three'"),
        (
            {"supernet": {}, "funnel": [{"name": "a", "unit": "supernet"}]},
            "supernet is for task.kind code and image",
        ),
    ],
)
def test_a_recipe_that_cannot_work_is_refused_in_one_line(changes: dict[str, object], message: str) -> None:
    given = {
        "space": "tiny",
        "task": {"kind": "code_search"},
        "funnel": [{"name": "only", "amount": 1}],
        "objectives": {"metrics": ["mean_reciprocal_rank"]},
        **changes,
    }
    with pytest.raises(RecipeError, match=message):
        assemble(parse(given))
