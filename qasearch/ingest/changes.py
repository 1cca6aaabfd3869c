"""What changed since the last build: which files to read again, and which articles that touches.

A file is known by the sha256 of its content; whoever calls may know that of some files without
opening them. Articles that none of the files read again holds are left as they are.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, NamedTuple

from qasearch.batches import Progress, Spread, here, in_batches
from qasearch.errors import ArticleError
from qasearch.ingest.files import SourceFile
from qasearch.ingest.read import file_sha256, read_file
from qasearch.ingest.shelf import Packed, Shelf, pack
from qasearch.ingest.split import split_all
from qasearch.records import Refusal, Source

FILES_AT_ONCE: Final = 100
"""Files between two steps of the progress bar."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a build must do to the articles it has.

    Attributes:
        sources: every file there is now, and those out of reach, in order of name.
        stale: ids whose stored version stays, since the file that held it became unreadable.
        removed: ids whose stored version goes, since no file holds them any more.
        clashes: articles that gave way to another text with their id.
        warnings: about what was read this time, as readable lines.
    """

    sources: list[Source]
    stale: frozenset[str]
    removed: frozenset[str]
    clashes: list[ArticleError]
    warnings: list[str]


class _Found(NamedTuple):
    """What a file holds, as it is sent from where it was read.

    Attributes:
        name: of the file.
        sha256: of its bytes, in hex; None if they could not be read.
        is_the_file: whether it was there as it was found.
        articles: split, not merged.
        errors, warnings, skipped: as in ``FileReading``.
    """

    name: str
    sha256: str | None
    is_the_file: bool
    articles: list[Packed]
    errors: tuple[ArticleError, ...]
    warnings: list[str]
    skipped: int


def find_changes(
    files: Sequence[SourceFile],
    known: Mapping[str, Source],
    hashes: Mapping[str, str],
    shelf: Shelf,
    *,
    unreachable: Collection[str],
    stored: Collection[str],
    include_no_index: bool,
    anew: bool,
    progress: Progress,
    spread: Spread = here,
) -> Changes:
    """Compare the files there are with the sources of the last build, and read what differs.

    The new version of each touched article that a readable file holds is put on the shelf: merged,
    and split.

    Args:
        files: from ``find_files``.
        known: the sources of the last build, by name.
        hashes: by name, the sha256 of files that need not be opened to know it.
        unreachable: names of files and folders that ``find_files`` could not enter; what was known
            of them is not taken for gone.
        shelf: takes the articles; empty.
        stored: ids of the articles of the last build.
        include_no_index: as ``read_file``.
        anew: read all files, whether they differ or not.
        progress: shows how many files were looked at.
        spread: reads batches of files; where it cannot see one, it is read here.
    """
    batches = progress(
        list(in_batches(files, FILES_AT_ONCE)), total=len(files), what="reading files"
    )
    same = partial(_is_unchanged, hashes=hashes, include_no_index=include_no_index)
    differing = (
        [file for file in batch if anew or not same(file, known.get(file.name))]
        for batch in batches
    )
    read: dict[str, Source] = {}
    warnings: list[str] = []
    for found in _read(differing, files, spread, include_no_index=include_no_index):
        before = known.get(found.name)
        read[found.name] = _source(found, before, include_no_index=include_no_index)
        warnings += found.warnings
        for packed in found.articles:
            shelf.add(packed)

    sources = [read.get(file.name) or known[file.name] for file in files]
    names = {file.name for file in files}
    sources += [
        _out_of_reach(source)
        for name, source in known.items()
        if name not in names and _lies_in(name, unreachable)
    ]
    touched = _touched(sources, known, read)

    # A touched article may lie in unchanged files too: these are read again, to be merged with.
    for file, source in zip(files, sources):  # noqa: B905 (those out of reach come last)
        if file.name not in read and not touched.isdisjoint(source.article_ids):
            for packed in _look(file, include_no_index=include_no_index).articles:
                if packed.id in touched:
                    shelf.add(packed)
    clashes: list[ArticleError] = []
    shelf.settle(on_error=clashes.append)

    held = {id for source in sources for id in source.article_ids}
    stale = {id for source in sources for id in source.stale_ids} - held
    return Changes(
        sources=sorted(sources, key=lambda source: source.name),
        stale=frozenset(stale),
        removed=frozenset(set(stored) - held - stale),
        clashes=clashes,
        warnings=warnings,
    )


def _read(
    batches: Iterable[Sequence[SourceFile]],
    files: Iterable[SourceFile],
    spread: Spread,
    *,
    include_no_index: bool,
) -> Iterator[_Found]:
    """What the files of the batches hold.

    Another machine may see another file there, or none: then it is read here.
    """
    by_name = {file.name: file for file in files}
    for batch in spread(partial(_look_into, include_no_index=include_no_index), batches):
        for found in batch:
            if spread is here or found.is_the_file:
                yield found
            else:
                yield _look(by_name[found.name], include_no_index=include_no_index)


def _look_into(files: Sequence[SourceFile], *, include_no_index: bool) -> list[_Found]:
    return [_look(file, include_no_index=include_no_index) for file in files]


def _look(file: SourceFile, *, include_no_index: bool) -> _Found:
    reading = read_file(file, include_no_index=include_no_index)
    warnings = list(reading.warnings)
    return _Found(
        name=file.name,
        sha256=reading.sha256,
        is_the_file=reading.sha256 is not None and reading.source == file,
        articles=[pack(article) for article in split_all(reading.articles, warnings.append)],
        errors=reading.errors,
        warnings=warnings,
        skipped=reading.skipped,
    )


def _is_unchanged(
    file: SourceFile, known: Source | None, *, hashes: Mapping[str, str], include_no_index: bool
) -> bool:
    if known is None or known.sha256 is None or known.include_no_index != include_no_index:
        return False
    return known.sha256 == (hashes.get(file.name) or file_sha256(file))


def _touched(
    sources: Iterable[Source], known: Mapping[str, Source], read: Collection[str]
) -> set[str]:
    """The ids in files that were read again, or are gone: as they were, and as they are."""
    gone = known.keys() - {source.name for source in sources}
    before = (known[name] for name in (*gone, *(known.keys() & set(read))))
    after = (source for source in sources if source.name in read)
    return {id for source in (*before, *after) for id in source.ids()}


def _source(found: _Found, known: Source | None, *, include_no_index: bool) -> Source:
    """What to remember of a file that was read. What it lost to an error, it still vouches for."""
    ids = {packed.id for packed in found.articles}
    lost = known.ids() - ids if known and found.errors else set[str]()
    return Source(
        name=found.name,
        sha256=found.sha256,
        include_no_index=include_no_index,
        article_ids=tuple(sorted(ids)),
        stale_ids=tuple(sorted(lost)),
        refused=tuple(Refusal(e.path, e.line, e.reason, e.kind) for e in found.errors),
        skipped=found.skipped,
    )


def _out_of_reach(known: Source) -> Source:
    """What to remember of a file that cannot be looked at: all that it held stays, stale."""
    return replace(
        known, sha256=None, article_ids=(), stale_ids=tuple(sorted(known.ids())), refused=()
    )


def _lies_in(name: str, places: Collection[str]) -> bool:
    return any(name == place or name.startswith(f"{place}/") for place in places)
