"""A generation of an index written as Parquet, for other tools and for other machines."""

import os
import secrets
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from qasearch.build.tables import (
    ARTICLES_FILE,
    FILES,
    PASSAGES_FILE,
    SOURCES_FILE,
    arrow,
    metadata,
    schemas,
)
from qasearch.errors import IndexWriteError
from qasearch.index import Codes, Files, Generation
from qasearch.protocols import Progress, Rows
from qasearch.records import Article, ExportReport, Source

ARTICLES_AT_ONCE = 1_000
"""Articles of a row group: what is held in memory, here and where it is read."""

_ENDINGS_OF_FILES = (".parquet", ".arrow", ".feather")


def export(generation: Generation, folder: Path, progress: Progress) -> ExportReport:
    """Write a generation to a new folder, which is there whole or not at all.

    Raises:
        ValueError: the folder holds something already, or is named as a file; or pyarrow is not
            installed.
        IndexDamagedError: a file of the generation is not what it was when it was built.
        IndexWriteError: no space, no permission, or an I/O error.
    """
    if folder.suffix.lower() in _ENDINGS_OF_FILES:
        raise ValueError(
            f"{folder} names a file, but an export is a folder of {', '.join(FILES)}: "
            f"export to {folder.with_suffix('')}."
        )
    arrow()  # before anything is made
    generation.check_matrices()  # what has changed since it was built is not passed on
    with _whole_folder(folder) as unfinished:
        write = _Writing(generation, unfinished)
        write.articles(progress)
        write.sources(generation.sources())
    sizes = {name: (folder / name).stat().st_size for name in FILES}
    counts = generation.manifest.counts
    return ExportReport(str(folder), generation.name, counts.articles, counts.passages, sizes)


class _Writing:
    """The files of an export while they are written."""

    def __init__(self, generation: Generation, folder: Path) -> None:
        self._generation = generation
        self._folder = folder
        codec = generation.tokens.codec if generation.tokens else None
        told = metadata(generation.manifest, codec, generation.confidence)
        plain = schemas(generation.manifest.embedder.dim)
        self._schemas = {name: schema.with_metadata(told) for name, schema in plain.items()}

    def articles(self, progress: Progress) -> None:
        """Write the articles and their passages, a row group of each at a time."""
        count = self._generation.store.article_count
        starts = range(0, count, ARTICLES_AT_ONCE)
        groups = (range(first, min(first + ARTICLES_AT_ONCE, count)) for first in starts)
        with self._file(ARTICLES_FILE) as of_articles, self._file(PASSAGES_FILE) as of_passages:
            for rows in progress(groups, total=count, what="exporting"):
                articles, passages = self._tables(rows)
                of_articles.write_table(articles)
                of_passages.write_table(passages)

    def sources(self, sources: list[Source]) -> None:
        """Write which files the articles were read from."""
        rows = [asdict(source) for source in sources]
        with self._file(SOURCES_FILE) as file:
            file.write_table(arrow().Table.from_pylist(rows, schema=self._schemas[SOURCES_FILE]))

    def _file(self, name: str) -> Any:
        return arrow().parquet.ParquetWriter(
            self._folder / name,
            self._schemas[name],
            compression="zstd",
            use_dictionary=["subjects", "kind", "flags"],
            write_page_checksum=True,
        )

    def _tables(self, rows: range) -> tuple[Any, Any]:
        """The articles in these rows, and their passages."""
        generation = self._generation
        articles = generation.store.full_articles(rows.start, rows.stop)
        first, stop = generation.store.passage_offsets[[rows.start, rows.stop]].tolist()
        questions, points = self._tokens(articles, rows)
        return (
            self._table(
                ARTICLES_FILE,
                [_without(asdict(article), "passages") for article in articles],
                generation.questions[rows.start : rows.stop],
                questions,
            ),
            self._table(
                PASSAGES_FILE,
                [asdict(passage) for article in articles for passage in article.passages],
                generation.vectors[first:stop],
                points,
            ),
        )

    def _table(
        self, name: str, rows: list[dict[str, Any]], vectors: Any, tokens: list[bytes]
    ) -> Any:
        pa, schema = arrow(), self._schemas[name]
        columns = [
            pa.array([row[field.name] for row in rows], field.type) for field in list(schema)[:-2]
        ]
        flat = pa.array(np.ascontiguousarray(vectors).reshape(-1))
        columns.append(pa.FixedSizeListArray.from_arrays(flat, type=schema.field("vector").type))
        columns.append(pa.array(tokens, pa.binary()))
        return pa.Table.from_arrays(columns, schema=schema)

    def _tokens(self, articles: list[Article], rows: range) -> tuple[list[bytes], list[bytes]]:
        """The codes of the tokens of each question, and of each passage."""
        if not self._generation.tokens:
            return [b""] * len(articles), [b""] * sum(len(a.passages) for a in articles)
        codes = iter(_split(*self._generation.tokens.texts(rows.start, rows.stop)))
        questions: list[bytes] = []
        points: list[bytes] = []
        for article in articles:
            questions.append(next(codes))
            points += [next(codes) for _ in article.passages]
        return questions, points


def _split(codes: Codes, sizes: Rows) -> Iterator[bytes]:
    end = 0
    for size in sizes.tolist():
        yield codes[end : end + size].tobytes()
        end += size


def _without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {field: value for field, value in fields.items() if field != name}


@contextmanager
def _whole_folder(folder: Path) -> Generator[Path]:
    """A folder to write to, which gets the name ``folder`` when all of it is on the medium."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ValueError(f"{folder} is there already: export to a new folder, or an empty one.")
    files = Files()
    unfinished = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}.unfinished")
    try:
        files.ensure_folder(unfinished)
        yield unfinished
        for name in files.folder_names(unfinished):
            descriptor = files.open(unfinished / name)
            files.sync(descriptor)
            files.close(descriptor)
        files.sync_folder(unfinished)
        files.replace(unfinished, folder)
        files.sync_folder(folder.parent)
    except OSError as error:
        hint = "Free some space or mend the folder's permissions, then export again."
        where = Path(os.fsdecode(error.filename or folder))
        raise IndexWriteError(where, error, hint=hint) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
