"""Code search: find the function that a sentence describes, among a thousand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn

from sugata.errors import DataError, TaskError
from sugata.nn import TwoTower
from sugata.nn.text_encoder import END
from sugata.space import Signature, TensorSpec
from sugata.tasks.base import Batch, Generator, Say, Task, silent
from sugata.tasks.cache import default_cache_dir
from sugata.tasks.code_search.cache import Pairs, PairsSettings, PairTokens, Part, open_pairs
from sugata.tasks.code_search.lexical import LEXICAL
from sugata.tasks.code_search.ranking import MEAN_RECIPROCAL_RANK, RECALLS, groups, ranks, summary
from sugata.tasks.corpus import SPLITS
from sugata.trial import Fidelity, Metric, Value

VOCABULARY = "vocab_size"  # the choice of a search space that names the vocabulary
Embed = Callable[[Tensor], Tensor]

_EMBEDDED_AT_ONCE = 64


class CodeSearch(Task):
    """CodeSearchNet's task (Husain et al. 2019): from a docstring to its function.

    Both texts become vectors of unit length. Training is contrastive within the batch (InfoNCE, van den Oord
    et al. 2018): the loss is the mean of the cross-entropies from every query to all functions of the batch,
    and from every function to all queries (symmetric, as CLIP's, Radford et al. 2021; CodeSearchNet's
    baselines train the first direction only). A pair whose query is word for word the same is no negative.

    Quality is the mean reciprocal rank of the right function among it and `distractors` others of the same
    split, and recall at 1, 5 and 10. Ties count as lost.

    Args:
        data: ``stdlib`` (documented functions of the running Python's library), a folder or file of Python
            source, of parquet or JSONL rows with ``docstring`` and ``code`` (CodeSearchNet's files are
            such), or ``hf:NAME``.
        max_pairs: at most so many train.
        held_out: so many for validation, and for test, where the data come without.
        query_tokens: a longer query is cut there.
        code_tokens: a longer function is cut there.
        projection: width of the vectors.
        temperature: what similarities are divided by in the loss.
        distractors: wrong functions beside the right one; 999, as CodeSearchNet has them.
        pad_vocabulary: fill vocabularies that the data are too small for with tokens that never occur.
        cache_dir: where prepared data are kept; ``SUGATA_CACHE``, or ``~/.cache/sugata``.

    Raises:
        DataError: a setting is impossible, or (on first use) the data are missing or wrong.
    """

    name = "code_search"
    metrics: tuple[Metric, ...] = (MEAN_RECIPROCAL_RANK, *RECALLS)
    primary = MEAN_RECIPROCAL_RANK
    targets = "pairs"

    def __init__(
        self,
        data: str | Path | Sequence[str] = "stdlib",
        *,
        max_pairs: int | None = None,
        held_out: int = 1000,
        query_tokens: int = 48,
        code_tokens: int = 128,
        projection: int = 128,
        temperature: float = 0.05,
        distractors: int = 999,
        pad_vocabulary: bool = False,
        cache_dir: str | Path | None = None,
    ) -> None:
        sources = str(data) if isinstance(data, str | Path) else tuple(map(str, data))
        self.settings = PairsSettings(sources, max_pairs, held_out)
        given = {"query_tokens": query_tokens, "code_tokens": code_tokens, "projection": projection}
        for name, value in (given | {"distractors": distractors}).items():
            if value < 1:
                raise DataError(
                    f"{name}: {value} is not positive; try {999 if name == 'distractors' else 64}"
                )
        if not temperature > 0:
            raise DataError(f"temperature: {temperature} is not positive; try 0.05")
        self.query_tokens, self.code_tokens, self.projection = query_tokens, code_tokens, projection
        self.temperature, self.distractors = temperature, distractors
        self.pad_vocabulary = pad_vocabulary
        self.cache_dir = Path(cache_dir).expanduser() if cache_dir else default_cache_dir()
        self._pairs: Pairs | None = None
        self._vocabularies: dict[int, PairTokens] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_vocabularies": {}}  # open files stay behind

    def signature(self, architecture: Mapping[str, Value], fidelity: Fidelity | None = None) -> Signature:
        """Tokens ``(batch, length)`` int64 in, vectors ``(batch, projection)`` out."""
        tokens = TensorSpec("tokens", ("batch", "length"), "int64", classes=_size(architecture))
        return Signature((tokens,), (TensorSpec("vector", ("batch", self.projection), "float32"),))

    def prepare(self, options: Mapping[str, Sequence[Value]] | None = None, *, say: Say = silent) -> None:
        """Read, deduplicate and divide the pairs, and tokenize them for every vocabulary size."""
        sizes = [int(size) for size in (options or {}).get(VOCABULARY, ())]
        self.pairs(say).prepare(sizes, pad=self.pad_vocabulary, say=say)
        for split in ("validation", "test"):
            count = int(self.pairs().facts["counts"][split])
            if count <= self.distractors:
                say(f"{count:,} pairs of {split}: {count - 1:,} distractors, not {self.distractors:,}")

    def fingerprint(self) -> str:
        """The pairs, and everything that decides the loss and the scores."""
        parts = [self.pairs().fingerprint, self.query_tokens, self.code_tokens, self.projection]
        parts += [self.temperature, self.distractors, "padded" if self.pad_vocabulary else ""]
        return "-".join(map(str, parts))

    def pairs(self, say: Say = silent) -> Pairs:
        """The prepared pairs; made on first use."""
        if self._pairs is None or not self._pairs.folder.is_dir():
            self._pairs = open_pairs(self.settings, self.cache_dir, say=say)
        return self._pairs

    def vocabulary(self, size: int) -> PairTokens:
        """The tokens of a vocabulary size; made on first use."""
        if size not in self._vocabularies:
            self.pairs().prepare([size], pad=self.pad_vocabulary, say=silent)
            self._vocabularies[size] = self.pairs().vocabulary(size, pad=self.pad_vocabulary)
        return self._vocabularies[size]

    def tokenizer(self, architecture: Mapping[str, Value]) -> Tokenizer:
        """The tokenizer of an architecture's vocabulary."""
        return self.vocabulary(_size(architecture)).tokenizer

    # -- training -----------------------------------------------------------------------------------------

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
        """Pairs in a new random order each epoch.

        Inputs ``(batch, query_tokens + code_tokens)`` hold a query and its function beside each other;
        targets ``(batch,)`` are the pairs' numbers.

        Raises:
            DataError: a batch of one pair has no negative, or the split has fewer pairs than a batch.
        """
        tokens = self._opened(architecture, split)
        if not 2 <= batch_size <= tokens.count(split):
            raise DataError(
                f"training.batch_size: {batch_size} pairs of {tokens.count(split)} in the {split} split; a"
                " contrastive loss needs at least 2, and no more than there are"
            )
        return self._drawn(tokens, split, batch_size, _numpy(generator))

    def _drawn(
        self, tokens: PairTokens, split: str, batch_size: int, rng: np.random.Generator
    ) -> Iterator[Batch]:
        while True:
            order = rng.permutation(tokens.count(split))
            for start in range(0, len(order) - batch_size + 1, batch_size):
                numbers = order[start : start + batch_size]
                queries = tokens.rows(split, "query", numbers, self.query_tokens)
                codes = tokens.rows(split, "code", numbers, self.code_tokens)
                yield Batch(
                    torch.from_numpy(np.concatenate([queries, codes], axis=1)), torch.from_numpy(numbers)
                )

    def epoch_size(self, architecture: Mapping[str, Value], fidelity: Fidelity | None = None) -> int:
        """The pairs of the training split."""
        return int(self.pairs().facts["counts"]["train"])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The symmetric contrastive loss in nats, the mean over queries and functions."""
        assert isinstance(model, TwoTower)
        queries = trimmed(batch.inputs[:, : self.query_tokens])
        codes = trimmed(batch.inputs[:, self.query_tokens :])
        scores = model(queries, codes).float() / self.temperature
        same = (queries[:, None] == queries[None]).all(2)
        same.fill_diagonal_(False)
        scores = scores.masked_fill(same, float("-inf"))
        targets = torch.arange(len(scores), device=scores.device)
        return (F.cross_entropy(scores, targets) + F.cross_entropy(scores.T, targets)) / 2

    # -- quality ------------------------------------------------------------------------------------------

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
        """Mean reciprocal rank and recalls of at most ``limit`` queries, each among all candidates."""
        assert isinstance(model, TwoTower)
        device = next(model.parameters()).device
        training = model.training
        model.eval()
        try:
            return self.score(
                lambda tokens: model.query(tokens.to(device)).cpu(),
                lambda tokens: model.code(tokens.to(device)).cpu(),
                architecture,
                split=split,
                limit=limit,
            )
        finally:
            model.train(training)

    def score(
        self,
        embed_query: Embed,
        embed_code: Embed,
        architecture: Mapping[str, Value],
        *,
        split: str,
        limit: int | None = None,
    ) -> dict[str, float]:
        """The metrics of anything that maps tokens ``(batch, length)`` to vectors ``(batch, width)``."""
        tokens = self._opened(architecture, split)
        found = []
        for numbers, asked in groups(tokens.count(split), self.distractors + 1, limit):
            queries = self._embedded(embed_query, tokens, split, "query", numbers[:asked])
            codes = self._embedded(embed_code, tokens, split, "code", numbers)
            found.append(ranks(queries @ codes.T))
        return summary(found)

    def lexical(self, *, split: str, limit: int | None = None) -> dict[str, dict[str, float]]:
        """The metrics of TF-IDF and of BM25 on the same queries and candidates, by their names.

        They read whole functions, divide identifiers into words, and know word frequencies of the candidates.
        """
        texts = self.pairs().texts(split)
        cut = groups(len(texts), self.distractors + 1, limit)
        found: dict[str, list[np.ndarray]] = {name: [] for name in LEXICAL}
        for numbers, asked in cut:
            queries = [texts[number].query for number in numbers[:asked]]
            codes = [texts[number].code for number in numbers]
            for name, scores in LEXICAL.items():
                found[name].append(ranks(scores(queries, codes)))
        return {name: summary(values) for name, values in found.items()}

    def _embedded(
        self, embed: Embed, tokens: PairTokens, split: str, part: Part, numbers: np.ndarray
    ) -> np.ndarray:
        """Vectors of these texts, in batches of texts of about the same length."""
        length = self.query_tokens if part == "query" else self.code_tokens
        order = np.argsort(tokens.lengths(split, part)[numbers], kind="stable")
        rows = tokens.rows(split, part, numbers[order], length)
        vectors = np.empty((len(numbers), self.projection), np.float32)
        for start in range(0, len(rows), _EMBEDDED_AT_ONCE):
            chunk = trimmed(torch.from_numpy(rows[start : start + _EMBEDDED_AT_ONCE]))
            vectors[order[start : start + len(chunk)]] = embed(chunk).numpy()
        return vectors

    def _opened(self, architecture: Mapping[str, Value], split: str) -> PairTokens:
        if split not in SPLITS:
            raise TaskError(f"split: {split!r} is unknown; use {', '.join(SPLITS)}")
        return self.vocabulary(_size(architecture))


def trimmed(tokens: Tensor) -> Tensor:
    """Rows ``(batch, length)`` without the columns in which all of them are padding."""
    longest = int((tokens != END).sum(1).max()) + 1
    return tokens[:, :longest]


def _size(architecture: Mapping[str, Value]) -> int:
    if VOCABULARY not in architecture:
        raise TaskError(f"{VOCABULARY}: missing in the architecture; code search needs this choice")
    return int(architecture[VOCABULARY])


def _numpy(generator: Generator) -> np.random.Generator:
    if isinstance(generator, np.random.Generator):
        return generator
    return np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
