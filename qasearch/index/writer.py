"""Writing a generation: aside, complete and read back before ``CURRENT`` names it.

The order of a commit is what makes it safe: whatever is cut off where, the disk holds either the
old index or the new one. Each file is synced when it is written; then the manifest; then the names
of both folders; then ``CURRENT``, replaced in one step; then its name. What is collected as garbage
goes last, and what goes wrong there is a warning only.
"""

import datetime
import logging
import secrets
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from errno import EIO, ENOSPC
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from qasearch.errors import (
    IndexDamagedError,
    IndexNotFoundError,
    IndexStoreError,
    IndexWriteError,
)
from qasearch.index.current import CURRENT_FILE, Current, generation_names, read_current
from qasearch.index.files import FileDigest, Files, NewFile, writing
from qasearch.index.folder import GenerationFolder, folder_bytes
from qasearch.index.generation import Generation, KeptRows
from qasearch.index.lock import WriterLock
from qasearch.index.manifest import (
    CODEC_FILE,
    CONFIDENCE_FILE,
    DATA_FILES,
    FAISS_FILE,
    LEXICAL_FILE,
    MANIFEST_FILE,
    OFFSETS_FILE,
    PASSAGES_FILE,
    QUESTIONS_FILE,
    SOURCES_FILE,
    TOKENS_FILE,
    VECTORS_FILE,
    Counts,
    EmbedderIdentity,
    Manifest,
)
from qasearch.index.matrices import Kind, array_bytes, write_array
from qasearch.index.passagefile import write_passages
from qasearch.index.passages import PassageStore, TextOf
from qasearch.index.pins import pinned_generations
from qasearch.index.sources import write_sources
from qasearch.index.tokens import Codes, TokenCodec
from qasearch.index.vectors import faiss_bytes, write_faiss, write_matrix
from qasearch.index.wordblocks import blocks_to_write, write_lexical
from qasearch.protocols import Rows, Vectors
from qasearch.records import Article, Source

_log = logging.getLogger(__name__)

KEPT_GENERATIONS = 2
"""The one that answers, and the one before it, to go back to."""

_SPACE_FACTOR = 1.2
_CURRENT_TMP = f"{CURRENT_FILE}.tmp"


class GenerationWriter:
    """Builds the next generation of an index, and publishes it at one stroke.

    As a context manager it holds the lock of the index from beginning to end; what is left
    uncommitted at the end is removed, and the index that was there still answers::

        with GenerationWriter(path, embedder=..., splitter_version=..., tool_version=...) as writer:
            writer.write_passages(articles)
            writer.write_vectors(blocks)
            writer.write_questions(blocks)
            writer.write_tokens(codec, tokens)
            writer.write_lexical(text_of)
            writer.write_sources(sources)
            with writer.preview() as generation:
                confidence = ...
            writer.write_confidence(confidence)
            name = writer.commit()

    Args:
        index_path: the index folder; made when missing.
        embedder: who makes the vectors.
        splitter_version: of the rules that cut the answers.
        tool_version: of qasearch.
        wait: seconds to wait for another builder to end.
        files: the file operations.

    Raises:
        IndexLockedError: on entering, another process is building.
        IndexWriteError: at any step, no space, no permission, or an I/O error.
    """

    def __init__(
        self,
        index_path: Path,
        *,
        embedder: EmbedderIdentity,
        splitter_version: str,
        tool_version: str,
        wait: float = 0.0,
        files: Files | None = None,
    ) -> None:
        self._index_path = index_path
        self._embedder = embedder
        self._splitter_version = splitter_version
        self._tool_version = tool_version
        self._wait = wait
        self._files = files or Files()
        self._digests: dict[str, FileDigest] = {}
        self._counts: Counts | None = None
        self._kept: dict[int, KeptRows] = {}
        self._committed = False

    @property
    def parent(self) -> str | None:
        """The generation that answers until the commit; None when there is none."""
        return self._parent

    def __enter__(self) -> Self:
        with writing(self._index_path):
            self._files.ensure_folder(self._index_path)
        self._lock = WriterLock(self._index_path, wait=self._wait, files=self._files)
        self._lock.acquire()
        try:
            with writing(self._index_path):
                self._prepare()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if not self._committed:
                self._give_up()
        finally:
            self._lock.release()

    def write_passages(self, articles: Iterable[Article | KeptRows]) -> None:
        """Write texts and metadata; before the vectors, since it says how many of them will come.

        Args:
            articles: split already, or taken over from the parent, in ascending order of id; read
                one at a time.

        Raises:
            ValueError: they do not ascend, or have passages that are not theirs.
        """
        with writing(self._folder.path):
            self._files.make_folder(self._folder.path)
        path = self._folder.path / PASSAGES_FILE
        self._digests[PASSAGES_FILE] = write_passages(self._files, path, self._noted(articles))
        with writing(path), closing(PassageStore(path)) as store:
            counts = Counts(store.article_count, store.passage_count, store.article_count, 0)
        self._counts = counts
        dim = self._embedder.dim
        matrices = 4 * dim * (counts.passages + counts.questions)
        self._require_space(matrices + faiss_bytes(counts.passages, dim))

    def write_vectors(self, blocks: Iterable[Vectors]) -> None:
        """Write the vectors of all passages, and the index over them.

        Args:
            blocks: float32 (n, dim) each, unit rows, in the order of the passages.

        Raises:
            ValueError: they are not that, or not one for each passage.
        """
        rows, dim = self._written_counts().passages, self._embedder.dim
        path = self._folder.path / VECTORS_FILE
        self._digests[VECTORS_FILE] = write_matrix(self._files, path, blocks, rows=rows, dim=dim)
        with self._reading_back():
            vectors = self._folder.matrix(VECTORS_FILE, rows=rows, dim=dim)
        path = self._folder.path / FAISS_FILE
        self._digests[FAISS_FILE] = write_faiss(self._files, path, vectors)

    def write_questions(self, blocks: Iterable[Vectors]) -> None:
        """Write the vectors of the articles' questions.

        Args:
            blocks: float32 (n, dim) each, unit rows, in the order of the articles.

        Raises:
            ValueError: they are not that, or not one for each article.
        """
        rows, dim = self._written_counts().questions, self._embedder.dim
        path = self._folder.path / QUESTIONS_FILE
        self._digests[QUESTIONS_FILE] = write_matrix(self._files, path, blocks, rows=rows, dim=dim)

    def write_tokens(
        self, codec: TokenCodec | None, tokens: Callable[[], Iterable[tuple[Codes, Rows]]]
    ) -> None:
        """Write the tokens of all texts.

        Args:
            codec: made the codes; None if there are no tokens.
            tokens: begins to give, each time anew, codes of some texts and how many each has: for
                each article its question's, then those of its passages.

        Raises:
            ValueError: they are not that.
        """
        counts = self._written_counts()
        texts, width = counts.articles + counts.passages, codec.width if codec else 0
        sizes = [sizes for _, sizes in tokens()] or [np.zeros(texts, dtype=np.int64)]
        offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.concatenate(sizes))])
        self._counts = replace(counts, tokens=int(offsets[-1]))
        self._require_space(array_bytes((int(offsets[-1]), width), "|u1"))
        self._write_array(OFFSETS_FILE, [offsets], shape=(texts + 1,), kind="<i8")
        codes = (codes for codes, _ in tokens())
        self._write_array(TOKENS_FILE, codes, shape=(int(offsets[-1]), width), kind="|u1")
        with NewFile(self._files, self._folder.path / CODEC_FILE) as new:
            new.write(codec.to_bytes() if codec else b"")
            self._digests[CODEC_FILE] = new.seal()

    def write_lexical(self, text_of: TextOf) -> None:
        """Write the index of words; what the parent has of the same articles is copied.

        Args:
            text_of: makes the text whose words are indexed of what is said of a passage; the same
                as the parent was written with.
        """
        self._written_counts()
        passages, lexical = (self._folder.path / file for file in (PASSAGES_FILE, LEXICAL_FILE))
        with writing(passages), closing(PassageStore(passages)) as store:
            blocks = blocks_to_write(store, self._kept, text_of)
            self._digests[LEXICAL_FILE] = write_lexical(self._files, lexical, blocks)

    @contextmanager
    def preview(self) -> Generator[Generation]:
        """What was written so far, open to be searched: its confidence is yet to be found."""
        with self._reading_back(), Generation(self._folder, self._manifest()) as generation:
            yield generation

    def write_confidence(self, data: bytes) -> None:
        """Write how likely hits answer, by signals; what is in it is the query layer's own."""
        with NewFile(self._files, self._folder.path / CONFIDENCE_FILE) as new:
            new.write(data)
            self._digests[CONFIDENCE_FILE] = new.seal()

    def write_sources(self, sources: Iterable[Source]) -> None:
        """Write which files the articles were read from, in order of name."""
        path = self._folder.path / SOURCES_FILE
        self._digests[SOURCES_FILE] = write_sources(self._files, path, sources)

    def commit(self) -> str:
        """Publish what was written.

        Returns:
            The name of the new generation; on the medium, whatever happens from now on.

        Raises:
            ValueError: a part has not been written.
        """
        missing = [file for file in DATA_FILES if file not in self._digests]
        if missing:
            raise ValueError(f"Not written yet: {', '.join(missing)}.")
        data = self._manifest().to_bytes()
        with self._reading_back():
            _check_whole(self._folder, Manifest.from_bytes(data))
        with NewFile(self._files, self._folder.path / MANIFEST_FILE) as new:
            new.write(data)
            new.seal()
        with writing(self._index_path):
            self._files.sync_folder(self._folder.path)
            self._files.sync_folder(self._index_path)
        _publish(self._folder, sha256(data).hexdigest(), self._files)
        self._committed = True
        _collect_garbage(self._folder, self._files)
        return self._folder.name

    def _noted(self, articles: Iterable[Article | KeptRows]) -> Iterator[Article | KeptRows]:
        """The same articles; where those lie that are taken over is noted on the way."""
        row = 0
        for entry in articles:
            if isinstance(entry, KeptRows):
                self._kept[row] = entry
                row += entry.articles
            else:
                row += 1
            yield entry

    def _write_array(
        self, file: str, blocks: Iterable[NDArray[Any]], *, shape: tuple[int, ...], kind: Kind
    ) -> None:
        path = self._folder.path / file
        self._digests[file] = write_array(self._files, path, blocks, shape=shape, kind=kind)

    def _prepare(self) -> None:
        """Find the parent, clear away what a killed build left, and choose a new name."""
        names = generation_names(self._index_path, self._files)
        self._parent = _answering(self._index_path, names, self._files)
        if self._parent:
            parent = GenerationFolder(self._index_path, self._parent, self._files)
            # A build killed after its commit left this to do, and this one may commit nothing.
            _collect_garbage(parent, self._files)
            self._require_space(folder_bytes(parent.path, self._files))
        number = 1 + max(map(_number, names), default=0)
        name = f"gen-{number:010}-{secrets.token_hex(4)}"
        self._folder = GenerationFolder(self._index_path, name, self._files)

    def _require_space(self, estimate: int) -> None:
        needed = int(_SPACE_FACTOR * estimate)
        free = self._files.free_bytes(self._index_path)
        if free < needed:
            reason = f"No space left ({needed:,} bytes needed, {free:,} free)"
            raise IndexWriteError(self._index_path, OSError(ENOSPC, reason))

    def _written_counts(self) -> Counts:
        if self._counts is None:
            raise ValueError("write_passages comes first: it says how many vectors there will be.")
        return self._counts

    def _manifest(self) -> Manifest:
        now = datetime.datetime.now(datetime.UTC)
        return Manifest(
            generation=self._folder.name,
            created=now.isoformat(timespec="seconds"),
            tool=self._tool_version,
            embedder=self._embedder,
            splitter=self._splitter_version,
            counts=self._written_counts(),
            corpus=self._digests[PASSAGES_FILE].sha256,
            parent=self._parent,
            files={file: self._digests[file] for file in DATA_FILES if file in self._digests},
        )

    @contextmanager
    def _reading_back(self) -> Generator[None]:
        """What was written is read as a reader will; if it has changed, the disk did that."""
        try:
            yield
        except IndexDamagedError as error:
            reason = f"read back wrong: expected {error.expected}, found {error.found}"
            raise IndexWriteError(self._index_path / error.file, OSError(EIO, reason)) from error
        except IndexStoreError as error:
            if not isinstance(error.__cause__, OSError):
                raise
            raise IndexWriteError(Path(error.path), error.__cause__) from error

    def _give_up(self) -> None:
        """Remove what was written, unless it answers already: the error came after the rename."""
        if _may_answer(self._folder, self._files):
            return
        with suppress(OSError):  # the next build will try again
            _remove_tmp(self._index_path, self._files)
        if self._files.is_folder(self._folder.path):
            _remove_generation(self._folder.path, self._files)


def rollback(index_path: Path, *, wait: float = 0.0, files: Files | None = None) -> str:
    """Let the newest whole generation before the one that answers answer again.

    Where ``CURRENT`` is damaged and names none, that may be any of them. The one that answered
    until now stays on the disk up to the next build.

    Args:
        index_path: the index folder.
        wait: seconds to wait for a builder to end.
        files: the file operations.

    Returns:
        The name of the generation that answers now.

    Raises:
        IndexNotFoundError: there is no index.
        IndexStoreError: there is no older generation, or none that is whole.
        IndexLockedError: another process is building.
        IndexWriteError: ``CURRENT`` cannot be replaced.
    """
    files = files or Files()
    with suppress(IndexDamagedError):
        read_current(index_path, files)  # where no index is, no lock is made either
    lock = WriterLock(index_path, wait=wait, files=files)
    lock.acquire()
    try:
        for name in reversed(_older(index_path, files)):
            folder = GenerationFolder(index_path, name, files)
            try:
                _check_whole(folder, folder.manifest())
            except IndexStoreError as error:
                _log.warning("%s", error)
                continue
            _remove_tmp(index_path, files)
            _publish(folder, sha256(folder.manifest_bytes()).hexdigest(), files)
            return name
    finally:
        lock.release()
    raise IndexStoreError(
        index_path,
        f"{index_path} has no older generation that is whole.",
        hint=f"Build it anew with `qasearch build PATH --rebuild -i {index_path}`.",
    )


def _older(index_path: Path, files: Files) -> list[str]:
    """The generations before the one that ``CURRENT`` names, oldest first; all if it names none."""
    names = generation_names(index_path, files)
    try:
        before = _number(read_current(index_path, files).name)
    except IndexDamagedError as error:
        _log.warning("%s", error)
        return names
    return [name for name in names if _number(name) < before]


def _answering(index_path: Path, names: Sequence[str], files: Files) -> str | None:
    """The generation that answers; what a killed build left beside it is removed."""
    try:
        answering = read_current(index_path, files).name
    except IndexNotFoundError:
        leftovers, answering = names, None
    except IndexDamagedError as error:
        # Which generation was the good one cannot be told, so all of them stay.
        _log.warning("%s The next generation will replace it.", error)
        leftovers, answering = [], None
    else:
        newest = _number(answering)
        leftovers = [name for name in names if name != answering and _number(name) >= newest]
    _remove_tmp(index_path, files)
    for name in leftovers:
        _remove_generation(index_path / name, files)
    return answering


def _check_whole(folder: GenerationFolder, manifest: Manifest) -> None:
    """Read a generation from end to end, and let some of its vectors find themselves.

    Raises:
        IndexDamagedError: a file is not what the manifest says, or a vector is not found.
    """
    with Generation(folder, manifest) as generation:
        generation.check_matrices()
        if not generation.passages.finds_itself():
            raise folder.damaged(FAISS_FILE, "each vector to find itself", "that some do not")


def _publish(folder: GenerationFolder, manifest_sha256: str, files: Files) -> None:
    """Let a generation that is complete on the medium answer from now on."""
    tmp = folder.index_path / _CURRENT_TMP
    with NewFile(files, tmp) as new:
        new.write(Current(folder.name, manifest_sha256).to_bytes())
        new.seal()
    with writing(folder.index_path / CURRENT_FILE):
        files.replace(tmp, folder.index_path / CURRENT_FILE)
        files.sync_folder(folder.index_path)


def _may_answer(folder: GenerationFolder, files: Files) -> bool:
    """Whether ``CURRENT`` names it, as far as can be told."""
    try:
        return read_current(folder.index_path, files).name == folder.name
    except (IndexNotFoundError, IndexDamagedError):
        return False
    except IndexStoreError:
        return True


def _collect_garbage(answering: GenerationFolder, files: Files) -> None:
    """Remove all generations but the newest and those in use; an error undoes no commit."""
    try:
        names = generation_names(answering.index_path, files)
        pinned = pinned_generations(answering.index_path, files)
    except OSError as error:
        _log.warning("Old generations stay: %s", error)
        return
    older = [name for name in names if name != answering.name]
    for name in older[: 1 - KEPT_GENERATIONS]:
        if name not in pinned:
            _remove_generation(answering.index_path / name, files)


def _remove_generation(path: Path, files: Files) -> None:
    """Remove a generation, its manifest first: a part of one is not taken for the whole."""
    try:
        files.remove_tree(path, first=MANIFEST_FILE)
    except OSError as error:
        _log.warning("%s stays, to be removed by the next build: %s", path, error)


def _remove_tmp(index_path: Path, files: Files) -> None:
    with suppress(FileNotFoundError):
        files.unlink(index_path / _CURRENT_TMP)


def _number(name: str) -> int:
    return int(name.split("-")[1])
