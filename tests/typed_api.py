"""What a caller's type checker sees of the library: `make check` reads this, strictly.

pyright fails here when a method loses its types, and where a slip that it ought to notice passes.
"""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from collections.abc import Sequence
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

from qasearch import (
    Article,
    BuildReport,
    Embedder,
    Index,
    RelatedResult,
    SearchResult,
    WhyResult,
)


class OwnEmbedder:
    """Satisfies the Protocol, and inherits nothing."""

    fingerprint = "letters-1"
    dim = 26

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text."""
        return np.ones((len(texts), self.dim), np.float32) / np.float32(self.dim**0.5)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same of questions."""
        return self.embed_passages(texts)


async def use(index: Index) -> None:
    """Call what is typed, rightly and wrongly."""
    embedder: Embedder = OwnEmbedder()
    where = {"subject": ["Law"], "date": (">=", "2026-01-01")}
    assert_type(Index.open("index", embedder=embedder), Index)
    assert_type(index.search("who pays?", k=3, where=where), SearchResult)
    assert_type(index.search_many(["who pays?"], points=1), list[SearchResult])
    assert_type(await index.asearch("who pays?", k=3, where=where, mode="dense"), SearchResult)
    assert_type(index.related("1001", k=3), RelatedResult)
    assert_type(index.why("1001", "who pays?", k=3), WhyResult)
    assert_type(index.update([Article("a", "A?", "A.")], remove=["b"]), BuildReport)

    index.search("who pays?", limit=3)  # pyright: ignore[reportCallIssue]
    index.search("who pays?", 3)  # pyright: ignore[reportCallIssue]
    await index.asearch("who pays?", limit=3)  # pyright: ignore[reportCallIssue]
    await index.asearch("who pays?", mode="psychic")  # pyright: ignore[reportArgumentType]
    index.update(["a"])  # pyright: ignore[reportArgumentType]
