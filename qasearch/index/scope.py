"""What a filter leaves of a generation, and what its vectors and words propose of that."""

from collections.abc import Sequence

import numpy as np

from qasearch.index.lexical import LexicalIndex
from qasearch.index.passages import PassageStore
from qasearch.index.vectors import FaissIndex, row_cosines
from qasearch.protocols import Rows, Scores, Vectors


class RowScope:
    """Some articles of a generation, or all.

    Attributes:
        rows: int64, of the passages, ascending; None means all.

    Args:
        store: knows whose passages are whose.
        vectors: of all passages.
        passages: searches ``vectors``.
        lexical: searches the words of all passages.
        articles: int64, rows of articles, ascending; None means all.
    """

    def __init__(
        self,
        store: PassageStore,
        vectors: Vectors,
        passages: FaissIndex,
        lexical: LexicalIndex,
        articles: Rows | None = None,
    ) -> None:
        self._vectors = vectors
        self._passages = passages
        self._lexical = lexical
        self._articles = articles
        self.rows = None if articles is None else store.passage_rows_of(articles)

    def holds(self, article_row: int) -> bool:
        """Whether it has an article."""
        return self._articles is None or article_row in self._articles

    def near(self, query: Vectors, k: int) -> Rows:
        """The k passages nearest to a query, float32 (1, d): int64, ascending."""
        if self.rows is None:
            return np.sort(self._passages.search(query, k)[1][0])
        near = row_cosines(self._vectors, self.rows, query)
        return np.sort(self.rows[np.lexsort((self.rows, -near))[:k]])

    def worded(self, terms: Sequence[str], k: int) -> tuple[Scores, Rows]:
        """The passages that say most of some terms, best first: BM25 and rows.

        Of a filter all that have any of them, since it may leave any of what the words find.
        """
        return self._lexical.search(terms, k) if self.rows is None else self.all_worded(terms)

    def all_worded(self, terms: Sequence[str]) -> tuple[Scores, Rows]:
        """All passages that have any of some terms, best first: BM25 and rows."""
        scores, rows = self._lexical.search(terms, max(1, self._lexical.rows))
        if self.rows is None:
            return scores, rows
        kept = np.isin(rows, self.rows)
        return scores[kept], rows[kept]
