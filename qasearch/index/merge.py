"""Caches of embeddings joined into the cache of an index."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from qasearch.errors import IndexMismatchError, IndexStoreError
from qasearch.index.cache import (
    AS_ASKED,
    CACHE_FILE,
    EmbeddingCache,
    check_format,
    connect_to_look,
    maker_digest,
    row_checksum,
)
from qasearch.index.lock import write_lock
from qasearch.protocols import Progress
from qasearch.records import MergeReport

_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class _Part:
    """What one embedder, with one codec of tokens, left in a cache: ``rows`` texts."""

    folder: Path
    number: int
    fingerprint: str
    codec: bytes
    rows: int
    dim: int


def merge_caches(
    index_path: Path, folders: Sequence[Path], *, wait: float, progress: Progress
) -> MergeReport:
    """Put what some caches know into the cache of an index, which need not be there yet.

    A row whose checksum is wrong is left out: the next build embeds its text.

    Args:
        index_path: the index folder.
        folders: of the caches: those of shards, or of other indexes.
        wait: seconds to wait for another builder to end.
        progress: shows how many texts were looked at.

    Raises:
        IndexStoreError: a folder has no cache, or one that cannot be read.
        IndexMismatchError: their codecs of tokens differ, so that no build could use them all.
        IndexLockedError: another process is building.
        IndexWriteError: no space, or an I/O error.
    """
    started = time.monotonic()
    parts = [part for folder in folders for part in _parts(folder)]
    with write_lock(index_path, wait=wait):
        own = _parts(index_path) if (index_path / CACHE_FILE).exists() else []
        _check_codecs([*own, *parts])
        counts = [_take(index_path, part, progress) for part in parts]
    added, known, damaged = np.sum(counts or [(0, 0, 0)], axis=0).tolist()
    return MergeReport(len(folders), added, known, damaged, time.monotonic() - started)


def cached_by(index_path: Path) -> list[str]:
    """The fingerprints of the embedders that a cache knows texts of.

    Raises:
        IndexStoreError: there is no cache, or it cannot be read.
    """
    return sorted({part.fingerprint for part in _parts(index_path)})


def _parts(folder: Path) -> list[_Part]:
    """What a cache holds, but for queries: an index asks its own; what was used last comes last."""
    if not (folder / CACHE_FILE).exists():
        raise IndexStoreError(
            folder,
            f"There is no cache of embeddings in {folder}.",
            hint="Name the folder that --cache named, or that of an index.",
        )
    sql = (
        "SELECT number, fingerprint, codec, count(*), max(length(vector)) / 4 FROM embedders"
        " JOIN vectors ON embedder = number WHERE codec <> ? GROUP BY number ORDER BY used"
    )
    return [_Part(folder, *row) for row in _select(folder, sql, (AS_ASKED,))]


def _check_codecs(parts: Sequence[_Part]) -> None:
    """Refuse caches that were last used with different codecs: a build goes on with one only."""
    last = {(p.fingerprint, p.folder): p for p in parts if p.codec}
    first = {p.fingerprint: p for p in reversed(last.values())}
    for part in last.values():
        expected = first[part.fingerprint]
        if part.codec != expected.codec:
            raise IndexMismatchError(
                part.folder,
                "the code of tokens",
                f"{_short(expected.codec)} of {expected.folder}",
                _short(part.codec),
                hint="Embed that shard again with --after, naming the cache of the first shard.",
            )


def _take(index_path: Path, part: _Part, progress: Progress) -> tuple[int, int, int]:
    """Take over a part; how many texts were new, known, and damaged."""
    added = known = damaged = 0
    with EmbeddingCache(index_path, fingerprint=part.fingerprint, dim=part.dim) as cache:
        cache.use(part.codec)
        batches = _batches(part)
        for rows in progress(batches, total=part.rows, what=f"merging {part.folder}"):
            whole = [row[:3] for row in rows if _is_whole(part, *row)]
            new = _put(cache, whole)
            added, known = added + new, known + len(whole) - new
            damaged += len(rows) - len(whole)
    return added, known, damaged


def _put(cache: EmbeddingCache, rows: Sequence[tuple[bytes, bytes, bytes]]) -> int:
    """Keep the rows that are new; how many these are."""
    there = cache.get_many([key for key, *_ in rows])
    new = [row for row in rows if row[0] not in there]
    if new:
        vectors = np.stack([np.frombuffer(vector, dtype="<f4") for _, vector, _ in new])
        cache.put_many([key for key, *_ in new], vectors, [codes for *_, codes in new])
    return len(new)


def _is_whole(part: _Part, key: object, vector: object, codes: object, checksum: object) -> bool:
    if not (isinstance(key, bytes) and isinstance(vector, bytes) and isinstance(codes, bytes)):
        return False
    maker = maker_digest(part.fingerprint, part.codec)
    return len(vector) == 4 * part.dim and checksum == row_checksum(maker, key, vector, codes)


def _batches(part: _Part) -> Iterator[list[Any]]:
    """The rows of a part, some at a time, in the order in which they lie there."""
    last = -1
    while rows := _select(
        part.folder,
        "SELECT rowid, key, vector, codes, checksum FROM vectors"
        " WHERE embedder = ? AND rowid > ? ORDER BY rowid LIMIT ?",
        (part.number, last, _ROWS_AT_ONCE),
    ):
        last = rows[-1][0]
        yield [row[1:] for row in rows]


def _select(folder: Path, sql: str, parameters: tuple[Any, ...] = ()) -> list[Any]:
    try:
        with closing(connect_to_look(folder)) as connection:
            check_format(connection)
            return connection.execute(sql, parameters).fetchall()
    except sqlite3.Error as error:
        raise IndexStoreError(
            folder,
            f"{folder / CACHE_FILE} cannot be read: {error}.",
            hint="Leave it out, or embed that shard again: what is missing, a build embeds.",
        ) from error


def _short(codec: bytes) -> str:
    return sha256(codec).hexdigest()[:12]
