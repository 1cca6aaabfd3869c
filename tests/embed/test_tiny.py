"""The embedder that other tests stand on does what it says."""

import numpy as np
import pytest

from qasearch.embed import checked, checked_tokens, embedder_name
from qasearch.protocols import Embedder, TokenEmbedder
from tests.tiny import TinyEmbedder, TinyTokenEmbedder


def cosine(one: str, other: str) -> float:
    first, second = TinyEmbedder().embed_passages([one, other])
    return float(first @ second)


def test_cosine_is_that_of_the_word_counts() -> None:
    assert cosine("The budget of the mission", "mission budget") == pytest.approx(1)
    assert cosine("lion river", "lion museum") == pytest.approx(1 / 2)
    assert cosine("lion lion river", "lion") == pytest.approx(2 / 5**0.5)
    assert cosine("lion river", "salt engine") == 0


def test_forms_of_one_text_are_one() -> None:
    assert cosine("Caf\u00e9", "CAFE\u0301") == pytest.approx(1)


def test_it_is_an_embedder() -> None:
    embedder: Embedder = TinyEmbedder(dim=32)
    texts = ["lion", "", "what is the", "\ud800"]
    rows = checked(embedder.embed_queries(texts), texts, 32)
    np.testing.assert_array_equal(rows, embedder.embed_passages(texts))
    assert embedder.embed_passages([]).shape == (0, 32)
    assert embedder.fingerprint != TinyEmbedder().fingerprint
    assert embedder_name(embedder) == "tiny"


def test_tokens_are_those_of_the_words_that_count() -> None:
    embedder = TinyTokenEmbedder()
    assert isinstance(embedder, TokenEmbedder)
    assert not isinstance(TinyEmbedder(), TokenEmbedder)
    texts = ["the lion of the river", "", "River lion, caf\u00e9", "\ud800 cafe\u0301"]
    vectors, tokens = embedder.embed_query_tokens(texts)
    np.testing.assert_array_equal(vectors, TinyEmbedder().embed_queries(texts))
    lion, none, river, cafe = checked_tokens(tokens, texts)
    np.testing.assert_array_equal(lion @ river.T, [[0, 1, 0], [1, 0, 0]])
    np.testing.assert_array_equal(cafe @ river.T, [[0, 0, 1]])
    assert none.shape == (0, 256)
    np.testing.assert_array_equal(embedder.embed_passage_tokens(texts)[1][2], river)
