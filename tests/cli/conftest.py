"""A small corpus, a recipe that runs in seconds, and a finished run of it."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sugata import recipe as recipes
from sugata.cli import main
from sugata.run import Progress, Result, start

RECIPE = """
name: small
space: tiny
choices: {{architecture: [transformer, rwkv], vocab_size: [300], hidden_dim: [64, 96], num_layers: [2],
  position: [rope], num_heads: [2], activation: [gelu], normalization: [rmsnorm], ffn_multiplier: [2],
  pruning_ratio: [0.0],
  quantization: [fp16, int4]}}
task: {{data: {data}, max_bytes: 100kB, evaluation_bytes: 4kB, test_bytes: 4kB}}
strategy: {{kind: random}}
funnel: [{{name: only, amount: 2, unit: steps}}]
objectives: {{metrics: [bits_per_byte, size_bytes, flops, latency_ms, decode_ms]}}
baselines: false
budget: {{trials: 4}}
training: {{batch_size: 2, length: 32}}
final: {{amount: 4, unit: steps, top: 2}}
engine: {{workers: 0}}
"""

Outcome = tuple[int, str, str]


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Corpora are prepared in a folder of the tests."""
    before = os.environ.get("SUGATA_CACHE")
    os.environ["SUGATA_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    os.environ.pop("SUGATA_CACHE") if before is None else os.environ.update(SUGATA_CACHE=before)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some packages of the standard library."""
    folder = tmp_path_factory.mktemp("code")
    for package in ("json", "html", "logging", "wsgiref", "importlib"):
        source = Path(sysconfig.get_path("stdlib")) / package
        shutil.copytree(source, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Path:
    """A recipe file."""
    path = tmp_path_factory.mktemp("recipe") / "small.yaml"
    path.write_text(RECIPE.format(data=corpus))
    return path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, small: Path) -> Result:
    """A run through all stages."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    return start(recipes.load(small), folder, progress=Progress(quiet=True))


@pytest.fixture
def sugata(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Run a command in this process: exit code, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["sugata", *map(str, arguments)])
        capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        shown = capsys.readouterr()
        assert isinstance(code, int)
        return code, shown.out, shown.err

    return run
