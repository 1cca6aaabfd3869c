"""The query layer: a question flows once, left to right, into ranked hits."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from qasearch.index import Generation
from qasearch.protocols import Embedder, Rows, Vectors
from qasearch.query import text
from qasearch.query.collapse import same_question_once, same_text_once
from qasearch.query.rank import RankedArticle, rank_articles, rank_passages
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
        mode: which signals rank; ``dense`` alone as yet.

    Raises:
        ValueError: one of them is out of its range or unknown.
    """

    k: int = 5
    points: int = 3
    where: Where | None = None
    facets: Sequence[str] = ()
    flat: bool = False
    mode: Mode = "dense"

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
    vectors = embedder.embed_queries([query for query, _ in cleaned])
    shared_seconds = (time.perf_counter() - started) / max(1, len(queries))
    results: list[SearchResult] = []
    for i, (query, (_, warnings)) in enumerate(zip(queries, cleaned, strict=True)):
        started = time.perf_counter()
        result = _answer(generation, query, vectors[i : i + 1], among, options)
        seconds = shared_seconds + time.perf_counter() - started
        results.append(replace(result, took_ms=1_000 * seconds, warnings=tuple(warnings)))
    return results


def _answer(
    generation: Generation, query: str, vector: Vectors, among: Rows | None, options: Options
) -> SearchResult:
    articles: list[ArticleHit] = []
    passages: list[PassageHit] | None = None
    spared = options.k + SPARE_HITS
    if options.flat:
        ranked = rank_passages(generation, vector, k=spared, among=among)
        passages = same_text_once(_passage_hits(generation, ranked), options.k)
    else:
        hits = rank_articles(generation, vector, k=spared, points=options.points, among=among)
        articles = same_question_once(_article_hits(generation, hits), options.k)
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
            scores={"question": hit.question, "passage": hit.passage},
            points=tuple(_passage_hits(generation, hit.passages)),
        )
        for rank, (hit, article) in enumerate(zip(ranked, articles, strict=True), start=1)
    ]


def _passage_hits(generation: Generation, ranked: Sequence[tuple[int, float]]) -> list[PassageHit]:
    passages = generation.store.passages([row for row, _ in ranked])
    return [
        PassageHit(rank=rank, passage=passage, score=score)
        for rank, (passage, (_, score)) in enumerate(zip(passages, ranked, strict=True), start=1)
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
