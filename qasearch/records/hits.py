"""Hits: what a search found, and how sure it is."""

from dataclasses import asdict, dataclass
from typing import Literal

from qasearch.records.articles import Article, Passage

Verdict = Literal["answer", "related", "no_answer"]
Mode = Literal["hybrid", "dense", "lexical"]

ANSWER_FROM = 0.4
RELATED_FROM = 0.2
"""Confidence of the first hit from which a verdict is ``answer``, or ``related``. Below a half: an
answer that is withheld costs more than one that is shown with its confidence."""


def verdict_of(confidence: float) -> Verdict:
    """What the confidence of the first hit says of a search."""
    if confidence >= ANSWER_FROM:
        return "answer"
    return "related" if confidence >= RELATED_FROM else "no_answer"


@dataclass(frozen=True, slots=True)
class SignalPart:
    """What one signal gave to the score of a hit, which is the sum of ``score * weight``.

    Attributes:
        score: of the signal.
        weight: share of the whole.
        rank: 1 for the best of the candidates, equals sharing one; of signal ``question`` among
            their articles, of the others among passages. None where the signal says nothing of it.
    """

    score: float
    weight: float
    rank: int | None


@dataclass(frozen=True, slots=True)
class PassageHit:
    """A passage that a search found.

    Attributes:
        rank: from 1.
        passage: the passage itself.
        score: orders the hits of one query, higher is better; means nothing across queries.
        confidence: probability that it answers; None while the index is not calibrated.
        highlights: (start, end) code points into ``passage.text`` of the words that match the
            query, ascending.
        sentence: (start, end) of the sentence that says most of the query; None if no word matches.
        explain: for each signal its part in the score; None unless asked for.
    """

    rank: int
    passage: Passage
    score: float
    confidence: float | None = None
    highlights: tuple[tuple[int, int], ...] = ()
    sentence: tuple[int, int] | None = None
    explain: dict[str, SignalPart] | None = None

    @property
    def id(self) -> str:
        """Id of the passage."""
        return self.passage.id

    @property
    def ordinal(self) -> str | None:
        """The number of the point, as printed."""
        return self.passage.ordinal

    @property
    def title(self) -> str | None:
        """Title of the passage."""
        return self.passage.title

    @property
    def text(self) -> str:
        """The passage's own text."""
        return self.passage.text


@dataclass(frozen=True, slots=True)
class ArticleHit:
    """An article that a search found, with the passages of it that answer best.

    Attributes:
        rank: from 1.
        article: the article itself; its ``passages`` are left empty, the answering ones are below.
        score: orders the hits of one query, higher is better; means nothing across queries.
        scores: what each signal said, whatever it weighs: ``question`` of the article's question,
            ``passage``, ``lexical``, ``late`` and ``feedback`` of its best passage. Of an article
            related to another, ``question`` and ``passage`` alone.
        points: its best passages of any kind, best first.
        confidence: probability that it answers; None while the index is not calibrated.
        same_question: ids of articles that ask the same and ranked below it.
        explain: for each signal its part in the score, those of passages by its best one; None
            unless asked for.
    """

    rank: int
    article: Article
    score: float
    scores: dict[str, float]
    points: tuple[PassageHit, ...]
    confidence: float | None = None
    same_question: tuple[str, ...] = ()
    explain: dict[str, SignalPart] | None = None

    @property
    def id(self) -> str:
        """Id of the article."""
        return self.article.id

    @property
    def question(self) -> str:
        """The question that the article answers."""
        return self.article.question


def identity_dict(article: Article) -> dict[str, object]:
    """What tells an article from others, for JSON."""
    return {
        "id": article.id,
        "question": article.question,
        "subjects": list(article.subjects),
        "date": article.date.isoformat() if article.date else None,
        "url": article.urls[0] if article.urls else None,
        "path": article.paths[0] if article.paths else None,
    }


def article_dict(hit: ArticleHit) -> dict[str, object]:
    """A hit with its points, for JSON."""
    return {
        "rank": hit.rank,
        **identity_dict(hit.article),
        "confidence": hit.confidence,
        "score": hit.score,
        "scores": dict(hit.scores),
        "points": [passage_dict(point) for point in hit.points],
        "same_question": list(hit.same_question),
        **_explain_dict(hit),
    }


def passage_dict(hit: PassageHit) -> dict[str, object]:
    """A hit, for JSON."""
    passage = hit.passage
    return {
        "rank": hit.rank,
        "id": passage.id,
        "ordinal": passage.ordinal,
        "kind": passage.kind,
        "section": passage.section,
        "title": passage.title,
        "text": passage.text,
        "confidence": hit.confidence,
        "score": hit.score,
        "start": passage.start,
        "end": passage.end,
        "highlights": [list(span) for span in hit.highlights],
        "sentence": list(hit.sentence) if hit.sentence else None,
        **_explain_dict(hit),
    }


def _explain_dict(hit: ArticleHit | PassageHit) -> dict[str, object]:
    """The field ``explain``, which only those get who ask for it."""
    if hit.explain is None:
        return {}
    return {"explain": {signal: asdict(part) for signal, part in hit.explain.items()}}
