"""Models that write programs: of sugata, in memory or exported, and of transformers."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn

from sugata.errors import SugataError
from sugata.export import load_folder, load_transformers_folder
from sugata.tasks.generation import Sampling, continuations
from sugata.tasks.writing import DRAW_BYTES, rows_at_once


class Writer(Protocol):
    """A model that continues text."""

    parameters: int

    def write(
        self,
        prompts: Sequence[str],
        stops: Sequence[str],
        tokens: int,
        sampling: Sampling,
        seeds: Sequence[Sequence[int]],
    ) -> list[str]:
        """What it writes after each prompt, drawn by the prompt's own seed.

        Raises:
            DataError: memory does not hold the writing of one.
        """

    def nats(self, prompt: str, text: str) -> float:
        """Minus the log-likelihood of a text after a prompt."""


class ModelWriter:
    """A language model of sugata with its tokenizer."""

    def __init__(self, model: nn.Module, tokenizer: Tokenizer) -> None:
        self.model, self.tokenizer = model.eval(), tokenizer
        self.parameters = sum(one.numel() for one in model.parameters())

    def write(
        self,
        prompts: Sequence[str],
        stops: Sequence[str],
        tokens: int,
        sampling: Sampling,
        seeds: Sequence[Sequence[int]],
    ) -> list[str]:
        """All prompts, as many at a time as memory holds."""
        return continuations(
            self.model,
            self.tokenizer,
            prompts,
            seeds=seeds,
            stop=stops,
            max_new_tokens=tokens,
            sampling=sampling,
        )

    def nats(self, prompt: str, text: str) -> float:
        """Read as the beginning of a document."""
        ids = [self.tokenizer.encode(part, add_special_tokens=False).ids for part in (prompt, text)]
        return _nats(self.model, [0, *ids[0]], ids[1])


class TransformersWriter:
    """A local folder of the ``transformers`` library; code that lies in it is not run."""

    def __init__(self, folder: Path) -> None:
        try:
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ImportError:
            raise SugataError(f"{folder}: needs transformers; pip install transformers") from None
        try:
            self.model = AutoModelForCausalLM.from_pretrained(str(folder), local_files_only=True).eval()
            self.tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            reason = (str(error).splitlines() or ["?"])[0]
            raise SugataError(f"{folder}: no model of sugata or transformers ({reason})") from None
        self.positions = int(getattr(self.model.config, "max_position_embeddings", None) or 1 << 20)
        self.parameters = self.model.num_parameters()

    @torch.no_grad()
    def write(
        self,
        prompts: Sequence[str],
        stops: Sequence[str],
        tokens: int,
        sampling: Sampling,
        seeds: Sequence[Sequence[int]],
    ) -> list[str]:
        """Prompts of equal length together, so that none is padded.

        The library draws for a batch at once, from torch's generator, which is put back afterwards: a text
        depends on those beside it.
        """
        drawn: dict[str, Any] = {"do_sample": sampling.temperature > 0}
        if sampling.temperature > 0:
            drawn |= {
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "top_k": sampling.top_k,
            }
        room = max(1, self.positions - tokens)  # a long prompt loses its beginning
        ids = [self._ids(prompt)[-room:] for prompt in prompts]
        most = rows_at_once(self._row_bytes(max(map(len, ids), default=0) + tokens))
        texts = [""] * len(ids)
        with torch.random.fork_rng(devices=[]):
            for rows in _alike(ids, most):
                torch.manual_seed(int(np.random.SeedSequence(list(seeds[rows[0]])).generate_state(1)[0]))
                given = torch.tensor([ids[row] for row in rows])
                found = self.model.generate(
                    input_ids=given,
                    attention_mask=torch.ones_like(given),
                    max_new_tokens=tokens,
                    stop_strings=list(stops),
                    tokenizer=self.tokenizer,
                    pad_token_id=self._padding,
                    **drawn,
                )
                new = self.tokenizer.batch_decode(found[:, given.shape[1] :], skip_special_tokens=True)
                for row, text in zip(rows, new, strict=True):
                    texts[row] = text
        return texts

    def nats(self, prompt: str, text: str) -> float:
        """Both parts encoded apart, as they are when text is written."""
        after = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        before = self._ids(prompt)[-max(1, self.positions - len(after)) :]
        return _nats(lambda tokens: self.model(input_ids=tokens).logits, before, after)

    def _ids(self, prompt: str) -> list[int]:
        """A prompt's tokens, as the library begins a text; an end of text where there would be none."""
        found: list[int] = self.tokenizer(prompt)["input_ids"]
        return found or [self.tokenizer.eos_token_id or 0]

    @property
    def _padding(self) -> int:
        """What the library fills up texts with that have ended early."""
        pad = self.tokenizer.pad_token_id
        return int((self.tokenizer.eos_token_id or 0) if pad is None else pad)

    def _row_bytes(self, tokens: int) -> int:
        """Keys and values of every layer, as wide as the model, twice while they grow; and the drawing."""
        config = self.model.config
        layers = int(getattr(config, "num_hidden_layers", 0) or 0)
        width = int(getattr(config, "hidden_size", 0) or 0)
        cache = 2 * layers * width * self.model.dtype.itemsize * tokens
        return 2 * cache + DRAW_BYTES * int(getattr(config, "vocab_size", 0) or 0)


def _alike(ids: Sequence[Sequence[int]], most: int) -> Iterator[list[int]]:
    """Positions of rows of equal length, at most so many at a time."""
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    for _, group in groupby(order, key=lambda row: len(ids[row])):
        rows = list(group)
        yield from (rows[first : first + most] for first in range(0, len(rows), most))


@torch.no_grad()
def _nats(model: Callable[[torch.Tensor], torch.Tensor], before: list[int], text: list[int]) -> float:
    tokens = torch.tensor([before + text])
    logits = model(tokens)[0, len(before) - 1 : -1].float()
    return float(torch.nn.functional.cross_entropy(logits, tokens[0, len(before) :], reduction="sum"))


def writer(folder: str | Path) -> Writer:
    """The model of a folder: exported by sugata in its own form or in that of transformers, or any of those.

    Raises:
        SugataError: it is neither.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise SugataError(f"{folder}: no model folder, its config.json is missing or broken") from None
    if not str(config.get("model_type", "")).startswith("sugata"):
        return TransformersWriter(folder)
    if "auto_map" not in config:
        return ModelWriter(*load_folder(folder))
    return ModelWriter(*load_transformers_folder(folder))
