"""Generations: what an index folder holds, and how one of them is opened.

A generation is a folder that nobody changes once ``CURRENT`` names it. Reading trusts nothing that
was not checked: ``CURRENT`` carries the hash of the manifest, the manifest the hashes of the files.
All are read and hashed when opened, but for the matrices: those are mapped, with size and
header checked, and hashed by ``verify``. That finds accidents; it does not stop somebody who may
write the folder, since they can write the hashes too.
"""

import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from qasearch.errors import (
    IndexDamagedError,
    IndexMismatchError,
    IndexStoreError,
)
from qasearch.index.current import Current, generation_names, read_current
from qasearch.index.files import Files
from qasearch.index.folder import GenerationFolder, build_again, folder_bytes
from qasearch.index.lexical import LexicalIndex
from qasearch.index.manifest import (
    CONFIDENCE_FILE,
    FAISS_FILE,
    LEXICAL_FILE,
    MAPPED_FILES,
    PASSAGES_FILE,
    QUESTIONS_FILE,
    SOURCES_FILE,
    VECTORS_FILE,
    Manifest,
)
from qasearch.index.passagefile import ArticleValues
from qasearch.index.passages import PassageStore
from qasearch.index.pins import Pin, take_pin
from qasearch.index.scope import RowScope
from qasearch.index.tokens import Codes, TokenStore
from qasearch.index.vectors import (
    FaissIndex,
    FlatIndex,
)
from qasearch.protocols import Rows, Vectors
from qasearch.records import Condition, IndexStatus, Source


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
            self._vectors_of = folder.rows_of(VECTORS_FILE, self.vectors)
            self._questions_of = folder.rows_of(QUESTIONS_FILE, self.questions)
            self.passages = folder.faiss(manifest.files[FAISS_FILE], self.vectors, self._vectors_of)
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
        return self._vectors_of(rows)

    def question_vectors(self, rows: Rows) -> Vectors:
        """The vectors of the questions of some articles: float32 (n, d), unit rows."""
        return self._questions_of(rows)

    def near_questions(self, query: Vectors, k: int) -> Rows:
        """The k articles whose questions are nearest to a vector, float32 (1, d): int64."""
        return self.question_index.search(query, k)[1][0]

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
            hint=build_again(index_path),
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


def _blocks(vectors: Vectors, size: int) -> Iterator[Vectors]:
    return (vectors[first : first + size] for first in range(0, len(vectors), size))
