"""Texts embedded a batch at a time, by a function that can run in any process."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from qasearch.embed import checked, checked_tokens, embedder_name, load_embedder
from qasearch.errors import EmbedderError
from qasearch.index import TokenCodec
from qasearch.protocols import Embedder, TokenEmbedder, Vectors


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts to embed.

    Attributes:
        keys: of the texts.
        texts: in the order of their keys.
        codec: of their tokens, as ``TokenCodec.to_bytes``; empty where there is none yet.
        fingerprint: of the embedder that is meant.
    """

    keys: Sequence[bytes]
    texts: Sequence[str]
    codec: bytes
    fingerprint: str

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Made:
    """What an embedder made of a batch.

    Attributes:
        keys: of its texts.
        vectors: float32 (n, dim), unit rows.
        tokens: of each text, where there is no codec yet.
        codes: of the tokens of each text, by the codec of the batch.
    """

    keys: Sequence[bytes]
    vectors: Vectors
    tokens: list[Vectors]
    codes: list[bytes]

    def __len__(self) -> int:
        return len(self.keys)


class Given:
    """Gives an embedder that is there already."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def __call__(self) -> Embedder:
        """The embedder."""
        return self._embedder


@dataclass(frozen=True, slots=True)
class Named:
    """Loads a model by its name, once in each process, to compute with one thread."""

    model: str | None
    offline: bool

    def __call__(self) -> Embedder:
        """The embedder.

        Raises:
            EmbedderError: there is no such model, or it is not what it claims to be.
        """
        return _loaded(self)


@cache
def _loaded(named: Named) -> Embedder:
    return load_embedder(named.model, offline=named.offline, threads=1)


def make(load: Callable[[], Embedder], batch: Batch) -> Made:
    """Embed a batch.

    Raises:
        EmbedderError: the embedder is another one than is meant, or gives no vectors.
    """
    embedder = load()
    name = embedder_name(embedder)
    if embedder.fingerprint != batch.fingerprint:
        reason = f"is {embedder.fingerprint:.12} here, where {batch.fingerprint:.12} is meant."
        raise EmbedderError(name, reason, hint="Install the same model on all machines.")
    texts = [unicodedata.normalize("NFC", text) for text in batch.texts]
    if not isinstance(embedder, TokenEmbedder):
        rows = checked(embedder.embed_passages(texts), texts, embedder.dim, name=name)
        return Made(batch.keys, rows, [], [])
    rows, of_texts = embedder.embed_passage_tokens(texts)
    tokens = checked_tokens(of_texts, texts, name=name)
    codes: list[bytes] = []
    if batch.codec:
        codec = TokenCodec.from_bytes(batch.codec)
        tokens, codes = [], [codec.encode(rows).tobytes() for rows in tokens]
    return Made(batch.keys, checked(rows, texts, embedder.dim, name=name), tokens, codes)
