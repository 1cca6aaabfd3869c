"""The seams of storage: what the query layer reads, and what keeps articles for it.

A ``Reader`` is one published state of some articles, which nobody changes. A generation of an
index on disk is one, and so is what a ``Store`` on a distributed engine has published. Ranking,
confidence and hits are made of what readers give, so they are the same wherever the articles lie.

Rows are numbers of passages, or of articles, of one reader; what they are made of is its own.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qasearch.protocols import Flags, Rows, Scores, Vectors
from qasearch.records import Article, Condition, IndexStatus, Passage

_ADDRESS = re.compile(r"milvus:|[a-z][a-z+.-]*://")


class Words(Protocol):
    """The words of the passages, as BM25 knows them."""

    def terms(self, text: str) -> list[str]:
        """The words of a text as they are indexed: stemmed, in lower case, stop words left out."""
        ...

    def terms_of_each(self, words: Sequence[str]) -> Sequence[Sequence[str]]:
        """The terms of each of some words: mostly one, none of a stop word."""
        ...

    def inverse_frequencies(self, terms: Sequence[str]) -> NDArray[np.float32]:
        """How rare each term is among the passages, as BM25 weighs it: float32 (n,), 0 or more."""
        ...


class Tokens(Protocol):
    """The tokens of the passages, for late interaction."""

    def matches(self, query: Vectors, rows: Rows) -> tuple[Vectors, Rows]:
        """How well passages match each token of a query.

        Returns:
            float32 (n, q), the best cosine of each token of the query among those of the passage
            and of its article's question; and int64 (n,), how many these are.
        """
        ...


class Texts(Protocol):
    """The articles and passages, by row."""

    def articles(self, rows: Sequence[int]) -> list[Article]:
        """The articles in these rows, in the order asked for; their ``passages`` are left empty."""
        ...

    def questions_of(self, rows: Sequence[int]) -> list[tuple[str, str]]:
        """The id and the question of the articles in these rows, in the order asked for."""
        ...

    def passages(self, rows: Sequence[int]) -> list[Passage]:
        """The passages in these rows, in the order asked for."""
        ...

    def article(self, article_id: str) -> Article:
        """The article with this id, and all its passages; LookupError if there is none."""
        ...

    def article_row(self, article_id: str) -> int:
        """The row of the article with this id, however its accents are composed; or LookupError."""
        ...

    def article_rows_of(self, passage_rows: Rows) -> Rows:
        """The row of the article of each passage: int64, of the same shape as ``passage_rows``."""
        ...

    def are_points(self, passage_rows: Rows) -> Flags:
        """Which passages are numbered points."""
        ...

    def passage_rows_of(self, article_rows: Rows) -> Rows:
        """The rows of all passages of some articles: int64, in the order of the articles."""
        ...

    def sample(self, most: int) -> list[int]:
        """Rows of articles, ``most`` at most, drawn by the hash of their ids."""
        ...

    def subjects(self) -> list[tuple[str, int]]:
        """Each subject with the number of its articles: most first, then by name."""
        ...


class Scope(Protocol):
    """Some of the articles: those that a filter leaves, or all. Proposes passages of them."""

    def near(self, query: Vectors, k: int) -> Rows:
        """The k passages nearest to a query, float32 (1, d): int64, ascending."""
        ...

    def worded(self, terms: Sequence[str], k: int) -> tuple[Scores, Rows]:
        """The passages that say most of some terms, k at least if so many have any of them.

        Returns:
            BM25 scores float32 (h,), best first, and their rows int64 (h,), ties by ascending row.
        """
        ...


class Reader(Protocol):
    """Articles as they were published, open to be read. Thread-safe."""

    @property
    def name(self) -> str:
        """Of the generation."""
        ...

    @property
    def model(self) -> str:
        """Name of the embedder that made the vectors."""
        ...

    @property
    def article_count(self) -> int:
        """How many articles there are."""
        ...

    @property
    def passage_count(self) -> int:
        """How many passages there are."""
        ...

    @property
    def confidence(self) -> bytes:
        """What the query layer wrote of it when it was made, for itself to read."""
        ...

    @property
    def lexical(self) -> Words:
        """The words of the passages."""
        ...

    @property
    def tokens(self) -> Tokens | None:
        """The tokens of the passages; None if there are none."""
        ...

    @property
    def store(self) -> Texts:
        """The articles and passages."""
        ...

    def passage_vectors(self, rows: Rows) -> Vectors:
        """The vectors of some passages: float32 (n, d), unit rows."""
        ...

    def question_vectors(self, rows: Rows) -> Vectors:
        """The vectors of the questions of some articles: float32 (n, d), unit rows."""
        ...

    def near_questions(self, query: Vectors, k: int) -> Rows:
        """The k articles whose questions are nearest to a vector, float32 (1, d): int64."""
        ...

    def scope(self, conditions: Sequence[Condition] = ()) -> Scope:
        """The articles that meet all conditions; all articles without any."""
        ...

    def damaged_confidence(self, found: str) -> Exception:
        """The error for the query layer to raise if ``confidence`` is nothing that it wrote."""
        ...

    def answers(self) -> bool:
        """Whether nothing newer was published."""
        ...

    def status(self) -> IndexStatus:
        """What it holds, in figures."""
        ...

    def close(self) -> None:
        """Let go of what it holds open."""
        ...


@dataclass(frozen=True, slots=True)
class Origin:
    """What made the vectors and the codes of a store: entries of another one do not belong there.

    Attributes:
        model: name of the embedder, for people.
        fingerprint: decides whether two embedders are the same.
        dim: length of a vector.
        splitter: version of the rules that cut answers into passages.
        codec: makes vectors of the codes of tokens; empty if there are none.
    """

    model: str
    fingerprint: str
    dim: int
    splitter: str
    codec: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """An article with all that a store keeps of it.

    Attributes:
        article: with its passages.
        question: float32 (d,), the vector of its question.
        vectors: float32 (n, d), those of its passages.
        question_codes: uint8 (tokens, width), of the tokens of its question.
        codes: the same of each passage, without the question at its head.
    """

    article: Article
    question: NDArray[np.float32]
    vectors: Vectors
    question_codes: NDArray[np.uint8]
    codes: tuple[NDArray[np.uint8], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What is looked for: by a vector, or by terms; one of both is None.

    Attributes:
        vector: float32 (1, d), a unit row.
        terms: from ``Words.terms``.
    """

    vector: Vectors | None = None
    terms: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that a store proposes: cosine, or BM25 as the engine computes it."""

    article_id: str
    seq: int
    score: float


@dataclass(frozen=True, slots=True)
class StoreStats:
    """What a store holds.

    Attributes:
        generation: name of what is published; None before the first time.
        articles, passages: published.
        digest: of all that is published, whatever its order, in hex; empty without any.
        staged: articles that the next ``publish`` will publish; None while nothing was changed.
    """

    generation: str | None
    articles: int
    passages: int
    digest: str
    staged: int | None


@runtime_checkable
class Store(Protocol):
    """Keeps articles, and publishes them at one stroke. Five verbs; one writer at a time.

    What ``upsert`` and ``delete`` do, nobody sees before ``publish``; it outlives a writer that is
    killed in between, but for the embedded store, which then begins anew.
    """

    def upsert(self, entries: Iterable[Entry]) -> int:
        """Add articles, or replace those of the same id; what has not changed costs nothing.

        Returns:
            How many differed from what was there, told by the digest of their content.
        """
        ...

    def delete(self, ids: Iterable[str]) -> int:
        """Remove articles; those that are not there do not count.

        Returns:
            How many were removed.
        """
        ...

    def search(
        self,
        probe: Probe,
        k: int,
        *,
        where: Sequence[Condition] = (),
        by_article: bool = False,
    ) -> list[Found]:
        """Propose passages of what is published, best first; nothing is fused or judged here.

        Args:
            probe: what is looked for.
            k: passages wanted at most.
            where: filter on the articles.
            by_article: of each article its best passage alone.
        """
        ...

    def publish(self, calibrate: Callable[[Reader], bytes]) -> str:
        """Let what was staged answer, at one stroke: readers see the old or the new, never both.

        Args:
            calibrate: finds the confidence of hits, by reading what is about to be published.

        Returns:
            The name of the generation that answers now.
        """
        ...

    def stats(self) -> StoreStats:
        """What it holds."""
        ...

    def reader(self) -> Reader:
        """What is published, for the query layer to read."""
        ...

    def close(self) -> None:
        """Let go of what it holds open."""
        ...


def is_address(text: str) -> bool:
    """Whether a text is the address of a store, and not a folder."""
    return _ADDRESS.match(text) is not None
