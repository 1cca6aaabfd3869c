"""What repeats itself in an index: questions, answers, and questions that nearly say the same."""

import datetime
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

import numpy as np

from qasearch.index import Generation
from qasearch.protocols import Rows, Vectors
from qasearch.query.collapse import question_key
from qasearch.records import Article, Copies, CopyKind, DupesReport, NearQuestions

NEAR = 0.95
"""Cosine from which on two questions nearly say the same, with the bundled model: pairs above ask
one thing in two wordings, some at .93 ask two, most at .90 (docs/measurements.md)."""

MOST_PAIRS = 1_000
"""Pairs of near questions that are told; a low threshold meets millions."""

_ROWS_AT_ONCE = 2_048
"""Rows of a block: its products with another block take 16 MB."""


def dupes(generation: Generation, near: float | None) -> DupesReport:
    """Report what repeats itself.

    Args:
        generation: the index to look through.
        near: cosine from which on two questions nearly say the same; None does not look for them.

    Raises:
        ValueError: ``near`` is not from 0 to 1.
    """
    if near is not None and not 0 <= near <= 1:
        raise ValueError(f"A cosine of near questions is from 0 to 1, not {near}.")
    started = time.perf_counter()
    contents = _Contents(generation)
    copies = contents.copies()
    pairs, count = contents.near(near) if near is not None else ([], 0)
    warnings = [f"Of {count:,} pairs of near questions the {len(pairs):,} nearest are told."]
    return DupesReport(
        generation=generation.name,
        model=generation.model,
        article_count=generation.article_count,
        passage_count=generation.passage_count,
        took_ms=1_000 * (time.perf_counter() - started),
        copies=tuple(copies),
        near=tuple(pairs),
        warnings=tuple(warnings if count > len(pairs) else ()),
    )


class _Contents:
    """What each article asks and answers, as keys that are equal where the texts say the same.

    Case and white space do not count, nor does the punctuation of a question.

    Attributes:
        questions, answers: a key for each article row.
    """

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self.questions: list[str] = []
        self.answers: list[bytes] = []
        for question, answer in generation.store.questions_and_answers():
            self.questions.append(question_key(question))
            text = " ".join(answer.casefold().split())
            self.answers.append(sha256(text.encode()).digest())

    def copies(self) -> list[Copies]:
        """The articles that repeat each other: conflicts, then duplicates, then aliases."""
        by_question = _groups(self.questions)
        by_answer = _groups(self.answers)
        by_both = _groups(list(zip(self.questions, self.answers, strict=True)))
        conflicts = (rows for rows in by_question if len({self.answers[row] for row in rows}) > 1)
        aliases = (rows for rows in by_answer if len({self.questions[row] for row in rows}) > 1)
        return [
            *self._told("conflict", conflicts),
            *self._told("duplicate", by_both),
            *self._told("alias", aliases),
        ]

    def near(self, least: float) -> tuple[list[NearQuestions], int]:
        """The pairs of other questions with other answers whose cosine is ``least`` or more.

        Returns:
            The nearest 1,000, nearest first; and how many there are in all.
        """
        first_of: dict[str, int] = {}
        for row, key in enumerate(self.questions):
            first_of.setdefault(key, row)
        number_of: dict[bytes, int] = {}
        answers = [number_of.setdefault(answer, len(number_of)) for answer in self.answers]
        found, count = near_pairs(
            self._generation.questions,
            np.array(list(first_of.values()), dtype=np.int64),
            np.array(answers, dtype=np.int64),
            least,
        )
        articles = iter(self._generation.store.articles([row for _, *ab in found for row in ab]))
        pairs = zip(articles, articles, strict=True)
        near = [NearQuestions(score, pair) for (score, *_), pair in zip(found, pairs, strict=True)]
        return near, count

    def _told(self, kind: CopyKind, groups: Iterable[Sequence[int]]) -> Iterator[Copies]:
        for rows in groups:
            articles = self._generation.store.articles(rows)
            both = sorted(zip(articles, rows, strict=True), key=lambda pair: _newest(pair[0]))
            numbers: dict[bytes, int] = {}
            answers = [numbers.setdefault(self.answers[row], len(numbers) + 1) for _, row in both]
            yield Copies(kind, tuple(article for article, _ in both), tuple(answers))


def _groups(keys: Sequence[object]) -> list[list[int]]:
    """The rows of equal keys, as far as there are several, by their first row."""
    rows: dict[object, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        rows[key].append(row)
    return [group for group in rows.values() if len(group) > 1]


def _newest(article: Article) -> tuple[int, str]:
    """To sort by: the newest first, those without a date last."""
    return -(article.date or datetime.date.min).toordinal(), article.id


def near_pairs(
    vectors: Vectors,
    rows: Rows,
    answers: Rows,
    least: float,
    *,
    most: int = MOST_PAIRS,
    rows_at_once: int = _ROWS_AT_ONCE,
) -> tuple[list[tuple[float, int, int]], int]:
    """The nearest pairs (cosine, row, later row) of these rows that do not share an answer.

    Block by block, so that memory is bounded however many pairs are near.

    Args:
        vectors: float32 (n, d), unit rows.
        rows: int64, ascending.
        answers: int64 (n,); a number for each answer.
        least: cosine of a pair.
        most: pairs wanted at most.
        rows_at_once: rows of a block.

    Returns:
        ``most`` pairs at most, nearest first; and how many there are in all.
    """
    best = np.empty(0, dtype=np.float32), np.empty((0, 2), dtype=np.int64)
    count = 0
    blocks = [rows[first : first + rows_at_once] for first in range(0, len(rows), rows_at_once)]
    for number, block in enumerate(blocks):
        left = vectors[block]
        for other in blocks[number:]:
            products = left @ vectors[other].T
            i, j = np.nonzero(products >= least)
            wanted = (block[i] < other[j]) & (answers[block[i]] != answers[other[j]])
            i, j = i[wanted], j[wanted]
            count += len(i)
            scores = np.concatenate((best[0], products[i, j]))
            pairs = np.concatenate((best[1], np.stack((block[i], other[j]), axis=1)))
            order = np.lexsort((pairs[:, 1], pairs[:, 0], -scores))[:most]
            best = scores[order], pairs[order]
    return [(float(score), int(a), int(b)) for score, (a, b) in zip(*best, strict=True)], count
