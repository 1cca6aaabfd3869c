"""Confidence of the hits of a search."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qasearch import Index
from qasearch.query.collapse import question_key
from qasearch.query.confidence import SURE
from qasearch.records import RELATED_FROM, Mode
from tests.query.test_calibrate import ARTICLES
from tests.tiny import TinyEmbedder, TinyTokenEmbedder

MODES: tuple[Mode, ...] = ("hybrid", "dense", "lexical")
TWIN = replace(ARTICLES[5], id="twin", question="WHERE do miners dig feldspar, today", answer="-")
CLEAR = "where do miners dig jade"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("hits") / "index"
    Index.build([*ARTICLES, TWIN], folder, embedder=TinyTokenEmbedder())
    with Index.open(folder, embedder=TinyTokenEmbedder()) as index:
        yield index


@pytest.mark.parametrize("mode", MODES)
def test_a_stored_question_is_answered_for_sure(index: Index, mode: Mode) -> None:
    for article in ARTICLES:
        (first, *_) = index.search(article.question, mode=mode).articles
        assert question_key(first.article.question) == question_key(article.question)
        assert first.confidence is not None and first.confidence >= SURE


@pytest.mark.parametrize("mode", MODES)
def test_so_it_is_if_two_articles_ask_it(index: Index, mode: Mode) -> None:
    folded = index.search("where do miners dig FELDSPAR today", mode=mode)
    assert folded.verdict == "answer"
    first = folded.articles[0]
    assert {first.id, *first.same_question} == {"feldspar", "twin"}
    assert first.confidence is not None and first.confidence >= SURE
    each = index.search(TWIN.question, mode=mode, fold=False).articles
    sure = {hit.id for hit in each if hit.confidence is not None and hit.confidence >= SURE}
    assert sure == {"feldspar", "twin"}


@pytest.mark.parametrize("mode", MODES)
def test_nonsense_is_not_answered(index: Index, mode: Mode) -> None:
    result = index.search("qwxz blorf zzyx", mode=mode)
    assert result.verdict != "answer"


def test_a_clear_question_has_an_answer_and_the_next_hits_are_less_likely(index: Index) -> None:
    for mode in MODES:
        result = index.search(CLEAR, mode=mode)
        confidences = [hit.confidence for hit in result.articles if hit.confidence is not None]
        assert result.articles[0].id == "jade"
        assert len(confidences) == len(result.articles) >= 2
        # Dense alone is less sure: of 25 articles that say nearly the same, one hardly stands out.
        assert result.verdict == ("related" if mode == "dense" else "answer")
        assert confidences[0] >= RELATED_FROM > 10 * max(confidences[1:])


def test_weaker_passages_are_less_likely(index: Index) -> None:
    (jade, *_) = index.search("who sells jade", k=1).articles
    assert [point.ordinal for point in jade.points] == ["2", "1"]
    best, weaker = (point.confidence for point in jade.points)
    assert best is not None and weaker is not None
    assert best == jade.confidence
    assert weaker < best
    flat = index.search("who sells jade", flat=True).passages
    assert flat and flat[0].confidence == pytest.approx(best)


def test_the_least_confidence_leaves_out_what_is_less_likely(index: Index) -> None:
    every = index.search(CLEAR)
    kept = index.search(CLEAR, min_confidence=RELATED_FROM)
    assert [hit.id for hit in kept.articles] == ["jade"] and len(every.articles) == 5
    flat = index.search(CLEAR, min_confidence=RELATED_FROM, flat=True).passages
    assert flat and {hit.passage.article_id for hit in flat} == {"jade"}
    nothing = index.search("qwxz blorf zzyx", min_confidence=RELATED_FROM)
    assert (nothing.articles, nothing.verdict) == ((), "no_answer")


def test_a_least_confidence_that_no_hit_has_is_told_with_the_best_that_there_is(
    index: Index,
) -> None:
    for flat in (False, True):
        whole = index.search(CLEAR, flat=flat, k=3)
        hits = whole.passages or whole.articles
        best = max(hit.confidence or 0 for hit in hits)
        assert index.search(CLEAR, flat=flat, k=3, min_confidence=1.0).warnings == (
            f"No hit has the least confidence wanted, 1: the best of {len(hits)} has {best:.4g}.",
        )
        assert index.search(CLEAR, flat=flat, k=3, min_confidence=best).warnings == ()


def test_a_filter_that_leaves_nothing_brings_nothing(index: Index) -> None:
    for mode in MODES:
        for flat in (False, True):
            result = index.search(CLEAR, mode=mode, flat=flat, where={"subject": ["Law"]})
            assert not (result.passages or result.articles)
            assert result.verdict == "no_answer"
            assert result.warnings == ("No article meets the filter.",)


def test_a_flat_search_counts_no_articles(index: Index) -> None:
    with pytest.raises(ValueError, match="Facets count articles, and a flat search brings none"):
        index.search(CLEAR, flat=True, facets=["subject"])


def test_a_small_corpus_tells_no_confidence(tmp_path: Path) -> None:
    Index.build(ARTICLES[:19], tmp_path / "index", embedder=TinyEmbedder())
    with Index.open(tmp_path / "index", embedder=TinyEmbedder()) as index:
        result = index.search(ARTICLES[0].question)
        assert {hit.confidence for hit in result.articles} == {None}
        assert {point.confidence for hit in result.articles for point in hit.points} == {None}
        assert result.verdict == "related"
        for flat in (False, True):
            with pytest.raises(ValueError, match="tells no confidence: its articles are too few"):
                index.search("jade", min_confidence=0.1, flat=flat)


@pytest.mark.model
def test_seeds_know_what_they_answer(seeds_index: Path) -> None:
    with Index.open(seeds_index) as index:
        assert index.search("how is peacekeeping funded").verdict == "answer"
        assert index.search("sandwich with pickles at gate 14").verdict != "answer"
        questions = [index.article(id).question for id in index.ids()]
        for mode in MODES:
            for question, result in zip(
                questions, index.search_many(questions, mode=mode), strict=True
            ):
                (first, *_) = result.articles
                assert first.article.question == question
                assert first.confidence is not None and first.confidence >= SURE
                assert result.verdict == "answer"


@pytest.mark.model
def test_passages_alone_give_the_verdict_of_the_articles(seeds_index: Path) -> None:
    query = "I'm a sergeant from Ghana on a UN tour, who actually pays my wages"
    with Index.open(seeds_index) as index:
        whole, flat = index.search(query), index.search(query, flat=True)
    assert flat.passages is not None
    # The first of all passages does not lie in the first article.
    assert flat.passages[0].passage.article_id != whole.articles[0].id
    assert flat.verdict == whole.verdict == "answer"
