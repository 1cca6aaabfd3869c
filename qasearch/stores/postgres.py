"""PostgreSQL with pgvector: a schema for each generation, and a table that names the one in use.

Generation 7 lies in the schema ``NAME_7``; the schema ``NAME`` has the table that names it. BM25 is
computed in SQL: the words of a passage are a ``tsvector`` whose positions count them, an inverted
index finds the passages that have one, and their scores are summed as tantivy does.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from qasearch.index import inverse_frequencies
from qasearch.protocols import Rows, Scores, Vectors
from qasearch.records import Condition
from qasearch.stores.address import Address
from qasearch.stores.engine import ArticleRow, Kept, Parts
from qasearch.stores.filters import postgres_filter
from qasearch.stores.postgresdatabase import Database
from qasearch.stores.postgresrows import article_values, passage_values, quoted
from qasearch.stores.postgressql import (
    ALL,
    CARRY,
    COPY_ARTICLES,
    COPY_PASSAGES,
    CREATE,
    FINISH,
    GRAPH,
    HOME,
    NEAR,
    NEAR_ARTICLES,
    NEAR_QUESTIONS,
    SIZE,
    SWITCH,
    WORDED,
    WORDED_ARTICLES,
)

GRAPH_ABOVE = 20_000
"""Passages above which a graph (HNSW) proposes the nearest; below, all are compared."""
_MOST_GRAPH_DIM: Final = 2_000
"""Numbers of a vector that pgvector's graph takes."""


class Postgres:
    """An engine on PostgreSQL.

    Attributes:
        url: its address, without a password.

    Args:
        address: where it is.
        graph_above: passages above which a graph proposes the nearest.

    Raises:
        ExtraMissingError: psycopg or pgvector is not installed.
        StoreError: nobody answers there, or it has no pgvector.
    """

    def __init__(self, address: Address, *, graph_above: int = GRAPH_ABOVE) -> None:
        self.url = address.shown
        self._name = address.name
        self._database = Database(address)
        self._graph_above = graph_above

    def published(self) -> int | None:
        """The number of the generation that answers; None before the first."""
        if not self._database.rows(
            "SELECT 1 FROM pg_namespace WHERE nspname = %(name)s", name=self._name
        ):
            return None
        found = self._database.rows("SELECT number FROM {home}.answering")
        return found[0][0] if found else None

    def numbers(self) -> list[int]:
        """The numbers of all generations that lie there, complete or not, ascending."""
        prefix = f"{self._name}_"
        found = self._database.rows("SELECT nspname FROM pg_namespace")
        rests = (name.removeprefix(prefix) for (name,) in found if name.startswith(prefix))
        return sorted(int(rest) for rest in rests if rest.isdecimal())

    def create(self, number: int, dim: int) -> None:
        """Make an empty generation."""
        with self._database.transaction():
            self._database.run(HOME)
            self._database.run(CREATE, number, dim=dim)

    def carry(self, source: int, target: int) -> None:
        """Copy all rows of a generation to another, empty one, within the server."""
        with self._database.transaction():
            self._database.run(CARRY, target, source=self._database.schema(source))

    def drop(self, number: int) -> None:
        """Remove a generation."""
        self._database.run("DROP SCHEMA IF EXISTS {schema} CASCADE", number)

    def about(self, number: int) -> str:
        """What ``set_about`` noted last of a generation; empty if nothing."""
        found = self._database.rows("SELECT text FROM {schema}.about", number)
        return found[0][0] if found else ""

    def set_about(self, number: int, text: str) -> None:
        """Note something of a generation."""
        with self._database.transaction():
            self._database.run("DELETE FROM {schema}.about", number)
            self._database.run("INSERT INTO {schema}.about VALUES (%(text)s)", number, text=text)

    def insert(self, number: int, articles: Sequence[ArticleRow]) -> None:
        """Add articles, all of them or none."""
        with self._database.transaction():
            with self._database.copying(COPY_ARTICLES, number) as copying:
                for article in articles:
                    copying.write_row(article_values(article))
            with self._database.copying(COPY_PASSAGES, number) as copying:
                for article in articles:
                    for values in passage_values(article):
                        copying.write_row(values)

    def delete(self, number: int, rows: Sequence[int]) -> None:
        """Remove articles with their passages, by row."""
        with self._database.transaction():
            for table, column in (("passages", "article"), ("articles", "row")):
                self._database.run(
                    f"DELETE FROM {{schema}}.{table} WHERE {column} = ANY(%(rows)s)",
                    number,
                    rows=list(rows),
                )

    def delete_from(self, number: int, first: int) -> None:
        """Remove the articles from a row on, with their passages."""
        with self._database.transaction():
            for table, column in (("passages", "article"), ("articles", "row")):
                self._database.run(
                    f"DELETE FROM {{schema}}.{table} WHERE {column} >= %(first)s",
                    number,
                    first=first,
                )

    def finish(self, number: int) -> None:
        """Index what is searched, count the words, and let the planner know."""
        self._database.run(FINISH, number)
        _, passages = self.counts(number)
        if passages > self._graph_above and self._dim(number) <= _MOST_GRAPH_DIM:
            self._database.run(GRAPH, number)
        self._database.run("ANALYZE {schema}.passages, {schema}.articles, {schema}.words", number)

    def switch(self, number: int) -> None:
        """Let a generation answer, in one transaction."""
        with self._database.transaction():
            self._database.run(SWITCH, number=number)

    def find(self, number: int, ids: Sequence[str]) -> list[Kept]:
        """Those of some articles that are there."""
        found = self._database.rows(ALL + " WHERE id = ANY(%(ids)s)", number, ids=list(ids))
        return [Kept(row, id, digest, tuple(labels)) for row, id, digest, labels in found]

    def all(self, number: int) -> Iterator[Kept]:
        """All articles, in the order of their rows; some are read at a time."""
        last, most = -1, 10_000
        while True:
            found = self._database.rows(
                ALL + " WHERE row > %(last)s ORDER BY row LIMIT %(most)s",
                number,
                last=last,
                most=most,
            )
            for row, id, digest, labels in found:
                yield Kept(row, id, digest, tuple(labels))
            if len(found) < most:
                return
            last = found[-1][0]

    def counts(self, number: int) -> tuple[int, int]:
        """How many articles and passages there are, counted anew."""
        ((articles, passages),) = self._database.rows(
            "SELECT (SELECT count(*) FROM {schema}.articles), "
            "(SELECT count(*) FROM {schema}.passages)",
            number,
        )
        return articles, passages

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
        condition, parameters = postgres_filter(where)
        return _scored(
            self._database.rows(
                (NEAR_ARTICLES if by_article else NEAR).replace("WHERE TRUE", f"WHERE {condition}"),
                number,
                vector=vector[0],
                k=k,
                **parameters,
            )
        )

    def near_questions(self, number: int, vector: Vectors, k: int) -> Rows:
        """The articles whose questions are nearest, best first: rows; all are compared."""
        found = self._database.rows(NEAR_QUESTIONS, number, vector=vector[0], k=k)
        return np.array([row for (row,) in found], dtype=np.int64)

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
        distinct = sorted(set(terms))
        passages = self.counts(number)[1]
        rareness = inverse_frequencies(self.frequencies(number, distinct), passages)
        weights = [float(rareness[i]) * terms.count(term) for i, term in enumerate(distinct)]
        condition, parameters = postgres_filter(where)
        sql = WORDED_ARTICLES if by_article else WORDED
        return _scored(
            self._database.rows(
                sql.replace("WHERE TRUE", f"WHERE {condition}"),
                number,
                terms=distinct,
                weights=weights,
                query=" | ".join(map(quoted, distinct)),
                k=k,
                **parameters,
            )
        )

    def passage_parts(self, number: int, rows: Sequence[int]) -> dict[int, Parts]:
        """Vectors and codes of passages, by row."""
        found = self._database.rows(
            "SELECT row, vector, codes, point FROM {schema}.passages WHERE row = ANY(%(rows)s)",
            number,
            rows=list(rows),
        )
        return {row: Parts(_vector(vector), codes, point=p) for row, vector, codes, p in found}

    def article_parts(self, number: int, rows: Sequence[int]) -> dict[int, Parts]:
        """Vectors and codes of questions, by row."""
        found = self._database.rows(
            "SELECT row, question, codes, passages FROM {schema}.articles"
            " WHERE row = ANY(%(rows)s)",
            number,
            rows=list(rows),
        )
        return {row: Parts(_vector(vector), codes, n) for row, vector, codes, n in found}

    def records(self, number: int, rows: Sequence[int]) -> dict[int, bytes]:
        """Articles as they were packed, by row."""
        sql = "SELECT row, record FROM {schema}.articles WHERE row = ANY(%(rows)s)"
        return dict(self._database.rows(sql, number, rows=list(rows)))

    def frequencies(self, number: int, terms: Sequence[str]) -> list[int]:
        """In how many passages each term is."""
        sql = "SELECT term, passages FROM {schema}.words WHERE term = ANY(%(terms)s)"
        found = dict(self._database.rows(sql, number, terms=list(terms)))
        return [found.get(term, 0) for term in terms]

    def sample(self, number: int, most: int) -> list[int]:
        """Rows of the articles of the lowest lots, ascending by lot."""
        sql = "SELECT row FROM {schema}.articles ORDER BY lot LIMIT %(most)s"
        return [row for (row,) in self._database.rows(sql, number, most=most)]

    def bytes(self, number: int) -> int:
        """Size on disk, indexes included."""
        ((size,),) = self._database.rows(SIZE, name=self._database.schema(number))
        return size

    def close(self) -> None:
        """Let go of the connection."""
        self._database.close()

    def _dim(self, number: int) -> int:
        ((dim,),) = self._database.rows(
            "SELECT atttypmod FROM pg_attribute WHERE attname = 'vector'"
            " AND attrelid = to_regclass(%(table)s)",
            table=f"{self._database.schema(number)}.passages",
        )
        return dim


def _vector(value: Any) -> "np.ndarray[Any, np.dtype[np.float32]]":
    numbers = value.to_numpy() if hasattr(value, "to_numpy") else value
    return np.asarray(numbers, dtype=np.float32)


def _scored(found: Sequence[tuple[Any, ...]]) -> tuple[Scores, Rows]:
    scores = np.array([score for score, _ in found], dtype=np.float32)
    return scores, np.array([row for _, row in found], dtype=np.int64)
