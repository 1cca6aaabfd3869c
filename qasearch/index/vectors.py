"""Vectors on disk, and the nearest of them.

A score is a pure function of two vectors: always the same float32 sum in the same order, wherever
the row stands and however many queries come at once. A matrix product of BLAS has not that
property, so copies of one text would get scores that differ in the last bit, and no fixed order.
"""

import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from qasearch.index.files import FileDigest, Files, NewFile
from qasearch.index.matrices import map_array, write_array
from qasearch.protocols import Rows, Scores, Vectors

if TYPE_CHECKING:
    import faiss

UNIT_TOLERANCE = 1e-3
"""How far the length of a vector may be from 1."""

_ROWS_AT_ONCE = 16_384
_QUERIES_AT_ONCE = 64

_ROUNDING = 1e-5
"""More than FAISS's sums and ours differ by: 1.1e-6 at most, over 120,000 cosines of 4,096 dims."""

_SPARE_HITS = 16
"""Rows asked of a flat index beyond k at first, so that most ties at rank k are settled at once."""

_FLAT, _CODES = "IndexFlatIP", "IndexRaBitQFastScan"
"""The classes of FAISS."""

CODES_ABOVE = 20_000
"""Rows above which FAISS holds codes of one bit a number in place of the numbers. Below, a flat
scan takes 2 ms at most, less than anything else in a search."""

_DIMS_OF_CODES = range(64, 1_025)
"""Where codes are good. Fewer bits tell too little: of the ten nearest of 29,407 real vectors, cut
to 64 dims, 300 candidates held 99.3 %, cut to 32 only 97.1 %. And FAISS sums a byte for each four
dims in 16 bits, which 1,028 dims can fill: of 2,560 it confuses most vectors with others."""

_TRAINING_ROWS = 16_384
"""Rows whose mean the codes are taken from."""

_FEWEST_CANDIDATES, _CANDIDATES_PER_HIT = 300, 30
_ENOUGH_CANDIDATES, _CANDIDATES_PER_LATE_HIT = 750, 4
"""Rows that codes propose: 30 for each hit, from 300 to 750; for many hits, 4 for each. Over
150,000 rows, partly mixed from real ones, that held all of the 10 nearest, .9997 of the 50 nearest,
.994 of the 125 and .993 of the 200, whose first are what matters. With 2,000 for 125 hits it holds
.9997 of them and takes two thirds more time (docs/decisions/0004-vector-index.md)."""

_CANARIES = 32
"""Rows that must find themselves."""

_NEAR_COPY = 0.95
"""Cosine to a vector that codes may take for the vector itself, where it has very many of them."""

_PROCESS = os.getpid()
"""Where this module was loaded: any other process is a fork of it."""

_deserializing = threading.Lock()


def write_matrix(
    files: Files, path: Path, blocks: Iterable[Vectors], *, rows: int, dim: int
) -> FileDigest:
    """Write unit rows to a new ``.npy`` file, a block at a time.

    Args:
        files: the file operations.
        path: the file, which must not exist.
        blocks: float32 (n, dim) each; ``rows`` rows in all.
        rows: how many rows will come.
        dim: length of a row.

    Raises:
        ValueError: a block has another shape or type, a row is not a unit vector, or there are
            more or fewer rows than said.
        IndexWriteError: no space, or an I/O error.
    """

    def checked() -> Iterator[Vectors]:
        written = 0
        for block in blocks:
            check_unit_rows(block, dim, what="vectors", first_row=written)
            written += len(block)
            yield block

    return write_array(files, path, checked(), shape=(rows, dim), kind="<f4")


def open_matrix(files: Files, path: Path, *, rows: int, dim: int) -> Vectors:
    """Map a matrix that ``write_matrix`` wrote; only the rows that are used will be read.

    The file must stay as it is while mapped; replacing or removing its name does no harm.

    Returns:
        float32 (rows, dim), read-only.

    Raises:
        ValueError: its size or its header is another; the message says what was found.
        OSError: the file cannot be read.
    """
    return map_array(files, path, shape=(rows, dim), kind="<f4")


def cosines(vectors: Vectors, queries: Vectors) -> Scores:
    """The cosine of every query to every row.

    Args:
        vectors: float32 (n, d), unit rows.
        queries: float32 (q, d), unit rows.

    Returns:
        float32 (q, n); equal vectors get equal scores, to the last bit.
    """
    return np.einsum("nd,qd->qn", vectors, queries)


def rows_of(vectors: Vectors, rows: Rows) -> Vectors:
    """Some rows of a matrix, (m,) of (n, d): float32 (m, d). ``take`` copies rows the fastest."""
    return np.take(vectors, rows, axis=0)


def row_cosines(vectors: Vectors, rows: Rows, query: Vectors) -> Vectors:
    """The cosine of each of some rows to one query; a block of rows in memory at a time.

    Args:
        vectors: float32 (n, d), unit rows.
        rows: int64 (m,), any of them.
        query: float32 (1, d), a unit row.

    Returns:
        float32 (m,).
    """
    scores = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        block = rows[start : start + _ROWS_AT_ONCE]
        scores[start : start + len(block)] = cosines(rows_of(vectors, block), query)[0]
    return scores


class FlatIndex:
    """Exact search by plain numpy: no copy of the vectors, no threads; the reference.

    Args:
        vectors: float32 (n, d), unit rows; may be mapped from a file.
    """

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def search(self, queries: Vectors, k: int) -> tuple[Scores, Rows]:
        """Find the k best rows for each query, exactly.

        Args:
            queries: float32 (q, d), unit rows, contiguous.
            k: hits per query, at least 1; more than n means all.

        Returns:
            Scores float32 (q, min(k, n)), cosine in [-1, 1], best first, and their
            rows int64, same shape; ties by ascending row.

        Raises:
            ValueError: ``k`` is below 1, or ``queries`` is not as described.
        """
        k = _checked_k(queries, k, self._vectors)
        found = _empty_hits(len(queries), k)
        for first in range(0, len(queries), _QUERIES_AT_ONCE):
            block = slice(first, first + _QUERIES_AT_ONCE)
            for i, hits in enumerate(self._search_block(queries[block], k), start=first):
                found[0][i], found[1][i] = hits
        return found

    def _search_block(self, queries: Vectors, k: int) -> list[tuple[Scores, Rows]]:
        hits = [(np.empty(0, np.float32), np.empty(0, np.int64)) for _ in queries]
        for first in range(0, len(self._vectors), _ROWS_AT_ONCE):
            scores = cosines(self._vectors[first : first + _ROWS_AT_ONCE], queries)
            rows = np.arange(first, first + scores.shape[1], dtype=np.int64)
            hits = [
                _best(np.concatenate((best, new)), np.concatenate((best_rows, rows)), k)
                for (best, best_rows), new in zip(hits, scores, strict=True)
            ]
        return hits


class FaissIndex:
    """Search by FAISS, scored again from the vectors themselves: what ``FlatIndex`` finds, faster.

    FAISS proposes rows; which k of them are best, and in which order, the exact scores decide. So
    ties, on which FAISS promises nothing, end as everywhere: by ascending row. Over a flat index
    all of it is exact. Over codes the scores are, and so is the order; a row that codes rate far
    too low may be missing, though never while an equal one is found.

    Args:
        index: over the rows of ``vectors``, by inner product; flat, or RaBitQ codes.
        vectors: float32 (n, d), unit rows; may be mapped from a file.
        take: gives some of these rows; None takes them from ``vectors``.
    """

    def __init__(
        self, index: "faiss.Index", vectors: Vectors, take: Callable[[Rows], Vectors] | None = None
    ) -> None:
        self._index = index
        self._vectors = vectors
        self._take = take or partial(rows_of, vectors)
        self._is_coded = type(index).__name__ == _CODES

    def search(self, queries: Vectors, k: int) -> tuple[Scores, Rows]:
        """Find the k best rows for each query; as ``FlatIndex.search``, but for what codes miss."""
        _wait_for_no_lost_threads()
        k = _checked_k(queries, k, self._vectors)
        found = _empty_hits(len(queries), k)
        for first in range(0, len(queries) if k else 0, _QUERIES_AT_ONCE):
            block = slice(first, first + _QUERIES_AT_ONCE)
            found[0][block], found[1][block] = self._search_block(queries[block], k)
        return found

    def finds_itself(self) -> bool:
        """Whether FAISS proposes some rows, evenly spread, for their own vectors, or a near copy.

        If not, its rows are not those of ``vectors``, or these are not of the kind that codes tell
        apart.
        """
        if not len(self._vectors):
            return True
        _wait_for_no_lost_threads()
        depth, nearness = 1, 1 - 3 * UNIT_TOLERANCE
        if self._is_coded:
            depth, nearness = self._first_depth(1), _NEAR_COPY
        rows = np.linspace(0, len(self._vectors), _CANARIES, endpoint=False, dtype=np.int64)
        rows = np.unique(rows)
        queries = self._vectors[rows]
        _, proposed = self._index.search(queries, min(depth, len(self._vectors)))
        return all(
            row in proposed[i]
            or cosines(self._vectors[proposed[i]], queries[i : i + 1]).max() >= nearness
            for i, row in enumerate(rows)
        )

    def _search_block(self, queries: Vectors, k: int) -> tuple[Scores, Rows]:
        found = _empty_hits(len(queries), k)
        pending = np.arange(len(queries))
        depth = self._first_depth(k)
        while len(pending) and depth < len(self._vectors):
            proposals = self._index.search(queries[pending], depth)
            settled = np.empty(len(pending), dtype=bool)
            for i, query in enumerate(pending):
                order = np.argsort(proposals[1][i])
                rows, proposed = proposals[1][i][order], proposals[0][i][order]
                exact = cosines(self._take(rows), queries[query : query + 1])[0]
                found[0][query], best = _best(exact, np.arange(depth), k)
                found[1][query] = rows[best]
                # What FAISS left out, it rates no higher than the last that it proposed. So no row
                # left out equals one of the best, nor, if flat, exceeds it.
                settled[i] = proposed[best].min() - proposed.min() > _ROUNDING
            pending = pending[~settled]
            depth *= 4
        if len(pending):
            found[0][pending], found[1][pending] = FlatIndex(self._vectors).search(
                queries[pending], k
            )
        return found

    def _first_depth(self, k: int) -> int:
        """How many rows to have proposed at first."""
        if not self._is_coded:
            return k + _SPARE_HITS
        enough = min(_CANDIDATES_PER_HIT * k, _ENOUGH_CANDIDATES)
        return max(_FEWEST_CANDIDATES, enough, _CANDIDATES_PER_LATE_HIT * k)


def faiss_kinds(rows: int, dim: int) -> tuple[str, ...]:
    """What class the FAISS index over so many rows may be of, the usual one first."""
    return (_CODES, _FLAT) if rows > CODES_ABOVE and dim in _DIMS_OF_CODES else (_FLAT,)


def faiss_bytes(rows: int, dim: int) -> int:
    """About how large the FAISS index of so many rows usually is."""
    return rows * (4 * dim if faiss_kinds(rows, dim)[0] == _FLAT else dim // 8 + 8)


def build_faiss(vectors: Vectors, *, coded: bool) -> "faiss.Index":
    """Build the FAISS index of some vectors; equal vectors give an index of equal bytes.

    Args:
        vectors: float32 (n, d), unit rows; read a block at a time.
        coded: keep one bit of each number, by RaBitQ, in place of the number itself.

    Source: Gao and Long, "RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error
    Bound for Approximate Nearest Neighbor Search", SIGMOD 2024, https://arxiv.org/abs/2405.12497
    """
    import faiss

    _wait_for_no_lost_threads()
    dim = vectors.shape[1]
    if coded:
        index = faiss.index_factory(dim, "RaBitQfs", faiss.METRIC_INNER_PRODUCT)
        step = max(1, math.ceil(len(vectors) / _TRAINING_ROWS))
        index.train(np.ascontiguousarray(vectors[::step]))
    else:
        index = faiss.IndexFlatIP(dim)
    for first in range(0, len(vectors), _ROWS_AT_ONCE):
        index.add(vectors[first : first + _ROWS_AT_ONCE])
    return index


def write_faiss(files: Files, path: Path, vectors: Vectors) -> FileDigest:
    """Build the FAISS index of some vectors and write it to a new file.

    Many rows are coded, unless they do not even find themselves by their codes: where a few numbers
    of a row outweigh all others, a bit for each tells too little.

    Args:
        files: the file operations.
        path: the file, which must not exist.
        vectors: float32 (n, d), unit rows; read a block at a time.

    Raises:
        IndexWriteError: no space, or an I/O error.
    """
    import faiss

    index = build_faiss(vectors, coded=_CODES in faiss_kinds(*vectors.shape))
    if not FaissIndex(index, vectors).finds_itself():
        index = build_faiss(vectors, coded=False)
    with NewFile(files, path) as new:
        # FAISS's own file writer loses its last buffer on a full disk, and says nothing.
        faiss.write_index(index, cast(Any, faiss).PyCallbackIOWriter(new.write))
        return new.seal()


def read_faiss(data: bytes, *, rows: int, dim: int) -> "faiss.Index":
    """Read the FAISS index that ``write_faiss`` wrote, from bytes whose hash was checked.

    Raises:
        ValueError: it is another kind of index; the message says what was found.
    """
    import faiss

    # The limit holds for the whole process, so one reader at a time sets it.
    with _deserializing:
        limit = faiss.get_deserialization_vector_byte_limit()
        faiss.set_deserialization_vector_byte_limit(len(data))
        try:
            # Not by ``ZeroCopyIOReader``: the index would point into bytes that are gone.
            index = faiss.deserialize_index(np.frombuffer(data, dtype=np.uint8))
        except RuntimeError as error:
            raise ValueError("what FAISS cannot read") from error
        finally:
            faiss.set_deserialization_vector_byte_limit(limit)
    kind = type(index).__name__
    found = (index.ntotal, index.d, index.metric_type, index.is_trained)
    expected = (rows, dim, faiss.METRIC_INNER_PRODUCT, True)
    if kind not in faiss_kinds(rows, dim) or found != expected:
        raise ValueError(f"{kind} of {index.ntotal:,} x {index.d}")
    return index


def check_unit_rows(vectors: Vectors, dim: int, *, what: str, first_row: int = 0) -> None:
    """Refuse what is not float32 (n, dim) with unit rows.

    Args:
        vectors: what to check.
        dim: length that the rows must have.
        what: ``vectors`` or ``queries``, for the message.
        first_row: number of the first row, for the message.

    Raises:
        ValueError: another type or shape, or a row whose length is not 1 (NaN, zero, ...).
    """
    if vectors.dtype != np.float32 or vectors.ndim != 2 or vectors.shape[1] != dim:
        shape = " x ".join(map(str, vectors.shape))
        raise ValueError(f"{what} must be float32, n x {dim}, not {vectors.dtype}, {shape}.")
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    # Written so that NaN, which compares false with everything, is wrong too.
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= UNIT_TOLERANCE))
    if len(wrong):
        row, length = first_row + int(wrong[0]), lengths[wrong[0]]
        raise ValueError(f"{what}: row {row} has length {length:.6g}, not 1.")


def _wait_for_no_lost_threads() -> None:
    """In a forked process, have FAISS compute in the calling thread alone.

    The threads that it began before the fork do not live on, and it would wait for them for ever.
    """
    if os.getpid() != _PROCESS:
        import faiss

        faiss.omp_set_num_threads(1)


def _checked_k(queries: Vectors, k: int, vectors: Vectors) -> int:
    """How many hits to return for each query, after a look at what was asked."""
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}.")
    check_unit_rows(queries, vectors.shape[1], what="queries")
    if not queries.flags.c_contiguous:
        raise ValueError("queries must be contiguous; pass numpy.ascontiguousarray of them.")
    return min(k, len(vectors))


def _empty_hits(queries: int, k: int) -> tuple[Scores, Rows]:
    return np.empty((queries, k), np.float32), np.empty((queries, k), np.int64)


def _best(scores: Scores, rows: Rows, k: int) -> tuple[Scores, Rows]:
    """The k best, best first; ``rows`` must ascend among equal scores, and so do those returned."""
    if k < len(scores):
        worst = np.partition(scores, len(scores) - k)[len(scores) - k]
        kept = np.flatnonzero(scores >= worst)
        scores, rows = scores[kept], rows[kept]
    order: NDArray[np.int64] = np.argsort(-scores, kind="stable")[:k]
    return scores[order], rows[order]
