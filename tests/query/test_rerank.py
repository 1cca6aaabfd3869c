"""A reranker reorders the best hits, which trade their scores; all else stays as it was."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from qasearch import Article, EmbedderError, Index, Reranker
from qasearch.ingest import passage_text
from tests.tiny import TinyEmbedder

QUERY = "how do lions hunt"
ARTICLES = 25
HEAD = 20


class Backwards:
    """Likes best what comes last."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.append((query, list(texts)))
        return np.arange(len(texts), dtype=np.float32) - 100


class Given:
    name = "given"

    def __init__(self, *scores: float) -> None:
        self.scores = scores

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array(self.scores, dtype=np.float32)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Articles of which each says more that is not asked for than the one before."""
    folder = tmp_path_factory.mktemp("rerank") / "index"
    Index.build([article(n) for n in range(ARTICLES)], folder, embedder=TinyEmbedder(4096))
    return folder


def article(number: int) -> Article:
    others = " ".join(f"w{number}x{i}" for i in range(number + 1))
    return Article(
        id=f"{number:02}", question=f"Question q{number}?", answer=f"Lions hunt {others}."
    )


def opened(index: Path, reranker: Reranker | None = None) -> Index:
    return Index.open(index, embedder=TinyEmbedder(4096), reranker=reranker)


def test_the_best_twenty_articles_are_reordered_and_trade_their_scores(index: Path) -> None:
    before = opened(index).search(QUERY, k=ARTICLES).articles
    after = opened(index, Backwards()).search(QUERY, k=ARTICLES).articles
    ids = [hit.id for hit in before]
    assert ids == sorted(ids)
    assert [hit.id for hit in after] == [*reversed(ids[:HEAD]), *ids[HEAD:]]
    assert [hit.rank for hit in after] == [hit.rank for hit in before]
    assert [hit.score for hit in after] == [hit.score for hit in before]
    assert before[0].score > before[HEAD].score + 0.1


def test_signals_points_and_confidence_stay_what_they_were(index: Path) -> None:
    before = {hit.id: hit for hit in opened(index).search(QUERY, k=ARTICLES).articles}
    result = opened(index, Backwards()).search(QUERY, k=ARTICLES)
    assert before["00"].confidence is not None
    for hit in result.articles:
        assert hit.scores == before[hit.id].scores
        assert hit.points == before[hit.id].points
        assert hit.confidence == before[hit.id].confidence


def test_the_verdict_is_that_of_the_surest_hit(index: Path) -> None:
    plain, backwards = opened(index), opened(index, Backwards())
    asked = "question q0"
    first = plain.search(asked, k=ARTICLES)
    last = backwards.search(asked, k=ARTICLES)
    assert (first.articles[0].id, first.verdict) == ("00", "answer")
    assert last.articles[0].id != "00"
    assert last.verdict == "answer"


def test_the_reranker_reads_the_question_and_the_best_passages(index: Path) -> None:
    reranker = Backwards()
    with opened(index, reranker) as found:
        found.search(f"  {QUERY} ", k=1)
        ((query, texts),) = reranker.asked
        articles = [found.article(f"{n:02}") for n in range(HEAD)]
    assert query == QUERY
    assert texts == [passage_text(article, article.passages[0]) for article in articles]


def test_what_is_beyond_k_may_come_first(index: Path) -> None:
    (only,) = opened(index, Backwards()).search(QUERY, k=1).articles
    assert only.id == f"{HEAD - 1:02}"


def test_passages_of_a_flat_search_are_reordered_too(index: Path) -> None:
    before = opened(index).search(QUERY, k=ARTICLES, flat=True).passages or ()
    after = opened(index, Backwards()).search(QUERY, k=ARTICLES, flat=True).passages or ()
    ids = [hit.id for hit in before]
    assert [hit.id for hit in after] == [*reversed(ids[:HEAD]), *ids[HEAD:]]
    assert [hit.score for hit in after] == [hit.score for hit in before]


def test_equal_ones_stay_as_they_were(index: Path) -> None:
    found = opened(index, Given(*[0.0] * 19, 1.0)).search(QUERY, k=3).articles
    assert [hit.id for hit in found] == ["19", "00", "01"]


def test_nothing_found_is_nothing_to_rerank(index: Path) -> None:
    reranker = Backwards()
    assert opened(index, reranker).search(QUERY, where={"subject": ["None"]}).articles == ()
    assert reranker.asked == []


@pytest.mark.parametrize("scores", [[1.0, 2.0], [float("nan")] * HEAD], ids=["few", "nan"])
def test_a_reranker_that_breaks_its_promise(index: Path, scores: list[float]) -> None:
    with pytest.raises(EmbedderError, match="given: as a reranker it must give 20 finite numbers"):
        opened(index, Given(*scores)).search(QUERY)
