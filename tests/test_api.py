"""The library as an application uses it: build, open, search; every score against plain numpy."""

import datetime
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from qasearch import Article, BuildRefusedError, Index, IndexStoreError, NoArticlesError
from qasearch.errors import EmbedderError, IndexMismatchError, IndexNotFoundError
from qasearch.ingest import passage_text, question_text, split_article
from qasearch.protocols import Vectors
from qasearch.query.rank import WEIGHTS
from qasearch.records import Mode
from tests.tiny import TinyEmbedder

MONEY = Article(
    id="money",
    question="Who pays for the harbour?",
    answer="Several purses.\n\n1. **Tolls**: every ship pays a toll when it lands.\n\n"
    "2. **Taxes**: the town adds a share of its taxes.\n\nIn summary, everybody pays.",
    subjects=("Economics", "Law"),
    date=datetime.date(2026, 1, 2),
    urls=("https://example.org/money",),
)
STORMS = Article(
    id="storms",
    question="How does the harbour withstand storms?",
    answer="1. **Walls**: two stone walls break the waves.\n\n"
    "2. **Warnings**: a bell rings when the wind rises.",
    subjects=("Engineering",),
    date=datetime.date(2026, 3, 4),
)
FISH = Article(
    id="fish", question="Which fish are landed?", answer="Mostly herring and cod, in autumn."
)
ARTICLES = [MONEY, STORMS, FISH]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("api") / "index"
    Index.build(ARTICLES, folder, embedder=TinyEmbedder())
    return Index.open(folder, embedder=TinyEmbedder())


def test_a_question_finds_its_article_and_the_point_that_answers(index: Index) -> None:
    result = index.search("a toll for every ship")
    assert result.articles[0].article.id == "money"
    point = result.articles[0].points[0]
    assert (point.passage.ordinal, point.passage.title) == ("1", "Tolls")
    assert point.passage.text == point.text == "every ship pays a toll when it lands."
    assert (point.id, point.ordinal, point.title) == ("money#1", "1", "Tolls")
    assert (result.articles[0].id, result.articles[0].question) == ("money", MONEY.question)
    assert (result.mode, result.verdict) == ("hybrid", "related")
    assert (result.article_count, result.passage_count) == (3, 5)


@pytest.mark.parametrize("query", ["who pays", "bell and waves", "herring", "harbour", "xyzzy"])
def test_every_score_of_vectors_alone_is_that_of_plain_numpy(index: Index, query: str) -> None:
    share = WEIGHTS["dense"].question
    embedder = TinyEmbedder()
    (asked,) = embedder.embed_queries([query])
    expected: dict[str, tuple[float, list[float]]] = {}
    for article in map(split_article, ARTICLES):
        texts = [passage_text(article, passage) for passage in article.passages]
        passages = [float(score) for score in embedder.embed_passages(texts) @ asked]
        question = float(embedder.embed_passages([question_text(article)])[0] @ asked)
        score = (max(passages) + share * question) / (1 + share)
        expected[article.id] = score, sorted(passages, reverse=True)

    hits = index.search(query, mode="dense").articles

    assert [hit.rank for hit in hits] == [1, 2, 3]
    by_score = sorted(expected, key=lambda id: (-round(expected[id][0], 5), id))
    assert [hit.article.id for hit in hits] == by_score
    for hit in hits:
        score, passages = expected[hit.article.id]
        assert hit.score == pytest.approx(score, abs=1e-6)
        assert hit.scores["passage"] == pytest.approx(passages[0], abs=1e-6)
        assert [point.score for point in hit.points] == pytest.approx(passages[:3], abs=1e-6)


def test_a_flat_search_ranks_passages(index: Index) -> None:
    result = index.search("the bell rings in wind", flat=True, k=2)
    assert result.articles == ()
    assert result.passages is not None
    assert (result.passages[0].rank, result.passages[0].passage.id) == (1, "storms#2")
    assert len(result.passages) == 2


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ({"subject": "economics"}, {"money"}),
        ({"subject": ["LAW", "engineering"]}, {"money", "storms"}),
        ({"date": (">=", "2026-02-01")}, {"storms"}),
        ({"date": [(">", "2026-01-01"), ("<", "2026-02-01")]}, {"money"}),
        ({"subject": "Law", "date": (">", "2026-02-01")}, set[str]()),
    ],
)
def test_a_filter_scores_what_is_left_exactly(
    index: Index, where: dict[str, object], ids: set[str]
) -> None:
    everything = {h.id: h for h in index.search("harbour", k=3, mode="dense").articles}
    filtered = index.search("harbour", where=where, mode="dense")  # pyright: ignore[reportArgumentType]
    assert {hit.article.id for hit in filtered.articles} == ids
    for hit in filtered.articles:
        assert hit.score == everything[hit.article.id].score
    assert filtered.verdict == ("related" if ids else "no_answer")
    for mode in get_args(Mode):
        found = index.search("harbour", where=where, mode=mode)  # pyright: ignore[reportArgumentType]
        assert {hit.id for hit in found.articles} <= ids
    flat = index.search("harbour", where=where, flat=True)  # pyright: ignore[reportArgumentType]
    assert {hit.passage.article_id for hit in flat.passages or ()} == ids


def test_a_mode_must_be_one(index: Index) -> None:
    for mode in get_args(Mode):
        assert index.search("harbour", mode=mode).mode == mode
    with pytest.raises(ValueError, match="There is no mode 'psychic'; there are hybrid, dense"):
        index.search("harbour", mode="psychic")  # pyright: ignore[reportArgumentType]


def test_articles_that_ask_the_same_are_one_hit_unless_not_folded(tmp_path: Path) -> None:
    copy = Article(id="purse", question="who pays for the harbour", answer="The fishers do.")
    Index.build([*ARTICLES, copy], tmp_path, embedder=TinyEmbedder())
    with Index.open(tmp_path, embedder=TinyEmbedder()) as opened:
        (best, *_) = folded = opened.search("the fishers pay", k=3).articles
        assert (best.id, best.same_question) == ("purse", ("money",))
        assert {hit.id for hit in folded} == {"purse", "storms", "fish"}
        (whole,) = opened.search_many(["the fishers pay"], k=3, fold=False)
        assert {"purse", "money"} < {hit.id for hit in whole.articles}
        assert [hit.rank for hit in whole.articles] == [1, 2, 3]
        assert {hit.same_question for hit in whole.articles} == {()}


def test_ids(index: Index) -> None:
    assert index.ids() == ["fish", "money", "storms"]


def test_a_generation_is_opened_by_its_name(tmp_path: Path) -> None:
    first = Index.build(ARTICLES[:1], tmp_path, embedder=TinyEmbedder()).generation
    Index.build(ARTICLES, tmp_path, embedder=TinyEmbedder())
    with Index.open(tmp_path, embedder=TinyEmbedder(), generation=first) as older:
        assert [hit.id for hit in older.search("harbour").articles] == ["money"]
    with Index.open(tmp_path, searchable=False, generation=first) as older:
        assert (older.status().generation, older.ids()) == (first, ["money"])
    with pytest.raises(IndexStoreError, match="There is no generation 'gen-1'"):
        Index.open(tmp_path, embedder=TinyEmbedder(), generation="gen-1")


def test_facets_count_the_articles_returned(index: Index) -> None:
    result = index.search("harbour", facets=["subject"])
    assert result.facets == {"subject": [("Economics", 1), ("Engineering", 1), ("Law", 1)]}


def test_many_queries_are_answered_in_their_order(index: Index) -> None:
    queries = ["herring", "the town adds taxes", "stone walls"]
    results = index.search_many(queries)
    assert [result.query for result in results] == queries
    assert [result.articles[0].article.id for result in results] == ["fish", "money", "storms"]
    assert index.search_many([]) == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"k": 0}, "k must be a whole number from 1 to 100"),
        ({"k": 101}, "k must be"),
        ({"k": True}, "k must be"),
        ({"k": 2.0}, "k must be"),
        ({"points": -1}, "points must be a whole number from 0"),
        ({"facets": ["author"]}, "no field 'author'"),
        ({"where": {"author": "me"}}, "no field 'author'"),
    ],
)
def test_a_slip_of_the_caller_is_a_value_error(
    index: Index, options: dict[str, object], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        index.search("harbour", **options)  # pyright: ignore[reportArgumentType]


def test_the_json_is_the_documented_schema(index: Index) -> None:
    result = index.search("a toll for every ship", k=1, points=1, facets=["subject"]).to_dict()
    told = json.loads(json.dumps(result, allow_nan=False))
    (article,) = told.pop("articles")
    (point,) = article.pop("points")
    assert told.pop("index")["articles"] == 3
    assert math.isfinite(told.pop("took_ms"))
    assert told == {
        "schema": "qasearch.search/1",
        "query": "a toll for every ship",
        "mode": "hybrid",
        "verdict": "related",
        "facets": {"subject": [["Economics", 1], ["Law", 1]]},
        "warnings": [],
    }
    assert article.pop("score") > 0
    assert set(article.pop("scores")) == {"question", "passage", "lexical", "late", "feedback"}
    assert article == {
        "rank": 1,
        "id": "money",
        "question": "Who pays for the harbour?",
        "subjects": ["Economics", "Law"],
        "date": "2026-01-02",
        "url": "https://example.org/money",
        "path": None,
        "confidence": None,
        "same_question": [],
    }
    start, end = point.pop("start"), point.pop("end")
    assert MONEY.answer[start:end] == "1. **Tolls**: every ship pays a toll when it lands."
    assert point.pop("score") > 0
    assert point == {
        "rank": 1,
        "id": "money#1",
        "ordinal": "1",
        "kind": "point",
        "section": None,
        "title": "Tolls",
        "text": "every ship pays a toll when it lands.",
        "confidence": None,
        "highlights": [[0, 10], [18, 22]],
        "sentence": [0, 37],
    }


def test_show_gives_back_what_was_built(index: Index) -> None:
    assert index.article("money") == split_article(MONEY)
    assert index.passage("storms#2").title == "Warnings"
    for id in ("storms#3", "storms", "#1", "nobody#1", "storms#02"):
        with pytest.raises(LookupError, match="There is no"):
            index.passage(id)


def test_a_rebuild_reports_what_changed_and_reuses_what_it_knows(tmp_path: Path) -> None:
    embedder = TinyEmbedder()
    first = Index.build(ARTICLES, tmp_path, embedder=embedder)
    assert (first.added, first.embedded, first.reused) == (3, 8, 0)
    edited = Article(id="fish", question=FISH.question, answer="Mostly herring, cod and eel.")
    new = Article(id="birds", question="Which birds nest there?", answer="Gulls.")
    second = Index.build([MONEY, edited, new], tmp_path, embedder=embedder, allow_shrink=True)
    counts = (second.added, second.changed, second.removed, second.unchanged)
    assert counts == (1, 1, 1, 1)
    # The edited passage, and the new article's passage and question.
    assert (second.embedded, second.reused) == (3, 4)
    with Index.open(tmp_path, embedder=embedder) as index:
        assert index.status().articles == 3
        assert index.search("eel").articles[0].article.id == "fish"


def test_another_embedder_is_refused_with_both_sides_named(tmp_path: Path) -> None:
    Index.build([FISH], tmp_path, embedder=TinyEmbedder(64))
    with pytest.raises(IndexMismatchError) as caught:
        Index.open(tmp_path, embedder=TinyEmbedder(32))
    assert "tiny-64" in str(caught.value)
    assert "tiny-32" in str(caught.value)
    assert "qasearch build" in caught.value.hint


class CountingEmbedder(TinyEmbedder):
    """Knows how often it was asked to embed queries, and fails when told to."""

    def __init__(self, *, dim: int = 256, fault: Exception | None = None) -> None:
        super().__init__(dim)
        self.calls, self.fault = 0, fault

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        self.calls += 1
        if self.fault:
            raise self.fault
        return super().embed_queries(texts)


def test_a_model_is_loaded_beside_the_index_if_asked_to(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    Index.build(ARTICLES, folder, embedder=TinyEmbedder())
    for preload in (False, True):
        embedder = CountingEmbedder()
        with Index.open(folder, embedder=embedder, preload=preload) as index:
            assert embedder.calls == int(preload)
            assert index.search("a toll for every ship").articles[0].id == "money"
    failing = CountingEmbedder(fault=EmbedderError("tiny", "no weights."))
    with pytest.raises(EmbedderError, match="no weights"):
        Index.open(folder, embedder=failing, preload=True)


def test_no_model_is_loaded_for_an_index_that_is_not_there_or_not_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    embedder = CountingEmbedder(dim=128)
    with pytest.raises(IndexNotFoundError):
        Index.open(folder, embedder=embedder, preload=True)
    Index.build(ARTICLES, folder, embedder=TinyEmbedder())
    with pytest.raises(IndexMismatchError):
        Index.open(folder, embedder=embedder, preload=True)
    assert embedder.calls == 0


def test_what_is_not_there_has_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(IndexNotFoundError, match="no index"):
        Index.open(tmp_path / "nowhere", embedder=TinyEmbedder())
    with pytest.raises(NoArticlesError):
        Index.build(tmp_path / "nowhere", tmp_path / "index", embedder=TinyEmbedder())
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoArticlesError):
        Index.build([tmp_path / "empty"], tmp_path / "index", embedder=TinyEmbedder())


def test_a_refused_article_is_reported_and_strict_commits_nothing(tmp_path: Path) -> None:
    blank = Article(id="blank", question=" ", answer="Something.")
    report = Index.build([FISH, blank], tmp_path, embedder=TinyEmbedder())
    assert report.articles == 1
    assert [refusal.path for refusal in report.refused] == ["blank"]
    with pytest.raises(BuildRefusedError, match="nothing was built") as caught:
        Index.build([MONEY, blank], tmp_path, embedder=TinyEmbedder(), strict=True)
    assert len(caught.value.refused) == 1
    with Index.open(tmp_path, embedder=TinyEmbedder()) as index:
        assert index.article("fish").id == "fish"
        with pytest.raises(LookupError):
            index.article("money")


class Broken(TinyEmbedder):
    def embed_passages(self, texts):  # pyright: ignore
        return np.full((len(texts), self.dim), np.nan, dtype=np.float32)


def test_a_vector_that_is_none_never_gets_in(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="length nan"):
        Index.build([FISH], tmp_path, embedder=Broken())
    with pytest.raises(IndexStoreError):
        Index.open(tmp_path, embedder=TinyEmbedder())


def test_an_index_of_any_model_can_be_read_without_it(tmp_path: Path) -> None:
    Index.build(ARTICLES, tmp_path / "index", embedder=TinyEmbedder(dim=64))
    with pytest.raises(IndexMismatchError, match=r"tiny \(64 dims, tiny-64\), not tiny \(tiny-256"):
        Index.open(tmp_path / "index", embedder=TinyEmbedder())
    with Index.open(tmp_path / "index", searchable=False) as opened:
        assert opened.article("fish").question == FISH.question
        assert opened.status().model == "tiny"
        with pytest.raises(ValueError, match="searchable=False"):
            opened.search("fish")


def test_what_an_index_holds_can_be_listed(index: Index) -> None:
    assert index.questions() == [(a.id, a.question) for a in (FISH, MONEY, STORMS)]
    assert index.subjects() == [("Economics", 1), ("Engineering", 1), ("Law", 1)]


def test_verify_and_rollback(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    first = Index.build(ARTICLES, folder, embedder=TinyEmbedder()).generation
    Index.build(ARTICLES[:2], folder, embedder=TinyEmbedder(), allow_shrink=True)
    assert Index.verify(folder) == []
    assert Index.rollback(str(folder)) == first
    with Index.open(folder, embedder=TinyEmbedder()) as opened:
        assert opened.search("herring").articles[0].id == "fish"
    matrix = folder / str(first) / "vectors.npy"
    matrix.chmod(0o644)
    matrix.write_bytes(matrix.read_bytes()[:-1] + b"\xff")
    (fault,) = Index.verify(folder)
    assert isinstance(fault, IndexStoreError)
    assert "vectors.npy is damaged" in str(fault)
    with pytest.raises(IndexNotFoundError):
        Index.verify(tmp_path)
