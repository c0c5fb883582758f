import errno
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from sugata.errors import DiskFullError, RunFolderError
from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig
from sugata.training import checkpoint
from sugata.training.progress import Progress


def optimizer_of(model: torch.nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), fused=True)


def tied_model() -> LanguageModel:
    config = LanguageModelConfig(23, 16, 2, (LayerConfig("transformer", 32),), tie_embeddings=True)
    return LanguageModel(config)


def test_a_tied_model_comes_back_with_its_moments(tmp_path: Path) -> None:
    model = tied_model()
    optimizer = optimizer_of(model)
    model(torch.zeros(1, 4, dtype=torch.int64)).square().mean().backward()
    optimizer.step()
    progress = Progress(10, "steps", step=1, tokens=4, curve=[(4, 1.5)], best=0.25)
    checkpoint.save_checkpoint(tmp_path / "c.safetensors", model, optimizer, progress)

    other = tied_model()
    other.initialize(torch.Generator().manual_seed(9))
    restored = optimizer_of(other)
    found, best, scale = checkpoint.load_checkpoint(tmp_path / "c.safetensors", other, restored)
    assert (found, best, scale) == (progress, None, 1.0)
    assert other.head.weight is other.embedding.weight
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        for name, value in optimizer.state[a].items():
            assert torch.equal(value, restored.state[b][name])


def test_a_checkpoint_of_another_architecture_is_refused(toy: ModuleType, tmp_path: Path) -> None:
    model = tied_model()
    checkpoint.save_checkpoint(tmp_path / "c", model, optimizer_of(model), Progress(1, "steps"))
    with pytest.raises(RunFolderError, match="another architecture"):
        checkpoint.load_weights(tmp_path / "c", toy.small_model())


@pytest.mark.parametrize("content", [None, b"", b"not a checkpoint at all"])
def test_a_missing_or_damaged_checkpoint_gets_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "c"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RunFolderError, match=str(path)):
        checkpoint.load_weights(path, tied_model())


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tied_model()
    path = tmp_path / "c"
    checkpoint.save_checkpoint(path, model, optimizer_of(model), Progress(1, "steps"))
    before = path.read_bytes()

    def full(tensors: Any, target: Path, metadata: Any) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(DiskFullError):
        checkpoint.save_checkpoint(path, model, optimizer_of(model), Progress(1, "steps"))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_budget_starts_its_schedule_at_zero() -> None:
    progress = Progress(10, "steps", step=10, tokens=640, finished=True)
    assert progress.share == 1.0
    progress.extend(30, "steps", 0)
    assert (progress.share, progress.start_step, progress.finished) == (0.0, 10, False)
    progress.step = 20
    assert progress.share == 0.5
