"""Read files into articles: find, read, merge, split."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import Final

from qasearch.errors import ArticleError, NoArticlesError
from qasearch.ingest import wording
from qasearch.ingest.duplicates import merge
from qasearch.ingest.fields import Record
from qasearch.ingest.files import (
    EXTENSIONS,
    SourceFile,
    as_opened,
    find_files,
    open_file,
    to_text,
    unreadable,
)
from qasearch.ingest.jsontext import json_records, line_record
from qasearch.ingest.markdown import markdown_record
from qasearch.ingest.split import split_all
from qasearch.records import Article

MAX_BYTES: Final = 2 * 1024 * 1024
"""Bytes of one Markdown file, or of one line of a JSONL file."""

MAX_JSON_BYTES: Final = 32 * 1024 * 1024
"""Bytes of a JSON file, which is decoded as a whole."""

MAX_JSONL_BYTES: Final = 1024 * 1024 * 1024
"""Bytes of a JSONL file."""

MAX_ERRORS: Final = 1_000
"""Errors, and warnings, of one file; behind the last error the file is not read."""

_LIMITS: Final = {".json": MAX_JSON_BYTES, ".jsonl": MAX_JSONL_BYTES}


@dataclass(frozen=True, slots=True)
class FileReading:
    """What one file holds.

    Attributes:
        source: the file, with the size, time and inode that it had when it was read.
        sha256: of its bytes, in hex; None if they could not be read.
        articles: in the order of the file; not split, not merged.
        errors: why the file, or a line of it, is refused.
        warnings: what was read but looks wrong, as readable lines.
        skipped: number of articles left out on purpose (``no_index``, refusals to answer).
    """

    source: SourceFile
    sha256: str | None = None
    articles: tuple[Article, ...] = ()
    errors: tuple[ArticleError, ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: int = 0


def read_articles(
    paths: str | Path | Sequence[str | Path],
    *,
    on_error: Callable[[ArticleError], None] | None = None,
    on_warning: Callable[[str], None] | None = None,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    include_no_index: bool = False,
) -> list[Article]:
    """Read all articles of files and folders: merged by id, split, sorted by id.

    Args:
        paths: files (Markdown, JSONL, JSON) and folders of such files.
        on_error: told of each file, or line of one, that is refused; the rest is read. Without it
            the first is raised.
        on_warning: told of what was read but looks wrong.
        include: globs; if there are any, a file must match one.
        exclude: globs of files and folders to leave out.
        include_no_index: also take articles marked ``no_index``, and refusals to answer.

    Raises:
        NoArticlesError: a path does not exist, or no file of the kinds that are read is there.
        ArticleError: the first refusal, without ``on_error``.
    """
    given = [paths] if isinstance(paths, str | Path) else paths
    roots = [Path(path) for path in given]
    refuse = on_error or _raise
    files = find_files(
        roots, include=include, exclude=exclude, on_error=refuse, on_warning=on_warning
    )
    if not files:
        raise NoArticlesError(
            f"There are no articles in {', '.join(map(str, roots)) or 'no path at all'}.",
            hint=f"Looked for files ending in {' '.join(EXTENSIONS)}.",
        )
    found: list[Article] = []
    for file in files:
        reading = read_file(file, include_no_index=include_no_index)
        found += reading.articles
        for error in reading.errors:
            refuse(error)
        if on_warning:
            for warning in reading.warnings:
                on_warning(warning)
    return split_all(merge(found, on_warning=on_warning), on_warning)


def read_file(source: SourceFile, *, include_no_index: bool = False) -> FileReading:
    """Read one file, whatever it holds; what is wrong with it is part of the result.

    A file that changes while it is read is read once more.

    Args:
        source: from ``find_files``.
        include_no_index: also take articles marked ``no_index``, and refusals to answer.
    """
    try:
        for _ in range(2):
            with open_file(source) as stream:
                opened = as_opened(source, stream)
                reading = _read(stream, opened, include_no_index=include_no_index)
                if as_opened(source, stream) == opened:
                    return reading
        error = ArticleError(source.name, None, "it changes while it is read", kind="changing")
    except ArticleError as refusal:
        error = refusal
    except OSError as fault:
        error = unreadable(source.name, fault)
    return FileReading(source, errors=(error,))


def file_sha256(source: SourceFile) -> str | None:
    """The sha256 of a file's bytes, in hex; None if they cannot be read."""
    try:
        with open_file(source) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (ArticleError, OSError):
        return None


class _Gathering:
    """What has been read of a file so far."""

    def __init__(self, name: str, *, include_no_index: bool) -> None:
        self.name = name
        self.articles: list[Article] = []
        self.errors: list[ArticleError] = []
        self.warnings: list[str] = []
        self.skipped = 0
        self._include_no_index = include_no_index

    def take(self, record: Record | ArticleError) -> None:
        """Make an article of a record, or note why not.

        Raises:
            ArticleError: there are too many errors to read on.
        """
        if isinstance(record, ArticleError):
            self._refuse(record)
        elif record.is_no_index() and not self._include_no_index:
            self.skipped += 1
        else:
            self._take_article(record)

    def _take_article(self, record: Record) -> None:
        try:
            article = record.to_article(self.warn)
        except ArticleError as error:
            self._refuse(error)
            return
        if wording.refuses(article.answer) and not self._include_no_index:
            self.skipped += 1
        else:
            self.articles.append(article)

    def warn(self, line: int, what: str) -> None:
        """Note what looks wrong; of very many warnings only the first."""
        if len(self.warnings) < MAX_ERRORS:
            self.warnings.append(f"{self.name}:{line}: {what}")

    def _refuse(self, error: ArticleError) -> None:
        if len(self.errors) == MAX_ERRORS:
            raise ArticleError(
                self.name,
                error.line,
                f"more than {MAX_ERRORS:,} errors; from here on the file is not read",
                kind="too-many-errors",
            )
        self.errors.append(error)


def _read(stream: BufferedReader, source: SourceFile, *, include_no_index: bool) -> FileReading:
    """Read an open file.

    Raises:
        ArticleError: it is too large to be read at all.
        OSError: the system could not read it.
    """
    suffix = PurePosixPath(source.name).suffix.lower()
    limit = _LIMITS.get(suffix, MAX_BYTES)
    if source.size > limit:
        raise ArticleError(
            source.name,
            None,
            f"{source.size:,} bytes, where at most {limit:,} are read",
            kind="too-large",
            hint="Split it into several files.",
        )
    gathering = _Gathering(source.name, include_no_index=include_no_index)
    sha256, records = _records(stream, source, suffix, gathering.warn)
    try:
        for record in records:
            gathering.take(record)
    except ArticleError as error:
        gathering.errors.append(error)
    return FileReading(
        source,
        sha256,
        tuple(gathering.articles),
        tuple(gathering.errors),
        tuple(gathering.warnings),
        gathering.skipped,
    )


def _records(
    stream: BufferedReader, source: SourceFile, suffix: str, warn: Callable[[int, str], None]
) -> tuple[str, Iterator[Record | ArticleError]]:
    """Hash a file, and get ready to go through its records."""
    if suffix == ".jsonl":
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        stream.seek(0)
        return sha256, _line_records(stream, source.name)
    data = stream.read(source.size + 1)  # not its limit: that much memory would be set aside
    return hashlib.sha256(data).hexdigest(), _whole_records(data, source.name, suffix, warn)


def _whole_records(
    data: bytes, name: str, suffix: str, warn: Callable[[int, str], None]
) -> Iterator[Record | ArticleError]:
    text = to_text(data, name)
    if suffix == ".json":
        yield from json_records(text, name)
    else:
        yield markdown_record(text, name, warn)


def _line_records(stream: BufferedReader, name: str) -> Iterator[Record | ArticleError]:
    for number, line in _lines(stream):
        try:
            if line is None:
                raise ArticleError(
                    name, number, f"a line of more than {MAX_BYTES:,} bytes", kind="too-large"
                )
            # A CR here is white space of JSON, and must not count as a line.
            text = to_text(line, name, line=number).replace("\n", " ")
            if text.strip():
                yield line_record(text, name, number)
        except ArticleError as error:
            yield error


def _lines(stream: BufferedReader) -> Iterator[tuple[int, bytes | None]]:
    """Number each line from 1; None stands for one above the limit, which is never held whole."""
    number = 0
    room = MAX_BYTES + len(b"\r\n")
    while line := stream.readline(room):
        number += 1
        if len(line.rstrip(b"\r\n")) <= MAX_BYTES:
            yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(room)
        yield number, None


def _raise(error: ArticleError) -> None:
    raise error
