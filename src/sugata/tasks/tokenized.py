"""Language modelling of code in the tokens of a model that is there already."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from sugata.errors import DataError, TaskError
from sugata.space import Signature
from sugata.tasks.base import Say, silent
from sugata.tasks.code import VOCABULARY, CodeLanguageModelling
from sugata.tasks.corpus import Vocabulary, load_tokenizer
from sugata.trial import Fidelity, Value


class TokenizedCode(CodeLanguageModelling):
    """`CodeLanguageModelling` with one given tokenizer, whatever the text is.

    For models that are trained on, pruned or distilled after their export: their text may be another than the
    one that their tokenizer was trained on.

    Args:
        tokenizer: a ``tokenizer.json`` that sugata wrote.
        data: and everything else as for :class:`CodeLanguageModelling`.

    Raises:
        DataError: no such file, or none of these.
    """

    def __init__(
        self, tokenizer: str | Path, data: str | Path | Sequence[str] = "stdlib", **more: Any
    ) -> None:
        super().__init__(data, **more)
        self.path = str(tokenizer)
        self.size = self._read().get_vocab_size()

    @property
    def architecture(self) -> dict[str, Value]:
        """What the methods need to know of an architecture: the size of the vocabulary."""
        return {VOCABULARY: self.size}

    def signature(self, architecture: Mapping[str, Value], fidelity: Fidelity | None = None) -> Signature:
        """Of any model with this vocabulary."""
        return super().signature({**architecture, VOCABULARY: self.size}, fidelity)

    def prepare(
        self,
        options: Mapping[str, Sequence[Value]] | None = None,
        *,
        vocabulary_sizes: Sequence[int] = (),
        say: Say = silent,
    ) -> None:
        """Read the corpus, and pack it in these tokens."""
        self.corpus(say)
        self.vocabulary(self.size)

    def fingerprint(self) -> str:
        """The texts and the tokenizer."""
        return f"{super().fingerprint()}-{self.vocabulary(self.size).folder.name}"

    def vocabulary(self, size: int) -> Vocabulary:
        """The given one.

        Raises:
            TaskError: another size is asked for.
        """
        if size != self.size:
            raise TaskError(
                f"{VOCABULARY}: {size} is not the {self.size} tokens of {self.path}; give that size"
            )
        if size not in self._vocabularies:
            self._vocabularies[size] = self.corpus().given(self._read())
        return self._vocabularies[size]

    def _read(self) -> Tokenizer:
        try:
            return load_tokenizer(self.path)
        except Exception as error:  # the library raises nothing more specific
            raise DataError(f"{self.path}: cannot be read as a tokenizer ({error})") from None
