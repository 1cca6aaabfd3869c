"""From the signals of one query to ranked rows: which passages, and which articles.

    candidates ─ passage, lexical ─► the best of them ─ late ─► the best three ─ feedback ─► score

Every score is exact, read from what the index stores, whatever proposed the candidates. An article
stands where its best passage does, and a little by its own question.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from qasearch.protocols import Rows, Vectors
from qasearch.query.signals import SIGNALS, Candidates, Question, Signal, SignalReader, Weights
from qasearch.records import Mode
from qasearch.storage import Reader, Scope

WEIGHTS: dict[Mode, Weights] = {
    "hybrid": Weights(passage=1.0, lexical=0.1, late=1.5, feedback=0.3, question=0.1),
    "dense": Weights(passage=1.0, question=0.05),
    "lexical": Weights(lexical=1.0),
}
"""docs/decisions/0009-ranking.md"""

FEWEST_CANDIDATES = 100
CANDIDATES_PER_HIT = 5
"""Passages that vectors, and words, propose: for each hit that is wanted, and at least."""

LATE_CANDIDATES = 100
"""Passages whose tokens are compared: the best by the signals that cost less."""

FEEDBACK_PASSAGES = 3
"""Passages taken for right, to look for more of their kind."""


@dataclass(frozen=True, slots=True)
class RankedPassage:
    """A passage's row with its score and its signals."""

    row: int
    score: float
    signals: dict[Signal, float]


@dataclass(frozen=True, slots=True)
class RankedArticle:
    """An article's row with its score, and what it is made of.

    Attributes:
        row: of the article.
        score: its best passage's, and a little of ``question``.
        question: cosine of the query and of its own question.
        best: its best passage.
    """

    row: int
    score: float
    question: float
    best: RankedPassage


class Ranking:
    """The candidates of one query, scored.

    Attributes:
        weights: of the signals that count.
        depth: passages that the vectors, and the words, propose.
        candidates: what they proposed, with its signals.
        scores: float32 (n,), of the candidates.

    Args:
        reader: the articles to search.
        question: asked of it.
        mode: which signals count.
        wanted: hits wanted.
        among: the articles that a filter leaves; None means all.
        signals: of another ranking of the same question, to read nothing twice.
    """

    def __init__(
        self,
        reader: Reader,
        question: Question,
        *,
        mode: Mode,
        wanted: int,
        among: Scope | None,
        signals: SignalReader | None = None,
    ) -> None:
        self.weights = WEIGHTS[mode]
        self._store = reader.store
        self.depth = max(FEWEST_CANDIDATES, CANDIDATES_PER_HIT * wanted)
        self.signals = signals or SignalReader(reader, question, depth=self.depth, among=among)
        near = self.signals.near if mode != "lexical" else np.empty(0, np.int64)
        worded = self.signals.worded if self.weights.lexical else near[:0]
        self._late_depth = max(LATE_CANDIDATES, self.depth // 2)
        self._feedback: Rows = near[:0]
        self.candidates = self._first(_union(near, worded))
        self._compare_tokens()
        self._feed_back()
        self.scores = self.candidates.weighed(self.weights)

    @property
    def best_lexical(self) -> float:
        """The highest BM25 of the query, of which signal ``lexical`` is a share."""
        return self.signals.best_lexical

    def passages(self, k: int) -> list[RankedPassage]:
        """The k best passages, best first, ties by ascending row."""
        order = np.lexsort((self.candidates.rows, -self.scores))[:k]
        return _ranked(self.candidates, self.scores, order)

    def articles(self, k: int) -> list[RankedArticle]:
        """The k best articles, best first, ties by ascending row."""
        rows, places = self._best_places()
        questions = self.signals.questions(rows)
        share = self.weights.question
        scores = (self.scores[places] + share * questions) / (1 + share)
        order = np.lexsort((rows, -scores))[:k]
        best = _ranked(self.candidates, self.scores, places[order])
        told = (array[order].tolist() for array in (rows, scores, questions))
        return [RankedArticle(*each) for each in zip(*told, best, strict=True)]

    def passages_of(self, article_rows: Sequence[int], k: int) -> list[list[RankedPassage]]:
        """The k best passages of each of some articles, candidates or not, best first."""
        rows = self._store.passage_rows_of(np.array(article_rows, dtype=np.int64))
        theirs = self._first(rows)
        if self.weights.late:
            theirs.scores["late"] = self.signals.late(rows)
        if self.weights.feedback:
            theirs.scores["feedback"] = self.signals.feedback(rows, self._feedback)
        scores = theirs.weighed(self.weights)
        owners = self._store.article_rows_of(rows)
        order = np.lexsort((rows, -scores))
        places = [order[owners[order] == row][:k] for row in article_rows]
        ranked = iter(_ranked(theirs, scores, np.concatenate([order[:0], *places])))
        return [list(islice(ranked, len(of_article))) for of_article in places]

    def questions(self) -> Vectors:
        """Signal ``question`` of each article of the candidates: float32, by ascending row."""
        rows = np.unique(self._store.article_rows_of(self.candidates.rows))
        return self.signals.questions(rows)

    def _best_places(self) -> tuple[Rows, Rows]:
        """The articles of the candidates, the best first, and for each the place of its best."""
        order = np.lexsort((self.candidates.rows, -self.scores))
        articles = self._store.article_rows_of(self.candidates.rows[order])
        best = dict[int, int]()
        for article, place in zip(articles.tolist(), order.tolist(), strict=True):
            best.setdefault(article, place)
        return np.array([*best], dtype=np.int64), np.array([*best.values()], dtype=np.int64)

    def _first(self, rows: Rows) -> Candidates:
        """Some passages with the signals that cost least."""
        none = np.zeros(len(rows), dtype=np.float32)
        scores: dict[Signal, Vectors] = dict.fromkeys(SIGNALS, none)
        if self.weights.passage:
            scores["passage"] = self.signals.passage(rows)
        if self.weights.lexical:
            scores["lexical"] = self.signals.lexical(rows)
        return Candidates(rows, scores)

    def _compare_tokens(self) -> None:
        if not self.weights.late or not len(self.candidates.rows):
            return
        rows = self.candidates.rows
        first = self.candidates.weighed(self.weights)
        best = np.lexsort((rows, -first))[: self._late_depth]
        late = self.signals.late(rows[best])
        # Those whose tokens are not compared are rated as the worst of those that are.
        scores = np.full(len(rows), late.min(), dtype=np.float32)
        scores[best] = late
        self.candidates.scores["late"] = scores

    def _feed_back(self) -> None:
        if not self.weights.feedback:
            return
        rows = self.candidates.rows
        scores = self.candidates.weighed(self.weights)
        self._feedback = rows[np.lexsort((rows, -scores))[:FEEDBACK_PASSAGES]]
        self.candidates.scores["feedback"] = self.signals.feedback(rows, self._feedback)


def _union(some: Rows, others: Rows) -> Rows:
    """The rows of both, each once, ascending: ``union1d``, which loads numpy.ma and takes long."""
    rows = np.sort(np.concatenate([some, others]))
    return rows[np.concatenate([rows[:1] >= 0, rows[1:] > rows[:-1]])]


def _ranked(candidates: Candidates, scores: Vectors, places: Rows) -> list[RankedPassage]:
    signals = [candidates.scores[signal][places].tolist() for signal in SIGNALS]
    rows, totals = candidates.rows[places].tolist(), scores[places].tolist()
    return [
        RankedPassage(row, total, dict(zip(SIGNALS, each, strict=True)))
        for row, total, *each in zip(rows, totals, *signals, strict=True)
    ]
