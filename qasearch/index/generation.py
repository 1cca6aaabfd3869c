"""Generations: what an index folder holds, and how one of them is opened.

A generation is a folder that nobody changes once ``CURRENT`` names it. Reading trusts nothing that
was not checked: ``CURRENT`` carries the hash of the manifest, the manifest the hashes of the files.
All are read and hashed when opened, but for the matrices: those are mapped, with size and
header checked, and hashed by ``verify``. That finds accidents; it does not stop somebody who may
write the folder, since they can write the hashes too.
"""

import re
import sqlite3
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from errno import EINVAL, EMFILE, ENFILE, ENOENT, ENOTDIR
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

from qasearch.errors import (
    IndexDamagedError,
    IndexMismatchError,
    IndexNotFoundError,
    IndexStoreError,
)
from qasearch.index.cache import CACHE_FILE
from qasearch.index.files import FileDigest, Files
from qasearch.index.lexical import LexicalIndex
from qasearch.index.manifest import (
    CODEC_FILE,
    CONFIDENCE_FILE,
    DATA_FILES,
    FAISS_FILE,
    GENERATION_NAME,
    LEXICAL_FILE,
    MAJOR,
    MANIFEST_FILE,
    MAPPED_FILES,
    MOST_MANIFEST_BYTES,
    OFFSETS_FILE,
    PASSAGES_FILE,
    QUESTIONS_FILE,
    SOURCES_FILE,
    TOKENS_FILE,
    VECTORS_FILE,
    Manifest,
    UnreadableFormatError,
)
from qasearch.index.matrices import map_array, parse_array
from qasearch.index.passages import ArticleValues, PassageStore
from qasearch.index.pins import Pin, take_pin
from qasearch.index.scope import RowScope
from qasearch.index.sources import parse_sources
from qasearch.index.tokens import Codes, TokenCodec, TokenStore
from qasearch.index.vectors import (
    FaissIndex,
    FlatIndex,
    faiss_kinds,
    open_matrix,
    read_faiss,
    rows_of,
)
from qasearch.protocols import Rows, Vectors
from qasearch.records import Condition, IndexStatus, Source

CURRENT_FILE = "CURRENT"

_CURRENT = re.compile(rb"(gen-[0-9]{10}-[0-9a-f]{8}) ([0-9a-f]{64})\n")
_MOST_CURRENT_BYTES = 200


@dataclass(frozen=True, slots=True)
class Current:
    """What ``CURRENT`` says: the name of a generation, and the sha256 of its manifest."""

    name: str
    manifest_sha256: str

    def to_bytes(self) -> bytes:
        """The content of the file."""
        return f"{self.name} {self.manifest_sha256}\n".encode("ascii")


class Generation:
    """One generation of an index, open and immutable. Thread-safe.

    Its files are let go by ``close``, or with the last reference to it: so threads may share it,
    and none needs to know whether it is the last to use it.

    Attributes:
        name: ``gen-<10 digits>-<8 hex>``.
        manifest: what it was made by and of.
        store: texts and metadata, by row.
        vectors: float32 (passages, dim), unit rows, mapped from the file.
        questions: float32 (articles, dim), unit rows, mapped from the file.
        passages: searches ``vectors``.
        question_index: searches ``questions``.
        tokens: of all passages, their codes mapped from the file; None if there are none.
        lexical: searches the words of the passages.
        confidence: what the query layer wrote of it when it was built, for itself to read.
    """

    name: str
    manifest: Manifest
    store: PassageStore
    vectors: Vectors
    questions: Vectors
    passages: FaissIndex
    question_index: FlatIndex
    tokens: TokenStore | None
    lexical: LexicalIndex
    confidence: bytes

    def __init__(
        self, folder: "GenerationFolder", manifest: Manifest, pin: Pin | None = None
    ) -> None:
        """Open what the manifest lists; ``Generation.open`` finds the manifest, and pins it."""
        counts, dim = manifest.counts, manifest.embedder.dim
        self.name = folder.name
        self.manifest = manifest
        self._folder = folder
        self._sources: list[Source] | None = None
        for file, digest in manifest.files.items():
            folder.check_size(file, digest)
        # Hashing lets other threads run, so what is only hashed is hashed beside the rest.
        with _beside(partial(folder.check_all, manifest, [PASSAGES_FILE, SOURCES_FILE])):
            self.vectors = folder.matrix(VECTORS_FILE, rows=counts.passages, dim=dim)
            self.questions = folder.matrix(QUESTIONS_FILE, rows=counts.questions, dim=dim)
            self.question_index = FlatIndex(self.questions)
            self.passages = folder.faiss(manifest.files[FAISS_FILE], self.vectors)
            self.lexical = folder.lexical(manifest)
            self.confidence = folder.confidence(manifest)
        self.store = folder.passages(manifest)
        try:
            self.tokens = folder.tokens(manifest, self.store.passage_offsets)
        except BaseException:
            self.store.close()
            raise
        self._release_pin = weakref.finalize(self, pin.release) if pin else None

    @classmethod
    def open(
        cls,
        index_path: Path,
        *,
        name: str | None = None,
        embedder_name: str | None = None,
        fingerprint: str | None = None,
        splitter_version: str | None = None,
        pinned: bool = True,
        current: Callable[[], "Current"] | None = None,
        beside: Callable[[], object] | None = None,
        files: Files | None = None,
    ) -> Self:
        """Open the generation that answers. Needs to write nothing: the medium may be read-only.

        Args:
            index_path: the index folder.
            name: of another generation that lies there, to be opened instead.
            embedder_name: for the message, if the fingerprint differs.
            fingerprint: of the embedder that queries will come from; None means none will.
            splitter_version: of the rules in use; None means any.
            pinned: keep builders from collecting it, where the medium can be written.
            current: says which one to open, instead of ``CURRENT``.
            beside: done in another thread while files are read, once the manifest is found to fit;
                may be done more than once. What it raises is raised.
            files: the file operations.

        Raises:
            IndexNotFoundError: there is none.
            IndexDamagedError: a file is not what its manifest says.
            IndexMismatchError: another embedder, splitter or format made it.
            IndexStoreError: a file may not be read, an I/O error, or no generation has that name.
        """
        files = files or Files()
        look = current or partial(read_current, index_path, files)
        while True:
            named = look()
            wanted = name or named.name
            if wanted != named.name:
                _check_there(GenerationFolder(index_path, wanted, files))
            with ExitStack() as undo:
                pin = take_pin(index_path, wanted, files) if pinned else None
                if pin:
                    undo.callback(pin.release)
                # Pinned first and then read again: what CURRENT still names is not collected.
                if look() != named:
                    continue
                folder = GenerationFolder(index_path, wanted, files)
                try:
                    # Of the others, nothing outside them knows the hash.
                    known = named.manifest_sha256 if wanted == named.name else None
                    manifest = folder.manifest(known)
                    _check_splitter(index_path, manifest, splitter_version)
                    _check_embedder(index_path, manifest, embedder_name, fingerprint)
                    with _beside(beside):
                        generation = cls(folder, manifest, pin)
                except IndexDamagedError:
                    # Without a pin, builders may have collected it meanwhile.
                    if look() == named:
                        raise
                    continue
                undo.pop_all()
                return generation

    @property
    def model(self) -> str:
        """Name of the embedder that made the vectors."""
        return self.manifest.embedder.name

    @property
    def article_count(self) -> int:
        """How many articles there are."""
        return self.manifest.counts.articles

    @property
    def passage_count(self) -> int:
        """How many passages there are."""
        return self.manifest.counts.passages

    def passage_vectors(self, rows: Rows) -> Vectors:
        """The vectors of some passages: float32 (n, d), unit rows."""
        return rows_of(self.vectors, rows)

    def question_vectors(self, rows: Rows) -> Vectors:
        """The vectors of the questions of some articles: float32 (n, d), unit rows."""
        return rows_of(self.questions, rows)

    def scope(self, conditions: Sequence[Condition] = ()) -> RowScope:
        """The articles that meet all conditions; all articles without any."""
        return self.scope_of(self.store.article_rows_where(conditions) if conditions else None)

    def scope_of(self, articles: Rows | None) -> RowScope:
        """The articles in some rows, ascending; all articles for None."""
        return RowScope(self.store, self.vectors, self.passages, self.lexical, articles)

    def answers(self) -> bool:
        """Whether ``CURRENT`` still names it.

        Raises:
            IndexStoreError: that cannot be read.
        """
        current = read_current(self._folder.index_path, self._folder.files)
        return current.name == self.name

    def check_matrices(self) -> None:
        """Read the matrices whole, which opening does not.

        Raises:
            IndexDamagedError: one of them is not what it was when it was written.
        """
        # Hashing leaves the other cores to others.
        with ThreadPoolExecutor(len(MAPPED_FILES)) as executor:
            expected = [self.manifest.files[file] for file in MAPPED_FILES]
            list(executor.map(self._folder.check, MAPPED_FILES, expected))

    @property
    def index_path(self) -> Path:
        """The index folder that it lies in."""
        return self._folder.index_path

    def lexical_bytes(self) -> bytes:
        """The index of words as it lies there.

        Raises:
            IndexDamagedError: it is not what it was when it was written.
        """
        return self._folder.checked_bytes(LEXICAL_FILE, self.manifest.files[LEXICAL_FILE])

    def sources(self) -> list[Source]:
        """The files it was read from, in order of name; none if articles were given otherwise.

        Raises:
            IndexDamagedError: the list is not what it was when it was written.
        """
        if self._sources is None:
            self._sources = self._folder.sources(self.manifest.files[SOURCES_FILE])
        return self._sources

    def damaged_confidence(self, found: str) -> IndexDamagedError:
        """The error for the query layer to raise if ``confidence`` is nothing that it wrote."""
        return self._folder.damaged(CONFIDENCE_FILE, "a calibration", found)

    def status(self) -> IndexStatus:
        """What it holds, in figures, and what lies beside it.

        Raises:
            IndexStoreError: the folder, or the list of sources, cannot be read any more.
        """
        manifest, folder, sources = self.manifest, self._folder, self.sources()
        with folder.reading("", "a folder"):
            names = generation_names(folder.index_path, folder.files)
        others = [folder.index_path / name for name in names if name != self.name]
        return IndexStatus(
            path=str(self._folder.index_path),
            generation=self.name,
            created=manifest.created,
            model=manifest.embedder.name,
            fingerprint=manifest.embedder.fingerprint,
            dim=manifest.embedder.dim,
            articles=manifest.counts.articles,
            passages=manifest.counts.passages,
            sources=len(sources),
            stale=tuple(sorted({id for source in sources for id in source.stale_ids})),
            refused=tuple(refusal for source in sources for refusal in source.refused),
            generations=tuple(names),
            bytes={
                "generation": sum(digest.bytes for digest in manifest.files.values()),
                "other_generations": sum(folder_bytes(other, folder.files) for other in others),
                "cache": folder.cache_bytes(),
            },
        )

    def close(self) -> None:
        """Let go of the files now; the texts cannot be read afterwards."""
        self.store.close()
        if self._release_pin:
            self._release_pin()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class KeptRows:
    """Articles to take over unchanged: rows ``first`` up to, not including, ``stop``."""

    generation: Generation
    first: int
    stop: int

    @property
    def articles(self) -> int:
        """How many articles these are."""
        return self.stop - self.first

    @property
    def passages(self) -> int:
        """How many passages they have."""
        first, stop = self.passage_span
        return stop - first

    def values(self) -> Iterator[ArticleValues]:
        """The articles with their passages, as the texts are stored."""
        return self.generation.store.values(self.first, self.stop)

    def passage_vectors(self, rows_at_once: int) -> Iterator[Vectors]:
        """The vectors of their passages, a block of rows at a time."""
        first, stop = self.passage_span
        return _blocks(self.generation.vectors[first:stop], rows_at_once)

    def question_vectors(self, rows_at_once: int) -> Iterator[Vectors]:
        """The vectors of their questions, a block of rows at a time."""
        return _blocks(self.generation.questions[self.first : self.stop], rows_at_once)

    def tokens(self, articles_at_once: int) -> Iterator[tuple[Codes, Rows]]:
        """The codes of their tokens, and how many each text has, some articles at a time."""
        store = self.generation.tokens
        if store:
            for first in range(self.first, self.stop, articles_at_once):
                yield store.texts(first, min(first + articles_at_once, self.stop))

    @property
    def passage_span(self) -> tuple[int, int]:
        """The rows where their passages begin and end."""
        offsets = self.generation.store.passage_offsets
        return int(offsets[self.first]), int(offsets[self.stop])


class GenerationFolder:
    """The folder of one generation: its files opened and checked, its faults named.

    Args:
        index_path: the index folder.
        name: of the generation.
        files: the file operations.
    """

    def __init__(self, index_path: Path, name: str, files: Files) -> None:
        self.index_path = index_path
        self.name = name
        self.files = files

    @property
    def path(self) -> Path:
        """The folder itself."""
        return self.index_path / self.name

    def manifest(self, expected_sha256: str | None = None) -> Manifest:
        """Read the manifest; its content must have the sha256, if one is given."""
        data = self.manifest_bytes()
        found = sha256(data).hexdigest()
        if expected_sha256 not in (None, found):
            raise self.damaged(MANIFEST_FILE, f"sha256 {expected_sha256:.12}", f"{found:.12}")
        try:
            manifest = Manifest.from_bytes(data)
        except UnreadableFormatError as error:
            raise IndexMismatchError(
                self.index_path,
                "format",
                f"{MAJOR}.x",
                str(error),
                hint=_build_again(self.index_path),
            ) from error
        except ValueError as error:
            raise self.damaged(MANIFEST_FILE, "a manifest", str(error)) from error
        if manifest.generation != self.name:
            raise self.damaged(MANIFEST_FILE, f"that of {self.name}", manifest.generation)
        return manifest

    def manifest_bytes(self) -> bytes:
        """The manifest as it lies there."""
        with self.reading(MANIFEST_FILE, "a manifest"):
            if not self.files.is_folder(self.path):
                raise self.damaged("", "a folder", "something else, or nothing")
            return self.files.read(self.path / MANIFEST_FILE, MOST_MANIFEST_BYTES + 1)

    def check_size(self, file: str, expected: FileDigest) -> None:
        """Refuse a file of another size: quickly, before any is read."""
        with self.reading(file, str(expected)):
            size = self.files.size(self.path / file)
        if size != expected.bytes:
            raise self.damaged(file, str(expected), f"{size:,} bytes")

    def check_all(self, manifest: Manifest, files: Iterable[str]) -> None:
        """Refuse any of some files that has another content; reads them whole."""
        for file in files:
            self.check(file, manifest.files[file])

    def check(self, file: str, expected: FileDigest) -> None:
        """Refuse a file of another content; reads it whole."""
        self.check_size(file, expected)
        with self.reading(file, str(expected)):
            found = self.files.digest(self.path / file)
        if found != expected:
            raise self.damaged(file, str(expected), str(found))

    def matrix(self, file: str, *, rows: int, dim: int) -> Vectors:
        """Map a matrix; its header is checked, its content is not."""
        expected = f"{rows:,} x {dim:,} float32"
        with self.reading(file, expected):
            return open_matrix(self.files, self.path / file, rows=rows, dim=dim)

    def faiss(self, digest: FileDigest, vectors: Vectors) -> FaissIndex:
        """Read the FAISS index of some vectors: hashed first, then parsed from those very bytes."""
        data = self.checked_bytes(FAISS_FILE, digest)
        rows, dim = vectors.shape
        expected = f"{' or '.join(faiss_kinds(rows, dim))} of {rows:,} x {dim:,}"
        with self.reading(FAISS_FILE, expected):
            return FaissIndex(read_faiss(data, rows=rows, dim=dim), vectors)

    def passages(self, manifest: Manifest) -> PassageStore:
        """Open the texts, hashed already, and compare the counts."""
        counts = manifest.counts
        expected = (counts.articles, counts.passages, counts.questions)
        try:
            store = PassageStore(self.path / PASSAGES_FILE)
        except sqlite3.Error as error:
            raise self.damaged(PASSAGES_FILE, "articles and passages", str(error)) from error
        found = (store.article_count, store.passage_count, store.article_count)
        if found != expected:
            store.close()
            raise self.damaged(PASSAGES_FILE, _rows(expected), _rows(found))
        return store

    def lexical(self, manifest: Manifest) -> LexicalIndex:
        """Open the index of words, from the very bytes that were hashed."""
        data = self.checked_bytes(LEXICAL_FILE, manifest.files[LEXICAL_FILE])
        expected = f"the words of {manifest.counts.passages:,} passages"
        with self.reading(LEXICAL_FILE, expected):
            lexical = LexicalIndex(data)
        if lexical.rows != manifest.counts.passages:
            raise self.damaged(LEXICAL_FILE, expected, f"those of {lexical.rows:,}")
        return lexical

    def confidence(self, manifest: Manifest) -> bytes:
        """The calibration; empty in a generation that is still being written."""
        digest = manifest.files.get(CONFIDENCE_FILE)
        return self.checked_bytes(CONFIDENCE_FILE, digest) if digest else b""

    def tokens(self, manifest: Manifest, passage_offsets: Rows) -> TokenStore | None:
        """Map the codes of tokens; None if the embedder tells none apart."""
        counts, files = manifest.counts, manifest.files
        codec_bytes = self.checked_bytes(CODEC_FILE, files[CODEC_FILE])
        offsets_bytes = self.checked_bytes(OFFSETS_FILE, files[OFFSETS_FILE])
        if not codec_bytes:
            return None
        with self.reading(CODEC_FILE, "a codec"):
            codec = TokenCodec.from_bytes(codec_bytes)
        texts = counts.articles + counts.passages
        with self.reading(OFFSETS_FILE, f"offsets of {texts:,} texts"):
            offsets = parse_array(offsets_bytes, shape=(texts + 1,), kind="<i8")
        shape = (counts.tokens, codec.width)
        with self.reading(TOKENS_FILE, f"{counts.tokens:,} tokens"):
            codes = map_array(self.files, self.path / TOKENS_FILE, shape=shape, kind="|u1")
        return TokenStore(codes, offsets, passage_offsets, codec)

    def sources(self, digest: FileDigest) -> list[Source]:
        """Read the list of source files."""
        with self.reading(SOURCES_FILE, "a list of source files"):
            return parse_sources(self.checked_bytes(SOURCES_FILE, digest))

    def checked_bytes(self, file: str, expected: FileDigest) -> bytes:
        """The content of a file, whose hash is that of these very bytes."""
        with self.reading(file, str(expected)):
            data = self.files.read(self.path / file, expected.bytes)
        found = FileDigest(len(data), sha256(data).hexdigest())
        if found != expected:
            raise self.damaged(file, str(expected), str(found))
        return data

    def cache_bytes(self) -> int:
        """Size of the cache of embeddings beside it; 0 when there is none."""
        try:
            return self.files.size(self.index_path / CACHE_FILE)
        except OSError:
            return 0

    def damaged(self, file: str, expected: str, found: str) -> IndexDamagedError:
        """The error that names a file of this generation."""
        return IndexDamagedError(
            self.index_path, (Path(self.name) / file).as_posix(), expected, found
        )

    @contextmanager
    def reading(self, file: str, expected: str) -> Generator[None]:
        """Name what cannot be read, or is something else, as the store's own error."""
        try:
            yield
        except ValueError as error:
            raise self.damaged(file, expected, str(error)) from error
        except OSError as error:
            if error.errno in (ENOENT, ENOTDIR):
                raise self.damaged(file, expected, "nothing") from error
            if error.errno == EINVAL:
                raise self.damaged(file, expected, "a link or a special file") from error
            raise _unreadable(self.path / file, error) from error


def read_current(index_path: Path, files: Files) -> Current:
    """Read which generation answers.

    Raises:
        IndexNotFoundError: there is no index.
        IndexDamagedError: the file says something else.
        IndexStoreError: it may not be read, or an I/O error.
    """
    expected = "the name of a generation and a sha256"
    try:
        data = files.read(index_path / CURRENT_FILE, _MOST_CURRENT_BYTES)
    except OSError as error:
        if error.errno in (ENOENT, ENOTDIR):
            raise IndexNotFoundError(index_path) from error
        if error.errno == EINVAL:
            found = "a link or a special file"
            raise IndexDamagedError(index_path, CURRENT_FILE, expected, found) from error
        raise _unreadable(index_path / CURRENT_FILE, error) from error
    match = _CURRENT.fullmatch(data)
    if match is None:
        raise IndexDamagedError(index_path, CURRENT_FILE, expected, repr(data[:80]))
    return Current(match[1].decode(), match[2].decode())


def generation_names(index_path: Path, files: Files) -> list[str]:
    """The names of the generations that lie in an index folder, oldest first."""
    return [name for name in files.folder_names(index_path) if GENERATION_NAME.fullmatch(name)]


def stored_articles(index_path: Path, *, files: Files | None = None) -> int:
    """How many articles the generation that answers has, whatever else of it is damaged.

    0 if there is none, or if not even that can be told.
    """
    files = files or Files()
    try:
        current = read_current(index_path, files)
        manifest = GenerationFolder(index_path, current.name, files).manifest()
    except IndexStoreError:
        return 0
    return manifest.counts.articles


def folder_bytes(path: Path, files: Files) -> int:
    """Size of a generation; a file that cannot be read counts nothing."""
    total = 0
    for file in DATA_FILES:
        with suppress(OSError):
            total += files.size(path / file)
    return total


def verify(index_path: Path, *, files: Files | None = None) -> list[IndexStoreError]:
    """Hash every file of the generation that answers, and tell all that is wrong.

    Returns:
        One error for each fault; empty when the index is whole.

    Raises:
        IndexNotFoundError: there is none.
    """
    files = files or Files()
    faults: list[IndexStoreError] = []
    try:
        current = read_current(index_path, files)
        folder = GenerationFolder(index_path, current.name, files)
        manifest = folder.manifest(current.manifest_sha256)
    except IndexNotFoundError:
        raise
    except IndexStoreError as error:
        return [error]
    for file, digest in manifest.files.items():
        try:
            folder.check(file, digest)
        except IndexStoreError as error:
            faults.append(error)
    faults += [
        folder.damaged(name, "nothing", "a file that the manifest does not name")
        for name in files.folder_names(folder.path)
        if name not in (MANIFEST_FILE, *DATA_FILES)
    ]
    if not faults:
        try:
            Generation(folder, manifest).close()
        except IndexStoreError as error:
            faults.append(error)
    return faults


@contextmanager
def _beside(work: Callable[[], object] | None) -> Generator[None]:
    """Do some work in a thread of its own meanwhile, and wait for it; what it raises is raised."""
    if work is None:
        yield
        return
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(work)
        yield
        done.result()


def _check_there(folder: GenerationFolder) -> None:
    with folder.reading("", "a folder"):
        names = generation_names(folder.index_path, folder.files)
    if folder.name not in names:
        raise IndexStoreError(
            folder.index_path,
            f"There is no generation {folder.name!r} in {folder.index_path}.",
            hint=f"There are {', '.join(names)}.",
        )


def _check_splitter(index_path: Path, manifest: Manifest, version: str | None) -> None:
    if version not in (None, manifest.splitter):
        raise IndexMismatchError(
            index_path,
            "splitter",
            str(version),
            manifest.splitter,
            hint=_build_again(index_path),
        )


def _check_embedder(
    index_path: Path, manifest: Manifest, name: str | None, fingerprint: str | None
) -> None:
    built_by = manifest.embedder
    if fingerprint in (None, built_by.fingerprint):
        return
    raise IndexMismatchError(
        index_path,
        "embedder",
        f"{name or 'one'} ({fingerprint:.12})",
        f"{built_by.name} ({built_by.dim} dims, {built_by.fingerprint:.12})",
        hint=f"Rebuild it with `qasearch build PATH -i {index_path}`, "
        f"or pass `--model {built_by.name}`.",
    )


def _build_again(index_path: Path) -> str:
    return (
        f"Build it again with `qasearch build PATH -i {index_path}`: "
        "texts that have not changed are taken from the cache."
    )


def _unreadable(path: Path, error: OSError) -> IndexStoreError:
    hint = "Mend the permissions of the index folder, or look at its disk."
    if error.errno in (EMFILE, ENFILE):
        hint = "Let more files be open at a time: `ulimit -n 1024`."
    return IndexStoreError(path, f"Cannot read {path}: {error.strerror or error}.", hint=hint)


def _rows(counts: tuple[int, int, int]) -> str:
    articles, passages, questions = counts
    return f"{articles:,} articles, {passages:,} passages, {questions:,} questions"


def _blocks(vectors: Vectors, size: int) -> Iterator[Vectors]:
    return (vectors[first : first + size] for first in range(0, len(vectors), size))
