"""From one query vector to ranked rows: which articles, and which of their passages.

Scores are cosines of unit vectors. An article's score is its best passage's, with a little of the
cosine to its own question; both are exact, read from the stored vectors, whatever index proposed
the candidates.
"""

from dataclasses import dataclass

import numpy as np

from qasearch.index import Generation, cosines
from qasearch.protocols import Rows, Vectors

QUESTION_WEIGHT = 0.05
"""Share of the question's cosine in an article's score (docs/decisions/0003-score.md)."""

CANDIDATES_PER_HIT = 20
"""Passages, and questions, proposed for each article that is wanted."""
FEWEST_CANDIDATES = 200

_BLOCK = 4_096
"""Passage rows that a filtered scan holds in memory at once."""


@dataclass(frozen=True, slots=True)
class RankedArticle:
    """An article's row with its score, the parts of it, and its best passages.

    Attributes:
        row: of the article.
        score, question, passage: the article's score; the cosines it is made of.
        passages: (row, cosine) of its best passages, best first.
    """

    row: int
    score: float
    question: float
    passage: float
    passages: list[tuple[int, float]]


def rank_articles(
    generation: Generation, query: Vectors, *, k: int, points: int, among: Rows | None
) -> list[RankedArticle]:
    """Rank articles for one query, best first, ties by ascending row.

    Args:
        generation: the index to search.
        query: float32 (1, d), a unit row.
        k: articles wanted at most.
        points: passages wanted of each at most.
        among: rows of the articles that a filter leaves, ascending; None means all.
    """
    rows = _candidates(generation, query, k) if among is None else among
    if not len(rows):
        return []
    question_scores = _row_cosines(generation.questions, rows, query)
    passages = _passages_of(generation, query, rows)
    best = np.maximum.reduceat(passages.scores, passages.starts[:-1])
    scores = (1 - QUESTION_WEIGHT) * best + QUESTION_WEIGHT * question_scores
    top = np.lexsort((rows, -scores))[:k]
    return [
        RankedArticle(
            row=int(rows[i]),
            score=float(scores[i]),
            question=float(question_scores[i]),
            passage=float(best[i]),
            passages=_best(
                passages.rows[passages.starts[i] : passages.starts[i + 1]],
                passages.scores[passages.starts[i] : passages.starts[i + 1]],
                points,
            ),
        )
        for i in top
    ]


def rank_passages(
    generation: Generation, query: Vectors, *, k: int, among: Rows | None
) -> list[tuple[int, float]]:
    """Rank single passages for one query: (row, cosine), best first, ties by ascending row."""
    if among is not None:
        passages = _passages_of(generation, query, among)
        return _best(passages.rows, passages.scores, k)
    scores, rows = generation.passages.search(query, k)
    return _best(rows[0], scores[0], k)


def _candidates(generation: Generation, query: Vectors, k: int) -> Rows:
    """Rows of the articles worth scoring: near by a passage, or by their question."""
    depth = max(FEWEST_CANDIDATES, CANDIDATES_PER_HIT * k)
    _, passage_rows = generation.passages.search(query, depth)
    _, question_rows = generation.question_index.search(query, depth)
    return np.union1d(generation.store.article_rows_of(passage_rows[0]), question_rows[0])


@dataclass(frozen=True, slots=True)
class _Passages:
    """All passages of some articles: those of article i are ``starts[i]:starts[i + 1]``."""

    rows: Rows
    scores: Vectors
    starts: Rows


def _passages_of(generation: Generation, query: Vectors, article_rows: Rows) -> _Passages:
    offsets = generation.store.passage_offsets
    first = offsets[article_rows]
    sizes = offsets[article_rows + 1] - first
    starts = np.zeros(len(article_rows) + 1, dtype=np.int64)
    np.cumsum(sizes, out=starts[1:])
    rows = np.arange(int(starts[-1]), dtype=np.int64) + np.repeat(first - starts[:-1], sizes)
    return _Passages(rows, _row_cosines(generation.vectors, rows, query), starts)


def _row_cosines(vectors: Vectors, rows: Rows, query: Vectors) -> Vectors:
    """The cosine of each of the rows to the query; a block of rows in memory at a time."""
    scores = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        scores[start : start + len(block)] = cosines(vectors[block], query)[0]
    return scores


def _best(rows: Rows, scores: Vectors, k: int) -> list[tuple[int, float]]:
    order = np.lexsort((rows, -scores))[:k]
    return [(int(rows[i]), float(scores[i])) for i in order]
