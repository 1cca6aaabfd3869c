"""What speaks for a passage: the signals of one query, one number for each of some passages.

passage    cosine of the query's vector and the passage's
lexical    BM25 of the query's words in the passage
late       how well the passage's tokens match those of the query, each its best
feedback   cosine of the passage's vector and the mean of the best passages found so far
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias, get_args

import numpy as np

from qasearch.index import cosines
from qasearch.protocols import Embedder, Rows, TokenEmbedder, Vectors
from qasearch.storage import Reader, Scope, Words

Signal: TypeAlias = Literal["passage", "lexical", "late", "feedback"]
SIGNALS: tuple[Signal, ...] = get_args(Signal)

USUAL_TOKENS = 45
"""Tokens of a passage of usual length, its question's included."""
LENGTH_DISCOUNT = 0.02
"""What ``late`` loses for each e-fold of tokens above that: among more tokens each finds a better
match by chance (docs/decisions/0009-ranking.md)."""
PROSE_DISCOUNT = 0.04
"""What ``late`` loses where a passage is no numbered point: points answer more often than what
stands around them (docs/decisions/0009-ranking.md)."""

_COMMONEST = 0.01
"""Weight of a token of a stop word: that of another is the root of its inverse frequency."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query as the signals read it.

    Attributes:
        text: in NFC and on one line.
        terms: its words, stemmed, as the index of words knows them.
        vector: float32 (1, d), a unit row.
        tokens: float32 (q, any), unit rows; None if the embedder tells no tokens apart.
        weights: float32 (q,), how much each token counts; their sum is 1.
    """

    text: str
    terms: list[str]
    vector: Vectors
    tokens: Vectors | None = None
    weights: Vectors | None = None


def read_questions(
    reader: Reader, embedder: Embedder, queries: Sequence[str], *, tokens: bool = True
) -> list[Question]:
    """Embed queries, all at once, and find their words; and their tokens, where these count."""
    terms = [reader.lexical.terms(query) for query in queries]
    if not tokens or reader.tokens is None or not isinstance(embedder, TokenEmbedder):
        vectors = embedder.embed_queries(queries)
        return [Question(q, terms[i], vectors[i : i + 1]) for i, q in enumerate(queries)]
    words = embedder.query_words(queries)
    weights = [_weights(reader.lexical, each) for each in words]
    vectors, rows = embedder.embed_query_tokens(queries)
    return [
        Question(
            query,
            terms[i],
            vectors[i : i + 1],
            rows[i],
            weights[i] if len(words[i]) == len(rows[i]) else None,
        )
        for i, query in enumerate(queries)
    ]


def _weights(lexical: Words, words: Sequence[str]) -> Vectors:
    """How much the tokens of a query count: by how rare their words are."""
    terms = lexical.terms_of_each(words)
    known = list({term for each in terms for term in each})
    rareness = dict(zip(known, lexical.inverse_frequencies(known).tolist(), strict=True))
    means = [sum(map(rareness.__getitem__, each)) / max(1, len(each)) for each in terms]
    weights = np.sqrt(np.array(means, dtype=np.float32)) + _COMMONEST
    return (weights / max(float(weights.sum()), _COMMONEST)).astype(np.float32)


@dataclass(slots=True)
class Candidates:
    """Some passages and their signals.

    Attributes:
        rows: int64 (n,), of passages, ascending.
        scores: for each signal float32 (n,); a signal that the index lacks is all zero.
    """

    rows: Rows
    scores: dict[Signal, Vectors] = field(default_factory=dict[Signal, Vectors])

    def weighed(self, weights: "Weights") -> Vectors:
        """The weighted mean of the signals: float32 (n,)."""
        total = np.zeros(len(self.rows), dtype=np.float32)
        for signal in SIGNALS:
            if weight := weights.of(signal):
                total += weight * self.scores[signal]
        return total / np.float32(weights.total)


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each signal counts; ``question`` is the cosine of an article's own question."""

    passage: float = 0.0
    lexical: float = 0.0
    late: float = 0.0
    feedback: float = 0.0
    question: float = 0.0

    def of(self, signal: Signal) -> float:
        """The weight of a signal of passages."""
        return float(getattr(self, signal))

    @property
    def total(self) -> float:
        """Of all signals of passages."""
        return sum(map(self.of, SIGNALS))


class SignalReader:
    """Reads the signals of one question.

    Args:
        reader: the articles.
        question: asked of them.
        depth: passages that the vectors, and the words, propose.
        among: the articles that a filter leaves; None means all.
    """

    def __init__(
        self, reader: Reader, question: Question, *, depth: int, among: Scope | None
    ) -> None:
        self._reader = reader
        self._question = question
        self._depth = depth
        self._among = among or reader.scope()
        self._late = dict[int, float]()
        self._vectors: tuple[Rows, Vectors] | None = None

    @property
    def best_lexical(self) -> float:
        """The highest BM25 of any passage that may be found; 0 if none has a word of the query."""
        return float(self._words[0].max(initial=0))

    @cached_property
    def near(self) -> Rows:
        """The passages nearest to the query by their vectors: int64, ascending."""
        return self._among.near(self._question.vector, self._depth)

    @property
    def worded(self) -> Rows:
        """The passages that say most of the query's words: int64, ascending."""
        return np.sort(self._words[1][: self._depth])

    def passage(self, rows: Rows) -> Vectors:
        """Signal ``passage`` of some rows."""
        return cosines(self._vectors_of(rows), self._question.vector)[0]

    def lexical(self, rows: Rows) -> Vectors:
        """Signal ``lexical`` of some rows, divided by the best; 0 for those not proposed by it."""
        shares, worded = self._words_by_row
        if not len(worded):
            return np.zeros(len(rows), dtype=np.float32)
        place = np.searchsorted(worded, rows).clip(max=len(worded) - 1)
        return np.where(worded[place] == rows, shares[place], np.float32(0))

    def late(self, rows: Rows) -> Vectors:
        """Signal ``late`` of some rows; each is compared once, however often it is asked for.

        The mean over the query's tokens of their best cosines among the passage's, with a discount
        for length, and for prose.

        Source: Khattab and Zaharia, "ColBERT", SIGIR 2020, https://arxiv.org/abs/2004.12832
        """
        asked: list[int] = rows.tolist()
        if new := sorted(set(asked).difference(self._late)):
            compared = self._compare(np.array(new, dtype=np.int64))
            self._late.update(zip(new, compared.tolist(), strict=True))
        return np.array([self._late[row] for row in asked], dtype=np.float32)

    def _compare(self, rows: Rows) -> Vectors:
        tokens, store = self._question.tokens, self._reader.tokens
        if tokens is None or store is None or not len(tokens):
            return np.zeros(len(rows), dtype=np.float32)
        matches, counts = store.matches(tokens, rows)
        weights = self._question.weights
        discount = LENGTH_DISCOUNT * np.log(np.maximum(counts, 1) / USUAL_TOKENS)
        discount += PROSE_DISCOUNT * ~self._reader.store.are_points(rows)
        mean = matches.mean(axis=1) if weights is None else np.einsum("nq,q->n", matches, weights)
        return (mean - discount).astype(np.float32)

    def feedback(self, rows: Rows, best: Rows) -> Vectors:
        """Signal ``feedback`` of some rows.

        Source: Rocchio, "Relevance Feedback in Information Retrieval", in Salton (ed.), The SMART
        Retrieval System, 1971; here without asking anybody which of the best are right.
        """
        if not len(best):
            return np.zeros(len(rows), dtype=np.float32)
        mean = self._reader.passage_vectors(best).mean(axis=0, keepdims=True)
        length = np.linalg.norm(mean)
        mean /= length if length > 0 else 1
        return cosines(self._vectors_of(rows), mean)[0]

    def questions(self, article_rows: Rows) -> Vectors:
        """The cosine of the query and of each article's own question."""
        return cosines(self._reader.question_vectors(article_rows), self._question.vector)[0]

    @cached_property
    def _words(self) -> tuple[Vectors, Rows]:
        """The BM25 of passages that may be found, best first, and their rows."""
        return self._among.worded(self._question.terms, self._depth)

    @cached_property
    def _words_by_row(self) -> tuple[Vectors, Rows]:
        """The same as shares of the best, by ascending row."""
        scores, rows = self._words
        order = np.argsort(rows)
        return scores[order] / np.float32(self.best_lexical), rows[order]

    def _vectors_of(self, rows: Rows) -> Vectors:
        """The vectors of some passages, which two signals read one after the other."""
        if self._vectors is None or self._vectors[0] is not rows:
            self._vectors = rows, self._reader.passage_vectors(rows)
        return self._vectors[1]
