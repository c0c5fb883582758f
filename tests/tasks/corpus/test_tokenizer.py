"""The tokenizer loses nothing, counts bytes exactly, and the fast ways give what the slow ones give."""

import argparse
import json
import json.decoder
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers

from sugata.decoding import BYTE_OF_CHARACTER, END_OF_TEXT, token_bytes
from sugata.errors import DataError
from sugata.tasks.corpus.tokenizer import (
    WordStream,
    check_vocabulary_size,
    load_tokenizer,
    padded_tokenizer,
    require_size,
    smaller_tokenizer,
    split_words,
    train_tokenizer,
)

TEXTS = [Path(module.__file__).read_text("utf-8") for module in (argparse, json.decoder, textwrap)]
TOKENIZER = train_tokenizer(TEXTS, 420)
TABLE = token_bytes(TOKENIZER)

anything = st.text() | st.text(alphabet=" \t\n\r\v\f'sdtmlver aZ09_(#é\u00a0\u3000\u0085\u2028²Ⅷ日🙂\x1c\0")


@given(anything)
def test_decoding_gives_the_text_back(text: str) -> None:
    ids = TOKENIZER.encode(text).ids
    assert TOKENIZER.decode(ids) == text
    assert b"".join(TABLE[number] for number in ids) == text.encode()


@pytest.mark.parametrize("text", [END_OF_TEXT, f"a = '{END_OF_TEXT}'\n"])
def test_the_name_of_the_end_of_text_is_text(text: str, tmp_path: Path) -> None:
    TOKENIZER.save(str(tmp_path / "tokenizer.json"))
    for tokenizer in (TOKENIZER, load_tokenizer(str(tmp_path / "tokenizer.json"))):
        ids = tokenizer.encode(text).ids
        assert 0 not in ids
        assert tokenizer.decode(ids) == text


def test_the_end_of_text_is_token_zero_and_stands_for_no_bytes() -> None:
    assert TOKENIZER.token_to_id(END_OF_TEXT) == 0
    assert TABLE[0] == b""
    assert all(TABLE[1:])
    assert {piece for piece in TABLE if len(piece) == 1} == {bytes([byte]) for byte in range(256)}
    assert sorted(BYTE_OF_CHARACTER) == sorted(pre_tokenizers.ByteLevel.alphabet())


@given(anything)
def test_words_are_those_of_the_pre_tokenizer(text: str) -> None:
    pieces = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    expected = [bytes(map(BYTE_OF_CHARACTER.__getitem__, piece)).decode() for piece, _ in pieces]
    assert split_words(text) == expected


@given(st.lists(anything, min_size=1, max_size=5))
def test_encoding_by_words_is_encoding(texts: list[str]) -> None:
    packed = WordStream.of({"train": texts}).encode(TOKENIZER)["train"]
    expected = [token for text in texts for token in [*TOKENIZER.encode(text).ids, 0]]
    assert packed.tolist() == expected
    assert packed.dtype == np.uint16


@pytest.mark.parametrize("size", [257, 258, 300, 377, 419])
def test_a_smaller_vocabulary_is_the_one_that_training_gives(size: int) -> None:
    small, trained = smaller_tokenizer(TOKENIZER, size), train_tokenizer(TEXTS, size)
    assert json.loads(small.to_str()) == json.loads(trained.to_str())
    assert small.get_vocab_size() == size


def test_padding_fills_a_vocabulary_and_changes_no_text() -> None:
    padded = padded_tokenizer(Tokenizer.from_str(TOKENIZER.to_str()), 70_000)
    assert padded.get_vocab_size() == 70_000
    assert padded.encode(TEXTS[0]).ids == TOKENIZER.encode(TEXTS[0]).ids
    assert sum(map(len, token_bytes(padded))) == sum(map(len, TABLE))
    assert WordStream.of({"train": TEXTS}).encode(padded)["train"].dtype == np.uint32


def test_a_vocabulary_that_the_corpus_is_too_small_for_is_refused() -> None:
    tokenizer = train_tokenizer(["aab aab"], 1000)
    with pytest.raises(
        DataError, match="vocab_size: 1000 is too large for a training text of 7 bytes, which yields"
    ):
        require_size(tokenizer, 1000, 7)
    with pytest.raises(DataError, match="at least 257"):
        check_vocabulary_size(100)
