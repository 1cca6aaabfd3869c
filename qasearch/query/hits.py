"""From ranked rows to hits: texts fetched, repetitions folded, confidence told."""

from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from typing import NamedTuple

import numpy as np

from qasearch.protocols import Reranker
from qasearch.query.collapse import asking_the_same, each_text_once, question_key
from qasearch.query.confidence import SURE, Judge
from qasearch.query.explain import Explainer
from qasearch.query.highlight import Highlighter, Marks
from qasearch.query.rank import RankedArticle, RankedPassage, Ranking
from qasearch.query.rerank import RERANKED, preferred
from qasearch.query.signals import Question
from qasearch.records import ArticleHit, Mode, Passage, PassageHit
from qasearch.storage import Reader

SPARE_HITS = 20
"""Hits ranked beyond those wanted, to make up for the ones that say the same and collapse."""


class _Asked(NamedTuple):
    """An article that was ranked, and as much of its text as tells whether it is shown."""

    ranked: RankedArticle
    score: float
    confidence: float | None
    id: str
    question: str


class _Said(NamedTuple):
    """A passage that was ranked, with its text."""

    ranked: RankedPassage
    score: float
    passage: Passage


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
        groups = self._groups(fold=fold)
        best = self.passages_of([best.ranked.row for best, *_ in groups], points)
        return self._article_hits(groups, best)

    def folded(self) -> list[ArticleHit]:
        """The best articles, those that ask the same as one, without their passages."""
        groups = self._groups(fold=True)
        return self._article_hits(groups, [[] for _ in groups])

    def passages(self) -> list[PassageHit]:
        """The best passages, of whatever articles."""
        ranked = self._ranking.passages(self._k + SPARE_HITS)
        order = self._order([hit.row for hit in ranked])
        passages = self._store.passages([ranked[place].row for place in order])
        kept = [
            _Said(ranked[order[turn]], ranked[turn].score, passages[turn])
            for turn in each_text_once(passages, self._k)
        ]
        return self._passage_hits([kept])[0]

    def passages_of(self, article_rows: Sequence[int], k: int) -> list[list[PassageHit]]:
        """The k best passages of each of some articles."""
        if not k:
            return [[] for _ in article_rows]
        best = self._ranking.passages_of(article_rows, k + SPARE_HITS)
        texts = self._texts([ranked[:k] for ranked in best])
        kept = [each_text_once(passages, k) for passages in texts]
        # Few articles say the same twice; the spare texts of the others are never read.
        short = [i for i, ranked in enumerate(best) if len(kept[i]) < k < len(ranked)]
        for i, more in zip(short, self._texts([best[i][k:] for i in short]), strict=True):
            texts[i] += more
            kept[i] = each_text_once(texts[i], k)
        return self._passage_hits([
            [_Said(ranked[place], ranked[place].score, passages[place]) for place in places]
            for ranked, passages, places in zip(best, texts, kept, strict=True)
        ])  # fmt: skip

    def _texts(self, groups: Sequence[Sequence[RankedPassage]]) -> list[list[Passage]]:
        """The passages that were ranked, group by group."""
        rows = [hit.row for ranked in groups for hit in ranked]
        found = iter(self._store.passages(rows) if rows else ())
        return [list(islice(found, len(ranked))) for ranked in groups]

    def _groups(self, *, fold: bool) -> list[list[_Asked]]:
        """The best articles, each with those that ask the same behind it if they are folded."""
        ranked = self._ranked
        order = self._order([hit.best.row for hit in ranked])
        asked = self._store.questions_of([ranked[place].row for place in order])
        confidences = self._judge.of_articles()
        every = [
            _Asked(ranked[place], ranked[turn].score, confidences[place], *pair)
            for turn, (place, pair) in enumerate(zip(order, asked, strict=True))
        ]
        if not fold:
            return [[each] for each in every[: self._k]]
        groups = asking_the_same([each.question for each in every])[: self._k]
        return [[every[turn] for turn in turns] for turns in groups]

    def _article_hits(
        self, groups: Sequence[Sequence[_Asked]], points: Sequence[Sequence[PassageHit]]
    ) -> list[ArticleHit]:
        """A hit for each group, its article fetched, with some passages."""
        articles = self._store.articles([best.ranked.row for best, *_ in groups])
        return [
            ArticleHit(
                rank=rank,
                article=article,
                score=best.score,
                scores={"question": best.ranked.question, **best.ranked.best.signals},
                points=tuple(passages),
                confidence=self._sure_of_itself(best.confidence, best.question),
                same_question=tuple(other.id for other in others),
                explain=self._explainer and self._explainer.article(best.ranked),
            )
            for rank, ((best, *others), article, passages) in enumerate(
                zip(groups, articles, points, strict=True), start=1
            )
        ]

    def _passage_hits(self, groups: Sequence[Sequence[_Said]]) -> list[list[PassageHit]]:
        """The hits of some passages, ranked within each group, with what of them answers."""
        every = [said for group in groups for said in group]
        told = iter(self._judge.of_passages([said.ranked for said in every]))
        marks = iter(self._highlighter.marks([said.passage.text for said in every]))
        return [
            [
                self._passage_hit(rank, said, next(told), next(marks))
                for rank, said in enumerate(group, start=1)
            ]
            for group in groups
        ]

    def _passage_hit(
        self, rank: int, said: _Said, confidence: float | None, marks: Marks
    ) -> PassageHit:
        return PassageHit(
            rank=rank,
            passage=said.passage,
            score=said.score,
            confidence=confidence,
            highlights=marks.words,
            sentence=marks.sentence,
            explain=self._explainer and self._explainer.passage(said.ranked),
        )

    def _order(self, rows: Sequence[int]) -> list[int]:
        """The places of hits as they are shown, by the rows of the passages that stand for them.

        The hit that a reranker likes best gets the highest of their scores, and so on: scores still
        fall with the rank, and those hits stay above the ones that were not reordered.
        """
        places = list(range(len(rows)))
        if self._reranker is None:
            return places
        from qasearch.ingest import passage_text  # no other search needs it

        best = np.array(rows[:RERANKED], dtype=np.int64)
        articles = self._store.articles(self._store.article_rows_of(best).tolist())
        texts = map(passage_text, articles, self._store.passages(best.tolist()))
        head = preferred(self._question.text, list(texts), self._reranker)
        return [*head, *places[RERANKED:]]

    @cached_property
    def _asked(self) -> str:
        return question_key(self._question.text)

    def _sure_of_itself(self, confidence: float | None, question: str) -> float | None:
        """The confidence of an article, which answers its own question for sure."""
        if confidence is None or question_key(question) != self._asked:
            return confidence
        return max(confidence, SURE)
