"""Corpora of source code: reading, deduplicating, splitting, tokenizing and caching them."""

from sugata.decoding import END_OF_TEXT, token_bytes
from sugata.tasks.corpus.cache import Corpus, CorpusSettings, Vocabulary, open_corpus
from sugata.tasks.corpus.sources import SPLITS, Document, Source, find_source, read_source
from sugata.tasks.corpus.tokenizer import load_tokenizer, train_tokenizer

__all__ = [
    "END_OF_TEXT",
    "SPLITS",
    "Corpus",
    "CorpusSettings",
    "Document",
    "Source",
    "Vocabulary",
    "find_source",
    "load_tokenizer",
    "open_corpus",
    "read_source",
    "token_bytes",
    "train_tokenizer",
]
