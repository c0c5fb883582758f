"""What the tests of distillation share: a vocabulary, small models, files of rows."""

import json
from pathlib import Path
from typing import Any

import torch

from sugata.nn import LanguageModel, LanguageModelConfig, LayerConfig

SIZE = 300
ARCHITECTURE = {"vocab_size": SIZE}


def language_model(
    mixer: str = "transformer", layers: int = 2, width: int = 32, heads: int = 2
) -> LanguageModel:
    """With initial weights of a seed of its own."""
    config = LanguageModelConfig(
        SIZE, width, heads, (LayerConfig(mixer, 2 * width),) * layers, position="rope"
    )
    model = LanguageModel(config)
    model.initialize(torch.Generator().manual_seed(width + layers))
    return model


def write_rows(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
