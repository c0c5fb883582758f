"""TF-IDF against scikit-learn's, BM25 against its formula."""

import math

import numpy as np
import pytest

from sugata.tasks.code_search import bm25, tf_idf
from sugata.tasks.code_search.lexical import words
from sugata.tasks.code_search.ranking import groups, ranks, summary

TEXTS = ["def read_file(path): read", "def writeFile(path): write write", "class HTTPServer2: pass", "read"]
QUERIES = ["Read a file", "server", "write the file to a path path"]


def test_identifiers_are_divided_into_words() -> None:
    assert words("readHTTPLine_2(größe)") == ["read", "http", "line", "2", "gr", "öß", "e"]


def test_tf_idf_ranks_as_scikit_learn_does() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer=words)
    theirs_texts = vectorizer.fit_transform(TEXTS)
    theirs = (vectorizer.transform(QUERIES) @ theirs_texts.T).toarray()
    ours = tf_idf(QUERIES, TEXTS)
    scale = theirs.max(axis=1) / ours.max(axis=1)  # ours are not divided by the query's length
    np.testing.assert_allclose(ours * scale[:, None], theirs, atol=1e-12)


def test_bm25_is_its_formula() -> None:
    scores = bm25(["file"], TEXTS)
    lengths = [len(words(text)) for text in TEXTS]
    odds = math.log(1 + (4 - 2 + 0.5) / (2 + 0.5))
    expected = odds * 2.2 / (1 + 1.2 * (0.25 + 0.75 * lengths[1] / np.mean(lengths)))
    assert scores[0, 1] == pytest.approx(expected)
    assert scores[0, 2] == 0


def test_ties_and_nan_count_against_the_right_answer() -> None:
    scores = np.array([[0.5, 0.5, 0.1], [0.9, 0.1, 0.3], [0.0, 0.0, 1.0]])
    assert ranks(scores).tolist() == [2, 3, 1]
    assert ranks(np.full((3, 3), np.nan)).tolist() == [3, 3, 3]
    assert ranks(scores[:2]).tolist() == [2, 3]  # fewer queries than candidates


def test_the_summary_counts_by_hand() -> None:
    found = summary([np.array([1, 2]), np.array([6, 20])])
    assert found["mean_reciprocal_rank"] == pytest.approx((1 + 1 / 2 + 1 / 6 + 1 / 20) / 4)
    assert [found[f"recall_at_{k}"] for k in (1, 5, 10)] == [0.25, 0.5, 0.75]


def test_every_query_has_all_candidates_also_where_few_are_asked() -> None:
    cut = groups(2500, 1000, None)
    assert [len(numbers) for numbers, _ in cut] == [1000, 1000]
    assert len(set(np.concatenate([numbers for numbers, _ in cut]).tolist())) == 2000
    assert [(len(numbers), asked) for numbers, asked in groups(2500, 1000, 1100)] == [
        (1000, 1000),
        (1000, 100),
    ]
    assert [(len(numbers), asked) for numbers, asked in groups(30, 1000, None)] == [(30, 30)]
