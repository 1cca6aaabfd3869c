"""What the sources hold now: of files only those that changed are read."""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from qasearch.errors import ArticleError, IndexStoreError, IndexWriteError, NoArticlesError
from qasearch.index import Generation, read_notes, write_notes
from qasearch.ingest import (
    EXTENSIONS,
    Changes,
    Shelf,
    find_changes,
    find_files,
    in_processes,
    pack,
    split_all,
)
from qasearch.protocols import Progress, Spread, in_batches
from qasearch.records import Article, Refusal, Source

_log = logging.getLogger(__name__)

_ARTICLES_AT_ONCE = 1_000


@dataclass(slots=True)
class Reading:
    """What the sources hold, as far as it may differ from the generation before.

    Attributes:
        articles: split; not in memory.
        removed: ids that the sources hold no more.
        stale: ids that the sources hold in a form that cannot be read.
        sources: every file there is, in order of name.
        refused: what could not be read.
        warnings: what was read but looks wrong, as readable lines.
        skipped: number of articles left out on purpose.
    """

    articles: Shelf
    removed: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()
    sources: list[Source] = field(default_factory=list[Source])
    refused: list[Refusal] = field(default_factory=list[Refusal])
    warnings: list[str] = field(default_factory=list[str])
    skipped: int = 0


class ArticleReader(Protocol):
    """Where a build takes its articles from."""

    def read(
        self, index: Path, parent: Generation | None, shelf: Shelf, *, anew: bool, strict: bool
    ) -> Reading:
        """Read what may differ from ``parent``, everything if ``anew``, onto a shelf."""
        ...

    def remember(self, index: Path, reading: Reading) -> None:
        """Note, after a commit, what makes the next reading faster."""
        ...


class FileSource:
    """Articles in files and folders.

    Args:
        roots: files and folders.
        include: globs; if there are any, a file must match one.
        exclude: globs of files and folders to leave out.
        without: a folder not to look into, that of the index.
        include_no_index: also take articles marked ``no_index``, and refusals to answer.
        progress: shows how many files were looked at.
        spread: reads them; None means all processors of this machine.

    Raises:
        NoArticlesError: there is nothing to read.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        *,
        include: Sequence[str],
        exclude: Sequence[str],
        without: Path,
        include_no_index: bool,
        progress: Progress,
        spread: Spread | None = None,
    ) -> None:
        self._include_no_index = include_no_index
        self._progress = progress
        self._spread = spread or in_processes
        self._refused: list[Refusal] = []
        self._warnings: list[str] = []
        self._notes: dict[str, tuple[str, str]] = {}
        self._looked_ns = time.time_ns()
        self._files = find_files(
            roots,
            include=include,
            exclude=exclude,
            without=without,
            on_error=lambda error: self._refused.append(refusal(error)),
            on_warning=self._warnings.append,
        )
        if not self._files:
            raise NoArticlesError(
                f"There are no articles in {', '.join(map(str, roots))}.",
                hint=f"Looked for files ending in {' '.join(EXTENSIONS)}.",
            )

    def read(
        self, index: Path, parent: Generation | None, shelf: Shelf, *, anew: bool, strict: bool
    ) -> Reading:
        """Read the files that changed since ``parent`` was built; all if ``anew``."""
        notes = self._notes = read_notes(index)
        hashes = {
            file.name: notes[str(file.path)][1]
            for file in self._files
            if notes.get(str(file.path), ("", ""))[0] == file.signature
        }
        changes = find_changes(
            self._files,
            {source.name: source for source in parent.sources()} if parent else {},
            hashes,
            shelf,
            unreachable=[entry.path for entry in self._refused],
            stored=parent.store.ids() if parent else (),
            include_no_index=self._include_no_index,
            anew=anew,
            progress=self._progress,
            spread=self._spread,
        )
        return self._reading(changes, shelf, strict=strict)

    def remember(self, index: Path, reading: Reading) -> None:
        """Note size, times and hash of each file that was at rest when it was looked at."""
        known = {source.name: source.sha256 for source in reading.sources}
        notes = {
            str(file.path): (file.signature, sha256)
            for file in self._files
            if (sha256 := known[file.name]) and file.is_at_rest(self._looked_ns)
        }
        if notes == self._notes:
            return
        try:
            write_notes(index, notes)
        except IndexWriteError as error:  # after the commit: no more than a slower next build
            _log.warning("%s", error)

    def _reading(self, changes: Changes, shelf: Shelf, *, strict: bool) -> Reading:
        reading = Reading(
            shelf,
            changes.removed,
            changes.stale,
            changes.sources,
            [*self._refused, *(entry for s in changes.sources for entry in s.refused)],
            [*self._warnings, *changes.warnings],
            sum(source.skipped for source in changes.sources),
        )
        for clash in changes.clashes:
            if strict:
                reading.refused.append(refusal(clash))
            else:
                reading.warnings.append(str(clash))
        return reading


class ArticleSource:
    """Articles that come from elsewhere than files; all of them, each time."""

    def __init__(self, articles: Iterable[Article]) -> None:
        self._articles = articles

    def read(
        self, index: Path, parent: Generation | None, shelf: Shelf, *, anew: bool, strict: bool
    ) -> Reading:
        """Take all articles; ``parent`` says which ones are no more."""
        reading = _given(self._articles, shelf, strict=strict)
        reading.removed = frozenset(parent.store.ids() if parent else ()) - shelf.keys()
        return reading

    def remember(self, index: Path, reading: Reading) -> None:
        """There is nothing to note."""


class UpdateSource:
    """Some articles, new or in the place of stored ones, and ids to remove; all others stay."""

    def __init__(self, articles: Iterable[Article], remove: Iterable[str]) -> None:
        self._articles = articles
        self._remove = remove

    def read(
        self, index: Path, parent: Generation | None, shelf: Shelf, *, anew: bool, strict: bool
    ) -> Reading:
        """Take what changes; ``anew`` also what is stored and stays.

        A reading that changes something names no files: an index that was updated is no more what
        files hold, so that the next build from files reads them all.

        Raises:
            IndexStoreError: there is no whole generation to update.
            ValueError: an article is both given and to be removed.
        """
        if parent is None:
            raise IndexStoreError(
                index,
                f"There is no whole index in {index} to update.",
                hint=f"Build it, or see what is wrong with `qasearch verify -i {index}`.",
            )
        reading = _given(self._articles, shelf, strict=strict)
        reading.removed = frozenset(self._remove)
        if both := sorted(shelf.keys() & reading.removed):
            raise ValueError(f"Article {both[0]!r} is both given and to be removed.")
        if not shelf.keys() | reading.removed:
            reading.sources = parent.sources()
        if anew:
            ids = enumerate(parent.store.ids())
            kept = [row for row, id in ids if id not in shelf and id not in reading.removed]
            for rows in in_batches(kept, _ARTICLES_AT_ONCE):
                _put(parent.store.articles(rows), shelf, reading)
        return reading

    def remember(self, index: Path, reading: Reading) -> None:
        """There is nothing to note."""


def _given(articles: Iterable[Article], shelf: Shelf, *, strict: bool) -> Reading:
    """Articles as a caller gives them, merged and split; blank ones are refused."""
    reading = Reading(shelf)
    for article in articles:
        if article.id.strip() and article.question.strip() and article.answer.strip():
            _put([article], shelf, reading)
        else:
            reason = "id, question and answer must not be blank"
            reading.refused.append(Refusal(article.id, None, reason, "blank"))
    shelf.settle(
        on_warning=reading.warnings.append,
        on_error=(lambda error: reading.refused.append(refusal(error))) if strict else None,
    )
    return reading


def _put(articles: Iterable[Article], shelf: Shelf, reading: Reading) -> None:
    """Put articles on the shelf, split."""
    for article in split_all(articles, reading.warnings.append):
        shelf.add(pack(article))


def refusal(error: ArticleError) -> Refusal:
    """An error as a report lists it."""
    return Refusal(error.path, error.line, error.reason, error.kind)
