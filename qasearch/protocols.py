"""The seams: what an own embedder or vector index must offer, and the arrays that cross them."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qasearch.batches import (
    Batch,
    Done,
    Given,
    Progress,
    Spread,
    here,
    in_batches,
    no_progress,
    processors,
)

Vectors: TypeAlias = NDArray[np.float32]
"""float32 (n, d); rows of unit length."""
Scores: TypeAlias = NDArray[np.float32]
"""float32 (q, k); cosine, best first."""
Rows: TypeAlias = NDArray[np.int64]
"""int64 (q, k) or (n,); row numbers of passages or questions."""
Flags: TypeAlias = NDArray[np.bool_]
"""bool (n,); whether something holds, for each of n."""

__all__ = [
    "Batch",
    "Done",
    "Embedder",
    "Given",
    "Progress",
    "Reranker",
    "Rows",
    "Scores",
    "Spread",
    "TokenEmbedder",
    "VectorIndex",
    "Vectors",
    "here",
    "in_batches",
    "no_progress",
    "processors",
]


class Embedder(Protocol):
    """Turns texts into vectors. Optional: ``name``, shown to people in place of the fingerprint."""

    @property
    def fingerprint(self) -> str:
        """What decides the vectors: weights, tokenizer, pooling, prompts, dimension, length."""
        ...

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Embed stored texts: float32 (n, dim), unit rows, in the order of ``texts``."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Embed questions asked: float32 (n, dim), unit rows, in the order of ``texts``."""
        ...


@runtime_checkable
class TokenEmbedder(Embedder, Protocol):
    """An embedder that also tells the tokens of a text apart, for late interaction.

    Both come out of the same pass through the model. Tokens that say nothing, such as punctuation,
    may be left out; those of a question must stand alike at the head of a text that begins with it.
    """

    def embed_passage_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        """Embed stored texts: what ``embed_passages`` returns, and the tokens of each text.

        Returns:
            float32 (n, dim), unit rows; and n arrays of float32 (tokens, any), unit rows.
        """
        ...

    def embed_query_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        """Embed questions asked: what ``embed_queries`` returns, and the tokens of each."""
        ...

    def query_words(self, texts: Sequence[str]) -> list[list[str]]:
        """For each token that ``embed_query_tokens`` gives of a question, the word it is of."""
        ...


class VectorIndex(Protocol):
    """Finds the nearest rows."""

    def search(self, queries: Vectors, k: int) -> tuple[Scores, Rows]:
        """Find the k best rows for each query: scores best first, ties by ascending row."""
        ...


class Reranker(Protocol):
    """Tells how well texts answer a question by reading both together, such as a cross-encoder.

    Optional: ``name``, shown to people in errors.
    """

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Score the texts: float32 (n,), in their order; higher is better, on any scale."""
        ...
