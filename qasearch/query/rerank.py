"""The best hits put into the order of a reranker, which reads question and text together."""

from collections.abc import Sequence

import numpy as np

from qasearch.errors import EmbedderError
from qasearch.protocols import Reranker

RERANKED = 20
"""Hits that are reordered: a cross-encoder takes some hundredths of a second for each."""


def preferred(query: str, texts: Sequence[str], reranker: Reranker) -> list[int]:
    """The places of texts in the order of a reranker; equal ones stay as they were.

    What a reranker says is on a scale of its own, so it decides the order alone.

    Args:
        query: the question asked.
        texts: what stands for each hit, best first.
        reranker: scores the texts.

    Raises:
        EmbedderError: it gives something else than one finite number for each text.
    """
    if not texts:
        return []
    likings = np.asarray(reranker.score(query, texts))
    if likings.shape != (len(texts),) or not np.isfinite(likings).all():
        raise EmbedderError(
            getattr(reranker, "name", type(reranker).__name__),
            f"as a reranker it must give {len(texts)} finite numbers, one for each text, "
            f"and gave an array of shape {likings.shape}.",
        )
    return np.argsort(-likings, kind="stable").tolist()
