"""What speaks for a passage, each signal against numbers worked out by hand."""

from collections.abc import Iterator
from math import log, sqrt
from pathlib import Path

import numpy as np
import pytest

from qasearch import Article
from qasearch.index import Generation
from qasearch.protocols import Rows
from qasearch.query.signals import (
    LENGTH_DISCOUNT,
    PROSE_DISCOUNT,
    USUAL_TOKENS,
    Candidates,
    SignalReader,
    Weights,
)
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
from tests.tiny import TinyEmbedder, TinyTokenEmbedder

ALL = np.array([BRONZE, STONE, HULL, RIG])
CODED = 0.05
"""What four bits a number may change of a cosine."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    """Of an embedder that tells no tokens apart."""
    with opened(tmp_path_factory.mktemp("plain"), ARTICLES) as generation:
        yield generation


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generation]:
    """With tokens."""
    with opened(tmp_path_factory.mktemp("coded"), ARTICLES, TOKENS) as generation:
        yield generation


def reader(
    generation: Generation,
    query: str,
    embedder: TinyEmbedder = WORDS_ALONE,
    *,
    depth: int = 100,
    among: Rows | None = None,
) -> SignalReader:
    question = ask(generation, query, embedder)
    return SignalReader(generation, question, depth=depth, among=generation.scope_of(among))


def bm25(passages: int, words: int, holding: int, *, times: int = 1) -> float:
    """Of one word, k1 = 1.2 and b = 0.75, in four passages of 4.5 words on average."""
    rareness = log(1 + (passages - holding + 0.5) / (holding + 0.5))
    return rareness * 2.2 * times / (times + 1.2 * (0.25 + 0.75 * words / 4.5))


def test_passage_is_the_cosine(plain: Generation) -> None:
    assert reader(plain, "who").passage(ALL) == pytest.approx(
        [1 / 2, 1 / 2, 1 / sqrt(5), 1 / sqrt(5)], abs=1e-6
    )
    assert reader(plain, "bell of bronze").passage(np.array([HULL, BRONZE])) == pytest.approx(
        [0, sqrt(1 / 2)], abs=1e-6
    )


def test_lexical_is_bm25_over_its_best(plain: Generation) -> None:
    found = reader(plain, "Who walls?")
    alone = bm25(4, 4, 4), bm25(4, 5, 4)
    best = alone[0] + bm25(4, 4, 1)
    assert found.best_lexical == pytest.approx(best, rel=1e-5)
    assert found.lexical(ALL) == pytest.approx(
        [alone[0] / best, 1, alone[1] / best, alone[1] / best], rel=1e-5
    )
    # What was not proposed is not looked up.
    (short,) = [reader(plain, "Who walls?", depth=1)]
    assert short.worded.tolist() == [STONE]
    assert short.lexical(ALL).tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("query", ["xyzzy", "of the", "?"])
def test_without_a_word_that_is_there_nothing_is_lexical(plain: Generation, query: str) -> None:
    found = reader(plain, query)
    assert (found.best_lexical, found.worded.tolist()) == (0, [])
    assert found.lexical(ALL).tolist() == [0] * 4


def test_words_are_stemmed(plain: Generation) -> None:
    assert reader(plain, "planking walled").worded.tolist() == [STONE, HULL]


def test_what_is_near_is_proposed(plain: Generation) -> None:
    assert reader(plain, "oak planks").near.tolist() == ALL.tolist()
    # Ties by ascending row.
    assert reader(plain, "who", depth=1).near.tolist() == [BRONZE]
    assert reader(plain, "who", depth=3).near.tolist() == [BRONZE, STONE, HULL]


def test_a_filter_leaves_the_passages_of_some_articles(plain: Generation) -> None:
    found = reader(plain, "who walls", among=np.array([0, 2]))
    assert found.near.tolist() == found.worded.tolist() == [BRONZE, HULL, RIG]
    # The best is the best of those left.
    assert found.lexical(ALL) == pytest.approx(
        [1, 0, *[bm25(4, 5, 4) / bm25(4, 4, 4)] * 2], rel=1e-5
    )
    nearest = reader(plain, "who oak", depth=1, among=np.array([1, 2]))
    assert nearest.near.tolist() == [HULL]
    nothing = reader(plain, "who walls", among=np.array([], np.int64))
    assert nothing.near.tolist() == nothing.worded.tolist() == []
    assert nothing.best_lexical == 0


def test_late_is_how_well_each_token_is_matched(coded: Generation) -> None:
    found = reader(coded, "bell of bronze", TOKENS).late(ALL)
    discounts = LENGTH_DISCOUNT * np.log(np.array([4, 4, 5, 5]) / USUAL_TOKENS)
    discounts[[BRONZE, STONE]] += PROSE_DISCOUNT
    assert found == pytest.approx(np.array([1, 0, 0, 0]) - discounts, abs=CODED)
    # Of the question that stands in front of the passage, too.
    found = reader(coded, "rings", TOKENS).late(ALL)
    assert found == pytest.approx(np.array([1, 0, 0, 0]) - discounts, abs=CODED)


def test_a_numbered_point_is_before_prose_that_matches_as_well(tmp_path: Path) -> None:
    answers = "Canvas, rope.", "1. Rope, canvas.\n2. Planks, oak."
    articles = [Article(str(i), "Who sails?", answer) for i, answer in enumerate(answers)]
    with opened(tmp_path, articles, TOKENS) as generation:
        prose, point, _ = reader(generation, "canvas rope", TOKENS).late(np.arange(3))
    assert point - prose == pytest.approx(PROSE_DISCOUNT, abs=1e-6)


def test_late_is_in_the_order_of_the_rows_asked_for(coded: Generation) -> None:
    found = reader(coded, "stone", TOKENS).late(np.array([RIG, STONE, BRONZE]))
    assert found.argmax() == 1
    assert found[1] > 0.9
    assert max(found[0], found[2]) < 0.2


def test_rare_words_count_more(coded: Generation) -> None:
    common, rare = (sqrt(log(1 + (4 - n + 0.5) / (n + 0.5))) + 0.01 for n in (4, 1))
    question = ask(coded, "who bell", TOKENS)
    assert question.weights == pytest.approx(
        [common / (common + rare), rare / (common + rare)], abs=1e-5
    )
    found = reader(coded, "who bell", TOKENS).late(np.array([BRONZE, STONE]))
    # Both have 4 tokens; only one has the bell.
    assert found[0] - found[1] == pytest.approx(rare / (common + rare), abs=CODED)


def test_a_stop_word_hardly_counts(coded: Generation) -> None:
    class WithStopWords(TinyTokenEmbedder):
        def query_words(self, texts):  # pyright: ignore
            return [["the", "bell"] for _ in texts]

    weights = ask(coded, "rope bell", WithStopWords(128)).weights
    assert weights is not None
    assert weights[0] < 0.01 < 0.99 < weights[1]
    assert weights.sum() == pytest.approx(1)


def test_tokens_without_a_word_each_count_alike(coded: Generation) -> None:
    class Miscounting(TinyTokenEmbedder):
        def query_words(self, texts):  # pyright: ignore
            return [["one"] for _ in texts]

    question = ask(coded, "who bell", Miscounting(128))
    assert question.weights is None
    found = SignalReader(coded, question, depth=4, among=None).late(np.array([BRONZE, STONE]))
    assert found[0] - found[1] == pytest.approx(1 / 2, abs=CODED)


def test_without_tokens_late_says_nothing(plain: Generation, coded: Generation) -> None:
    assert ask(plain, "bell", TinyTokenEmbedder(4_096)).tokens is None
    assert reader(plain, "bell").late(ALL).tolist() == [0] * 4
    # An embedder that tells no tokens apart, on an index that has some.
    assert reader(coded, "bell", TinyEmbedder(128)).late(ALL).tolist() == [0] * 4
    # A query without a token.
    assert reader(coded, "of the", TOKENS).late(ALL).tolist() == [0] * 4
    assert reader(coded, "bell", TOKENS).late(ALL[:0]).tolist() == []


def test_feedback_is_the_cosine_to_the_mean_of_the_best(plain: Generation) -> None:
    found = reader(plain, "anything")
    alone = found.feedback(ALL, np.array([BRONZE]))
    assert alone == pytest.approx([1, 1 / 4, 1 / sqrt(20), 1 / sqrt(20)], abs=1e-6)
    # Of two vectors with the cosine 1/4, either to their mean: (1 + 1/4) / sqrt(2 + 2/4).
    both = found.feedback(ALL, np.array([BRONZE, STONE]))
    assert both[:2] == pytest.approx([1.25 / sqrt(2.5)] * 2, abs=1e-6)
    assert both[2:] == pytest.approx([2 / sqrt(20) / sqrt(2.5)] * 2, abs=1e-6)
    assert found.feedback(ALL, ALL[:0]).tolist() == [0] * 4


def test_the_question_of_an_article_is_compared_by_its_vector(plain: Generation) -> None:
    found = reader(plain, "who rings").questions(np.array([2, 0]))
    assert found == pytest.approx([1 / 2, 1], abs=1e-6)


def test_signals_are_weighed() -> None:
    rows = np.array([3, 5])
    scores = {
        "passage": np.array([0.5, 0.25], np.float32),
        "lexical": np.array([1, 0], np.float32),
        "late": np.array([0, 0.5], np.float32),
        "feedback": np.array([0.75, 0.5], np.float32),
    }
    candidates = Candidates(rows, scores)  # pyright: ignore[reportArgumentType]
    weighed = candidates.weighed(Weights(passage=1, lexical=0.5, late=2, feedback=0.5, question=9))
    assert weighed == pytest.approx([(0.5 + 0.5 + 0.375) / 4, (0.25 + 1 + 0.25) / 4])
    assert candidates.weighed(Weights(lexical=3)).tolist() == [1, 0]
