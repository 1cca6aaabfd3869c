"""Where one article ended for a query, and which step lost it: the search once more, watched."""

import time
from collections.abc import Sequence

import numpy as np

from qasearch.index import Generation, RowScope, row_cosines
from qasearch.protocols import Embedder, Rows
from qasearch.query import text
from qasearch.query.highlight import words_of
from qasearch.query.hits import SPARE_HITS, Hits
from qasearch.query.rank import WEIGHTS, Ranking
from qasearch.query.search import Options, confident
from qasearch.query.signals import Question, read_questions
from qasearch.query.where import conditions
from qasearch.records import Article, ArticleHit, Outcome, PassageHit, WhyResult


def why(
    generation: Generation, embedder: Embedder, article_id: str, query: str, options: Options
) -> WhyResult:
    """Tell where an article ended for a query, searched with some options.

    What a filter leaves out is ranked among all articles, to show what it would have been worth.

    Raises:
        LookupError: there is no such article.
        ValueError: the query is blank, or the filter is not one.
    """
    started = time.perf_counter()
    store = generation.store
    row = store.article_row(article_id)
    (article,) = store.articles([row])
    cleaned, warnings = text.clean(query)
    wanted = conditions(options.where)
    among = generation.scope(wanted)
    filtered = not among.holds(row)
    among = generation.scope() if filtered else among
    tokens = WEIGHTS[options.mode].late > 0
    (question,) = read_questions(generation, embedder, [cleaned], tokens=tokens)
    ranking = Ranking(
        generation,
        question,
        mode=options.mode,
        wanted=options.k + SPARE_HITS,
        among=among,
    )
    # As many hits as there are: where those end that a search would not look at is asked too.
    everything = max(1, len(ranking.candidates.rows))
    hits = Hits(generation, question, options.mode, ranking, everything, explain=True)
    ranked = hits.folded()
    hit = None if filtered else _hit_of(ranked, article.id)
    passage = next(iter(hits.passages_of([row], 1)[0]), None)
    words, missing = _words(generation, question, article, passage)
    rows = store.passage_rows_of(np.array([row], dtype=np.int64))
    return WhyResult(
        query=query,
        mode=options.mode,
        article=article,
        outcome="filtered" if filtered else _outcome(hit, article.id, options),
        rank=hit and hit.rank,
        k=options.k,
        score=hit and hit.score,
        confidence=hit and hit.confidence,
        min_confidence=options.min_confidence,
        folded_under=hit.id if hit and hit.id != article.id else None,
        candidates=sum(1 + len(each.same_question) for each in ranked),
        depth=ranking.depth,
        vector_rank=_vector_rank(generation, question, among, rows)
        if ranking.weights.passage
        else None,
        word_rank=_word_rank(question, among, rows) if ranking.weights.lexical else None,
        passage=passage,
        words=words,
        missing=missing,
        generation=generation.name,
        model=generation.model,
        article_count=generation.article_count,
        passage_count=generation.passage_count,
        took_ms=1_000 * (time.perf_counter() - started),
        warnings=tuple(warnings),
    )


def _vector_rank(
    generation: Generation, question: Question, among: RowScope, rows: Rows
) -> int | None:
    """The best rank of some passages by their vectors, among all that may be found; ties share."""
    if not len(rows):
        return None
    others = np.arange(generation.passage_count) if among.rows is None else among.rows
    best = row_cosines(generation.vectors, rows, question.vector).max()
    return 1 + int(np.sum(row_cosines(generation.vectors, others, question.vector) > best))


def _word_rank(question: Question, among: RowScope, rows: Rows) -> int | None:
    """The best rank of some passages by the query's words; None if none has any of them."""
    scores, found = among.all_worded(question.terms)
    theirs = scores[np.isin(found, rows)]
    return 1 + int(np.sum(scores > theirs.max())) if len(theirs) else None


def _hit_of(ranked: Sequence[ArticleHit], article_id: str) -> ArticleHit | None:
    """The hit that is an article, or that it is folded under."""
    return next((hit for hit in ranked if article_id in (hit.id, *hit.same_question)), None)


def _outcome(hit: ArticleHit | None, article_id: str, options: Options) -> Outcome:
    if hit is None:
        return "no_candidate"
    if hit.rank > options.k:
        return "below_k"
    if hit.id != article_id:
        return "folded"
    return "found" if confident([hit], options.min_confidence) else "low_confidence"


def _words(
    generation: Generation, question: Question, article: Article, passage: PassageHit | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words of a query that a passage has as it is indexed, and those that it lacks."""
    from qasearch.ingest import passage_text  # no search needs it

    lexical = generation.lexical
    known: set[str] = set()
    if passage is not None:
        known.update(lexical.terms(passage_text(article, passage.passage)))
    words = words_of(question.text)
    terms = dict(zip(words, lexical.terms_of_each(words), strict=True))
    asked = [word for word in words if terms[word]]  # no stop words
    there = tuple(word for word in asked if known.issuperset(terms[word]))
    return there, tuple(word for word in asked if word not in there)
