"""Texts and metadata come back as they went in, by row, by id and by condition."""

import threading
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qasearch.index import Files, PassageStore
from qasearch.index.passagefile import write_passages
from qasearch.records import Article, Condition, Passage
from tests.index.stores import ARTICLES, BREAD, KITES, RIVERS, article


@pytest.fixture
def stored(tmp_path):
    """Writes articles; gives the store."""
    stores: list[PassageStore] = []

    def store(articles) -> PassageStore:
        path = tmp_path / f"{len(stores)}.sqlite"
        write_passages(Files(), path, articles)
        stores.append(PassageStore(path))
        return stores[-1]

    yield store
    for each in stores:
        each.close()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SOME_TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)


@st.composite
def passages_of(draw, article_id):
    seqs = sorted(draw(st.sets(st.integers(1, 10**6), max_size=4)))
    return tuple(
        Passage(
            article_id=article_id,
            seq=seq,
            kind=draw(st.sampled_from(["point", "section", "bullet", "paragraph"])),
            text=draw(TEXT),
            start=draw(st.integers(0, 10**9)),
            end=draw(st.integers(0, 10**9)),
            ordinal=draw(st.none() | TEXT),
            title=draw(st.none() | TEXT),
            section_path=draw(TEXTS),
            run=draw(st.none() | st.integers(1, 99)),
            lead_in=draw(st.none() | TEXT),
        )
        for seq in seqs
    )


@st.composite
def articles(draw):
    ids = sorted(draw(st.sets(SOME_TEXT, max_size=4)))
    return [
        Article(
            id=id,
            question=draw(TEXT),
            answer=draw(TEXT),
            subjects=draw(TEXTS),
            date=draw(st.none() | st.dates()),
            urls=draw(TEXTS),
            paths=draw(TEXTS),
            intro=draw(st.none() | TEXT),
            summary=draw(st.none() | TEXT),
            passages=draw(passages_of(id)),
            flags=draw(TEXTS),
        )
        for id in ids
    ]


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(articles())
def test_every_field_comes_back(written):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "passages.sqlite"
        write_passages(Files(), path, written)
        store = PassageStore(path)
        rows = range(store.article_count)
        read = [
            replace(article, passages=tuple(store.passages(range(*store.passage_span(row)))))
            for row, article in zip(rows, store.articles(rows), strict=True)
        ]
        assert read == written
        assert [store.article(article.id) for article in written] == written
        kinds = [passage.kind for article in written for passage in article.passages]
        told = store.are_points(np.arange(store.passage_count))
        assert told.tolist() == [kind == "point" for kind in kinds]
        store.close()


def test_rows_follow_the_order_of_ids_and_seqs(stored):
    store = stored(ARTICLES)
    assert (store.article_count, store.passage_count) == (3, 6)
    assert [store.article_row(id) for id in ("bread", "kites", "rivers")] == [0, 1, 2]
    assert [store.passage_span(row) for row in range(3)] == [(0, 3), (3, 5), (5, 6)]
    assert store.passage_offsets.tolist() == [0, 3, 5, 6]
    assert [passage.id for passage in store.passages(range(6))] == [
        "bread#1",
        "bread#2",
        "bread#3",
        "kites#1",
        "kites#2",
        "rivers#1",
    ]


def test_ids_are_in_order_of_code_points(stored):
    ids = ["10", "9", "B", "a", "é", "\uffff", "\U0001f600"]
    store = stored([article(id, "q", "p") for id in ids])
    assert [store.article_row(id) for id in ids] == list(range(7))


def test_records_come_in_the_order_asked_for(stored):
    store = stored(ARTICLES)
    assert store.passages([4, 0, 4]) == [
        KITES.passages[1],
        BREAD.passages[0],
        KITES.passages[1],
    ]
    assert store.articles([2, 0]) == [replace(RIVERS, passages=()), replace(BREAD, passages=())]
    assert store.articles(np.array([1], np.int64)) == [replace(KITES, passages=())]
    assert store.passages([]) == store.articles([]) == []


def test_articles_of_passages_are_found_for_many_at_once(stored):
    empty = article("empty", "Nothing to say?")
    store = stored([BREAD, empty, KITES, RIVERS])
    rows = store.article_rows_of(np.arange(6))
    assert rows.tolist() == [0, 0, 0, 2, 2, 3]
    assert rows.dtype == np.int64
    assert store.article_rows_of(np.array([[5, 0], [3, 2]])).tolist() == [[3, 0], [2, 0]]
    assert store.passage_span(1) == (3, 3)


def test_what_is_not_there_is_a_lookup_error(stored):
    store = stored(ARTICLES)
    with pytest.raises(LookupError, match="no article 'moon'"):
        store.article_row("moon")
    with pytest.raises(LookupError, match="no article"):
        store.article("\ud800")
    for row in (-1, 3):
        with pytest.raises(LookupError, match=f"no article row {row}"):
            store.articles([0, row])
        with pytest.raises(LookupError, match=f"no article row {row}"):
            store.passage_span(row)
    with pytest.raises(LookupError, match="no passage row 6"):
        store.passages([6])


def test_an_id_is_found_however_its_accents_are_composed(stored):
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert stored([article(composed, "q", "p")]).article_row(decomposed) == 0
    assert stored([article(decomposed, "q", "p")]).article_row(composed) == 0
    both = stored([article(decomposed, "q", "p"), article(composed, "q", "p")])
    assert (both.article_row(decomposed), both.article_row(composed)) == (0, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        [KITES, BREAD],
        [BREAD, BREAD],
        [replace(BREAD, passages=BREAD.passages[::-1])],
        [replace(BREAD, passages=BREAD.passages[:1] * 2)],
        [replace(BREAD, passages=KITES.passages)],
    ],
)
def test_what_is_out_of_order_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError):
        write_passages(Files(), tmp_path / "passages.sqlite", wrong)


@pytest.mark.parametrize("where", ["id", "question", "passage"])
def test_a_lone_surrogate_is_refused_by_the_id_of_its_article(tmp_path, where):
    texts = {"id": "a", "question": "q", "passage": "p"}
    texts[where] += "\ud800"
    with pytest.raises(ValueError, match=r"Article 'a.* is not all Unicode"):
        write_passages(Files(), tmp_path / "passages.sqlite", [article(*texts.values())])


def test_no_articles_are_articles_too(stored):
    store = stored([])
    assert (store.article_count, store.passage_count) == (0, 0)
    assert store.article_rows_where([]).tolist() == []
    assert store.subjects() == []


def test_equal_articles_give_equal_bytes(tmp_path):
    many = [article(f"{n:05}", f"question {n}", *["point"] * (n % 7)) for n in range(500)]
    first = write_passages(Files(), tmp_path / "1.sqlite", many)
    second = write_passages(Files(), tmp_path / "2.sqlite", iter(many))
    assert first == second
    assert write_passages(Files(), tmp_path / "3.sqlite", many[1:]) != first


def test_reading_writes_nothing(tmp_path):
    folder = tmp_path / "sealed"
    folder.mkdir()
    path = folder / "passages.sqlite"
    write_passages(Files(), path, ARTICLES)
    before = path.stat()
    store = PassageStore(path)
    store.article("bread")
    store.close()
    assert [each.name for each in folder.iterdir()] == ["passages.sqlite"]
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_mode & 0o777 == 0o444


def test_an_open_store_outlives_its_name(tmp_path):
    path = tmp_path / "passages.sqlite"
    write_passages(Files(), path, ARTICLES)
    store = PassageStore(path)
    path.unlink()
    assert store.article("rivers") == RIVERS
    store.close()


def test_a_path_may_hold_what_means_something_in_a_uri(tmp_path):
    path = tmp_path / "50% of #1? & é" / "passages.sqlite"
    path.parent.mkdir()
    write_passages(Files(), path, ARTICLES)
    store = PassageStore(path)
    assert store.article_row("rivers") == 2
    store.close()


def test_threads_share_a_store(stored):
    many = [article(f"{n:03}", f"question {n}", f"point {n}") for n in range(200)]
    store = stored(many)
    wrong: list[object] = []

    def read(first: int) -> None:
        for row in range(first, 200, 8):
            found = store.passages([row])[0].text, store.article(f"{row:03}").question
            if found != (f"point {row}", f"question {row}"):
                wrong.append(found)

    threads = [threading.Thread(target=read, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def where(store: PassageStore, *conditions: tuple[str, str, str]) -> list[int]:
    rows = store.article_rows_where([Condition(*condition) for condition in conditions])
    assert rows.dtype == np.int64
    return rows.tolist()


def test_subjects_are_found_ignoring_case_and_composition(stored):
    store = stored(
        [
            article("1", "q", "p", subjects=["Stra\u00dfe", "Law"]),
            article("2", "q", "p", subjects=["STRASSE"]),
            article("3", "q", "p", subjects=["E\u0301tudes"]),
            article("4", "q", "p"),
        ]
    )
    assert where(store, ("subject", "=", "strasse")) == [0, 1]
    assert where(store, ("subject", "=", "\u00e9tudes")) == [2]
    assert where(store, ("subject", "=", "LAW")) == [0]
    assert where(store, ("subject", "=", "la")) == []
    assert where(store) == [0, 1, 2, 3]


def test_values_of_one_field_are_alternatives_and_fields_combine(stored):
    store = stored(ARTICLES)
    assert where(store, ("subject", "=", "toys"), ("subject", "=", "Geography")) == [1, 2]
    assert where(store, ("subject", "=", "toys"), ("date", "=", "2025-01-15")) == [1]
    assert where(store, ("subject", "=", "toys"), ("date", "=", "2025-01-16")) == []
    assert where(store, ("date", "=", "2025-01-15"), ("date", "=", "2024-11-30")) == [0, 1]


@pytest.mark.parametrize(
    ("ranges", "rows"),
    [
        ([(">=", "2024-11-30")], [0, 1]),
        ([(">", "2024-11-30")], [1]),
        ([("<=", "2024-11-30")], [0]),
        ([("<", "2024-11-30")], []),
        ([(">=", "2024-12-01"), ("<", "2025-02-01")], [1]),
        ([(">=", "2024-01-01"), (">=", "2025-01-01")], [1]),
        ([(">", "2025-01-01"), ("<", "2025-01-01")], []),
    ],
)
def test_ranges_of_dates_combine_and_no_date_is_in_none(stored, ranges, rows):
    store = stored(ARTICLES)
    assert where(store, *[("date", op, value) for op, value in ranges]) == rows


def test_a_field_without_order_has_no_ranges(stored):
    with pytest.raises(ValueError, match="subject >="):
        where(stored(ARTICLES), ("subject", ">=", "law"))


@pytest.mark.parametrize("value", ["' OR 1=1 --", '"', "%", "_", "\x00", "Cooking'", "\ud800"])
def test_a_condition_is_never_sql(stored, value):
    assert where(stored(ARTICLES), ("subject", "=", value)) == []


def test_subjects_are_counted_in_their_commonest_spelling(stored):
    store = stored(
        [
            article("1", "q", "p", subjects=["Computer science", "Law"]),
            article("2", "q", "p", subjects=["Computer Science", "Art", "Art"]),
            article("3", "q", "p", subjects=["Computer Science", "computer science"]),
        ]
    )
    assert store.subjects() == [("Computer Science", 3), ("Art", 1), ("Law", 1)]


def test_dates_before_the_year_1000_keep_their_order(stored):
    store = stored(
        [
            article("1", "q", "p", date=date(999, 1, 1)),
            article("2", "q", "p", date=date(1000, 1, 1)),
        ]
    )
    assert where(store, ("date", "<", "1000-01-01")) == [0]
