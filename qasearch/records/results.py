"""Results: what comes back from a search, and from the other questions that an index answers."""

from dataclasses import dataclass, field
from typing import Literal

from qasearch.records.articles import Article
from qasearch.records.hits import (
    ArticleHit,
    Mode,
    PassageHit,
    Verdict,
    article_dict,
    identity_dict,
    passage_dict,
)

Outcome = Literal["found", "filtered", "no_candidate", "folded", "below_k", "low_confidence"]
CopyKind = Literal["duplicate", "conflict", "alias"]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What one query brought back.

    Attributes:
        verdict: ``no_answer`` when nothing came back; ``related`` while an index is not calibrated.
        generation, model, article_count, passage_count: the index that answered.
        took_ms: wall time, the embedding of the query included.
        articles: best first; empty in a flat search.
        passages: best first, for a flat search only, else None.
        facets: for each field asked for, (value, number of articles returned), most first.
        warnings: what the caller should know, as readable lines (a query cut to its limit, ...).
    """

    query: str
    mode: Mode
    verdict: Verdict
    generation: str
    model: str
    article_count: int
    passage_count: int
    took_ms: float
    articles: tuple[ArticleHit, ...]
    passages: tuple[PassageHit, ...] | None = None
    facets: dict[str, list[tuple[str, int]]] = field(
        default_factory=dict[str, list[tuple[str, int]]]
    )
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The result in the schema ``qasearch.search/1``: JSON types only, finite numbers."""
        hits: dict[str, object] = (
            {"articles": [article_dict(hit) for hit in self.articles]}
            if self.passages is None
            else {"passages": [passage_dict(hit) for hit in self.passages]}
        )
        return {
            "schema": "qasearch.search/1",
            "query": self.query,
            "mode": self.mode,
            "verdict": self.verdict,
            "index": _index_dict(self),
            "took_ms": round(self.took_ms, 3),
            "facets": {name: [list(pair) for pair in pairs] for name, pairs in self.facets.items()},
            **hits,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class RelatedResult:
    """The articles nearest to one.

    Attributes:
        article: the one; its ``passages`` are left empty.
        generation, model, article_count, passage_count: the index that was asked.
        took_ms: wall time.
        articles: best first; without points.
    """

    article: Article
    generation: str
    model: str
    article_count: int
    passage_count: int
    took_ms: float
    articles: tuple[ArticleHit, ...]

    def to_dict(self) -> dict[str, object]:
        """The result in the schema ``qasearch.related/1``; hits are those of a search."""
        return {
            "schema": "qasearch.related/1",
            "article": identity_dict(self.article),
            "index": _index_dict(self),
            "took_ms": round(self.took_ms, 3),
            "articles": [article_dict(hit) for hit in self.articles],
        }


@dataclass(frozen=True, slots=True)
class WhyResult:
    """Where an article ended for a query.

    Attributes:
        query: as asked.
        mode: which signals ranked.
        article: the one asked about; its ``passages`` are left empty.
        outcome: ``found``; or the step that lost it: ``filtered`` by the filter, ``no_candidate``:
            neither the vectors nor the words proposed a passage of it, ``below_k``: others rank
            better, ``folded`` under another article that asks the same, ``low_confidence``.
        rank: among all articles of the candidates, those that ask the same folded: that of
            ``folded_under`` if there is one; None if it was filtered or no candidate.
        k: articles wanted.
        score, confidence: of the hit at that rank; None without one.
        min_confidence: wanted.
        folded_under: id of the article that asks the same and ranks better.
        candidates: how many articles were ranked.
        depth: passages that the vectors, and the words, propose.
        vector_rank: of the article's passage that is nearest to the query, exactly; among all, or
            those that the filter left. None where vectors propose nothing, or no passage is there.
        word_rank: of the article's passage that says most of the query's words, likewise; None if
            it has none of them.
        passage: its best passage, explained and numbered 1; None if it has no passage.
        words: of the query, that this passage has, with its question, section and title.
        missing: words of the query that it lacks there.
        generation, model, article_count, passage_count: the index that was asked.
        took_ms: wall time, the embedding of the query included.
        warnings: what the caller should know, as readable lines.
    """

    query: str
    mode: Mode
    article: Article
    outcome: Outcome
    rank: int | None
    k: int
    score: float | None
    confidence: float | None
    min_confidence: float
    folded_under: str | None
    candidates: int
    depth: int
    vector_rank: int | None
    word_rank: int | None
    passage: PassageHit | None
    words: tuple[str, ...]
    missing: tuple[str, ...]
    generation: str
    model: str
    article_count: int
    passage_count: int
    took_ms: float
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The result in the schema ``qasearch.why/1``; the passage is that of a search."""
        return {
            "schema": "qasearch.why/1",
            "query": self.query,
            "mode": self.mode,
            "article": identity_dict(self.article),
            "outcome": self.outcome,
            "rank": self.rank,
            "k": self.k,
            "score": self.score,
            "confidence": self.confidence,
            "min_confidence": self.min_confidence,
            "folded_under": self.folded_under,
            "candidates": self.candidates,
            "depth": self.depth,
            "vector_rank": self.vector_rank,
            "word_rank": self.word_rank,
            "passage": passage_dict(self.passage) if self.passage else None,
            "words": list(self.words),
            "missing": list(self.missing),
            "index": _index_dict(self),
            "took_ms": round(self.took_ms, 3),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class Copies:
    """Articles that repeat each other, in whole or in part.

    Attributes:
        kind: ``duplicate``: same question and same answer; ``conflict``: same question, other
            answers; ``alias``: other questions, same answer.
        articles: newest first; their ``passages`` are left empty.
        answers: for each article the number of its answer, from 1: equal numbers, equal answers.
    """

    kind: CopyKind
    articles: tuple[Article, ...]
    answers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NearQuestions:
    """Two articles whose questions nearly say the same, and whose answers differ.

    Attributes:
        score: cosine of the two questions.
        articles: by row; of articles that ask the very same, the first stands for all.
    """

    score: float
    articles: tuple[Article, Article]


@dataclass(frozen=True, slots=True)
class DupesReport:
    """What repeats itself in an index.

    Attributes:
        generation, model, article_count, passage_count: the index that was looked through.
        took_ms: wall time.
        copies: conflicts first, then duplicates, then aliases.
        near: nearest first.
        warnings: what the caller should know, as readable lines.
    """

    generation: str
    model: str
    article_count: int
    passage_count: int
    took_ms: float
    copies: tuple[Copies, ...]
    near: tuple[NearQuestions, ...]
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The report in the schema ``qasearch.dupes/1``."""
        return {
            "schema": "qasearch.dupes/1",
            "index": _index_dict(self),
            "took_ms": round(self.took_ms, 3),
            "copies": [
                {
                    "kind": group.kind,
                    "articles": [
                        {**identity_dict(article), "answer": answer}
                        for article, answer in zip(group.articles, group.answers, strict=True)
                    ],
                }
                for group in self.copies
            ],
            "near": [
                {"score": pair.score, "articles": [identity_dict(a) for a in pair.articles]}
                for pair in self.near
            ],
            "warnings": list(self.warnings),
        }


def _index_dict(asked: SearchResult | RelatedResult | WhyResult | DupesReport) -> dict[str, object]:
    return {
        "generation": asked.generation,
        "model": asked.model,
        "articles": asked.article_count,
        "passages": asked.passage_count,
    }
