"""The questions that a build asks itself, embedded once and kept for the next build."""

from collections.abc import Sequence

import numpy as np

from qasearch.embed import checked, checked_tokens, embedder_name
from qasearch.index import AS_ASKED, Embedded, EmbeddingCache, text_key
from qasearch.protocols import Embedder, TokenEmbedder, Vectors

_WIDTH = np.dtype("<u4")
_NUMBER = np.dtype("<f4")


class Asked:
    """An embedder that need not compute what the build before has asked: it is in the cache.

    Only queries are kept, to the bit, and in the end only those of this build.

    Args:
        cache: of the index; used for queries from now on.
        embedder: embeds the rest.
    """

    def __init__(self, cache: EmbeddingCache, embedder: Embedder) -> None:
        cache.use(AS_ASKED)
        self._cache = cache
        self._embedder = embedder
        self._keys: set[bytes] = set()

    @property
    def fingerprint(self) -> str:
        """That of the embedder."""
        return self._embedder.fingerprint

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._embedder.dim

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """As the embedder does."""
        return self._embedder.embed_passages(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """As the embedder does."""
        return np.stack([known.vector for known in self._known(texts)])

    def forget_others(self) -> None:
        """Let the cache forget what earlier builds asked and this one did not."""
        self._cache.keep_only(self._keys)

    def _known(self, texts: Sequence[str]) -> list[Embedded]:
        keys = [text_key(text) for text in texts]
        self._keys.update(keys)
        known = self._cache.get_many(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            vectors, codes = self._compute(list(missing.values()))
            self._cache.put_many(list(missing), vectors, codes)
            known |= dict(zip(missing, map(Embedded, vectors, codes), strict=True))
        return [known[key] for key in keys]

    def _compute(self, texts: Sequence[str]) -> tuple[Vectors, list[bytes]]:
        """The vectors of queries, float32 (n, dim), and what is kept of their tokens."""
        vectors = self._embedder.embed_queries(texts)
        name = embedder_name(self._embedder)
        return checked(vectors, texts, self.dim, name=name), [b""] * len(texts)


class AskedTokens(Asked):
    """The same for an embedder that tells tokens apart."""

    def __init__(self, cache: EmbeddingCache, embedder: TokenEmbedder) -> None:
        super().__init__(cache, embedder)
        self._teller = embedder

    def embed_passage_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        """As the embedder does."""
        return self._teller.embed_passage_tokens(texts)

    def embed_query_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        """As the embedder does."""
        known = self._known(texts)
        return np.stack([each.vector for each in known]), [_tokens(each.codes) for each in known]

    def query_words(self, texts: Sequence[str]) -> list[list[str]]:
        """As the embedder does."""
        return self._teller.query_words(texts)

    def _compute(self, texts: Sequence[str]) -> tuple[Vectors, list[bytes]]:
        vectors, tokens = self._teller.embed_query_tokens(texts)
        name = embedder_name(self._embedder)
        rows = checked_tokens(tokens, texts, name=name)
        return checked(vectors, texts, self.dim, name=name), [_to_bytes(each) for each in rows]


def asked(cache: EmbeddingCache, embedder: Embedder) -> Asked:
    """The embedder, with what the build before has asked of it."""
    if isinstance(embedder, TokenEmbedder):
        return AskedTokens(cache, embedder)
    return Asked(cache, embedder)


def _to_bytes(tokens: Vectors) -> bytes:
    """The tokens of a query as they are, after how many numbers each has."""
    width = np.array(tokens.shape[1], dtype=_WIDTH)
    return width.tobytes() + tokens.astype(_NUMBER, copy=False).tobytes()


def _tokens(data: bytes) -> Vectors:
    width = int(np.frombuffer(data, dtype=_WIDTH, count=1)[0])
    return np.frombuffer(data, dtype=_NUMBER, offset=_WIDTH.itemsize).reshape(-1, width)
