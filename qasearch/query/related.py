"""Articles near an article, by the vectors that are stored of both."""

import time

import numpy as np

from qasearch.index import Generation, cosines
from qasearch.protocols import Rows, Vectors
from qasearch.query.collapse import question_key, same_question_once
from qasearch.query.search import check_range
from qasearch.records import ArticleHit, RelatedResult

FEWEST_CANDIDATES = 200
CANDIDATES_PER_HIT = 20
"""Passages, and questions, near the article that are looked at."""


def related(generation: Generation, article_id: str, k: int) -> RelatedResult:
    """Find the articles nearest to one, best first; itself and those that ask the same left out.

    The score is the mean of two cosines: between the two questions, and between the two answers,
    each the direction of the mean of its passages' vectors. ``scores`` has both.

    Args:
        generation: the index.
        article_id: of the article.
        k: articles wanted at most, 1 to 100.

    Raises:
        LookupError: there is no such article.
        ValueError: ``k`` is out of its range.
    """
    check_range("k", k, 1)
    started = time.perf_counter()
    row = generation.store.article_row(article_id)
    (article,) = generation.store.articles([row])
    key = question_key(article.question)
    others = [hit for hit in _nearest(generation, row, k) if question_key(hit.question) != key]
    return RelatedResult(
        article=article,
        generation=generation.name,
        model=generation.model,
        article_count=generation.article_count,
        passage_count=generation.passage_count,
        took_ms=1_000 * (time.perf_counter() - started),
        articles=tuple(same_question_once(others, k)),
    )


def _nearest(generation: Generation, row: int, k: int) -> list[ArticleHit]:
    """All candidates for an article row but itself, best first, ties by ascending row."""
    question = generation.questions[row : row + 1]
    answer = _answers(generation, np.array([row]))
    rows = _candidates(generation, question, answer, k)
    rows = rows[rows != row]
    questions = cosines(generation.questions[rows], question)[0]
    answers = cosines(_answers(generation, rows), answer)[0]
    scores = (questions + answers) / 2
    order = np.lexsort((rows, -scores))
    articles = generation.store.articles(rows[order].tolist())
    return [
        ArticleHit(
            rank=rank,
            article=article,
            score=float(scores[place]),
            scores={"question": float(questions[place]), "passage": float(answers[place])},
            points=(),
        )
        for rank, (place, article) in enumerate(zip(order, articles, strict=True), start=1)
    ]


def _candidates(generation: Generation, question: Vectors, answer: Vectors, k: int) -> Rows:
    """Rows of the articles near by their question, or by a passage near the answer."""
    depth = max(FEWEST_CANDIDATES, CANDIDATES_PER_HIT * k)
    _, question_rows = generation.question_index.search(question, depth)
    if not answer.any():
        return np.unique(question_rows[0])
    _, passage_rows = generation.passages.search(answer, depth)
    return np.union1d(generation.store.article_rows_of(passage_rows[0]), question_rows[0])


def _answers(generation: Generation, rows: Rows) -> Vectors:
    """The direction of each article's passages: float32 (n, d), unit rows; 0 without passages."""
    means = np.zeros((len(rows), generation.questions.shape[1]), dtype=np.float32)
    for mean, row in zip(means, rows, strict=True):
        first, stop = generation.store.passage_span(int(row))
        mean[:] = generation.vectors[first:stop].sum(axis=0)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    means /= np.where(lengths > 0, lengths, 1)
    return means
