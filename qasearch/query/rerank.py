"""The best hits put into the order of a reranker, which reads question and text together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from qasearch.errors import EmbedderError
from qasearch.protocols import Reranker
from qasearch.records import ArticleHit, PassageHit

RERANKED = 20
"""Hits that are reordered: a cross-encoder takes some hundredths of a second for each."""

Hit = TypeVar("Hit", ArticleHit, PassageHit)


def reranked(
    hits: Sequence[Hit], query: str, texts: Sequence[str], reranker: Reranker
) -> list[Hit]:
    """Reorder some hits, and trade their scores among them.

    The hit that the reranker likes best gets the highest of their scores, and so on: scores still
    fall with the rank, and those hits stay above the ones that were not reordered. What a reranker
    says is on a scale of its own, so it decides the order alone. Equal ones stay as they were.

    Args:
        hits: those to reorder, best first.
        query: the question asked.
        texts: what stands for each hit.
        reranker: scores the texts.

    Raises:
        EmbedderError: it gives something else than one finite number for each text.
    """
    if not hits:
        return []
    likings = np.asarray(reranker.score(query, texts))
    if likings.shape != (len(texts),) or not np.isfinite(likings).all():
        raise EmbedderError(
            getattr(reranker, "name", type(reranker).__name__),
            f"as a reranker it must give {len(texts)} finite numbers, one for each text, "
            f"and gave an array of shape {likings.shape}.",
        )
    order = [int(place) for place in np.argsort(-likings, kind="stable")]
    return [
        replace(hits[place], rank=hit.rank, score=hit.score)
        for hit, place in zip(hits, order, strict=True)
    ]
