"""What every store must do, wherever it keeps its articles."""

import datetime
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from qasearch.index import Generation, inverse_frequencies, terms
from qasearch.protocols import Vectors
from qasearch.query import Options, calibrate, related, search
from qasearch.records import Condition, SearchResult
from qasearch.storage import Entry, Probe, Reader, Store
from qasearch.stores import entries_of, origin_of
from tests.query.test_calibrate import ARTICLES
from tests.stores.conftest import EMBEDDER, Open

fitted = partial(calibrate, embedder=EMBEDDER)
QUERIES = ["where do miners dig jade", "who sells topaz", "iron below hematite", "nothing of it"]


def not_fitted(reader: Reader) -> bytes:
    return b""


def vector(text: str) -> Vectors:
    return EMBEDDER.embed_queries([text])


def filled(open_one: Open, generation: Generation) -> Store:
    store = open_one(origin_of(generation))
    assert store.upsert(entries_of(generation)) == len(ARTICLES)
    store.publish(not_fitted)
    return store


def found(store: Store, text: str, k: int = 3, **options) -> list[tuple[str, int]]:
    return [
        (hit.article_id, hit.seq) for hit in store.search(Probe(vector=vector(text)), k, **options)
    ]


def changed(entry: Entry, question: str) -> Entry:
    """The article with another question, its vectors as they were but for that of the question."""
    article = replace(entry.article, question=question)
    return replace(entry, article=article, question=vector(question)[0])


def the_entry(generation: Generation, id: str) -> Entry:
    return next(entry for entry in entries_of(generation) if entry.article.id == id)


def comparable(result: SearchResult) -> list[object]:
    """What a search answers, but for the numbers that BM25 decides."""
    return [
        (
            hit.article,
            [(p.passage, p.highlights, p.sentence) for p in hit.points],
            hit.same_question,
        )
        for hit in result.articles
    ]


def test_what_is_published_is_counted(open_one: Open, generation: Generation) -> None:
    store = open_one(origin_of(generation))
    empty = store.stats()
    assert (empty.generation, empty.articles, empty.passages, empty.staged) == (None, 0, 0, None)
    store.upsert(entries_of(generation))
    assert (store.stats().articles, store.stats().staged) == (0, len(ARTICLES))
    name = store.publish(not_fitted)
    stats = store.stats()
    assert (stats.generation, stats.articles, stats.passages) == (name, 24, 48)
    assert (stats.staged, len(stats.digest)) == (None, 64)


def test_a_passage_is_nearest_to_itself(open_one: Open, generation: Generation) -> None:
    store = filled(open_one, generation)
    probe = Probe(vector=generation.vectors[7:8])
    (best, *others) = store.search(probe, 3)
    passage = generation.store.passages([7])[0]
    assert (best.article_id, best.seq) == (passage.article_id, passage.seq)
    assert best.score == pytest.approx(1, abs=1e-5)
    assert all(hit.score < 0.99 for hit in others)


def test_words_find_what_has_them_by_bm25(open_one: Open, generation: Generation) -> None:
    store = filled(open_one, generation)
    hits = store.search(Probe(terms=tuple(terms("kaolin today"))), 5)
    # "kaolin" is in both passages of its article, and in the first one of the next article.
    assert {(hit.article_id, hit.seq) for hit in hits[:3]} == {
        ("kaolin", 1), ("kaolin", 2), ("limestone", 1)
    }  # fmt: skip
    assert len(hits) == 5  # "today" is in all
    assert hits[2].score > 1.5 * hits[3].score > 0
    assert store.search(Probe(terms=("xyzzy",)), 5) == []


def rarity(store: Store | Generation, *words: str) -> list[float]:
    reader = store if isinstance(store, Generation) else store.reader()
    return reader.lexical.inverse_frequencies(list(words)).tolist()


def test_words_are_as_rare_as_in_the_index(open_one: Open, generation: Generation) -> None:
    def fails(reader: Reader) -> bytes:
        raise RuntimeError

    store = filled(open_one, generation)
    words = (*terms("kaolin today"), "xyzzy")
    assert rarity(store, *words) == rarity(generation, *words)
    with suppress(RuntimeError):
        store.delete(["kaolin"])
        store.publish(fails)
    store.delete(["jade"])
    store.publish(not_fitted)
    # Of 44 passages the first one of limestone has it.
    assert rarity(store, *words) == inverse_frequencies([1, 44, 0], 44).tolist()


def test_by_article_each_has_its_best_passage(open_one: Open, generation: Generation) -> None:
    store = filled(open_one, generation)
    plain = found(store, "who sells quartz", 2)
    assert plain[0] == ("quartz", 2)
    ids = [id for id, _ in found(store, "who sells quartz", 6, by_article=True)]
    assert (ids[0], len(set(ids))) == ("quartz", 6)
    hits = store.search(Probe(terms=tuple(terms("sells ruby"))), 4, by_article=True)
    assert len({hit.article_id for hit in hits}) == 4
    assert hits[0].article_id == "ruby"


def test_filters(open_one: Open, generation: Generation) -> None:
    store = open_one(origin_of(generation))
    jade, iron = the_entry(generation, "jade"), the_entry(generation, "iron")
    dated = replace(jade.article, subjects=("Gems'", "LAW"), date=datetime.date(2024, 12, 1))
    other = replace(iron.article, subjects=("Metals",))
    store.upsert([replace(jade, article=dated), replace(iron, article=other)])
    store.publish(not_fitted)

    def left(*conditions: Condition) -> set[str]:
        by_vector = {id for id, _ in found(store, "who sells", 9, where=conditions)}
        probe = Probe(terms=tuple(terms("who sells")))
        by_words = {hit.article_id for hit in store.search(probe, 9, where=conditions)}
        assert by_vector == by_words
        return by_vector

    assert left() == {"jade", "iron"}
    assert left(Condition("subject", "=", "gems'")) == {"jade"}
    assert left(Condition("subject", "=", "law"), Condition("subject", "=", "metals")) == {
        "jade",
        "iron",
    }
    assert left(Condition("date", ">=", "2024-12-01")) == {"jade"}
    assert left(Condition("date", "<", "2024-12-01")) == set()
    assert left(Condition("date", "=", "2024-12-01"), Condition("subject", "=", "Metals")) == set()


def test_nothing_is_seen_before_it_is_published(open_one: Open, generation: Generation) -> None:
    store = filled(open_one, generation)
    before = store.stats()
    jade = the_entry(generation, "jade")
    reader = store.reader()
    assert store.upsert([changed(jade, "Where is jade polished?")]) == 1
    assert store.delete(["topaz", "no such article"]) == 1
    assert store.stats() == replace(before, staged=len(ARTICLES) - 1)
    assert reader.store.article("jade").question == jade.article.question
    assert reader.store.article("topaz")
    store.publish(not_fitted)
    # Who had it open goes on reading what was there.
    assert not reader.answers()
    assert reader.store.article("jade").question == jade.article.question
    after = store.reader()
    assert after.answers()
    assert after.store.article("jade").question == "Where is jade polished?"
    assert after.article_count == len(ARTICLES) - 1
    with pytest.raises(LookupError, match="topaz"):
        after.store.article("topaz")
    assert "topaz" not in {id for id, _ in found(store, "who sells topaz", 48)}


def test_what_has_not_changed_costs_nothing(open_one: Open, generation: Generation) -> None:
    store = filled(open_one, generation)
    before = store.stats()
    assert store.upsert(entries_of(generation)) == 0
    assert store.delete(["no such article"]) == 0
    assert store.stats() == before
    assert store.publish(not_fitted) == before.generation


def test_digests_tell_contents_apart(open_one: Open, generation: Generation) -> None:
    store = filled(open_one, generation)
    before = store.stats().digest
    jade = the_entry(generation, "jade")
    store.upsert([changed(jade, "Where is jade polished?")])
    store.publish(not_fitted)
    assert store.stats().digest != before
    store.upsert([jade])
    store.publish(not_fitted)
    assert store.stats().digest == before


def test_the_query_layer_answers_as_from_the_index(open_one: Open, generation: Generation) -> None:
    store = open_one(origin_of(generation))
    store.upsert(entries_of(generation))
    store.publish(fitted)
    reader = store.reader()
    for options in (Options(k=3), Options(k=3, mode="dense"), Options(k=2, mode="lexical")):
        here = search(generation, EMBEDDER, QUERIES, options)
        there = search(reader, EMBEDDER, QUERIES, options)
        for mine, theirs in zip(here, there, strict=True):
            assert comparable(theirs)[:1] == comparable(mine)[:1]
            assert len(theirs.articles) == len(mine.articles)
            for hit, twin in zip(theirs.articles[:1], mine.articles[:1], strict=True):
                assert hit.score == pytest.approx(twin.score, abs=0.05)
                assert hit.confidence == pytest.approx(twin.confidence, abs=0.15)
    assert (reader.article_count, reader.passage_count, reader.model) == (24, 48, "tiny")


def test_vectors_and_tokens_are_the_very_same(open_one: Open, generation: Generation) -> None:
    store = filled(open_one, generation)
    reader = store.reader()
    assert reader.tokens
    assert generation.tokens
    (there,), (here,) = reader.store.sample(1), generation.store.sample(1)
    theirs = reader.store.passage_rows_of(np.array([there]))
    mine = generation.store.passage_rows_of(np.array([here]))
    assert np.array_equal(reader.passage_vectors(theirs), generation.vectors[mine])
    assert np.array_equal(reader.question_vectors(np.array([there])), generation.questions[[here]])
    _, (tokens,) = EMBEDDER.embed_query_tokens(["who sells ruby below"])
    for found, known in zip(
        reader.tokens.matches(tokens, theirs), generation.tokens.matches(tokens, mine), strict=True
    ):
        assert np.array_equal(found, known)


def test_related_articles_are_those_of_the_index(open_one: Open, generation: Generation) -> None:
    reader = filled(open_one, generation).reader()
    nearest = reader.near_questions(vector("who sells topaz"), 3).tolist()
    assert (len(nearest), reader.store.questions_of(nearest)[0][0]) == (3, "topaz")
    for id in ("jade", "iron"):
        theirs, mine = related(reader, id, 4), related(generation, id, 4)
        assert theirs.article.id == id
        assert [hit.id for hit in theirs.articles] == [hit.id for hit in mine.articles]
        for hit, twin in zip(theirs.articles, mine.articles, strict=True):
            assert hit.scores == pytest.approx(twin.scores, abs=1e-6)
    with pytest.raises(LookupError):
        related(reader, "xyzzy", 4)


def test_an_id_is_found_however_its_accents_are_composed(
    open_one: Open, generation: Generation
) -> None:
    jade = the_entry(generation, "jade")
    passages = tuple(replace(p, article_id="caf\u00e9") for p in jade.article.passages)
    store = open_one(origin_of(generation))
    cafe = replace(jade.article, id="caf\u00e9", passages=passages)
    store.upsert([replace(jade, article=cafe)])
    store.publish(not_fitted)
    assert store.reader().store.article("cafe\u0301").id == "caf\u00e9"


def test_points_are_told_from_prose(open_one: Open, generation: Generation) -> None:
    jade = the_entry(generation, "jade")
    first, second = jade.article.passages
    prose = replace(jade.article, passages=(replace(first, kind="paragraph"), second))
    store = open_one(origin_of(generation))
    store.upsert([replace(jade, article=prose)])
    store.publish(not_fitted)
    texts = store.reader().store
    rows = texts.passage_rows_of(np.array(texts.sample(1)))
    assert texts.are_points(rows).tolist() == [False, True]


def test_a_store_of_another_model_is_filled_anew(open_one: Open, generation: Generation) -> None:
    filled(open_one, generation)
    other = open_one(replace(origin_of(generation), fingerprint="another"))
    jade = the_entry(generation, "jade")
    assert other.upsert([jade]) == 1
    other.publish(not_fitted)
    assert other.stats().articles == 1


@pytest.mark.parametrize(("probe", "k"), [(Probe(), 1), (Probe(terms=("jade",)), 0)])
def test_a_wrong_search_is_refused(
    open_one: Open, generation: Generation, probe: Probe, k: int
) -> None:
    store = filled(open_one, generation)
    with pytest.raises(ValueError, match=r"probe|k must"):
        store.search(probe, k)
