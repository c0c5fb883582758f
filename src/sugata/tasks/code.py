"""Code language modelling: predict the next token of source code, measured in bits per byte."""

import ast
import copy
import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from sugata.errors import DataError, TaskError
from sugata.nn import linear_cross_entropy
from sugata.space import Signature, TensorSpec
from sugata.tasks.base import Batch, Generator, Say, Task, silent
from sugata.tasks.cache import default_cache_dir
from sugata.tasks.corpus import SPLITS, Corpus, CorpusSettings, Vocabulary, open_corpus
from sugata.tasks.corpus.tokenizer import load_tokenizer
from sugata.tasks.evaluation import evaluation_batches, score, token_spans
from sugata.tasks.generation import PARSE_RATE, parse_rate
from sugata.trial import Fidelity, Metric, Value

BITS_PER_BYTE = Metric("bits_per_byte", "bit/B", "minimize", "code length of held-out text per byte of UTF-8")
ACCURACY = Metric("accuracy", "", "maximize", "share of next tokens that are predicted exactly")

VOCABULARY = "vocab_size"  # the choice of a search space that names the vocabulary


class CodeLanguageModelling(Task):
    """Next-token prediction on source code, with one byte-level BPE per vocabulary size.

    An architecture names its vocabulary by ``vocab_size``. Documents are followed by an end-of-text token,
    and the text of a split is one stream of tokens that also begins after an end of text: every token is a
    target exactly once, those of the first position of a window too.

    Args:
        data: ``stdlib`` (the standard library of the running Python), the path of a folder, a source, parquet
            or JSONL file or several of them, or ``hf:NAME`` for a Hugging Face data set.
        max_bytes: use a package-diverse subset of at most this much text.
        validation_share: part of the bytes held out for validation, where the data come without.
        test_share: the same for test.
        length: tokens of a window where the caller names none.
        pad_vocabulary: fill vocabularies that the corpus is too small for with tokens that never occur,
            instead of refusing them.
        cache_dir: where prepared data are kept; ``SUGATA_CACHE``, or ``~/.cache/sugata``.

    Raises:
        DataError: a setting is impossible, or (on first use) the data are missing, empty or unreadable.
    """

    name = "code_language_modelling"
    metrics = (BITS_PER_BYTE, ACCURACY)
    primary = BITS_PER_BYTE

    def __init__(
        self,
        data: str | Path | Sequence[str] = "stdlib",
        *,
        max_bytes: int | None = None,
        validation_share: float = 0.05,
        test_share: float = 0.05,
        length: int = 256,
        pad_vocabulary: bool = False,
        cache_dir: str | Path | None = None,
    ) -> None:
        sources = str(data) if isinstance(data, str | Path) else tuple(map(str, data))
        self.settings = CorpusSettings(sources, max_bytes, validation_share, test_share)
        if length < 1:
            raise DataError(f"length: {length} is not positive; try 256")
        self.length = length
        self.pad_vocabulary = pad_vocabulary
        self.cache_dir = Path(cache_dir).expanduser() if cache_dir else default_cache_dir()
        self.given_tokenizer: Path | None = None
        self._corpus: Corpus | None = None
        self._vocabularies: dict[int, Vocabulary] = {}

    def __getstate__(self) -> dict[str, Any]:
        # The corpus is only its folder: workers need not look at the source again. Open files stay behind.
        return self.__dict__ | {"_vocabularies": {}}

    def with_tokenizer(self, path: Path) -> "CodeLanguageModelling":
        """The same text in the tokens of a ``tokenizer.json``, for architectures of its vocabulary."""
        given = copy.copy(self)
        given.given_tokenizer, given._vocabularies = path, {}
        return given

    def signature(self, architecture: Mapping[str, Value], fidelity: Fidelity | None = None) -> Signature:
        """Tokens ``(batch, length)`` int64 in, logits ``(batch, length, vocabulary)`` out."""
        size = self._size(architecture)
        return Signature(
            inputs=(TensorSpec("tokens", ("batch", "length"), "int64", classes=size),),
            outputs=(TensorSpec("logits", ("batch", "length", size), "float32", classes=size),),
        )

    def prepare(
        self,
        options: Mapping[str, Sequence[Value]] | None = None,
        *,
        vocabulary_sizes: Sequence[int] = (),
        say: Say = silent,
    ) -> None:
        """Read, deduplicate and split the corpus, and pack its tokens for every vocabulary size.

        Args:
            options: the values of each choice of a search space; those of ``vocab_size`` are prepared.
            vocabulary_sizes: further sizes.
        """
        sizes = [*vocabulary_sizes, *(int(size) for size in (options or {}).get(VOCABULARY, ()))]
        self.corpus(say).prepare(sizes, pad=self.pad_vocabulary, say=say)

    def fingerprint(self) -> str:
        """The texts, their division into splits, the default length and whether vocabularies are padded."""
        tokens = "-padded" if self.pad_vocabulary else ""
        if self.given_tokenizer is not None:
            digest = hashlib.blake2b(self.given_tokenizer.read_bytes(), digest_size=8).hexdigest()
            tokens = f"-{digest}"
        return f"{self.corpus().fingerprint}-{self.length}{tokens}"

    def corpus(self, say: Say = silent) -> Corpus:
        """The prepared corpus; made on first use."""
        if self._corpus is None or not self._corpus.folder.is_dir():
            self._corpus = open_corpus(self.settings, self.cache_dir, say=say)
        return self._corpus

    def vocabulary(self, size: int) -> Vocabulary:
        """The tokenizer and packed tokens of a vocabulary size; made on first use."""
        if size not in self._vocabularies and self.given_tokenizer is not None:
            tokenizer = load_tokenizer(str(self.given_tokenizer))
            if tokenizer.get_vocab_size() != size:
                raise DataError(
                    f"{self.given_tokenizer}: has {tokenizer.get_vocab_size():,} tokens, the model {size:,}"
                )
            self._vocabularies[size] = self.corpus().given(tokenizer)
        elif size not in self._vocabularies:
            self.corpus().prepare([size], pad=self.pad_vocabulary)
            found = self.corpus().vocabulary(size, pad=self.pad_vocabulary)
            assert found is not None
            self._vocabularies[size] = found
        return self._vocabularies[size]

    def tokenizer(self, architecture: Mapping[str, Value]) -> Tokenizer:
        """The tokenizer of an architecture's vocabulary."""
        return self.vocabulary(self._size(architecture)).tokenizer

    def batches(
        self,
        architecture: Mapping[str, Value],
        *,
        batch_size: int,
        length: int | None = None,
        generator: Generator,
        split: str = "train",
        fidelity: Fidelity | None = None,
    ) -> Iterator[Batch]:
        """Windows that begin at random tokens of the split, inputs and targets ``(batch, length)`` int64.

        Raises:
            DataError: the split is shorter than a window.
        """
        length = length or self.length
        tokens = self._opened(architecture, split).tokens(split)
        if len(tokens) <= length:
            raise DataError(f"length: {length} is longer than the {split} split of {len(tokens)} tokens; "
                            "use shorter windows or more data")  # fmt: skip
        return self._windows(tokens, batch_size, length, generator)

    @staticmethod
    def _windows(tokens: np.ndarray, batch_size: int, length: int, generator: Generator) -> Iterator[Batch]:
        offsets = np.arange(length + 1)
        while True:
            starts = _integers(generator, len(tokens) - length, batch_size)
            windows = torch.from_numpy(tokens[starts[:, None] + offsets].astype(np.int64))
            yield Batch(windows[:, :-1], windows[:, 1:])

    def epoch_size(self, architecture: Mapping[str, Value], fidelity: Fidelity | None = None) -> int:
        """The tokens of the training split."""
        return len(self.vocabulary(self._size(architecture)).tokens("train"))

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy in nats, the mean over all targets."""
        features, head = getattr(model, "features", None), getattr(model, "head", None)
        if callable(features) and isinstance(head, nn.Linear) and head.bias is None:
            return linear_cross_entropy(features(batch.inputs), head.weight, batch.targets)
        logits = model(batch.inputs)
        return F.cross_entropy(logits.flatten(0, 1).float(), batch.targets.flatten())

    @torch.no_grad()
    def evaluate(
        self,
        model: nn.Module,
        architecture: Mapping[str, Value],
        *,
        split: str = "validation",
        limit: int | None = None,
        batch_size: int | None = None,
        length: int | None = None,
        fidelity: Fidelity | None = None,
    ) -> dict[str, float]:
        """Bits per byte and accuracy on the tokens of a split, in windows that do not overlap.

        Bits per byte are the nats of all predicted tokens, ends of text included, over ln 2 and the bytes
        of UTF-8 that those tokens stand for (ends of text: none). Each token is predicted once, from at
        most ``length`` tokens before it: the first of a window from the one token before the window.

        Args:
            limit: evaluate spans of about 4 kB, spread evenly over the split, of this many bytes in
                all. They begin and end where words do in every vocabulary: the same text for all.
            batch_size: windows at a time; by default about 8,192 tokens.
        """
        length = length or self.length
        batch_size = batch_size or max(1, 8192 // length)
        vocabulary = self._opened(architecture, split)
        tokens = vocabulary.tokens(split)
        spans = token_spans(self.corpus().text(split), tokens, vocabulary.token_bytes, limit)
        device = next(iter(model.parameters()), torch.empty(0)).device
        training = model.training
        model.eval()
        try:
            nats, correct, count, size = 0.0, 0, 0, 0
            for inputs, targets in evaluation_batches(tokens, spans, batch_size, length):
                real = targets >= 0
                part, hits = score(model, inputs.to(device), targets.to(device))
                nats += part
                correct += hits
                count += int(real.sum())
                size += int(vocabulary.token_bytes[targets[real].numpy()].sum())
        finally:
            model.train(training)
        return {"bits_per_byte": nats / math.log(2) / size, "accuracy": correct / count}

    def function_headers(self, count: int, *, seed: int = 0, split: str = "validation") -> list[str]:
        """First lines of Python functions of the split, from ``def`` to the colon, without indentation.

        Raises:
            DataError: the split holds no Python function with a header of one line.
        """
        found = sorted({header for text in self.corpus().documents(split) for header in _headers(text)})
        if not found:
            raise DataError(
                f"data: the {split} split of {self.corpus().facts['source']} holds no Python function; "
                "the share of functions that parse is measured on Python code only"
            )
        rng = np.random.default_rng(seed)
        return [found[number] for number in rng.permutation(len(found))[:count]]

    def parse_rate(
        self,
        model: nn.Module,
        architecture: Mapping[str, Value],
        *,
        samples: int = 64,
        seed: int = 0,
        split: str = "validation",
        max_new_tokens: int = 96,
    ) -> dict[str, float]:
        """The share of functions that parse, sampled after headers of functions of the split."""
        headers = self.function_headers(samples, seed=seed, split=split)
        rate = parse_rate(
            model,
            self.tokenizer(architecture),
            headers,
            samples=samples,
            seed=seed,
            max_new_tokens=max_new_tokens,
        )
        return {PARSE_RATE.name: rate}

    def _opened(self, architecture: Mapping[str, Value], split: str) -> Vocabulary:
        if split not in SPLITS:
            raise TaskError(f"split: {split!r} is unknown; use {', '.join(SPLITS)}")
        return self.vocabulary(self._size(architecture))

    @staticmethod
    def _size(architecture: Mapping[str, Value]) -> int:
        if VOCABULARY not in architecture:
            raise TaskError(
                f"{VOCABULARY}: missing in the architecture; code language modelling needs this choice"
            )
        return int(architecture[VOCABULARY])


def _integers(generator: Generator, high: int, count: int) -> np.ndarray:
    if isinstance(generator, np.random.Generator):
        return generator.integers(0, high, count)
    return torch.randint(high, (count,), generator=generator, device=generator.device).cpu().numpy()


def _headers(text: str) -> Iterator[str]:
    for match in re.finditer(r"^[ \t]*(def \w+\(.*\)(?: *->.*)?:)[ \t]*$", text, re.MULTILINE):
        header = match.group(1)
        try:
            ast.parse(header + "\n    pass\n")
        except (SyntaxError, ValueError):
            continue
        yield header
