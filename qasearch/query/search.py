"""The query layer: a question flows once, left to right, into ranked hits."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from qasearch.index import Generation
from qasearch.protocols import Embedder, Rows, TokenEmbedder, Vectors
from qasearch.query import text
from qasearch.query.collapse import each_text_once, same_question_once
from qasearch.query.rank import RankedArticle, RankedPassage, Ranking
from qasearch.query.signals import Question
from qasearch.query.where import Where, conditions
from qasearch.records import ArticleHit, Mode, PassageHit, SearchResult

MOST_HITS = 100

SPARE_HITS = 20
"""Hits fetched beyond those wanted, to make up for the ones that say the same and collapse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to bring back for a query; checked when made.

    Attributes:
        k: articles, or passages of a flat search, from 1 to 100.
        points: passages shown of each article, from 0 to 100.
        where: metadata filter.
        facets: fields whose values are counted over the articles returned.
        flat: passages instead of articles.
        mode: which signals rank: all, vectors alone, or words alone.
        fold: articles that ask the same are one hit, which names the others.

    Raises:
        ValueError: one of them is out of its range or unknown.
    """

    k: int = 5
    points: int = 3
    where: Where | None = None
    facets: Sequence[str] = ()
    flat: bool = False
    mode: Mode = "hybrid"
    fold: bool = True

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise ValueError(
                f"There is no mode {self.mode!r}; there are {', '.join(get_args(Mode))}."
            )
        check_range("k", self.k, 1)
        check_range("points", self.points, 0)
        for field in self.facets:
            if field != "subject":
                raise ValueError(f"There is no field {field!r} to count; there is subject.")


def search(
    generation: Generation, embedder: Embedder, queries: Sequence[str], options: Options
) -> list[SearchResult]:
    """Answer the queries, in their order.

    Raises:
        ValueError: a query is blank, or the filter is not one.
    """
    started = time.perf_counter()
    cleaned = [text.clean(query) for query in queries]
    wanted = conditions(options.where)
    among = generation.store.article_rows_where(wanted) if wanted else None
    questions = _questions(generation, embedder, [query for query, _ in cleaned])
    shared_seconds = (time.perf_counter() - started) / max(1, len(queries))
    results: list[SearchResult] = []
    for query, question, (_, warnings) in zip(queries, questions, cleaned, strict=True):
        started = time.perf_counter()
        result = _answer(generation, query, question, among, options)
        seconds = shared_seconds + time.perf_counter() - started
        results.append(replace(result, took_ms=1_000 * seconds, warnings=tuple(warnings)))
    return results


def _questions(
    generation: Generation, embedder: Embedder, queries: Sequence[str]
) -> list[Question]:
    """What the signals read of the queries, all embedded at once."""
    tokens: Sequence[Vectors | None] = [None] * len(queries)
    if generation.tokens and isinstance(embedder, TokenEmbedder):
        vectors, tokens = embedder.embed_query_tokens(queries)
    else:
        vectors = embedder.embed_queries(queries)
    return [
        Question(query, generation.lexical.terms(query), vectors[i : i + 1], tokens[i])
        for i, query in enumerate(queries)
    ]


def _answer(
    generation: Generation, query: str, question: Question, among: Rows | None, options: Options
) -> SearchResult:
    wanted = options.k + SPARE_HITS
    ranking = Ranking(generation, question, mode=options.mode, wanted=wanted, among=among)
    articles: list[ArticleHit] = []
    passages: list[PassageHit] | None = None
    if options.flat:
        (flat,) = _passage_hits(generation, [ranking.passages(wanted)])
        passages = each_text_once(flat, options.k)
    else:
        ranked = ranking.articles(wanted)
        hits = _article_hits(generation, ranked)
        row_of = {hit.id: article.row for hit, article in zip(hits, ranked, strict=True)}
        kept = same_question_once(hits, options.k) if options.fold else hits[: options.k]
        best = ranking.passages_of([row_of[hit.id] for hit in kept], options.points + SPARE_HITS)
        articles = [
            replace(hit, points=tuple(each_text_once(points, options.points)))
            for hit, points in zip(kept, _passage_hits(generation, best), strict=True)
        ]
    manifest = generation.manifest
    return SearchResult(
        query=query,
        mode=options.mode,
        verdict="related" if articles or passages else "no_answer",
        generation=generation.name,
        model=manifest.embedder.name,
        article_count=manifest.counts.articles,
        passage_count=manifest.counts.passages,
        took_ms=0.0,
        articles=tuple(articles),
        passages=None if passages is None else tuple(passages),
        facets={field: _subject_counts(articles) for field in options.facets},
    )


def _article_hits(generation: Generation, ranked: Sequence[RankedArticle]) -> list[ArticleHit]:
    articles = generation.store.articles([hit.row for hit in ranked])
    return [
        ArticleHit(
            rank=rank,
            article=article,
            score=hit.score,
            scores={"question": hit.question, **hit.best.signals},
            points=(),
        )
        for rank, (hit, article) in enumerate(zip(ranked, articles, strict=True), start=1)
    ]


def _passage_hits(
    generation: Generation, ranked: Sequence[Sequence[RankedPassage]]
) -> list[list[PassageHit]]:
    """The hits of several lists, their texts fetched at once."""
    passages = iter(generation.store.passages([hit.row for hits in ranked for hit in hits]))
    return [
        [
            PassageHit(rank=rank, passage=next(passages), score=hit.score)
            for rank, hit in enumerate(hits, start=1)
        ]
        for hits in ranked
    ]


def _subject_counts(articles: Sequence[ArticleHit]) -> list[tuple[str, int]]:
    """How many of the articles carry each subject, most first, then by name."""
    counts = Counter(subject for hit in articles for subject in hit.article.subjects)
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def check_range(name: str, value: object, least: int) -> None:
    """Refuse what is no number of hits, from ``least`` to 100, with a ValueError."""
    # A bool is an int to Python, but no number of hits.
    if type(value) is not int or not least <= value <= MOST_HITS:
        raise ValueError(
            f"{name} must be a whole number from {least} to {MOST_HITS}, not {value!r}."
        )
