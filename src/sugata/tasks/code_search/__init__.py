"""Code search: pairs of docstring and function, their ranks, and lexical search to compare with."""

from sugata.tasks.code_search.cache import Pairs, PairsSettings, open_pairs
from sugata.tasks.code_search.lexical import LEXICAL, bm25, tf_idf
from sugata.tasks.code_search.pairs import Pair, harvest, pair_of
from sugata.tasks.code_search.ranking import MEAN_RECIPROCAL_RANK, RECALLS
from sugata.tasks.code_search.task import CodeSearch

__all__ = [
    "LEXICAL",
    "MEAN_RECIPROCAL_RANK",
    "RECALLS",
    "CodeSearch",
    "Pair",
    "Pairs",
    "PairsSettings",
    "bm25",
    "harvest",
    "open_pairs",
    "pair_of",
    "tf_idf",
]
