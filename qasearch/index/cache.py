"""Vectors of texts embedded before, so that no text is embedded twice.

A throw-away file beside the generations: deleting it costs time, never an answer. Whatever happens
to it, a vector that comes out of it is the one that went in.
"""

import logging
import sqlite3
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from hashlib import blake2b, sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from qasearch.index.files import Files, writing
from qasearch.index.vectors import check_unit_rows
from qasearch.protocols import Vectors

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")

CACHE_FILE = Path("cache") / "embeddings.sqlite"

_FORMAT = 1
_APPLICATION = 0x71617365  # "qase"

# The key stands in the row and again in the index. A table WITHOUT ROWID would hold it once, but
# rows of 1.5 KB fill the pages of such a table badly: 1,905 bytes a vector of 384 dims, not 1,685.
_PAGE_BYTES = 16_384
_SCHEMA = f"""
BEGIN;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_FORMAT};
CREATE TABLE embedders (number INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE);
CREATE TABLE vectors (
    embedder INTEGER NOT NULL, key BLOB NOT NULL, vector BLOB NOT NULL, checksum BLOB NOT NULL
);
CREATE UNIQUE INDEX vectors_by_key ON vectors (key, embedder);
COMMIT;
"""

_KEYS_AT_ONCE = 500
_CHECKSUM_BYTES = 8

_FAULTS_OF_THE_SYSTEM = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
"""What a new file would not mend."""


def text_key(text: str) -> bytes:
    """What a text is known by: the sha256 of its NFC form, in UTF-8."""
    return sha256(unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")).digest()


class EmbeddingCache:
    """The vectors that one embedder made of texts, kept for the next build.

    To be used under the lock of the index. A file that is damaged, foreign or of another format is
    set aside with a warning, and a new one begun.

    Args:
        index_path: the index folder; made when missing.
        fingerprint: of the embedder; vectors of others are not seen.
        dim: length of its vectors.
        files: the file operations.

    Raises:
        IndexWriteError: the file cannot be made or opened.
    """

    def __init__(
        self, index_path: Path, *, fingerprint: str, dim: int, files: Files | None = None
    ) -> None:
        self._path = index_path / CACHE_FILE
        self._fingerprint = fingerprint
        self._dim = dim
        self._files = files or Files()
        with writing(self._path):
            self._files.ensure_folder(index_path)
            if not self._files.is_folder(self._path.parent):
                self._files.make_folder(self._path.parent)
            self._start()

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """The vectors that are known, by key: float32 (dim,) each; the others are left out.

        Args:
            keys: of texts, from ``text_key``; a batch of some hundreds or thousands.

        Raises:
            IndexWriteError: an I/O error.
        """
        found: dict[bytes, NDArray[np.float32]] = {}
        for first in range(0, len(keys), _KEYS_AT_ONCE):
            batch = keys[first : first + _KEYS_AT_ONCE]
            for key, vector, checksum in self._mended(lambda batch=batch: self._select(batch)):
                if self._is_whole(key, vector, checksum):
                    found[key] = np.frombuffer(vector, dtype="<f4")
        return found

    def put_many(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Keep vectors; all of them are on the medium when this returns, or none after an error.

        Args:
            keys: of the texts, from ``text_key``.
            vectors: float32 (len(keys), dim), unit rows.

        Raises:
            ValueError: ``vectors`` is not as described.
            IndexWriteError: no space left, or an I/O error.
        """
        check_unit_rows(vectors, self._dim, what="vectors")
        blobs = [vector.astype("<f4", copy=False).tobytes() for vector in vectors]
        rows = [
            (self._embedder, key, blob, self._checksum(key, blob))
            for key, blob in zip(keys, blobs, strict=True)
        ]
        self._mended(lambda: self._insert(rows))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _select(self, keys: Sequence[bytes]) -> list[Any]:
        places = ", ".join("?" * len(keys))
        sql = f"SELECT key, vector, checksum FROM vectors WHERE embedder = ? AND key IN ({places})"
        return self._connection.execute(sql, (self._embedder, *keys)).fetchall()

    def _insert(self, rows: Sequence[tuple[int, bytes, bytes, bytes]]) -> None:
        with self._connection:  # one transaction
            self._connection.execute("BEGIN")
            self._connection.executemany(
                "INSERT OR REPLACE INTO vectors (embedder, key, vector, checksum)"
                " VALUES (?, ?, ?, ?)",
                rows,
            )

    def _is_whole(self, key: bytes, vector: object, checksum: object) -> bool:
        return (
            isinstance(vector, bytes)
            and len(vector) == 4 * self._dim
            and checksum == self._checksum(key, vector)
        )

    def _checksum(self, key: bytes, vector: bytes) -> bytes:
        digest = blake2b(self._fingerprint.encode(), digest_size=_CHECKSUM_BYTES)
        digest.update(key)
        digest.update(vector)
        return digest.digest()

    def _mended(self, use: Callable[[], _Result]) -> _Result:
        """Use the file; if it turns out to be damaged, use a new one."""
        with writing(self._path):
            try:
                return use()
            except sqlite3.DatabaseError as error:
                if _is_fault_of_the_system(error):
                    raise
                self._connection.close()
                self._set_aside(error)
                self._start()
                return use()

    def _start(self) -> None:
        try:
            self._files.size(self._path)
        except FileNotFoundError:
            self._files.close(self._files.create(self._path))
        except OSError as error:  # a link, a FIFO, ...
            self._set_aside(error)
            self._files.close(self._files.create(self._path))
        try:
            self._connection, self._embedder = self._open()
        except sqlite3.DatabaseError as error:
            if _is_fault_of_the_system(error):
                raise
            self._set_aside(error)
            self._files.close(self._files.create(self._path))
            self._connection, self._embedder = self._open()

    def _open(self) -> tuple[sqlite3.Connection, int]:
        """A connection, and the number of the embedder."""
        connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            if _pragma(connection, "page_count") == 0:
                connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
                connection.executescript(_SCHEMA)
            if _pragma(connection, "application_id") != _APPLICATION:
                raise sqlite3.DatabaseError("not a cache of embeddings")
            if _pragma(connection, "user_version") != _FORMAT:
                raise sqlite3.DatabaseError("a cache of another format")
            connection.execute(
                "INSERT OR IGNORE INTO embedders (fingerprint) VALUES (?)", (self._fingerprint,)
            )
            ((number,),) = connection.execute(
                "SELECT number FROM embedders WHERE fingerprint = ?", (self._fingerprint,)
            )
        except BaseException:
            connection.close()
            raise
        return connection, number

    def _set_aside(self, reason: Exception) -> None:
        aside = self._path.with_suffix(".damaged")
        _log.warning("%s is set aside as %s: %s.", self._path, aside.name, reason)
        self._files.replace(self._path, aside)
        with suppress(FileNotFoundError):  # its journal must not be played into a new file
            self._files.unlink(self._path.with_name(f"{self._path.name}-journal"))


def known_keys(index_path: Path, fingerprint: str, keys: Sequence[bytes]) -> set[bytes]:
    """Which texts the cache of an index knows; looks only, and writes nothing.

    Args:
        index_path: the index folder.
        fingerprint: of the embedder.
        keys: of texts, from ``text_key``.
    """
    known: set[bytes] = set()
    uri = f"{(index_path / CACHE_FILE).absolute().as_uri()}?mode=ro"
    with suppress(sqlite3.Error), closing(sqlite3.connect(uri, uri=True)) as connection:
        for first in range(0, len(keys), _KEYS_AT_ONCE):
            batch = keys[first : first + _KEYS_AT_ONCE]
            places = ", ".join("?" * len(batch))
            rows = connection.execute(
                "SELECT key FROM vectors JOIN embedders ON embedder = number"
                f" WHERE fingerprint = ? AND key IN ({places})",
                (fingerprint, *batch),
            )
            known.update(key for (key,) in rows)
    return known


def _is_fault_of_the_system(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _FAULTS_OF_THE_SYSTEM


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]
