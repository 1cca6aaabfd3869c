"""What a database must offer for a store to be made of it: numbered generations of two tables.

A generation is written under its own number, and published by letting one name stand for it. Rows
of articles are numbered from 0; a passage's row is its article's, shifted, and its place in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from qasearch.protocols import Rows, Scores, Vectors
from qasearch.records import Condition

PASSAGE_BITS: Final = 16
MOST_PASSAGES: Final = 1 << PASSAGE_BITS
"""Passages of an article: 65,536. Of articles that leaves room for 2^47."""

LONGEST_WORDS: Final = 65_535
"""Bytes of the words of a passage that are searched: what Milvus takes of a text."""


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A passage in its table.

    Attributes:
        row: of the passage.
        vector: float32 (d,).
        codes: of its tokens.
        point: whether it is a numbered point.
        words: its terms, with a space between them.
    """

    row: int
    vector: NDArray[np.float32]
    codes: bytes
    point: bool
    words: str


@dataclass(frozen=True, slots=True)
class ArticleRow:
    """An article in its table.

    Attributes:
        row: of the article.
        id: its id.
        digest: of its content, in hex.
        lot: 63 bits of a hash of the id, to draw samples by and to look it up.
        day: ordinal of its date; 0 without one.
        subjects: the keys of its subjects, alike for all spellings.
        labels: its subjects as they are written.
        question: float32 (d,), the vector of its question.
        codes: of the tokens of its question.
        record: the article itself, packed.
        passages: its passages.
    """

    row: int
    id: str
    digest: str
    lot: int
    day: int
    subjects: tuple[str, ...]
    labels: tuple[str, ...]
    question: NDArray[np.float32]
    codes: bytes
    record: bytes
    passages: tuple[PassageRow, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is listed of an article: as in ``ArticleRow``."""

    row: int
    id: str
    digest: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """What signals are made of: vector and codes of a passage, or of an article's question.

    ``passages`` counts those of an article; ``point`` tells a passage that is a numbered point.
    """

    vector: NDArray[np.float32]
    codes: bytes
    passages: int = 0
    point: bool = False


class Engine(Protocol):
    """A database as stores use it. Failures are ``StoreError``s.

    Attributes:
        url: its address, without a password.
    """

    url: str

    def published(self) -> int | None:
        """The number of the generation that answers; None before the first."""
        ...

    def numbers(self) -> list[int]:
        """The numbers of all generations that lie there, complete or not, ascending."""
        ...

    def create(self, number: int, dim: int) -> None:
        """Make an empty generation."""
        ...

    def carry(self, source: int, target: int) -> None:
        """Copy all rows of a generation to another, empty one."""
        ...

    def drop(self, number: int) -> None:
        """Remove a generation."""
        ...

    def about(self, number: int) -> str:
        """What ``set_about`` noted last of a generation; empty if nothing."""
        ...

    def set_about(self, number: int, text: str) -> None:
        """Note something of a generation."""
        ...

    def insert(self, number: int, articles: Sequence[ArticleRow]) -> None:
        """Add articles whose rows and ids are not there."""
        ...

    def delete(self, number: int, rows: Sequence[int]) -> None:
        """Remove articles with their passages, by row."""
        ...

    def delete_from(self, number: int, first: int) -> None:
        """Remove the articles from a row on, with their passages."""
        ...

    def finish(self, number: int) -> None:
        """Prepare a generation for being searched: indexes, statistics."""
        ...

    def switch(self, number: int) -> None:
        """Let a generation answer, at one stroke."""
        ...

    def find(self, number: int, ids: Sequence[str]) -> list[Kept]:
        """Those of some articles that are there."""
        ...

    def all(self, number: int) -> Iterator[Kept]:
        """All articles, in any order."""
        ...

    def counts(self, number: int) -> tuple[int, int]:
        """How many articles and passages there are, counted anew."""
        ...

    def near(
        self,
        number: int,
        vector: Vectors,
        k: int,
        where: Sequence[Condition],
        *,
        by_article: bool = False,
    ) -> tuple[Scores, Rows]:
        """The nearest passages, best first: cosines, and rows."""
        ...

    def near_questions(self, number: int, vector: Vectors, k: int) -> Rows:
        """The articles whose questions are nearest, best first: rows."""
        ...

    def worded(
        self,
        number: int,
        terms: Sequence[str],
        k: int,
        where: Sequence[Condition],
        *,
        by_article: bool = False,
    ) -> tuple[Scores, Rows]:
        """The passages that say most of some terms, best first: BM25, and rows."""
        ...

    def passage_parts(self, number: int, rows: Sequence[int]) -> dict[int, Parts]:
        """Vectors and codes of passages, by row."""
        ...

    def article_parts(self, number: int, rows: Sequence[int]) -> dict[int, Parts]:
        """Vectors and codes of questions, by row."""
        ...

    def records(self, number: int, rows: Sequence[int]) -> dict[int, bytes]:
        """Articles as they were packed, by row."""
        ...

    def frequencies(self, number: int, terms: Sequence[str]) -> list[int]:
        """In how many passages each term is."""
        ...

    def sample(self, number: int, most: int) -> list[int]:
        """Rows of the articles of the lowest lots, ascending by lot."""
        ...

    def bytes(self, number: int) -> int:
        """Size on disk; 0 if the engine does not tell."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...
