"""An exported folder as a model that continues text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sugata.decoding.graph import STEP_GRAPH, StepGraph
from sugata.decoding.sampling import Sampling
from sugata.decoding.text import END_OF_TEXT, decode_stream, stop_before, token_bytes
from sugata.errors import SugataError, TaskError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_OTHERS = {
    '"sugata-code-search"': "it finds code and writes none",
    '"sugata-image"': "an image network, it writes no text",
}


def require_language_model(folder: Path) -> None:
    """Refuse a folder whose `config.json` says that it holds something else than a language model.

    Raises:
        SugataError: it does.
    """
    try:
        config = (folder / "config.json").read_text(encoding="utf-8")
    except OSError:
        return
    for kind, what in _OTHERS.items():
        if kind in config:
            raise SugataError(f"{folder}: {what}; its README.md says how to use it")


def load(folder: str | Path, threads: int = 1) -> ExportedModel:
    """The step graph and the tokenizer of an exported folder; torch is not imported.

    Raises:
        SugataError: the folder holds no language model, or a file of it cannot be read.
    """
    from tokenizers import Tokenizer

    folder = Path(folder)
    require_language_model(folder)
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises nothing more specific
        raise SugataError(f"{folder / 'tokenizer.json'}: cannot be read as a tokenizer ({error})") from None
    return ExportedModel(StepGraph(folder / STEP_GRAPH, threads), tokenizer)


class ExportedModel:
    """A step graph with its tokenizer.

    Args:
        graph: the model.
        tokenizer: what its tokens mean.
    """

    def __init__(self, graph: StepGraph, tokenizer: Tokenizer) -> None:
        self.graph = graph
        self.tokenizer = tokenizer

    def generate(
        self,
        prompt: str,
        *,
        max_new_tokens: int = 256,
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 0.95,
        seed: int = 0,
        stop: Sequence[str] = (),
    ) -> Iterator[str]:
        """Continue a prompt, giving the new text in pieces as soon as their characters are complete.

        The prompt is read after an end of text, as the beginning of a document. Generation ends with the
        next end of text, before the first of the `stop` texts, or after `max_new_tokens`. Bytes that are not
        UTF-8 become U+FFFD.

        Args:
            temperature: 0 is greedy; this and the two cuts as in `Sampling`.
            seed: of every random draw; the same seed gives the same text.

        Raises:
            TaskError: a setting is impossible, or the tokenizer has no end of text.
        """
        sampling = Sampling(temperature, top_k, top_p)
        if max_new_tokens < 1:
            raise TaskError(f"max_new_tokens: {max_new_tokens} is not positive; try 256")
        if not all(stop):
            raise TaskError("stop: an empty text would stop before the first token; leave it out")
        end = self.tokenizer.token_to_id(END_OF_TEXT)
        if end is None:
            raise TaskError(
                f"tokenizer: it lacks the token {END_OF_TEXT}; use one that this task has trained"
            )
        # A command line may hold bytes that are no text; they become question marks.
        text = prompt.encode("utf-8", "replace").decode("utf-8")
        start = [end, *self.tokenizer.encode(text, add_special_tokens=False).ids]
        tokens = self.continue_tokens(start, end, max_new_tokens, sampling, np.random.default_rng(seed))
        return stop_before(decode_stream(tokens, token_bytes(self.tokenizer)), stop)

    def continue_tokens(
        self,
        start: Sequence[int],
        end: int | None,
        max_new_tokens: int,
        sampling: Sampling,
        generator: np.random.Generator,
    ) -> Iterator[int]:
        """The tokens that follow `start`, up to `end` (which is not given), or `max_new_tokens` of them."""
        sequence = self.graph.start(1, len(start) + max_new_tokens)
        tokens = np.array([start], np.int64)
        for _ in range(max_new_tokens):
            token = sampling.choose(sequence.feed(tokens)[0], generator)
            if token == end:
                return
            yield token
            tokens = np.array([[token]], np.int64)
