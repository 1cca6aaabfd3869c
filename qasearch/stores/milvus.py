"""Milvus: four collections for each generation, and an alias that names the one that answers.

``NAME_7`` holds the passages of generation 7, ``NAME_7_articles`` its articles, ``NAME_7_terms``
how many passages have each term, ``NAME_7_about`` what is noted of it; the alias ``NAME`` points at
``NAME_7``. Words are stemmed by us, so that Milvus has nothing to do but to weigh them.
milvus-lite, within this process, takes the same calls.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from qasearch.protocols import Rows, Scores, Vectors, in_batches
from qasearch.records import Condition
from qasearch.stores.address import Address
from qasearch.stores.engine import ArticleRow, Kept, Parts
from qasearch.stores.filters import milvus_filter
from qasearch.stores.milvuscollections import MOST_HITS, ROWS_AT_ONCE, Collections
from qasearch.stores.milvusrows import (
    LISTED,
    article_row,
    joined,
    kept,
    numbers_of,
    packed,
    passage_rows,
    portions,
)
from qasearch.stores.milvusschema import ABOUT, ARTICLES, NO_VECTOR, PASSAGES, TERMS
from qasearch.stores.rows import lot_number

_WORDS_AT_ONCE = 8_000
"""Rows read for their words alone, which are short: milvus-lite sorts all rows for each lot."""
_SEARCH_WIDTH: Final = 400
"""Neighbours that the graph keeps in sight: more find more, and take longer."""


class Milvus:
    """An engine on a Milvus server, or on milvus-lite.

    Attributes:
        url: its address, without a password.

    Raises:
        ExtraMissingError: pymilvus, or milvus-lite for a file, is not installed.
        StoreError: nobody answers there, or a file is open in another process.
    """

    def __init__(self, address: Address) -> None:
        self.url = address.shown
        self._collections = Collections(address)

    def published(self) -> int | None:
        """The number of the generation that answers; None before the first."""
        return self._collections.pointed_at()

    def numbers(self) -> list[int]:
        """The numbers of all generations that lie there, complete or not, ascending."""
        return self._collections.numbers()

    def create(self, number: int, dim: int) -> None:
        """Make an empty generation."""
        for kind in (PASSAGES, ARTICLES, ABOUT):
            self._collections.make(number, kind, dim)

    def carry(self, source: int, target: int) -> None:
        """Copy all rows of a generation to another, empty one; they pass through this process."""
        for kind in (PASSAGES, ARTICLES):
            fields = [name for name in kind.fields if name != "sparse"]
            for rows in self._collections.iterate(source, kind, fields):
                self._collections.insert(target, kind, rows)

    def drop(self, number: int) -> None:
        """Remove a generation; first what tells that it is one."""
        for kind in (ABOUT, TERMS, ARTICLES, PASSAGES):
            self._collections.remove(number, kind)

    def about(self, number: int) -> str:
        """What ``set_about`` noted last of a generation; empty if nothing."""
        if not self._collections.exists(number, ABOUT):
            return ""
        found = self._collections.query(number, ABOUT, "key == 0", ["text"])
        return joined(found[0]["text"]).decode() if found else ""

    def set_about(self, number: int, text: str) -> None:
        """Note something of a generation."""
        row = {"key": 0, "text": packed(text.encode()), "vector": NO_VECTOR}
        self._collections.upsert(number, ABOUT, row)

    def insert(self, number: int, articles: Sequence[ArticleRow]) -> None:
        """Add articles; their passages first, so that an article that is there is whole."""
        passages = (row for article in articles for row in passage_rows(article))
        for rows in portions(passages):
            self._collections.insert(number, PASSAGES, rows)
        for rows in portions(map(article_row, articles)):
            self._collections.insert(number, ARTICLES, rows)

    def delete(self, number: int, rows: Sequence[int]) -> None:
        """Remove articles with their passages, by row."""
        for batch in in_batches(rows, ROWS_AT_ONCE):
            self._collections.delete(number, PASSAGES, f"article in {batch}")
            self._collections.delete(number, ARTICLES, f"key in {batch}")

    def delete_from(self, number: int, first: int) -> None:
        """Remove the articles from a row on, with their passages."""
        self._collections.delete(number, PASSAGES, f"article >= {first}")
        self._collections.delete(number, ARTICLES, f"key >= {first}")

    def finish(self, number: int) -> None:
        """Count the passages of each term, and bring all rows to where they are indexed."""
        self._collections.remove(number, TERMS)  # of a publication that failed
        self._collections.make(number, TERMS)
        for rows in in_batches(self._term_rows(number), ROWS_AT_ONCE):
            self._collections.insert(number, TERMS, rows)
        for kind in (PASSAGES, ARTICLES, TERMS, ABOUT):
            self._collections.flush(number, kind)

    def switch(self, number: int) -> None:
        """Let a generation answer, at one stroke."""
        self._collections.point_at(number, PASSAGES)

    def find(self, number: int, ids: Sequence[str]) -> list[Kept]:
        """Those of some articles that are there; looked up by lot, which needs no quoting."""
        wanted = set(ids)
        found: list[Kept] = []
        for batch in in_batches(ids, ROWS_AT_ONCE):
            lots = sorted({lot_number(id) for id in batch})
            rows = self._collections.query(number, ARTICLES, f"lot in {lots}", LISTED)
            found += [kept(row) for row in rows if row["id"] in wanted]
        return found

    def all(self, number: int) -> Iterator[Kept]:
        """All articles, in any order."""
        for rows in self._collections.iterate(number, ARTICLES, LISTED):
            yield from map(kept, rows)

    def counts(self, number: int) -> tuple[int, int]:
        """How many articles and passages there are, counted anew."""
        counts = self._collections.count
        return counts(number, ARTICLES), counts(number, PASSAGES)

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
        width = {"ef": max(_SEARCH_WIDTH, min(2 * k, MOST_HITS))}
        return self._search(number, "vector", vector[0].tolist(), k, where, by_article, width)

    def near_questions(self, number: int, vector: Vectors, k: int) -> Rows:
        """The articles whose questions are nearest, best first: rows."""
        hits = self._collections.search(number, ARTICLES, "vector", vector[0].tolist(), k)
        return np.array([hit["key"] for hit in hits], dtype=np.int64)

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
        if not terms:
            return np.empty(0, np.float32), np.empty(0, np.int64)
        scores, rows = self._search(number, "sparse", " ".join(terms), k, where, by_article, {})
        # milvus-lite gives BM25 its sign turned, as if it were a distance.
        return np.abs(scores), rows

    def passage_parts(self, number: int, rows: Sequence[int]) -> dict[int, Parts]:
        """Vectors and codes of passages, by row."""
        fields = ["vector", "codes", "point"]
        return {
            row["key"]: Parts(numbers_of(row["vector"]), joined(row["codes"]), point=row["point"])
            for row in self._collections.by_key(number, PASSAGES, rows, fields)
        }

    def article_parts(self, number: int, rows: Sequence[int]) -> dict[int, Parts]:
        """Vectors and codes of questions, by row."""
        fields = ["vector", "codes", "passages"]
        return {
            row["key"]: Parts(numbers_of(row["vector"]), joined(row["codes"]), row["passages"])
            for row in self._collections.by_key(number, ARTICLES, rows, fields)
        }

    def records(self, number: int, rows: Sequence[int]) -> dict[int, bytes]:
        """Articles as they were packed, by row."""
        return {
            row["key"]: joined(row["record"])
            for row in self._collections.by_key(number, ARTICLES, rows, ["record"])
        }

    def frequencies(self, number: int, terms: Sequence[str]) -> list[int]:
        """In how many passages each term is, as it was counted when they were published."""
        keys = [lot_number(term) for term in terms]
        rows = self._collections.by_key(number, TERMS, keys, ["passages"])
        found = {row["key"]: row["passages"] for row in rows}
        return [found.get(key, 0) for key in keys]

    def sample(self, number: int, most: int) -> list[int]:
        """Rows of the articles of the lowest lots, ascending by lot.

        Milvus cannot sort, so twice as many are asked for as should lie below a bound.
        """
        articles, _ = self.counts(number)
        share = min(1.0, 2 * (most + 16) / max(1, articles))
        bound = int(share * ((1 << 63) - 1))
        found = self._collections.query(number, ARTICLES, f"lot <= {bound}", ["key", "lot"])
        return [row["key"] for row in sorted(found, key=lambda row: row["lot"])[:most]]

    def bytes(self, number: int) -> int:
        """Milvus does not tell its size."""
        return 0

    def close(self) -> None:
        """Let go of the connection."""
        self._collections.close()

    def _term_rows(self, number: int) -> Iterator[dict[str, Any]]:
        """Of each term of the passages the row that says how many have it.

        Milvus can count them too, but milvus-lite reads all passages for each term.
        """
        passages = Counter[str]()
        for rows in self._collections.iterate(number, PASSAGES, ["words"], _WORDS_AT_ONCE):
            for row in rows:
                passages.update(set(row["words"].split()))
        for term, count in passages.items():
            yield {"key": lot_number(term), "passages": count, "vector": NO_VECTOR}

    def _search(
        self,
        number: int,
        field: str,
        wanted: object,
        k: int,
        where: Sequence[Condition],
        by_article: bool,
        params: dict[str, Any],
    ) -> tuple[Scores, Rows]:
        grouped: dict[str, Any] = {"group_by_field": "article"} if by_article else {}
        hits = self._collections.search(
            number,
            PASSAGES,
            field,
            wanted,
            k,
            filter=milvus_filter(where),
            search_params={"params": params},
            output_fields=["article"],
            **grouped,
        )
        scores = np.array([hit["distance"] for hit in hits], dtype=np.float32)
        return scores, np.array([hit["key"] for hit in hits], dtype=np.int64)
