"""An embedder whose vectors can be worked out by hand."""

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
                counts[row, zlib.crc32(word.encode("utf-8", "replace")) % self.dim] += 1
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_passages(texts)


def words(text: str) -> list[str]:
    """The words that count, in order; a text without any is embedded as one empty word."""
    normal = unicodedata.normalize("NFC", text).casefold()
    return [word for word in re.findall(r"\w+", normal) if word not in STOP_WORDS]
