"""From signals to ranks, in each mode: scores by hand, and who comes first."""

from collections.abc import Iterator
from math import log, sqrt
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from qasearch import Article
from qasearch.index import Files, Generation, GenerationWriter
from qasearch.protocols import Rows
from qasearch.query.rank import FEWEST_CANDIDATES, LATE_CANDIDATES, WEIGHTS, Ranking
from qasearch.query.signals import LENGTH_DISCOUNT, USUAL_TOKENS
from qasearch.records import Mode
from tests.index.stores import EMBEDDER, IDENTITY, article, write
from tests.query.corpus import (
    ARTICLES,
    BRONZE,
    HULL,
    RIG,
    STONE,
    TOKENS,
    WORDS_ALONE,
    ask,
    opened,
)
from tests.tiny import TinyEmbedder

HYBRID = WEIGHTS["hybrid"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    with opened(tmp_path_factory.mktemp("plain"), ARTICLES) as generation:
        yield generation


def rank(
    generation: Generation,
    query: str,
    mode: Mode = "hybrid",
    *,
    embedder: TinyEmbedder = WORDS_ALONE,
    among: Rows | None = None,
) -> Ranking:
    question = ask(generation, query, embedder)
    return Ranking(generation, question, mode=mode, wanted=10, among=generation.scope_of(among))


def rows(ranking: Ranking, k: int = 10) -> list[int]:
    return [passage.row for passage in ranking.passages(k)]


def test_vectors_alone_rank_by_cosine(plain: Generation) -> None:
    found = rank(plain, "who oak", "dense").passages(10)
    assert [(hit.row, round(hit.score, 5)) for hit in found] == [
        (HULL, round(2 / sqrt(10), 5)),
        (BRONZE, round(1 / sqrt(8), 5)),
        (STONE, round(1 / sqrt(8), 5)),
        (RIG, round(1 / sqrt(10), 5)),
    ]
    assert found[0].signals == {
        "passage": pytest.approx(2 / sqrt(10)),
        "lexical": 0,
        "late": 0,
        "feedback": 0,
    }


def test_an_article_stands_by_its_best_passage_and_a_little_by_its_question(
    plain: Generation,
) -> None:
    (best, *others) = rank(plain, "who oak", "dense").articles(10)
    share = WEIGHTS["dense"].question
    assert (best.row, best.best.row) == (2, HULL)
    assert best.question == pytest.approx(1 / 2)
    assert best.score == pytest.approx((2 / sqrt(10) + share / 2) / (1 + share))
    assert [hit.row for hit in others] == [0, 1]
    assert len(rank(plain, "who oak", "dense").articles(1)) == 1


def test_words_alone_find_what_has_them_and_nothing_else(plain: Generation) -> None:
    ranking = rank(plain, "stone bell stone", "lexical")
    # A word that is said twice weighs twice.
    assert [(hit.row, hit.score) for hit in ranking.passages(10)] == [(STONE, 1), (BRONZE, 0.5)]
    assert [hit.row for hit in ranking.articles(10)] == [1, 0]
    nothing = rank(plain, "xyzzy of the", "lexical")
    assert nothing.passages(10) == nothing.articles(10) == []


def test_all_signals_are_one_sum(plain: Generation) -> None:
    """Of "bell", without tokens: the best passages are BRONZE, then STONE and HULL at 0."""
    (best, second, *_) = rank(plain, "bell").passages(10)
    # The mean of three unit rows with cosines 1/4, and twice 1/sqrt(20).
    length = sqrt(3 + 2 * (1 / 4 + 2 / sqrt(20)))
    feedback = (1 + 1 / 4 + 1 / sqrt(20)) / length
    assert best.row == BRONZE
    assert best.signals == {
        "passage": pytest.approx(1 / 2),
        "lexical": pytest.approx(1),
        "late": 0,
        "feedback": pytest.approx(feedback, rel=1e-5),
    }
    total = HYBRID.passage + HYBRID.lexical + HYBRID.late + HYBRID.feedback
    assert best.score == pytest.approx(
        (HYBRID.passage / 2 + HYBRID.lexical + HYBRID.feedback * feedback) / total, rel=1e-5
    )
    assert second.signals["passage"] == second.signals["lexical"] == 0
    assert second.score == pytest.approx(HYBRID.feedback * second.signals["feedback"] / total)


def test_feedback_brings_up_what_is_like_the_best(tmp_path: Path) -> None:
    """Neither of the last two has a word of the query; one has words of what has."""
    texts = {"a": "moon", "b": "moon tide", "c": "moon tide", "d": "iron coal", "e": "tide pull"}
    articles = [Article(id=id, question=f"{id}?", answer=text) for id, text in texts.items()]
    with opened(tmp_path, articles) as generation:
        assert rows(rank(generation, "moon", "dense"))[-2:] == [3, 4]
        assert rows(rank(generation, "moon"))[-2:] == [4, 3]


LONG = "bell bronze " + " ".join(f"word{n}" for n in range(20))


def test_late_interaction_finds_all_words_in_a_long_passage(tmp_path: Path) -> None:
    articles = [
        Article(id="a", question="Short?", answer="A bell."),
        Article(id="b", question="Long?", answer=LONG),
    ]
    with opened(tmp_path / "tokens", articles, TOKENS) as generation:
        dense = rank(generation, "bell of bronze", "dense", embedder=TOKENS)
        assert rows(dense) == [0, 1]
        hybrid = rank(generation, "bell of bronze", embedder=TOKENS)
        assert rows(hybrid) == [1, 0]
        (best, _) = hybrid.passages(2)
        # 23 tokens: those of the question too.
        discount = LENGTH_DISCOUNT * log(23 / USUAL_TOKENS)
        assert best.signals["late"] == pytest.approx(1 - discount, abs=0.1)
    with opened(tmp_path / "plain", articles) as generation:
        assert rows(rank(generation, "bell of bronze")) == [0, 1]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    """Row 0 says much of a word that is nowhere else; all others are nearer by their vectors."""
    last = Article(id="a", question="Where?", answer="bell " + " ".join(f"w{n}" for n in range(99)))
    others = [
        Article(id=f"b{n:03}", question="Where?", answer=f"The sea {n}.")
        for n in range(FEWEST_CANDIDATES + 10)
    ]
    with opened(tmp_path_factory.mktemp("crowd"), [last, *others], TOKENS) as generation:
        yield generation


def test_words_propose_what_vectors_do_not(crowd: Generation) -> None:
    assert 0 not in rows(rank(crowd, "sea bell", "dense", embedder=TOKENS), 1_000)
    assert rows(rank(crowd, "sea bell", "lexical", embedder=TOKENS))[0] == 0
    ranking = rank(crowd, "sea bell", embedder=TOKENS)
    assert 0 in rows(ranking, 1_000)
    assert len(ranking.candidates.rows) > LATE_CANDIDATES


def test_beyond_those_compared_by_token_all_count_as_the_worst_of_them(crowd: Generation) -> None:
    ranking = rank(crowd, "sea bell", embedder=TOKENS)
    (last,) = [hit for hit in ranking.passages(1_000) if hit.row == 0]
    compared = [hit.signals["late"] for hit in ranking.passages(1_000) if hit.row != 0]
    assert last.signals["late"] == min(compared)
    # The passages of an article that is shown are all compared.
    ((alone,),) = ranking.passages_of([0], 5)
    assert alone.signals["late"] > last.signals["late"] + 0.2


@pytest.mark.parametrize("mode", get_args(Mode))
def test_a_filter_ranks_among_what_it_leaves(plain: Generation, mode: Mode) -> None:
    ranking = rank(plain, "who stone", mode, among=np.array([0, 2]))
    assert set(rows(ranking)) == {BRONZE, HULL, RIG}
    assert rows(ranking)[0] == BRONZE
    assert [hit.row for hit in ranking.articles(10)] == [0, 2]
    nothing = rank(plain, "who stone", mode, among=np.array([], np.int64))
    assert nothing.passages(10) == nothing.articles(10) == []


@pytest.mark.parametrize("mode", get_args(Mode))
def test_equal_scores_are_in_the_order_of_the_rows(tmp_path: Path, mode: Mode) -> None:
    articles = [Article(id=id, question="Who?", answer="A bell.") for id in "cabd"]
    with opened(tmp_path, articles, TOKENS) as generation:
        ranking = rank(generation, "bell", mode, embedder=TOKENS)
        assert len({hit.score for hit in ranking.passages(10)}) == 1
        assert rows(ranking) == [hit.row for hit in ranking.articles(10)] == [0, 1, 2, 3]


def test_the_passages_of_articles_are_ranked_candidates_or_not(plain: Generation) -> None:
    ranking = rank(plain, "rope", "lexical")
    assert rows(ranking) == [RIG]
    ship, wall = ranking.passages_of([2, 1], 5)
    assert [(hit.row, hit.score) for hit in ship] == [(RIG, 1), (HULL, 0)]
    assert [(hit.row, hit.score) for hit in wall] == [(STONE, 0)]
    assert [len(hits) for hits in ranking.passages_of([2, 1], 1)] == [1, 1]
    assert ranking.passages_of([], 5) == []
    # Scored as the candidates are.
    hybrid = rank(plain, "rope oak")
    scores = {hit.row: hit.score for hit in hybrid.passages(10)}
    for hits in hybrid.passages_of([0, 1, 2], 5):
        assert {hit.row: hit.score for hit in hits}.items() <= scores.items()


@pytest.mark.parametrize("mode", get_args(Mode))
def test_an_index_without_passages_answers_nothing(tmp_path: Path, mode: Mode) -> None:
    with GenerationWriter(
        tmp_path, embedder=IDENTITY, splitter_version="1", tool_version="0", files=Files()
    ) as writer:
        write(writer, [article("bare", "Who?")])
    with Generation.open(tmp_path) as generation:
        ranking = rank(generation, "who", mode, embedder=EMBEDDER)
        assert ranking.passages(5) == ranking.articles(5) == []
        assert ranking.passages_of([0], 5) == [[]]
