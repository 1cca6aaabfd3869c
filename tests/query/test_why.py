"""Where an article ended: each step that loses one, and what each signal gave."""

from dataclasses import replace
from pathlib import Path

import pytest

from qasearch import Article, Index, WhyResult
from qasearch.query.rank import WEIGHTS
from tests.tiny import TinyEmbedder, TinyTokenEmbedder

TEA = Article(
    id="tea",
    question="How is black tea made?",
    answer="1. **Water**: Boil water.\n2. **Leaves**: Steep the leaves. Four minutes suffice.",
    subjects=("Kitchen",),
)
COPY = replace(TEA, id="tea-again", question="how is BLACK tea made", answer="Ask a friend.")
GREEN = Article(id="green", question="How is green tea made?", answer="Warm water, few leaves.")
INK = Article(id="ink", question="What did scribes write with?", answer="Soot and gum.")
# Each has more of the words than INK has, so that INK's passage is no candidate of 125.
TEAS = [
    Article(id=f"tea-{n}", question=f"Which tea is number {n}?", answer=f"Tea{n} with water.")
    for n in range(140)
]


def opened(folder: Path, *articles: Article, dim: int = 256) -> Index:
    Index.build(articles, folder, embedder=TinyTokenEmbedder(dim))
    return Index.open(folder, embedder=TinyTokenEmbedder(dim))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return opened(tmp_path_factory.mktemp("why") / "index", TEA, COPY, GREEN, INK)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return opened(tmp_path_factory.mktemp("many") / "index", INK, *TEAS, dim=2048)


QUERY = "how long do leaves of black tea steep"


def test_found_at_its_rank(index: Index) -> None:
    told = index.why("tea", QUERY)
    (best, *_) = index.search(QUERY, explain=True).articles
    assert (told.outcome, told.rank, told.article.id) == ("found", 1, "tea")
    assert (told.score, told.passage) == (best.score, best.points[0])
    assert (told.vector_rank, told.word_rank, told.candidates) == (1, 1, 4)


def test_the_words_that_its_passage_has_and_lacks(index: Index) -> None:
    told = index.why("tea", QUERY)
    assert told.words == ("how", "leaves", "black", "tea", "steep")
    assert told.missing == ("long", "do")  # and "of" is a stop word


def test_folded_under_the_article_that_asks_the_same(index: Index) -> None:
    told = index.why("tea-again", QUERY)
    assert (told.outcome, told.folded_under, told.rank) == ("folded", "tea", 1)
    assert told.passage
    assert told.passage.text == "Ask a friend."


def test_ranked_below_those_wanted(index: Index) -> None:
    found = [hit.id for hit in index.search(QUERY).articles]
    assert found[:2] == ["tea", "green"]
    told = index.why("green", QUERY, k=1)
    assert (told.outcome, told.rank, told.k) == ("below_k", 2, 1)
    assert index.why("green", QUERY, k=2).outcome == "found"


def test_one_that_asks_the_same_is_below_too(index: Index) -> None:
    told = index.why("tea-again", "warm green water", k=1)
    assert (told.outcome, told.folded_under, told.rank) == ("below_k", "tea", 2)


def test_left_out_by_the_filter(index: Index) -> None:
    told = index.why("green", QUERY, where={"subject": "Kitchen"})
    assert (told.outcome, told.rank, told.score) == ("filtered", None, None)
    assert told.passage
    assert told.vector_rank  # it would have been worth something
    assert index.why("tea", QUERY, where={"subject": "kitchen"}).outcome == "found"


def test_no_passage_among_the_candidates(many: Index) -> None:
    told = many.why("ink", "tea water")
    assert (told.outcome, told.rank, told.depth) == ("no_candidate", None, 125)
    assert (told.vector_rank, told.word_rank) == (141, None)
    assert told.passage
    assert (told.words, told.missing) == ((), ("tea", "water"))


def test_ranks_by_vectors_and_words_are_exact(many: Index) -> None:
    told = many.why("tea-7", "tea7", k=1)
    assert (told.outcome, told.vector_rank, told.word_rank) == ("found", 1, 1)
    assert many.why("tea-7", "tea7", mode="dense").word_rank is None
    assert many.why("tea-7", "tea7", mode="lexical").vector_rank is None


def test_too_little_confidence(many: Index) -> None:
    second = many.search("tea7").articles[1]
    told = many.why(second.id, "tea7")
    assert (told.outcome, told.rank) == ("found", 2)
    assert told.confidence == second.confidence
    assert told.confidence is not None
    assert 0 < told.confidence < 0.999
    least = told.confidence + 0.0005
    lost = many.why(second.id, "tea7", min_confidence=least)
    assert (lost.outcome, lost.rank) == ("low_confidence", 2)
    left = many.search("tea7", min_confidence=least).articles
    assert second.id not in [hit.id for hit in left]


def test_slips(index: Index) -> None:
    with pytest.raises(LookupError, match="There is no article 'coffee'"):
        index.why("coffee", QUERY)
    with pytest.raises(ValueError, match="blank"):
        index.why("tea", " ")
    with pytest.raises(ValueError, match="k must be"):
        index.why("tea", QUERY, k=0)
    with pytest.raises(ValueError, match="tells no confidence"):
        index.why("tea", QUERY, min_confidence=0.5)
    unsearchable = Index.open(Path(index.status().path), searchable=False)
    with pytest.raises(ValueError, match="searchable=False"):
        unsearchable.why("tea", QUERY)


def test_as_json(index: Index) -> None:
    told = index.why("tea", QUERY).to_dict()
    assert told["schema"] == "qasearch.why/1"
    assert told["passage"]["explain"].keys() == {"passage", "lexical", "late", "feedback"}  # type: ignore[index]
    assert told["index"] == index.search(QUERY).to_dict()["index"]
    names = {name for name in WhyResult.__slots__ if not name.endswith("_count")}
    assert set(told) == names - {"generation", "model"} | {"schema", "index"}


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_parts_add_up_to_the_score(index: Index, mode: str) -> None:
    found = index.search(QUERY, mode=mode, explain=True)  # type: ignore[arg-type]
    flat = index.search(QUERY, mode=mode, explain=True, flat=True)  # type: ignore[arg-type]
    assert flat.passages
    for hit in [*found.articles, *flat.passages, *(p for a in found.articles for p in a.points)]:
        assert hit.explain
        parts = hit.explain.values()
        assert sum(part.score * part.weight for part in parts) == pytest.approx(hit.score, abs=1e-5)
        assert sum(part.weight for part in parts) == pytest.approx(1)
        assert all(WEIGHTS[mode].of(name) for name in hit.explain)  # type: ignore[index]


def test_ranks_of_signals_are_among_the_candidates(index: Index) -> None:
    passages = index.search("steep black leaves", flat=True, explain=True).passages
    assert passages
    by_cosine = sorted((p.explain or {})["passage"].score for p in passages)[::-1]
    for hit in passages:
        part = (hit.explain or {})["passage"]
        assert part.rank == (1 + by_cosine.index(part.score) if part.score else None)


def test_a_signal_that_says_nothing_has_no_rank(index: Index) -> None:
    told = index.why("ink", QUERY)
    assert told.passage
    assert told.passage.explain
    lexical = told.passage.explain["lexical"]
    assert (lexical.score, lexical.rank) == (0.0, None)


def test_nothing_is_explained_unasked(index: Index) -> None:
    (hit, *_) = index.search(QUERY).articles
    assert hit.explain is None
    assert hit.points[0].explain is None
    (fields, *_) = index.search(QUERY).to_dict()["articles"]  # type: ignore[misc]
    assert "explain" not in fields


def test_hits_show_what_answers(index: Index) -> None:
    (hit, *_) = index.search(QUERY).articles
    point = hit.points[0]
    assert point.text == "Steep the leaves. Four minutes suffice."
    assert [point.text[start:end] for start, end in point.highlights] == ["Steep", "leaves"]
    assert point.sentence == (0, 17)
    fields = index.search(QUERY).to_dict()["articles"][0]["points"][0]  # type: ignore[index]
    assert (fields["highlights"], fields["sentence"]) == ([[0, 5], [10, 16]], [0, 17])


def test_plain_embedders_are_explained_too(tmp_path: Path) -> None:
    Index.build([TEA, GREEN], tmp_path / "index", embedder=TinyEmbedder())
    with Index.open(tmp_path / "index", embedder=TinyEmbedder()) as index:
        told = index.why("tea", QUERY)
    assert told.passage
    assert (told.passage.explain or {})["late"].rank is None
