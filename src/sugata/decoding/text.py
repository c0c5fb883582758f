"""From tokens to text, in pieces, as soon as characters are complete."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

END_OF_TEXT = "<|endoftext|>"


def _byte_alphabet() -> dict[str, int]:
    """The character that stands for each byte in a byte-level vocabulary, to the byte."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in set(visible)]
    return {chr(byte): byte for byte in visible} | {chr(256 + n): byte for n, byte in enumerate(hidden)}


BYTE_OF_CHARACTER = _byte_alphabet()


def token_bytes(tokenizer: Tokenizer) -> list[bytes]:
    """The bytes that each token stands for, in the order of their ids; special tokens stand for none."""
    special = {number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    table = [b""] * tokenizer.get_vocab_size()
    for token, number in tokenizer.get_vocab().items():
        if number not in special:
            table[number] = bytes(BYTE_OF_CHARACTER[character] for character in token)
    return table


def decode_stream(tokens: Iterator[int], table: list[bytes]) -> Iterator[str]:
    """The text of tokens, in pieces; bytes that are not UTF-8 become U+FFFD."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token in tokens:
        if piece := decoder.decode(table[token]):
            yield piece
    if rest := decoder.decode(b"", final=True):
        yield rest


def stop_before(pieces: Iterator[str], stop: Sequence[str]) -> Iterator[str]:
    """The pieces up to the first stop text; what may be the beginning of one is held back."""
    longest = max(map(len, stop), default=0)
    held = ""
    for piece in pieces:
        held += piece
        found = [position for text in stop if (position := held.find(text)) >= 0]
        if found:
            if min(found):
                yield held[: min(found)]
            return
        ready = len(held) - max(0, longest - 1)
        if ready > 0:
            yield held[:ready]
            held = held[ready:]
    if held:
        yield held
