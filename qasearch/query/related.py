"""Articles near an article, by the vectors that are stored of both."""

import time

import numpy as np

from qasearch.index import cosines
from qasearch.protocols import Rows, Vectors
from qasearch.query.collapse import question_key, same_question_once
from qasearch.query.search import check_range
from qasearch.records import ArticleHit, RelatedResult
from qasearch.storage import Reader

FEWEST_CANDIDATES = 200
CANDIDATES_PER_HIT = 20
"""Passages, and questions, near the article that are looked at."""


def related(reader: Reader, article_id: str, k: int) -> RelatedResult:
    """Find the articles nearest to one, best first; itself and those that ask the same left out.

    The score is the mean of two cosines: between the two questions, and between the two answers,
    each the direction of the mean of its passages' vectors. ``scores`` has both.

    Args:
        reader: the index, or what a store has published.
        article_id: of the article.
        k: articles wanted at most, 1 to 100.

    Raises:
        LookupError: there is no such article.
        ValueError: ``k`` is out of its range.
    """
    check_range("k", k, 1)
    started = time.perf_counter()
    row = reader.store.article_row(article_id)
    (article,) = reader.store.articles([row])
    key = question_key(article.question)
    others = [hit for hit in _nearest(reader, row, k) if question_key(hit.question) != key]
    return RelatedResult(
        article=article,
        generation=reader.name,
        model=reader.model,
        article_count=reader.article_count,
        passage_count=reader.passage_count,
        took_ms=1_000 * (time.perf_counter() - started),
        articles=tuple(same_question_once(others, k)),
    )


def _nearest(reader: Reader, row: int, k: int) -> list[ArticleHit]:
    """All candidates for an article row but itself, best first, ties by ascending row."""
    question = reader.question_vectors(np.array([row]))
    answer = _answers(reader, np.array([row]))
    rows = _candidates(reader, question, answer, k)
    rows = rows[rows != row]
    questions = cosines(reader.question_vectors(rows), question)[0]
    answers = cosines(_answers(reader, rows), answer)[0]
    scores = (questions + answers) / 2
    order = np.lexsort((rows, -scores))
    articles = reader.store.articles(rows[order].tolist())
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


def _candidates(reader: Reader, question: Vectors, answer: Vectors, k: int) -> Rows:
    """Rows of the articles near by their question, or by a passage near the answer."""
    depth = max(FEWEST_CANDIDATES, CANDIDATES_PER_HIT * k)
    questions = reader.near_questions(question, depth)
    if not answer.any():
        return np.unique(questions)
    passages = reader.scope().near(answer, depth)
    return np.union1d(reader.store.article_rows_of(passages), questions)


def _answers(reader: Reader, rows: Rows) -> Vectors:
    """The direction of each article's passages: float32 (n, d), unit rows; 0 without passages."""
    passages = reader.store.passage_rows_of(rows)
    owners, vectors = reader.store.article_rows_of(passages), reader.passage_vectors(passages)
    means = np.zeros((len(rows), vectors.shape[1]), dtype=np.float32)
    for mean, row in zip(means, rows, strict=True):
        mean[:] = vectors[owners == row].sum(axis=0)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    means /= np.where(lengths > 0, lengths, 1)
    return means
