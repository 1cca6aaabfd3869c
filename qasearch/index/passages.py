"""Texts and metadata: one SQLite file, written once and then only read.

Articles lie in order of id, passages in order of (article id, seq); a row number counts from 0 in
that order and is the row of the vector too. Equal articles give a file of equal bytes.
"""

import datetime
import json
import os
import sqlite3
import threading
import unicodedata
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from itertools import islice, pairwise
from pathlib import Path
from typing import TypeAlias, TypeVar

import numpy as np

from qasearch.index.passagefile import ArticleValues, Row, connect, encodable, subject_key
from qasearch.protocols import Flags, Rows
from qasearch.records import Article, Condition, Passage

_Record = TypeVar("_Record", Article, Passage, tuple[str, str])

Parts: TypeAlias = tuple[str, tuple[str, ...], str | None, str]
"""Of a passage: the question, its sections, its title and its body."""

TextOf: TypeAlias = Callable[[str, tuple[str, ...], str | None, str], str]
"""Makes one text of these parts."""

_ROWS_AT_ONCE = 1_000

_ARTICLE = """
SELECT articles.row, id, question, answer, subjects, date, urls, paths, intro, summary, flags
FROM articles JOIN answers USING (row)
"""

_PASSAGE = """
SELECT passages.row, id, seq, kind, text, start, "end", ordinal, title, section_path, run, lead_in
FROM passages JOIN articles ON articles.row = article_row
"""

_PARTS = """
SELECT question, section_path, title, text FROM passages JOIN articles ON articles.row = article_row
WHERE passages.row >= ? AND passages.row < ? ORDER BY passages.row
"""

# As one text: a row for each article takes three times as long to read.
_STARTS = """
SELECT group_concat(first_passage) FROM (SELECT first_passage FROM spans ORDER BY article_row)
"""

_ASKED = "SELECT row, id, question FROM articles"

_QUESTIONS = "SELECT id, question FROM articles ORDER BY row"

_IN_ROWS = "IN (SELECT value FROM json_each(?))"


class PassageStore:
    """The articles and passages of a generation. Thread-safe; writes nothing, not even a lock.

    The file is let go by ``close``, or with the last reference to the store.

    Attributes:
        passage_offsets: int64 (articles + 1,); the passages of article row i are the rows from
            ``passage_offsets[i]`` up to, not including, ``passage_offsets[i + 1]``.

    Args:
        path: a file that ``write_passages`` wrote.

    Raises:
        sqlite3.Error: it is not such a file.
    """

    passage_offsets: Rows

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._connect()
        try:
            passages: int = self._select("SELECT ifnull(max(row) + 1, 0) FROM passages")[0][0]
            starts: str | None = self._select(_STARTS)[0][0]
            bits: bytes = self._select("SELECT bits FROM points")[0][0]
        except BaseException:
            self.close()
            raise
        firsts = np.fromstring(starts, dtype=np.int64, sep=",") if starts else ()
        self.passage_offsets = np.append(firsts, passages).astype(np.int64)
        self._points = np.unpackbits(np.frombuffer(bits, np.uint8)).astype(np.bool_)

    @property
    def article_count(self) -> int:
        """How many articles there are."""
        return len(self.passage_offsets) - 1

    @property
    def passage_count(self) -> int:
        """How many passages there are."""
        return int(self.passage_offsets[-1])

    def articles(self, rows: Sequence[int]) -> list[Article]:
        """The articles in these rows, in the order asked for; their ``passages`` are left empty.

        Raises:
            LookupError: there is no such row.
        """
        found = self._select(f"{_ARTICLE} WHERE articles.row {_IN_ROWS}", _row_list(rows))
        return _in_order({values[0]: _article(values) for values in found}, rows, "article")

    def questions_of(self, rows: Sequence[int]) -> list[tuple[str, str]]:
        """The id and the question of the articles in these rows, in the order asked for.

        Raises:
            LookupError: there is no such row.
        """
        found = self._select(f"{_ASKED} WHERE row {_IN_ROWS}", _row_list(rows))
        return _in_order({row: (id, question) for row, id, question in found}, rows, "article")

    def passages(self, rows: Sequence[int]) -> list[Passage]:
        """The passages in these rows, in the order asked for.

        Raises:
            LookupError: there is no such row.
        """
        found = self._select(f"{_PASSAGE} WHERE passages.row {_IN_ROWS}", _row_list(rows))
        return _in_order({values[0]: _passage(values) for values in found}, rows, "passage")

    def parts(self, first: int, stop: int) -> Iterator[Parts]:
        """What is said of the passages in rows ``first`` up to, not including, ``stop``.

        Some are read at a time.
        """
        for start in range(first, stop, _ROWS_AT_ONCE):
            span = start, min(start + _ROWS_AT_ONCE, stop)
            for question, sections, title, body in self._select(_PARTS, span):
                yield question, _from_json(sections), title, body

    def full_articles(self, first: int, stop: int) -> list[Article]:
        """The articles in rows ``first`` up to, not including, ``stop``, with their passages."""
        offsets = self.passage_offsets[first : stop + 1].tolist()
        passages = iter(self.passages(range(offsets[0], offsets[-1])))
        return [
            replace(article, passages=tuple(islice(passages, end - start)))
            for article, (start, end) in zip(
                self.articles(range(first, stop)), pairwise(offsets), strict=True
            )
        ]

    def article(self, article_id: str) -> Article:
        """The article with this id, and all its passages.

        Raises:
            LookupError: there is no such article.
        """
        row = self.article_row(article_id)
        (article,) = self.full_articles(row, row + 1)
        return article

    def article_row(self, article_id: str) -> int:
        """The row of the article with this id, however its accents are composed.

        Raises:
            LookupError: there is no such article.
        """
        for spelling in spellings(article_id):
            found = self._select("SELECT row FROM articles WHERE id = ?", (encodable(spelling),))
            if found:
                return found[0][0]
        raise LookupError(f"There is no article {article_id!r} in the index.")

    def ids(self) -> list[str]:
        """The ids of all articles, by row."""
        return [id for (id,) in self._select("SELECT id FROM articles ORDER BY row")]

    def sample(self, most: int) -> list[int]:
        """Rows of articles, ``most`` at most, drawn by the hash of their ids."""
        return drawn(self.ids(), most)

    def questions_and_answers(self) -> Iterator[tuple[str, str]]:
        """The question and the answer of each article, by row, some read at a time."""
        for start in range(0, self.article_count, _ROWS_AT_ONCE):
            yield from self._select(
                "SELECT question, answer FROM articles JOIN answers USING (row)"
                " WHERE row >= ? AND row < ? ORDER BY row",
                (start, start + _ROWS_AT_ONCE),
            )

    def questions(self) -> list[tuple[str, str]]:
        """The id and the question of every article, by row."""
        return [(id, text) for id, text in self._select(_QUESTIONS)]

    def values(self, first: int, stop: int) -> Iterator[ArticleValues]:
        """The articles in these rows as ``write_passages`` takes them over, some at a time."""
        for start in range(first, stop, _ROWS_AT_ONCE):
            yield from self._block_of_values(start, min(stop, start + _ROWS_AT_ONCE))

    def _block_of_values(self, first: int, stop: int) -> Iterator[ArticleValues]:
        span = (first, stop)
        articles = self._select(
            "SELECT id, question, subjects, date, urls, paths, flags FROM articles"
            " WHERE row >= ? AND row < ? ORDER BY row",
            span,
        )
        answers = self._select(
            "SELECT answer, intro, summary FROM answers WHERE row >= ? AND row < ? ORDER BY row",
            span,
        )
        offsets = self.passage_offsets[first : stop + 1].tolist()
        passages = self._select(
            'SELECT seq, kind, text, start, "end", ordinal, title, section_path, run, lead_in'
            " FROM passages WHERE row >= ? AND row < ? ORDER BY row",
            (offsets[0], offsets[-1]),
        )
        for i, (article, answer) in enumerate(zip(articles, answers, strict=True)):
            subjects = {(subject_key(s), s) for s in _from_json(article[2])}
            own = passages[offsets[i] - offsets[0] : offsets[i + 1] - offsets[0]]
            yield ArticleValues(article[0], article, answer, sorted(subjects), own)

    def passage_span(self, article_row: int) -> tuple[int, int]:
        """The passage rows of an article: the first, and the one after the last.

        Raises:
            LookupError: there is no such row.
        """
        if not 0 <= article_row < self.article_count:
            raise LookupError(f"There is no article row {article_row} in the index.")
        first, end = self.passage_offsets[article_row : article_row + 2]
        return int(first), int(end)

    def article_rows_of(self, passage_rows: Rows) -> Rows:
        """The row of the article of each passage: int64, of the same shape as ``passage_rows``."""
        return np.searchsorted(self.passage_offsets, passage_rows, side="right") - 1

    def are_points(self, passage_rows: Rows) -> Flags:
        """Which passages are numbered points."""
        return self._points[passage_rows]

    def passage_rows_of(self, article_rows: Rows) -> Rows:
        """The rows of all passages of some articles: int64, in the order of the articles."""
        first = self.passage_offsets[article_rows]
        sizes = self.passage_offsets[article_rows + 1] - first
        starts = np.cumsum(sizes) - sizes
        return np.arange(int(sizes.sum()), dtype=np.int64) + np.repeat(first - starts, sizes)

    def article_rows_where(self, conditions: Sequence[Condition]) -> Rows:
        """The rows of the articles that meet all conditions: int64, ascending.

        Alternatives are the conditions of one field with ``=``; everything else combines.
        """
        values: dict[tuple[str, str], list[str]] = defaultdict(list)
        for condition in conditions:
            values[condition.field, condition.op].append(condition.value)
        clauses = [_clause(field, op, wanted) for (field, op), wanted in values.items()]
        where = " AND ".join(sql for sql, _ in clauses) or "TRUE"
        parameters = tuple(value for _, wanted in clauses for value in wanted)
        found = self._select(f"SELECT row FROM articles WHERE {where} ORDER BY row", parameters)
        return np.array([row for (row,) in found], dtype=np.int64)

    def subjects(self) -> list[tuple[str, int]]:
        """Each subject, in its most frequent spelling, with its articles: most first."""
        found = self._select("""
            SELECT key, subject, count(*) AS n FROM subjects
            GROUP BY key, subject ORDER BY n DESC, subject
        """)
        spelling: dict[str, str] = {}
        for key, subject, _ in found:
            spelling.setdefault(key, subject)
        totals = self._select("SELECT key, count(DISTINCT article_row) FROM subjects GROUP BY key")
        pairs = [(spelling[key], n) for key, n in totals]
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))

    def close(self) -> None:
        """Let go of the file; any use afterwards is a ``sqlite3.ProgrammingError``."""
        self._close()

    def _connect(self) -> None:
        self._connection = _connect_immutable(self._path)
        self._close = weakref.finalize(self, self._connection.close)

    def _select(self, sql: str, parameters: Row = ()) -> list[Row]:
        if os.getpid() != self._process:
            # Neither a connection nor a lock that another thread held may be carried over a fork.
            self._process, self._lock = os.getpid(), threading.Lock()
            self._connect()
        with self._lock:
            return self._connection.execute(sql, parameters).fetchall()


def drawn(ids: Sequence[str], most: int) -> list[int]:
    """Places of ids, ``most`` at most, drawn by lot: an edit of the ids changes few of them."""
    lots = [lot(id) for id in ids]
    return sorted(range(len(lots)), key=lots.__getitem__)[:most]


def spellings(article_id: str) -> list[str]:
    """An id as it is written, and then as its accents may be composed elsewhere."""
    composed = [unicodedata.normalize(form, article_id) for form in ("NFC", "NFD")]
    return list(dict.fromkeys([article_id, *composed]))


def lot(article_id: str) -> bytes:
    """What orders articles by lot: a hash of the id, the same wherever an article lies."""
    return sha256(article_id.encode("utf-8", "surrogatepass")).digest()


def _clause(field: str, op: str, values: Sequence[str]) -> tuple[str, Sequence[str]]:
    """One part of a WHERE, and its parameters. Nothing that a caller wrote becomes SQL."""
    match field, op:
        case "subject", "=":
            keys = [subject_key(value) for value in values]
            return f"row IN (SELECT article_row FROM subjects WHERE key IN {_list(keys)})", keys
        case "date", "=":
            return f"date IN {_list(values)}", values
        case "date", ">=" | "<=" | ">" | "<":
            return " AND ".join([f"date {op} ?"] * len(values)), values
        case _:
            raise ValueError(f"Articles cannot be filtered by {field} {op}.")


def _article(values: Row) -> Article:
    _, id, question, answer, subjects, date, urls, paths, intro, summary, flags = values
    return Article(
        id=id,
        question=question,
        answer=answer,
        subjects=_from_json(subjects),
        date=datetime.date.fromisoformat(date) if date else None,
        urls=_from_json(urls),
        paths=_from_json(paths),
        intro=intro,
        summary=summary,
        flags=_from_json(flags),
    )


def _passage(values: Row) -> Passage:
    _, article_id, seq, kind, text, start, end, ordinal, title, section_path, run, lead_in = values
    return Passage(
        article_id=article_id,
        seq=seq,
        kind=kind,
        text=text,
        start=start,
        end=end,
        ordinal=ordinal,
        title=title,
        section_path=_from_json(section_path),
        run=run,
        lead_in=lead_in,
    )


def _in_order(by_row: Mapping[int, _Record], rows: Sequence[int], noun: str) -> list[_Record]:
    try:
        return [by_row[row] for row in rows]
    except KeyError as error:
        raise LookupError(f"There is no {noun} row {error.args[0]} in the index.") from None


def _list(values: Sequence[str]) -> str:
    """A place for each value: how many there may be, SQLite limits to 32,766."""
    return f"({', '.join('?' * len(values))})"


def _row_list(rows: Sequence[int]) -> Row:
    """Any number of rows as one parameter, for ``_IN_ROWS``."""
    return (json.dumps([int(row) for row in rows]),)


@lru_cache(maxsize=1_024)  # most lists are empty, or those of the passage before
def _from_json(texts: str) -> tuple[str, ...]:
    return () if texts == "[]" else tuple(json.loads(texts))


def _connect_immutable(path: Path) -> sqlite3.Connection:
    return connect(path, "mode=ro&immutable=1")
