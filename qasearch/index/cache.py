"""Vectors of texts embedded before, so that no text is embedded twice.

A throw-away file beside the generations: deleting it costs time, never an answer. Whatever happens
to it, what comes out of it is what went in.
"""

import logging
import sqlite3
import unicodedata
from collections.abc import Callable, Collection, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
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

AS_ASKED = b"tokens of queries, uncoded"
"""Stands in the place of a codec for queries, of which a build keeps the tokens as they are."""

_FORMAT = 2
_APPLICATION = 0x71617365  # "qase"

# The key stands in the row and again in the index. A table WITHOUT ROWID would hold it once, but
# rows of 1.5 KB fill the pages of such a table badly: 1,905 bytes a vector of 384 dims, not 1,685.
_PAGE_BYTES = 16_384
_SCHEMA = f"""
BEGIN;
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_FORMAT};
CREATE TABLE embedders (
    number INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, codec BLOB NOT NULL,
    used INTEGER NOT NULL, UNIQUE (fingerprint, codec)
);
CREATE TABLE vectors (
    embedder INTEGER NOT NULL, key BLOB NOT NULL, vector BLOB NOT NULL, codes BLOB NOT NULL,
    checksum BLOB NOT NULL
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


@dataclass(frozen=True, slots=True)
class Embedded:
    """What an embedder made of a text.

    Attributes:
        vector: float32 (dim,), of unit length.
        codes: of its tokens, one after the other; empty if there are none.
    """

    vector: NDArray[np.float32]
    codes: bytes


class EmbeddingCache:
    """What one embedder made of texts, kept for the next build.

    Codes of tokens mean nothing without the codec that made them: ``use`` chooses it. Until then
    only what was kept without codes is seen.

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
        self._codec = b""
        self._files = files or Files()
        with writing(self._path):
            self._files.ensure_folder(index_path)
            if not self._files.is_folder(self._path.parent):
                self._files.make_folder(self._path.parent)
            self._start()
        self.use(b"")

    def codecs(self) -> list[bytes]:
        """The codecs of tokens that were used with this embedder, the last one first."""
        return self._mended(lambda: _codecs(self._connection, self._fingerprint))

    def use(self, codec: bytes) -> None:
        """Choose the codec of tokens; what was kept with another one is not seen.

        Args:
            codec: all that makes it; nothing for an embedder that tells no tokens apart.
        """
        self._codec = codec
        self._maker = maker_digest(self._fingerprint, codec)
        self._embedder = self._mended(self._number)

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, Embedded]:
        """What is known, by key; the others are left out.

        Args:
            keys: of texts, from ``text_key``; a batch of some hundreds or thousands.

        Raises:
            IndexWriteError: an I/O error.
        """
        found: dict[bytes, Embedded] = {}
        for first in range(0, len(keys), _KEYS_AT_ONCE):
            batch = keys[first : first + _KEYS_AT_ONCE]
            rows = self._mended(lambda batch=batch: self._select(batch))
            for key, vector, codes, checksum in rows:
                if self._is_whole(key, vector, codes, checksum):
                    found[key] = Embedded(np.frombuffer(vector, dtype="<f4"), codes)
        return found

    def put_many(
        self, keys: Sequence[bytes], vectors: Vectors, codes: Sequence[bytes] | None = None
    ) -> None:
        """Keep what is new; all of it is on the medium when this returns, or none after an error.

        Args:
            keys: of the texts, from ``text_key``.
            vectors: float32 (len(keys), dim), unit rows.
            codes: of the tokens of each text; None without tokens.

        Raises:
            ValueError: ``vectors`` is not as described.
            IndexWriteError: no space left, or an I/O error.
        """
        check_unit_rows(vectors, self._dim, what="vectors")
        blobs = [vector.astype("<f4", copy=False).tobytes() for vector in vectors]
        rows = [
            (key, blob, code, row_checksum(self._maker, key, blob, code))
            for key, blob, code in zip(keys, blobs, codes or [b""] * len(blobs), strict=True)
        ]
        self._mended(lambda: self._insert(rows))

    def keep_only(self, keys: Collection[bytes]) -> None:
        """Forget what is known of any other text.

        Raises:
            IndexWriteError: an I/O error.
        """
        known = self._mended(self._keys)
        others = [(self._embedder, key) for key in known if key not in keys]
        self._mended(lambda: self._delete(others))

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
        sql = (
            "SELECT key, vector, codes, checksum FROM vectors"
            f" WHERE embedder = ? AND key IN ({places})"
        )
        return self._connection.execute(sql, (self._embedder, *keys)).fetchall()

    def _insert(self, rows: Sequence[tuple[bytes, bytes, bytes, bytes]]) -> None:
        with self._connection:  # one transaction
            self._connection.execute("BEGIN")
            self._connection.executemany(
                "INSERT OR REPLACE INTO vectors (embedder, key, vector, codes, checksum)"
                " VALUES (?, ?, ?, ?, ?)",
                ((self._embedder, *row) for row in rows),
            )

    def _keys(self) -> list[bytes]:
        sql = "SELECT key FROM vectors WHERE embedder = ?"
        return [key for (key,) in self._connection.execute(sql, (self._embedder,))]

    def _delete(self, rows: Sequence[tuple[int, bytes]]) -> None:
        if rows:
            with self._connection:  # one transaction
                self._connection.execute("BEGIN")
                sql = "DELETE FROM vectors WHERE embedder = ? AND key = ?"
                self._connection.executemany(sql, rows)

    def _is_whole(self, key: bytes, vector: object, codes: object, checksum: object) -> bool:
        return (
            isinstance(vector, bytes)
            and len(vector) == 4 * self._dim
            and isinstance(codes, bytes)
            and checksum == row_checksum(self._maker, key, vector, codes)
        )

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
            self._connection = self._open()
            self._embedder = self._number()
        except sqlite3.DatabaseError as error:
            if _is_fault_of_the_system(error):
                raise
            self._set_aside(error)
            self._files.close(self._files.create(self._path))
            self._connection = self._open()
            self._embedder = self._number()

    def _number(self) -> int:
        """The number of the embedder with its codec, which is now the last one used."""
        who = (self._fingerprint, self._codec)
        self._connection.execute(
            "INSERT INTO embedders (fingerprint, codec, used)"
            " VALUES (?, ?, (SELECT ifnull(max(used), 0) + 1 FROM embedders))"
            " ON CONFLICT (fingerprint, codec) DO UPDATE SET used = excluded.used",
            who,
        )
        ((number,),) = self._connection.execute(
            "SELECT number FROM embedders WHERE fingerprint = ? AND codec = ?", who
        )
        return number

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            if _pragma(connection, "page_count") == 0:
                connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
                connection.executescript(_SCHEMA)
            check_format(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self, reason: Exception) -> None:
        aside = self._path.with_suffix(".damaged")
        _log.warning("%s is set aside as %s: %s.", self._path, aside.name, reason)
        self._files.replace(self._path, aside)
        with suppress(FileNotFoundError):  # its journal must not be played into a new file
            self._files.unlink(self._path.with_name(f"{self._path.name}-journal"))


def maker_digest(fingerprint: str, codec: bytes) -> bytes:
    """What stands for an embedder with its codec of tokens."""
    return blake2b(fingerprint.encode() + codec).digest()


def row_checksum(maker: bytes, key: bytes, vector: bytes, codes: bytes) -> bytes:
    """The checksum of a row: of what it holds, and of who made it, by ``maker_digest``."""
    digest = blake2b(maker, digest_size=_CHECKSUM_BYTES)
    for part in (key, vector, codes):
        digest.update(part)
    return digest.digest()


def check_format(connection: sqlite3.Connection) -> None:
    """Refuse what is not a cache, or one of another format.

    Raises:
        sqlite3.DatabaseError: it is.
    """
    if _pragma(connection, "application_id") != _APPLICATION:
        raise sqlite3.DatabaseError("not a cache of embeddings")
    if _pragma(connection, "user_version") != _FORMAT:
        raise sqlite3.DatabaseError("a cache of another format")


def known_codecs(index_path: Path, fingerprint: str) -> list[bytes]:
    """As ``EmbeddingCache.codecs``; looks only, and writes nothing."""
    with suppress(sqlite3.Error), closing(connect_to_look(index_path)) as connection:
        return _codecs(connection, fingerprint)
    return []


def known_keys(
    index_path: Path, fingerprint: str, codec: bytes, keys: Sequence[bytes]
) -> set[bytes]:
    """Which texts the cache of an index knows; looks only, and writes nothing.

    Args:
        index_path: the index folder.
        fingerprint: of the embedder.
        codec: of tokens, as ``EmbeddingCache.use`` takes it.
        keys: of texts, from ``text_key``.
    """
    known: set[bytes] = set()
    with suppress(sqlite3.Error), closing(connect_to_look(index_path)) as connection:
        for first in range(0, len(keys), _KEYS_AT_ONCE):
            batch = keys[first : first + _KEYS_AT_ONCE]
            places = ", ".join("?" * len(batch))
            rows = connection.execute(
                "SELECT key FROM vectors JOIN embedders ON embedder = number"
                f" WHERE fingerprint = ? AND codec = ? AND key IN ({places})",
                (fingerprint, codec, *batch),
            )
            known.update(key for (key,) in rows)
    return known


def connect_to_look(index_path: Path) -> sqlite3.Connection:
    """Open the cache of an index to be read; an error if there is none."""
    return sqlite3.connect(f"{(index_path / CACHE_FILE).absolute().as_uri()}?mode=ro", uri=True)


def _codecs(connection: sqlite3.Connection, fingerprint: str) -> list[bytes]:
    rows = connection.execute(
        "SELECT codec FROM embedders WHERE fingerprint = ? AND codec NOT IN (x'', ?)"
        " ORDER BY used DESC",
        (fingerprint, AS_ASKED),
    )
    return [codec for (codec,) in rows if isinstance(codec, bytes)]


def _is_fault_of_the_system(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _FAULTS_OF_THE_SYSTEM


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]
