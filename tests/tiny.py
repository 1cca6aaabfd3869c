"""Embedders whose vectors can be worked out by hand."""

import re
import unicodedata
import zlib
from collections.abc import Sequence

import numpy as np

from qasearch.protocols import Vectors

STOP_WORDS = {"a", "an", "and", "are", "do", "does", "how", "in", "is", "of", "the", "to", "what"}


class TinyEmbedder:
    """A hashed bag of words: a row counts each word in the word's own place, then is normalised.

    The cosine of two texts is that of their word counts (stop words out, case and order ignored),
    as long as no two words share a place: equal words give 1, no common word gives 0.

    Args:
        dim: number of places.
    """

    name = "tiny"

    def __init__(self, dim: int = 256) -> None:
        self.dim = dim
        self.fingerprint = f"tiny-{dim}"

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        counts = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in words(text) or [""]:
                counts[row, self._place(word)] += 1
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_passages(texts)

    def _place(self, word: str) -> int:
        return zlib.crc32(word.encode("utf-8", "replace")) % self.dim


class TinyTokenEmbedder(TinyEmbedder):
    """The same vectors, and of each word that counts a token: 1 in its place, 0 elsewhere.

    The cosine of two tokens is 1 if their words are equal, 0 if they are not and share no place.
    """

    def embed_passage_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        return self.embed_passages(texts), [self._tokens(text) for text in texts]

    def embed_query_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        return self.embed_passage_tokens(texts)

    def query_words(self, texts: Sequence[str]) -> list[list[str]]:
        return [words(text) for text in texts]

    def _tokens(self, text: str) -> Vectors:
        places = [self._place(word) for word in words(text)]
        return np.eye(self.dim, dtype=np.float32)[places].reshape(-1, self.dim)


def words(text: str) -> list[str]:
    """The words that count, in order; a text without any is embedded as one empty word."""
    normal = unicodedata.normalize("NFC", text).casefold()
    return [word for word in re.findall(r"\w+", normal) if word not in STOP_WORDS]
