"""From ranked rows to hits: texts fetched, repetitions folded, confidence told."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qasearch.ingest import passage_text
from qasearch.protocols import Reranker
from qasearch.query.collapse import each_text_once, question_key, same_question_once
from qasearch.query.confidence import SURE, Judge
from qasearch.query.explain import Explainer
from qasearch.query.highlight import Highlighter
from qasearch.query.rank import RankedPassage, Ranking
from qasearch.query.rerank import RERANKED, Hit, reranked
from qasearch.query.signals import Question
from qasearch.records import ArticleHit, Mode, PassageHit
from qasearch.storage import Reader

SPARE_HITS = 20
"""Hits ranked beyond those wanted, to make up for the ones that say the same and collapse."""


class Hits:
    """The hits of one query.

    Args:
        reader: the articles.
        question: asked of it.
        mode: which signals rank.
        ranking: of the question's candidates, in that mode.
        k: hits wanted at most.
        explain: show what each signal gave to a score.
        reranker: reorders the best of them; None leaves them as they are ranked.
    """

    def __init__(
        self,
        reader: Reader,
        question: Question,
        mode: Mode,
        ranking: Ranking,
        k: int,
        *,
        explain: bool = False,
        reranker: Reranker | None = None,
    ) -> None:
        self._store = reader.store
        self._question = question
        self._ranking = ranking
        self._k = k
        self._reranker = reranker
        self._ranked = ranking.articles(k + SPARE_HITS)
        self._judge = Judge(reader, mode, self._ranked, ranking.best_lexical)
        self._highlighter = Highlighter(reader.lexical, question.terms)
        self._explainer = Explainer(ranking) if explain else None

    def articles(self, points: int, *, fold: bool) -> list[ArticleHit]:
        """The best articles, each with its best passages.

        Args:
            points: passages of each at most.
            fold: make one hit of the articles that ask the same.
        """
        hits = self._article_hits()
        row_of = {hit.id: ranked.row for hit, ranked in zip(hits, self._ranked, strict=True)}
        hits = self._reranked(hits, [ranked.best.row for ranked in self._ranked])
        kept = same_question_once(hits, self._k) if fold else hits[: self._k]
        best = self.passages_of([row_of[hit.id] for hit in kept], points)
        return [
            replace(hit, points=tuple(passages)) for hit, passages in zip(kept, best, strict=True)
        ]

    def folded(self) -> list[ArticleHit]:
        """The best articles, those that ask the same as one, without their passages."""
        return same_question_once(self._article_hits(), self._k)

    def passages(self) -> list[PassageHit]:
        """The best passages, of whatever articles."""
        ranked = self._ranking.passages(self._k + SPARE_HITS)
        hits = self._reranked(self._passage_hits(ranked), [hit.row for hit in ranked])
        return self._highlighted(each_text_once(hits, self._k))

    def passages_of(self, article_rows: Sequence[int], k: int) -> list[list[PassageHit]]:
        """The k best passages of each of some articles."""
        best = self._ranking.passages_of(article_rows, k + SPARE_HITS)
        found = iter(self._passage_hits([passage for passages in best for passage in passages]))
        return [
            self._highlighted(each_text_once([next(found) for _ in passages], k))
            for passages in best
        ]

    def _article_hits(self) -> list[ArticleHit]:
        articles = self._store.articles([hit.row for hit in self._ranked])
        confidences = self._judge.of_articles()
        return [
            ArticleHit(
                rank=rank,
                article=article,
                score=hit.score,
                scores={"question": hit.question, **hit.best.signals},
                points=(),
                confidence=self._sure_of_itself(confidence, article.question),
                explain=self._explainer and self._explainer.article(hit),
            )
            for rank, (hit, article, confidence) in enumerate(
                zip(self._ranked, articles, confidences, strict=True), start=1
            )
        ]

    def _passage_hits(self, ranked: Sequence[RankedPassage]) -> list[PassageHit]:
        """The hits of some passages, in their order, all texts fetched at once."""
        passages = self._store.passages([hit.row for hit in ranked])
        confidences = self._judge.of_passages(ranked)
        # Numbered within an article, or over all: by ``each_text_once``.
        return [
            PassageHit(
                rank=rank,
                passage=passage,
                score=hit.score,
                confidence=confidence,
                explain=self._explainer and self._explainer.passage(hit),
            )
            for rank, (hit, passage, confidence) in enumerate(
                zip(ranked, passages, confidences, strict=True), start=1
            )
        ]

    def _highlighted(self, hits: Sequence[PassageHit]) -> list[PassageHit]:
        """The hits that are shown, with what of their texts answers."""
        marks = [self._highlighter.marks(hit.text) for hit in hits]
        return [
            replace(hit, highlights=mark.words, sentence=mark.sentence)
            for hit, mark in zip(hits, marks, strict=True)
        ]

    def _reranked(self, hits: list[Hit], rows: Sequence[int]) -> list[Hit]:
        """The hits, the best of them in the reranker's order; ``rows`` of what it reads of each."""
        if self._reranker is None:
            return hits
        best = np.array(rows[:RERANKED], dtype=np.int64)
        articles = self._store.articles(self._store.article_rows_of(best).tolist())
        texts = map(passage_text, articles, self._store.passages(best.tolist()))
        head = reranked(hits[:RERANKED], self._question.text, list(texts), self._reranker)
        return [*head, *hits[RERANKED:]]

    def _sure_of_itself(self, confidence: float | None, question: str) -> float | None:
        """The confidence of an article, which answers its own question for sure."""
        if confidence is None or question_key(question) != question_key(self._question.text):
            return confidence
        return max(confidence, SURE)
