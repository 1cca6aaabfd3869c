"""The query layer: a question flows once, left to right, into ranked hits."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, TypeVar, get_args

from qasearch.protocols import Embedder, Reranker
from qasearch.query import text
from qasearch.query.confidence import verdict
from qasearch.query.hits import SPARE_HITS, Hits
from qasearch.query.rank import WEIGHTS, Ranking
from qasearch.query.signals import Question, read_questions
from qasearch.query.where import Where, conditions
from qasearch.records import ArticleHit, Mode, PassageHit, SearchResult
from qasearch.storage import Reader, Scope

MOST_HITS = 100

_Hit = TypeVar("_Hit", ArticleHit, PassageHit)


class SearchOptions(TypedDict, total=False):
    """``Options``, for the signatures of those who pass them on."""

    k: int
    points: int
    where: Where | None
    facets: Sequence[str]
    flat: bool
    mode: Mode
    min_confidence: float
    fold: bool
    explain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to bring back for a query; checked when made.

    Attributes:
        k: articles, or passages of a flat search, from 1 to 100.
        points: passages shown of each article, from 0 to 100.
        where: metadata filter.
        facets: fields whose values are counted over the articles returned; none of a flat search.
        flat: passages instead of articles.
        mode: which signals rank: all, vectors alone, or words alone.
        min_confidence: least confidence of what is brought back, from 0 to 1.
        fold: articles that ask the same are one hit, which names the others.
        explain: each hit shows what each signal gave to its score.
        reranker: reorders the best hits; None leaves them as they are ranked.

    Raises:
        ValueError: one of them is out of its range or unknown.
    """

    k: int = 5
    points: int = 3
    where: Where | None = None
    facets: Sequence[str] = ()
    flat: bool = False
    mode: Mode = "hybrid"
    min_confidence: float = 0.0
    fold: bool = True
    explain: bool = False
    reranker: Reranker | None = None

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise ValueError(
                f"There is no mode {self.mode!r}; there are {', '.join(get_args(Mode))}."
            )
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence is from 0 to 1, not {self.min_confidence!r}.")
        check_range("k", self.k, 1)
        check_range("points", self.points, 0)
        for field in self.facets:
            if field != "subject":
                raise ValueError(f"There is no field {field!r} to count; there is subject.")
        if self.flat and self.facets:
            raise ValueError("Facets count articles, and a flat search brings none.")


def search(
    reader: Reader, embedder: Embedder, queries: Sequence[str], options: Options
) -> list[SearchResult]:
    """Answer the queries, in their order.

    Raises:
        ValueError: a query is blank, or the filter is not one.
    """
    started = time.perf_counter()
    cleaned = [text.clean(query) for query in queries]
    wanted = conditions(options.where)
    among = reader.scope(wanted)
    asked = [query for query, _ in cleaned]
    tokens = WEIGHTS[options.mode].late > 0
    questions = read_questions(reader, embedder, asked, tokens=tokens)
    shared_seconds = (time.perf_counter() - started) / max(1, len(queries))
    results: list[SearchResult] = []
    for query, question, (_, warnings) in zip(queries, questions, cleaned, strict=True):
        started = time.perf_counter()
        result = _answer(reader, query, question, among, options)
        seconds = shared_seconds + time.perf_counter() - started
        results.append(
            replace(result, took_ms=1_000 * seconds, warnings=(*warnings, *result.warnings))
        )
    return results


def _answer(
    reader: Reader, query: str, question: Question, among: Scope, options: Options
) -> SearchResult:
    wanted = options.k + SPARE_HITS
    ranking = Ranking(reader, question, mode=options.mode, wanted=wanted, among=among)
    hits = Hits(
        reader,
        question,
        options.mode,
        ranking,
        options.k,
        explain=options.explain,
        reranker=options.reranker,
    )
    articles: list[ArticleHit] = []
    passages: list[PassageHit] | None = None
    if options.flat:
        found = hits.passages()
        passages = confident(found, options.min_confidence)
    else:
        found = hits.articles(options.points, fold=options.fold)
        articles = confident(found, options.min_confidence)
    is_empty = not (passages or articles)
    confidences = [hit.confidence for hit in passages or articles]
    # The first of all passages need not lie in the first article, and a reranker says what comes
    # first, not whether that answers.
    if options.flat or options.reranker:
        confidences.sort(key=lambda each: each or 0.0, reverse=True)
    return SearchResult(
        query=query,
        mode=options.mode,
        verdict=verdict(confidences),
        generation=reader.name,
        model=reader.model,
        article_count=reader.article_count,
        passage_count=reader.passage_count,
        took_ms=0.0,
        articles=tuple(articles),
        passages=None if passages is None else tuple(passages),
        facets={field: _subject_counts(articles) for field in options.facets},
        warnings=tuple(_left_out(found, question, among, options)) if is_empty else (),
    )


def _left_out(
    found: Sequence[ArticleHit | PassageHit], question: Question, among: Scope, options: Options
) -> Iterator[str]:
    """Which option it is that left nothing, if it was one."""
    if found:
        best = max(hit.confidence or 0.0 for hit in found)
        yield (
            f"No hit has the least confidence wanted, {options.min_confidence:g}: "
            f"the best of {len(found)} has {best:.4g}."
        )
    elif options.where and not len(among.near(question.vector, 1)):
        yield "No article meets the filter."


def confident(hits: list[_Hit], least: float) -> list[_Hit]:
    """The hits of that confidence at least.

    Raises:
        ValueError: confidence is asked for, and the index tells none.
    """
    if not least:
        return hits
    if any(hit.confidence is None for hit in hits):
        raise ValueError(
            "This index tells no confidence: its articles are too few to find it by. "
            "Leave out the least confidence."
        )
    return [hit for hit in hits if hit.confidence is not None and hit.confidence >= least]


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
