"""What a build asks itself is embedded once, and is to the bit what the embedder made of it."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qasearch import Index
from qasearch.build.asked import asked
from qasearch.errors import EmbedderError, IndexMismatchError
from qasearch.index import AS_ASKED, EmbeddingCache
from qasearch.protocols import TokenEmbedder, Vectors
from tests.build.folder import stored
from tests.query.test_calibrate import ARTICLES
from tests.tiny import TinyEmbedder, TinyTokenEmbedder

QUERIES = ["Who sells jade?", "...", "Where is tin dug, and where zinc?"]


class Counting(TinyTokenEmbedder):
    """Takes down each question that it is given."""

    def __init__(self) -> None:
        super().__init__(dim=64)
        self.asked: list[str] = []

    def embed_query_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        self.asked += texts
        return super().embed_query_tokens(texts)


class Long(TinyEmbedder):
    """Gives questions vectors that are no unit rows."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return 2 * super().embed_queries(texts)


def cache_of(index: Path, embedder: TinyEmbedder) -> EmbeddingCache:
    return EmbeddingCache(index, fingerprint=embedder.fingerprint, dim=embedder.dim)


def kept(index: Path) -> int:
    """How many questions the cache of an index knows."""
    with closing(sqlite3.connect(index / "cache" / "embeddings.sqlite")) as connection:
        sql = "SELECT count(*) FROM vectors JOIN embedders ON embedder = number WHERE codec = ?"
        return connection.execute(sql, (AS_ASKED,)).fetchone()[0]


def test_the_next_build_embeds_only_questions_that_are_new(tmp_path: Path) -> None:
    embedder = Counting()
    Index.build(ARTICLES, tmp_path / "index", embedder=embedder)
    first = embedder.asked
    assert len(first) > 100
    assert kept(tmp_path / "index") == len({*first})

    embedder.asked = []
    edited = replace(ARTICLES[3], answer="1. **Country**: none.\n2. Ask nobody.")
    Index.build([*ARTICLES[:3], edited, *ARTICLES[4:]], tmp_path / "index", embedder=embedder)
    assert embedder.asked == []

    renamed = replace(edited, question="Has anybody ever found emeralds?")
    articles = [*ARTICLES[:3], renamed, *ARTICLES[4:]]
    Index.build(articles, tmp_path / "index", embedder=embedder)
    assert 0 < len(embedder.asked) < len(first) / 4
    assert any("emeralds" in text for text in embedder.asked)
    # What was only asked before is forgotten; and a build that knows no question finds the same.
    again = Counting()
    shutil.copytree(tmp_path / "index" / "cache", tmp_path / "fresh" / "cache")
    with cache_of(tmp_path / "fresh", again) as cache:
        cache.use(AS_ASKED)
        cache.keep_only([])
    Index.build(articles, tmp_path / "fresh", embedder=again)
    assert kept(tmp_path / "index") == len({*again.asked})
    assert stored(tmp_path / "index") == stored(tmp_path / "fresh")


def test_tokens_come_back_to_the_bit(tmp_path: Path) -> None:
    embedder = Counting()
    with cache_of(tmp_path, embedder) as cache:
        for _ in range(2):
            given = asked(cache, embedder)
            assert isinstance(given, TokenEmbedder)
            vectors, tokens = given.embed_query_tokens(QUERIES)
            expected = TinyTokenEmbedder(dim=64).embed_query_tokens(QUERIES)
            assert vectors.tobytes() == expected[0].tobytes()
            assert [t.shape for t in tokens] == [t.shape for t in expected[1]]
            assert [t.tobytes() for t in tokens] == [t.tobytes() for t in expected[1]]
            assert given.query_words(QUERIES) == embedder.query_words(QUERIES)
    assert embedder.asked == QUERIES


def test_an_embedder_without_tokens_is_remembered_too(tmp_path: Path) -> None:
    embedder = TinyEmbedder(dim=64)
    with cache_of(tmp_path, embedder) as cache:
        given = asked(cache, embedder)
        assert not isinstance(given, TokenEmbedder)
        for _ in range(2):
            assert np.array_equal(given.embed_queries(QUERIES), embedder.embed_queries(QUERIES))
    assert kept(tmp_path) == len(QUERIES)


def test_vectors_that_cannot_be_kept_are_told(tmp_path: Path) -> None:
    embedder = Long(dim=64)
    with (
        cache_of(tmp_path, embedder) as cache,
        pytest.raises(EmbedderError, match="Who sells jade"),
    ):
        asked(cache, embedder).embed_queries(QUERIES)


def test_queries_are_neither_merged_nor_taken_for_a_codec(tmp_path: Path) -> None:
    embedder = Counting()
    texts = Index.build(ARTICLES, tmp_path / "index", embedder=embedder).embedded
    with cache_of(tmp_path / "index", embedder) as cache:
        (codec,) = cache.codecs()
        assert codec != AS_ASKED
    merged = Index.merge([tmp_path / "index"], tmp_path / "merged")
    assert (merged.added, merged.known) == (texts, 0)
    assert kept(tmp_path / "merged") == 0
    # A cache whose codec is another one is refused still, whatever both have asked.
    Index.build(ARTICLES, tmp_path / "other", embedder=embedder, token_bits=4)
    with pytest.raises(IndexMismatchError, match="the code of tokens"):
        Index.merge([tmp_path / "index", tmp_path / "other"], tmp_path / "both")
