"""Texts and metadata written: one SQLite file, the same bytes for the same articles."""

import json
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

from qasearch.index.files import FileDigest, Files, writing
from qasearch.records import Article, Passage

Row: TypeAlias = tuple[Any, ...]
"""Values of columns."""

# Long texts lie in a table of their own, so that a scan of the metadata does not read them. Which
# passages are numbered points is told once more, in one row: a bit for each, by row.
_SCHEMA = """
CREATE TABLE articles (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL, question TEXT NOT NULL, subjects TEXT NOT NULL,
    date TEXT, urls TEXT NOT NULL, paths TEXT NOT NULL, flags TEXT NOT NULL
);
CREATE TABLE answers (
    row INTEGER PRIMARY KEY, answer TEXT NOT NULL, intro TEXT, summary TEXT
);
CREATE TABLE passages (
    row INTEGER PRIMARY KEY, article_row INTEGER NOT NULL, seq INTEGER NOT NULL,
    kind TEXT NOT NULL, text TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    ordinal TEXT, title TEXT, section_path TEXT NOT NULL, run INTEGER, lead_in TEXT
);
CREATE TABLE spans (article_row INTEGER PRIMARY KEY, first_passage INTEGER NOT NULL);
CREATE TABLE points (bits BLOB NOT NULL);
CREATE TABLE subjects (
    key TEXT NOT NULL, article_row INTEGER NOT NULL, subject TEXT NOT NULL,
    PRIMARY KEY (key, article_row, subject)
) WITHOUT ROWID;
CREATE UNIQUE INDEX articles_by_id ON articles (id);
CREATE INDEX articles_by_date ON articles (date);
"""
_PAGE_BYTES = 8192

_KIND = 1
"""Where a passage's values hold its kind."""


@dataclass(frozen=True, slots=True)
class ArticleValues:
    """An article as the columns of its tables hold it, all row numbers left out."""

    id: str
    article: Row
    answer: Row
    subjects: list[Row]
    passages: list[Row]


class StoredArticles(Protocol):
    """Articles of another store, taken over as they are."""

    def values(self) -> Iterator[ArticleValues]:
        """Yield the articles, in ascending order of id."""
        ...


def write_passages(
    files: Files, path: Path, articles: Iterable[Article | StoredArticles]
) -> FileDigest:
    """Write articles and their passages to a new SQLite file.

    Args:
        files: the file operations.
        path: the file, which must not exist.
        articles: split already, or stored before, in ascending order of id; read one at a time.

    Raises:
        ValueError: ids do not ascend, or the passages of an article do not belong to it in
            ascending order of seq, or a text cannot be stored as UTF-8.
        IndexWriteError: no space, or an I/O error.
    """
    with writing(path):
        files.close(files.create(path))
        connection = connect(path, "mode=rw")
    with closing(connection):
        with writing(path):
            # No journal: an unfinished file is thrown away, a finished one synced as a whole.
            for setting in (f"page_size={_PAGE_BYTES}", "journal_mode=OFF", "synchronous=OFF"):
                connection.execute(f"PRAGMA {setting}")
            connection.executescript(_SCHEMA)
            connection.execute("BEGIN")
        points = bytearray()
        last_id: str | None = None
        for row, values in enumerate(_all_values(articles)):
            if last_id is not None and values.id <= last_id:
                raise ValueError(
                    f"Articles must ascend by id, but {values.id!r} follows {last_id!r}."
                )
            try:
                with writing(path):
                    _insert(connection, values, row, len(points))
            except UnicodeEncodeError as error:
                raise ValueError(f"Article {values.id!r} is not all Unicode: {error}.") from error
            points += bytes(passage[_KIND] == "point" for passage in values.passages)
            last_id = values.id
        with writing(path):
            bits = np.packbits(np.frombuffer(points, np.uint8)).tobytes()
            connection.execute("INSERT INTO points VALUES (?)", (bits,))
            connection.execute("COMMIT")
    with writing(path):
        return files.seal(path)


def _all_values(articles: Iterable[Article | StoredArticles]) -> Iterator[ArticleValues]:
    for entry in articles:
        if isinstance(entry, Article):
            yield _values(entry)
        else:
            yield from entry.values()


def _values(article: Article) -> ArticleValues:
    seqs = [passage.seq for passage in article.passages]
    if seqs != sorted(set(seqs)):
        raise ValueError(f"The passages of article {article.id!r} do not ascend by seq.")
    for passage in article.passages:
        if passage.article_id != article.id:
            raise ValueError(f"Passage {passage.id!r} lies in article {article.id!r}.")
    return ArticleValues(
        id=article.id,
        article=(
            article.id,
            article.question,
            _to_json(article.subjects),
            article.date.isoformat() if article.date else None,
            _to_json(article.urls),
            _to_json(article.paths),
            _to_json(article.flags),
        ),
        answer=(article.answer, article.intro, article.summary),
        subjects=sorted({(subject_key(subject), subject) for subject in article.subjects}),
        passages=[_passage_values(passage) for passage in article.passages],
    )


def _passage_values(passage: Passage) -> Row:
    return (
        passage.seq,
        passage.kind,
        passage.text,
        passage.start,
        passage.end,
        passage.ordinal,
        passage.title,
        _to_json(passage.section_path),
        passage.run,
        passage.lead_in,
    )


def _insert(connection: sqlite3.Connection, values: ArticleValues, row: int, first: int) -> None:
    """Insert an article as ``row``, and its passages from row ``first`` on.

    Always in this order, article by article: the pages of the file then lie in the same order too,
    whether the articles were read or taken over.
    """
    connection.execute(
        "INSERT INTO articles VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (row, *values.article)
    )
    connection.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", (row, *values.answer))
    connection.executemany(
        "INSERT INTO subjects VALUES (?, ?, ?)",
        [(key, row, subject) for key, subject in values.subjects],
    )
    connection.execute("INSERT INTO spans VALUES (?, ?)", (row, first))
    connection.executemany(
        f"INSERT INTO passages VALUES ({', '.join('?' * 12)})",
        [
            (passage_row, row, *passage)
            for passage_row, passage in enumerate(values.passages, start=first)
        ],
    )


def subject_key(subject: str) -> str:
    """The same for subjects that differ in case, or in how their accents are composed.

    Source: The Unicode Standard, section 3.13, canonical caseless matching.
    """
    folded = unicodedata.normalize("NFD", subject).casefold()
    return encodable(unicodedata.normalize("NFC", folded))


def encodable(text: str) -> str:
    """The text itself, unless it holds lone surrogates, as no text of an index does."""
    return text.encode("utf-8", "backslashreplace").decode()


def _to_json(texts: Sequence[str]) -> str:
    return json.dumps(texts, ensure_ascii=False)


def connect(path: Path, query: str) -> sqlite3.Connection:
    """Open the file in one of SQLite's ways."""
    uri = f"{path.absolute().as_uri()}?{query}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
