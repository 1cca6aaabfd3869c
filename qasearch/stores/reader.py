"""What a store has published, for the query layer to read.

Candidates come from the engine, and what signals are made of is fetched for these alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qasearch.errors import IndexDamagedError, StoreError
from qasearch.index import (
    Codes,
    TokenCodec,
    TokenStore,
    inverse_frequencies,
    spellings,
    terms,
    terms_of_each,
)
from qasearch.protocols import Flags, Rows, Scores, Vectors
from qasearch.records import Article, Condition, IndexStatus, Passage
from qasearch.stores.about import About
from qasearch.stores.documents import unpacked
from qasearch.stores.engine import PASSAGE_BITS, Engine, Parts
from qasearch.stores.fetched import Fetched

_KEPT_PARTS = 8_192
"""Passages and articles whose vectors and codes are kept in memory: some 40 MB."""
_KEPT_ARTICLES = 512
_KEPT_TERMS = 65_536

_KeptParts: TypeAlias = Fetched[int, Parts]


class RemoteReader:
    """One generation of a store. Thread-safe as far as its engine is.

    Args:
        engine: where it lies.
        number: of the generation.
        about: what is noted of it.
        on_close: lets go of the engine.
    """

    def __init__(
        self,
        engine: Engine,
        number: int,
        about: About,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._number = number
        self._about = about
        self._close = on_close
        self.name = about.name
        self.model = about.origin.model
        self.article_count = about.articles
        self.passage_count = about.passages
        self.confidence = about.confidence
        self.lexical = _Words(engine, number, about.passages)
        self._passages = Fetched(lambda rows: engine.passage_parts(number, rows), _KEPT_PARTS)
        self._articles = Fetched(lambda rows: engine.article_parts(number, rows), _KEPT_PARTS)
        self.store = _Texts(engine, number, about, self._passages, self._articles)
        codec = about.origin.codec
        self.tokens = (
            _Tokens(TokenCodec.from_bytes(codec), self._passages, self._articles) if codec else None
        )

    def passage_vectors(self, rows: Rows) -> Vectors:
        """The vectors of some passages: float32 (n, d), unit rows."""
        return self._vectors(self._passages, rows)

    def question_vectors(self, rows: Rows) -> Vectors:
        """The vectors of the questions of some articles: float32 (n, d), unit rows."""
        return self._vectors(self._articles, rows)

    def near_questions(self, query: Vectors, k: int) -> Rows:
        """The k articles whose questions are nearest to a vector, float32 (1, d): int64."""
        return self._engine.near_questions(self._number, query, k)

    def scope(self, conditions: Sequence[Condition] = ()) -> "RemoteScope":
        """The articles that meet all conditions; all articles without any."""
        return RemoteScope(self._engine, self._number, conditions)

    def damaged_confidence(self, found: str) -> IndexDamagedError:
        """The error for the query layer to raise if ``confidence`` is nothing that it wrote."""
        return IndexDamagedError(
            self._engine.url,
            "confidence",
            "a calibration",
            found,
            hint="Copy it there anew.",
        )

    def answers(self) -> bool:
        """Whether nothing newer was published."""
        return self._engine.published() == self._number

    def status(self) -> IndexStatus:
        """What it holds, in figures."""
        origin = self._about.origin
        sizes = {number: self._engine.bytes(number) for number in self._engine.numbers()}
        own = sizes.pop(self._number, 0)
        return IndexStatus(
            path=self._engine.url,
            generation=self.name,
            created=self._about.created,
            model=origin.model,
            fingerprint=origin.fingerprint,
            dim=origin.dim,
            articles=self.article_count,
            passages=self.passage_count,
            sources=0,
            stale=(),
            refused=(),
            generations=(self.name,),
            bytes={"generation": own, "other_generations": sum(sizes.values())} if own else {},
        )

    def close(self) -> None:
        """Let go of the connection."""
        self._close()

    def _vectors(self, kept: _KeptParts, rows: Rows) -> Vectors:
        parts = kept.get(rows.tolist())
        empty = np.empty((0, self._about.origin.dim), np.float32)
        return np.stack([part.vector for part in parts]) if parts else empty


class RemoteScope:
    """The articles of a store that a filter leaves, or all; the engine applies it."""

    def __init__(self, engine: Engine, number: int, conditions: Sequence[Condition]) -> None:
        self._engine = engine
        self._number = number
        self._conditions = tuple(conditions)

    def near(self, query: Vectors, k: int) -> Rows:
        """The k passages nearest to a query, float32 (1, d): int64, ascending."""
        return np.sort(self._engine.near(self._number, query, k, self._conditions)[1])

    def worded(self, terms: Sequence[str], k: int) -> tuple[Scores, Rows]:
        """The k passages that say most of some terms, best first: BM25 and rows."""
        scores, rows = self._engine.worded(self._number, terms, k, self._conditions)
        order = np.lexsort((rows, -scores))
        return scores[order], rows[order]


class _Words:
    """The words of the passages: cut by us, counted by the engine."""

    def __init__(self, engine: Engine, number: int, passages: int) -> None:
        self._passages = passages

        def count(terms: list[str]) -> dict[str, int]:
            return dict(zip(terms, engine.frequencies(number, terms), strict=True))

        self._frequencies = Fetched(count, _KEPT_TERMS)

    def terms(self, text: str) -> list[str]:
        """The words of a text as they are indexed."""
        return terms(text)

    def terms_of_each(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """The terms of each of some words."""
        return terms_of_each(words)

    def inverse_frequencies(self, terms: Sequence[str]) -> NDArray[np.float32]:
        """How rare each term is among the passages, as BM25 weighs it."""
        return inverse_frequencies(self._frequencies.get(terms), self._passages)


class _Tokens:
    """The tokens of the passages that are asked for, laid out as a generation on disk has them."""

    def __init__(self, codec: TokenCodec, passages: _KeptParts, articles: _KeptParts) -> None:
        self._codec = codec
        self._passages = passages
        self._articles = articles

    def matches(self, query: Vectors, rows: Rows) -> tuple[Vectors, Rows]:
        """How well passages match each token of a query; as ``Tokens.matches``."""
        distinct, place = np.unique(rows, return_inverse=True)
        articles, sizes = np.unique(distinct >> PASSAGE_BITS, return_counts=True)
        questions = self._articles.get(articles.tolist())
        passages = iter(self._passages.get(distinct.tolist()))
        texts = [
            self._codes(part)
            for question, size in zip(questions, sizes.tolist(), strict=True)
            for part in (question, *(next(passages) for _ in range(size)))
        ]
        store = TokenStore(
            np.concatenate(texts), _offsets([len(t) for t in texts]), _offsets(sizes), self._codec
        )
        return store.matches(query, place.astype(np.int64))

    def _codes(self, parts: Parts) -> Codes:
        return np.frombuffer(parts.codes, dtype=np.uint8).reshape(-1, self._codec.width)


class _Texts:
    """The articles and passages of a generation."""

    def __init__(
        self,
        engine: Engine,
        number: int,
        about: About,
        passages: _KeptParts,
        articles: _KeptParts,
    ) -> None:
        self._engine = engine
        self._number = number
        self._about = about
        self._passages = passages
        self._articles = articles

        def fetch(rows: list[int]) -> dict[int, Article]:
            return {row: unpacked(data) for row, data in engine.records(number, rows).items()}

        self._records = Fetched(fetch, _KEPT_ARTICLES)

    def articles(self, rows: Sequence[int]) -> list[Article]:
        """The articles in these rows, in the order asked for; their ``passages`` are left empty."""
        return [replace(article, passages=()) for article in self._whole(rows)]

    def questions_of(self, rows: Sequence[int]) -> list[tuple[str, str]]:
        """The id and the question of the articles in these rows, in the order asked for."""
        return [(article.id, article.question) for article in self._whole(rows)]

    def passages(self, rows: Sequence[int]) -> list[Passage]:
        """The passages in these rows, in the order asked for."""
        articles = self._whole([row >> PASSAGE_BITS for row in rows])
        mask = (1 << PASSAGE_BITS) - 1
        return [a.passages[row & mask] for a, row in zip(articles, rows, strict=True)]

    def article(self, article_id: str) -> Article:
        """The article with this id, and all its passages; LookupError if there is none."""
        return self._whole([self.article_row(article_id)])[0]

    def article_row(self, article_id: str) -> int:
        """The row of the article with this id, however its accents are composed; or LookupError."""
        asked = spellings(article_id)
        found = {kept.id: kept.row for kept in self._engine.find(self._number, asked)}
        for spelling in asked:
            if spelling in found:
                return found[spelling]
        raise LookupError(f"There is no article {article_id!r} in the index.")

    def article_rows_of(self, passage_rows: Rows) -> Rows:
        """The row of the article of each passage."""
        return passage_rows >> PASSAGE_BITS

    def are_points(self, passage_rows: Rows) -> Flags:
        """Which passages are numbered points."""
        parts = self._passages.get(passage_rows.tolist())
        return np.array([part.point for part in parts], np.bool_)

    def passage_rows_of(self, article_rows: Rows) -> Rows:
        """The rows of all passages of some articles: int64, in the order of the articles."""
        sizes = [part.passages for part in self._articles.get(article_rows.tolist())]
        spans = [
            (row << PASSAGE_BITS) + np.arange(size, dtype=np.int64)
            for row, size in zip(article_rows.tolist(), sizes, strict=True)
        ]
        return np.concatenate(spans) if spans else np.empty(0, np.int64)

    def sample(self, most: int) -> list[int]:
        """Rows of articles, ``most`` at most, drawn by the hash of their ids."""
        return self._engine.sample(self._number, most)

    def subjects(self) -> list[tuple[str, int]]:
        """Each subject with the number of its articles: most first, then by name."""
        return list(self._about.subjects)

    def _whole(self, rows: Sequence[int]) -> list[Article]:
        try:
            return self._records.get([int(row) for row in rows])
        except KeyError as error:
            raise StoreError(
                self._engine.url,
                f"{self._engine.url} has lost article row {error.args[0]}, or a newer generation "
                "has taken the place of the one that was open.",
                hint="Open it again.",
            ) from error


def _offsets(sizes: "Sequence[int] | NDArray[Any]") -> Rows:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
