"""Late interaction: the tokens of passages as codes on disk, and how well they match a question's.

Each token of a question looks for its best match among the tokens of a passage. The vectors of
tokens are many, so they are kept small: projected onto the directions that hold most of them, then
two bits (or four) for each number, at levels that are the best ones for numbers of a normal
distribution. A fixed rotation after the projection makes them nearly that.

Sources: Khattab and Zaharia, "ColBERT", SIGIR 2020, https://arxiv.org/abs/2004.12832 (matching);
Max, "Quantizing for Minimum Distortion", IRE Trans. Inform. Theory 6, 1960, table I (levels).
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from qasearch.protocols import Rows, Vectors

Codes: TypeAlias = NDArray[np.uint8]
"""uint8 (tokens, width); a token's code."""
Bits: TypeAlias = Literal[2, 4]

DEFAULT_BITS: Bits = 2

KEPT_DIM = 128
"""Directions kept of a token's vector: of 384, these hold the quality of all
(docs/decisions/0008-tokens-and-words.md)."""

_FITTING_TOKENS = 65_536
"""Tokens that the directions are taken from, evenly spread over those given."""

_FITTING_AT_ONCE = 4_096

_LEVELS: Final[dict[int, list[float]]] = {
    2: [0.4528, 1.510],
    4: [0.1284, 0.3881, 0.6568, 0.9424, 1.256, 1.618, 2.069, 2.733],
}
"""Half of the levels; the others are their negatives."""
_KEPT_ENERGY: Final[dict[int, float]] = {2: 0.8825, 4: 0.9905}
"""What a coded number still has, on average, of the product with the number itself."""

_ROTATION_SEED = 20_260_101

_SMALL_PRODUCT = 1_000_000
"""Multiplications up to which OpenBLAS rearranges neither matrix, and begins no threads: 6,100
tokens and 13 of a query take .43 ms in such blocks, from code to product, and .75 ms at once."""
_FEWEST_AT_ONCE = 64
"""Tokens of a block, however many the query has: else there were more blocks than is worth it."""

_MAGIC = b"qtok"
_HEAD = Struct("<4sIIB")


class TokenCodec:
    """Makes codes of the vectors of tokens, and vectors of the codes.

    Args:
        basis: float32 (d, k), orthonormal columns, k a multiple of 4 and not 0.
        bits: of each of the k numbers.

    Raises:
        ValueError: ``basis`` or ``bits`` is not as described.
    """

    def __init__(self, basis: Vectors, bits: Bits) -> None:
        kept = basis.shape[1] if basis.ndim == 2 else 0
        if not kept or kept % 4 or bits not in _LEVELS:
            raise ValueError(f"no codec of {bits} bits has a basis of shape {basis.shape}.")
        with np.errstate(over="ignore", invalid="ignore"):
            products = basis.T @ basis
        if not np.allclose(products, np.eye(kept), atol=1e-3):
            raise ValueError("the columns of the basis are not orthonormal.")
        self.basis = np.ascontiguousarray(basis, dtype="<f4")
        self.bits: Bits = bits
        positive = np.array(_LEVELS[bits], dtype=np.float32)
        levels = np.concatenate([-positive[::-1], positive])
        deviation = basis.shape[1] ** -0.5
        self._bounds = deviation * (levels[1:] + levels[:-1]) / 2
        self._table = _byte_table(deviation * levels / _KEPT_ENERGY[bits], bits)

    @classmethod
    def fit(cls, tokens: Sequence[Vectors], bits: Bits) -> "TokenCodec":
        """Find the directions that hold most of some tokens.

        Args:
            tokens: float32 (n, d) each, unit rows, n > 0 in one at least; of many different texts.
            bits: of each number that is kept.
        """
        rows = np.concatenate(tokens)
        rows = rows[:: 1 + len(rows) // _FITTING_TOKENS]
        dim = rows.shape[1]
        kept = min(KEPT_DIM, dim - dim % 4)
        products = np.zeros((dim, dim), dtype=np.float64)
        for first in range(0, len(rows), _FITTING_AT_ONCE):  # each sum is short enough for float32
            some = rows[first : first + _FITTING_AT_ONCE]
            products += some.T @ some
        _, directions = np.linalg.eigh(products)
        random = np.random.default_rng(_ROTATION_SEED).normal(size=(kept, kept))
        basis = directions[:, ::-1][:, :kept] @ np.linalg.qr(random)[0]
        return cls(basis.astype(np.float32), bits)

    @property
    def width(self) -> int:
        """Bytes of a token's code."""
        return self.basis.shape[1] * self.bits // 8

    def project(self, tokens: Vectors) -> Vectors:
        """What is kept of tokens: float32 (n, k), unit rows, from float32 (n, d), unit rows."""
        kept = tokens @ self.basis
        lengths = np.linalg.norm(kept, axis=1, keepdims=True)
        return (kept / np.where(lengths > 0, lengths, 1)).astype(np.float32)

    def encode(self, tokens: Vectors) -> Codes:
        """The codes of tokens: uint8 (n, width)."""
        kept = self.project(tokens)
        levels = np.zeros(kept.shape, dtype=np.uint8)
        for bound in self._bounds:
            levels += kept > bound
        per_byte = 8 // self.bits
        codes = np.zeros((len(tokens), self.width), dtype=np.uint8)
        for place in range(per_byte):
            codes |= levels[:, place::per_byte] << (self.bits * place)
        return codes

    def decode(self, codes: Codes) -> Vectors:
        """Vectors whose products with projected tokens are, on average, those of the originals."""
        # ``take`` is what indexing by an array does, and ten times as fast on rows this short.
        kept = self.basis.shape[1]
        return np.take(self._table, codes, axis=0).reshape(len(codes), kept)

    def to_bytes(self) -> bytes:
        """All that makes it; equal codecs give equal bytes."""
        return _HEAD.pack(_MAGIC, *self.basis.shape, self.bits) + self.basis.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "TokenCodec":
        """Read what ``to_bytes`` wrote.

        Raises:
            ValueError: it is something else.
        """
        if len(data) < _HEAD.size:
            raise ValueError(f"no codec has {len(data)} bytes.")
        magic, dim, kept, bits = _HEAD.unpack_from(data)
        if magic != _MAGIC or len(data) != _HEAD.size + 4 * dim * kept:
            raise ValueError("that is no codec.")
        basis = np.frombuffer(data, dtype="<f4", offset=_HEAD.size).reshape(dim, kept)
        return cls(basis, bits)


class TokenStore:
    """The tokens of all passages, and of the questions, which the passages of an article share.

    Args:
        codes: uint8 (n, width): for each article its question's, then those of its passages.
        offsets: int64 (articles + passages + 1); where the tokens of each text begin.
        passage_offsets: int64 (articles + 1); the first passage row of each article.
        codec: made the codes.
    """

    def __init__(
        self, codes: Codes, offsets: Rows, passage_offsets: Rows, codec: TokenCodec
    ) -> None:
        self.codec = codec
        self._codes = codes
        self._offsets = offsets
        self._passage_offsets = passage_offsets
        self._projected: tuple[Vectors, Vectors] | None = None

    def texts(self, first: int, stop: int) -> tuple[Codes, Rows]:
        """The codes of articles ``first`` to ``stop``, and how many each of their texts has."""
        start, end = (int(self._passage_offsets[row]) + row for row in (first, stop))
        offsets = self._offsets[start : end + 1]
        return self._codes[offsets[0] : offsets[-1]], np.diff(offsets)

    def matches(self, query: Vectors, rows: Rows) -> tuple[Vectors, Rows]:
        """How well passages match each token of a query.

        Args:
            query: float32 (q, d), unit rows: its tokens.
            rows: int64 (n,), of passages.

        Returns:
            float32 (n, q), the best cosine of each token of the query among those of the passage
            and of its article's question, 0 where there are none; and int64 (n,), how many these
            are.
        """
        articles = np.searchsorted(self._passage_offsets, rows, side="right") - 1
        places = dict[int, int]()
        place = [places.setdefault(article, len(places)) for article in articles.tolist()]
        distinct = np.array([*places], dtype=np.int64)
        questions = self._passage_offsets[distinct] + distinct
        entries = np.concatenate([rows + articles + 1, questions])
        sizes = self._offsets[entries + 1] - self._offsets[entries]
        best = self._best(self._project(query), entries, sizes)
        of_questions = len(rows) + np.array(place, dtype=np.int64)
        counts = sizes[: len(rows)] + sizes[of_questions]
        matches = np.maximum(best[: len(rows)], best[of_questions])
        return np.where(counts[:, np.newaxis] > 0, matches, 0).astype(np.float32), counts

    def _project(self, query: Vectors) -> Vectors:
        """What is kept of a query's tokens, which are asked for twice, one time after the other."""
        last = self._projected  # read once, since other threads set it
        if last is None or last[0] is not query:
            self._projected = last = query, self.codec.project(query)
        return last[1]

    def _best(self, query: Vectors, entries: Rows, sizes: Rows) -> Vectors:
        """float32 (entries, q); -1 where an entry has no tokens."""
        best = np.full((len(entries), len(query)), -1, dtype=np.float32)
        some = np.flatnonzero(sizes)
        if len(some) and len(query):
            starts = np.cumsum(sizes[some]) - sizes[some]
            firsts = self._offsets[entries[some]] - starts
            rows = np.arange(int(sizes.sum())) + np.repeat(firsts, sizes[some])
            products = self._products(np.take(self._codes, rows, axis=0), query)
            best[some] = np.maximum.reduceat(products, starts, axis=0)
        return best

    def _products(self, codes: Codes, query: Vectors) -> Vectors:
        """The products of coded tokens and those of a query: float32 (tokens, q)."""
        columns = np.ascontiguousarray(query.T)
        at_once = max(_FEWEST_AT_ONCE, _SMALL_PRODUCT // columns.size)
        products = np.empty((len(codes), len(query)), dtype=np.float32)
        for first in range(0, len(codes), at_once):
            block = slice(first, first + at_once)
            np.matmul(self.codec.decode(codes[block]), columns, out=products[block])
        return products


def _byte_table(levels: Vectors, bits: int) -> Vectors:
    """The numbers that each byte stands for: float32 (256, 8 / bits), lowest bits first."""
    per_byte = 8 // bits
    shifts = bits * np.arange(per_byte)
    places = (np.arange(256)[:, np.newaxis] >> shifts) & (2**bits - 1)
    return levels[places].astype(np.float32)
