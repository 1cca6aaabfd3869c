"""The folder of a generation: what lies in it is checked before it is believed."""

import sqlite3
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from errno import EINVAL, ENOENT, ENOTDIR
from hashlib import sha256
from pathlib import Path

from qasearch.errors import (
    IndexDamagedError,
    IndexMismatchError,
    IndexStoreError,
)
from qasearch.index.cache import CACHE_FILE
from qasearch.index.current import read_current, unreadable
from qasearch.index.files import FileDigest, Files
from qasearch.index.lexical import LexicalIndex
from qasearch.index.manifest import (
    CODEC_FILE,
    CONFIDENCE_FILE,
    DATA_FILES,
    FAISS_FILE,
    LEXICAL_FILE,
    MAJOR,
    MANIFEST_FILE,
    MOST_MANIFEST_BYTES,
    OFFSETS_FILE,
    PASSAGES_FILE,
    SOURCES_FILE,
    TOKENS_FILE,
    Manifest,
    UnreadableFormatError,
)
from qasearch.index.matrices import FirstRows, map_array, parse_array
from qasearch.index.passages import PassageStore
from qasearch.index.sources import parse_sources
from qasearch.index.tokens import TokenCodec, TokenStore
from qasearch.index.vectors import (
    FaissIndex,
    faiss_kinds,
    open_matrix,
    read_faiss,
)
from qasearch.protocols import Rows, Vectors
from qasearch.records import Source


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
                hint=build_again(self.index_path),
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

    def rows_of(self, file: str, vectors: Vectors) -> Callable[[Rows], Vectors]:
        """What gives some rows of a matrix that is mapped."""
        with self.reading(file, "a matrix"):
            return FirstRows(self.files, self.path / file, vectors).take

    def faiss(
        self, digest: FileDigest, vectors: Vectors, take: Callable[[Rows], Vectors]
    ) -> FaissIndex:
        """Read the FAISS index of some vectors: hashed first, then parsed from those very bytes."""
        data = self.checked_bytes(FAISS_FILE, digest)
        rows, dim = vectors.shape
        expected = f"{' or '.join(faiss_kinds(rows, dim))} of {rows:,} x {dim:,}"
        with self.reading(FAISS_FILE, expected):
            return FaissIndex(read_faiss(data, rows=rows, dim=dim), vectors, take)

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
            raise unreadable(self.path / file, error) from error


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


def build_again(index_path: Path) -> str:
    """What mends an index that cannot be read."""
    return (
        f"Build it again with `qasearch build PATH -i {index_path}`: "
        "texts that have not changed are taken from the cache."
    )


def _rows(counts: tuple[int, int, int]) -> str:
    articles, passages, questions = counts
    return f"{articles:,} articles, {passages:,} passages, {questions:,} questions"
