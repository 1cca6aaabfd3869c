"""The index of words written: in blocks of neighbouring articles, so that most can be copied.

tantivy writes each block by itself, rows counted from the block's first; put together, the blocks
are one index, and its scores those of all. A block that the parent has too is copied from there, so
an edit costs the words of one block: equal words give equal bytes, wherever they are written.
"""

import json
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EIO, ENOTEMPTY
from itertools import pairwise, starmap
from pathlib import Path
from typing import TYPE_CHECKING

from qasearch.errors import IndexWriteError
from qasearch.index.archive import members, pack
from qasearch.index.files import FileDigest, Files, writing
from qasearch.index.generation import KeptRows
from qasearch.index.lexical import (
    FIELD,
    META,
    ROW,
    Meta,
    blocks_of,
    new_analyzer,
    regular,
    within_tantivy,
)
from qasearch.index.manifest import version_of
from qasearch.index.passages import PassageStore, TextOf, lot
from qasearch.protocols import in_batches

if TYPE_CHECKING:
    import tantivy

ARTICLES_A_BLOCK = 1_000
"""Articles that a block has at least, but for the edges: the words of fewer are soon written."""
MOST_BLOCKS = 6
"""An edit writes a sixth of the words anew, and a search costs 2 % more than with one block
(docs/decisions/0016-words-in-blocks.md)."""

_ANALYZER = "qasearch"
_HEAP_BYTES = 2_000_000_000
"""What tantivy may gather before it begins another segment: it takes only what it needs."""

_TEXTS_AT_ONCE = 256

_REMOVALS = 3
"""Times that tantivy's folder is removed without the last file that it writes there."""


@dataclass(frozen=True, slots=True)
class WrittenBlock:
    """What tantivy wrote of a block.

    Attributes:
        meta: what it says of its segments, the block's; the rest is the same of all blocks.
        names: of files, these segments' among them.
        read: gives the content of a file.
    """

    meta: Meta
    names: Sequence[str]
    read: Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class NewBlock:
    """A block to write: texts in the order of the rows, and how many there will be."""

    texts: Iterable[str]
    rows: int


def block_starts(ids: Sequence[str]) -> list[int]:
    """The articles at which blocks begin, the first of all included.

    Blocks are about equal; where exactly one begins is drawn by lot, so that articles that come or
    go move hardly any.

    Args:
        ids: of all articles, in order.
    """
    blocks = max(1, min(MOST_BLOCKS, len(ids) // ARTICLES_A_BLOCK))
    starts = [0]
    for number in range(1, blocks):
        earliest, end = ((4 * number + by) * len(ids) // (4 * blocks) for by in (-1, 1))
        starts.append(min(range(earliest, end), key=lambda row: lot(ids[row])))
    return starts


def written_blocks(data: bytes) -> dict[tuple[int, int], WrittenBlock]:
    """The blocks of an archive, by the rows where they begin and end.

    None of them if another version wrote the archive: its words may be others.
    """
    contents = dict(members(data))
    meta = json.loads(contents[META])
    if meta.get("payload") != _maker():
        return {}
    return {
        (first, first + rows): WrittenBlock(
            {**meta, "segments": segments}, list(contents), contents.__getitem__
        )
        for first, rows, segments in blocks_of(meta)
    }


def blocks_to_write(
    store: PassageStore, kept: Mapping[int, KeptRows], text_of: TextOf
) -> Iterator[NewBlock | WrittenBlock]:
    """The blocks of some articles: copied where a generation before has the very same.

    Args:
        store: the articles.
        kept: those that are taken over, by the row at which each run of them now begins.
        text_of: makes the text whose words are indexed.
    """
    known: dict[str, dict[tuple[int, int], WrittenBlock]] = {}
    offsets = store.passage_offsets.tolist()
    for first, stop in pairwise([*block_starts(store.ids()), store.article_count]):
        if found := _taken_over(kept, first, stop):
            generation = found.generation
            if generation.name not in known:
                known[generation.name] = written_blocks(generation.lexical_bytes())
            if block := known[generation.name].get(found.passage_span):
                yield block
                continue
        start, end = offsets[first], offsets[stop]
        yield NewBlock(starmap(text_of, store.parts(start, end)), end - start)


def _taken_over(kept: Mapping[int, KeptRows], first: int, stop: int) -> KeptRows | None:
    """Where the articles in these rows were before; None if not all lay there in a row."""
    for start, run in kept.items():
        if start <= first and stop <= start + run.articles:
            before = run.first - start
            return KeptRows(run.generation, first + before, stop + before)
    return None


def write_lexical(
    files: Files, path: Path, blocks: Iterable[NewBlock | WrittenBlock]
) -> FileDigest:
    """Write the index of words to a new file.

    Args:
        files: the file operations.
        path: the file, which must not exist; a folder beside it is used meanwhile.
        blocks: in the order of the rows, at least one.

    Raises:
        ValueError: there are more or fewer texts in a block than said.
        IndexWriteError: no space, or an I/O error.
    """
    scratch = path.with_suffix(".tmp")
    with writing(scratch):
        files.make_folder(scratch)
    try:
        written = [
            _build(files, scratch / str(number), block) if isinstance(block, NewBlock) else block
            for number, block in enumerate(blocks)
        ]
        digest = pack(files, path, _contents(written))
    except BaseException:
        with suppress(OSError):  # the error that led here is the one to tell
            _remove(files, scratch)
        raise
    with writing(scratch):
        _remove(files, scratch)
    return digest


def _contents(blocks: Sequence[WrittenBlock]) -> Iterator[tuple[str, bytes]]:
    """The files of all blocks under one meta; segments are numbered, where tantivy draws names."""
    segments: list[Meta] = []
    for number, block in enumerate(blocks):
        for part, segment in enumerate(block.meta["segments"], start=1):
            old, new = segment["segment_id"].replace("-", ""), f"{number:016x}{part:016x}"
            for name in block.names:
                if name.startswith(f"{old}."):
                    yield name.replace(old, new), block.read(name)
            cut = (new[:8], new[8:12], new[12:16], new[16:20], new[20:])
            segments.append({**segment, "segment_id": "-".join(cut)})
    meta = {**blocks[0].meta, "segments": segments, "opstamp": 0, "payload": _maker()}
    yield META, json.dumps(meta, sort_keys=True).encode()


def _maker() -> str:
    """Who writes words so: another version may write other ones."""
    return " ".join(f"{package} {version_of(package)}" for package in ("qasearch", "tantivy"))


def _build(files: Files, folder: Path, block: NewBlock) -> WrittenBlock:
    """Let tantivy index the texts of a block in a folder."""
    import tantivy

    with writing(folder):
        files.make_folder(folder)
    written = 0
    with _writer(folder) as writer:
        for batch in in_batches(block.texts, _TEXTS_AT_ONCE):
            with _writing_by_tantivy(folder):
                for row, text in enumerate(batch, start=written):
                    document = tantivy.Document()
                    document.add_text(FIELD, regular(text))
                    document.add_unsigned(ROW, row)
                    writer.add_document(document)
            written += len(batch)
        if written != block.rows:
            raise ValueError(f"The words of {block.rows} texts were announced, not of {written}.")
        with _writing_by_tantivy(folder):
            writer.commit()
    with writing(folder):
        meta = json.loads(files.read(folder / META, sys.maxsize))
        names = files.folder_names(folder)
    return WrittenBlock(meta, names, lambda name: files.read(folder / name, sys.maxsize))


@contextmanager
def _writer(folder: Path) -> Generator["tantivy.IndexWriter"]:
    """What writes an index to a folder, and does so no longer when the context ends."""
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field(FIELD, tokenizer_name=_ANALYZER, index_option="freq")
    builder.add_unsigned_field(ROW, fast=True)
    with _writing_by_tantivy(folder):
        index = tantivy.Index(builder.build(), path=str(folder))
        index.config_reader(reload_policy="manual")  # the usual one looks at the folder on its own
        index.register_tokenizer(_ANALYZER, new_analyzer())
        # One thread, for a segment in the order of the rows: equal texts give equal bytes.
        writer = index.writer(heap_size=_HEAP_BYTES, num_threads=1)
    try:
        yield writer
    except BaseException:
        with suppress(IndexWriteError), _writing_by_tantivy(folder):
            writer.wait_merging_threads()  # they write on until then, into a folder that will go
        raise
    with _writing_by_tantivy(folder):
        writer.wait_merging_threads()


def _remove(files: Files, folder: Path) -> None:
    """Remove tantivy's folder, in which a thread of its own may yet be opening a lock."""
    for _ in range(_REMOVALS):
        try:
            return files.remove_tree(folder)
        except OSError as error:
            if error.errno != ENOTEMPTY:
                raise
    files.remove_tree(folder)


@contextmanager
def _writing_by_tantivy(folder: Path) -> Generator[None]:
    """Name what tantivy fails to write as the store's own error."""
    try:
        with within_tantivy():
            yield
    except OSError as error:
        raise IndexWriteError(folder, error) from error
    except ValueError as error:
        raise IndexWriteError(folder, OSError(EIO, str(error))) from error
