import datetime
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from qasearch import Article, DupesReport, Index
from qasearch.query.dupes import near_pairs
from tests.tiny import TinyEmbedder


def article(id: str, question: str, answer: str, year: int | None = None) -> Article:
    date = datetime.date(year, 1, 1) if year else None
    return Article(id=id, question=question, answer=answer, date=date)


BOIL, STEEP = "Boil fresh water and wait.", "Steep the leaves."
ARTICLES = [
    article("a1", "How is tea made?", BOIL, 2020),
    article("a2", "how is TEA  made", STEEP, 2024),
    article("a3", "How is tea made?", "boil fresh\nwater and WAIT."),
    article("b1", "What do guests drink?", "Mostly coffee.", 2021),
    article("c1", "What is poured at noon?", "mostly  coffee.", 2022),
    article("d1", "Which ships crossed northern oceans first, and why?", "Longboats.", 2021),
    article("d2", "Which ships crossed northern oceans first and when?", "Knarrs."),
    article("e1", "Who forged iron?", "Smiths."),
]


def report(folder: Path, articles: list[Article], near: float | None = 0.9) -> DupesReport:
    Index.build(articles, folder, embedder=TinyEmbedder(1024))
    with Index.open(folder, searchable=False) as index:
        return index.dupes(near=near)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> DupesReport:
    return report(tmp_path_factory.mktemp("dupes") / "index", ARTICLES, near=0.8)


def test_groups_of_every_kind_newest_first(found: DupesReport) -> None:
    assert [(c.kind, [a.id for a in c.articles], c.answers) for c in found.copies] == [
        ("conflict", ["a2", "a1", "a3"], (1, 2, 2)),
        ("duplicate", ["a1", "a3"], (1, 1)),
        ("alias", ["c1", "b1"], (1, 1)),
    ]


def test_near_questions_have_their_cosine(found: DupesReport) -> None:
    (pair,) = found.near
    assert [article.id for article in pair.articles] == ["d1", "d2"]
    assert pair.score == pytest.approx(6 / 7, abs=1e-6)  # six of seven words
    assert found.warnings == ()


@pytest.mark.parametrize(("near", "count"), [(None, 0), (0.86, 0), (0.85, 1), (1.0, 0)])
def test_the_threshold_decides(tmp_path: Path, near: float | None, count: int) -> None:
    assert len(report(tmp_path / "index", ARTICLES, near=near).near) == count


def test_what_shares_a_question_or_an_answer_is_not_near_too(tmp_path: Path) -> None:
    everything = report(tmp_path / "index", ARTICLES, near=0.0).near
    pairs = {tuple(article.id for article in pair.articles) for pair in everything}
    # a1 stands for a2 and a3, which ask the same; b1 and c1 share their answer.
    assert pairs == set(combinations(["a1", "b1", "c1", "d1", "d2", "e1"], 2)) - {("b1", "c1")}
    scores = [pair.score for pair in everything]
    assert scores == sorted(scores, reverse=True)


def test_blocks_change_nothing_and_the_nearest_are_told() -> None:
    texts = [" ".join(f"w{n % d}" for d in range(2, 9)) for n in range(60)]
    vectors = TinyEmbedder(1024).embed_passages(texts)
    rows, answers = np.arange(1, 60), np.arange(60) // 2
    expected = sorted(
        (-float(vectors[a] @ vectors[b]), a, b)
        for a in range(1, 60)
        for b in range(a + 1, 60)
        if answers[a] != answers[b] and vectors[a] @ vectors[b] >= 0.5
    )
    for size in (7, 64):
        found, count = near_pairs(vectors, rows, answers, 0.5, rows_at_once=size, most=9_999)
        assert count == len(found) == len(expected) > 200
        assert {pair[1:] for pair in found} == {pair[1:] for pair in expected}
        assert [score for score, *_ in found] == pytest.approx([-score for score, *_ in expected])
        cut = near_pairs(vectors, rows, answers, 0.5, rows_at_once=size, most=5)
        assert cut == (found[:5], count)


def test_a_thousand_pairs_are_enough(tmp_path: Path) -> None:
    many = [article(f"n{n:02}", f"Which ships crossed {n}?", f"Answer {n}.") for n in range(50)]
    cut = report(tmp_path / "index", many, near=0.0)
    assert len(cut.near) == 1_000
    assert cut.warnings == ("Of 1,225 pairs of near questions the 1,000 nearest are told.",)


@pytest.mark.parametrize("near", [-0.1, 1.1, float("nan")])
def test_a_threshold_is_a_cosine(tmp_path: Path, near: float) -> None:
    with pytest.raises(ValueError, match="is from 0 to 1"):
        report(tmp_path / "index", ARTICLES, near=near)


def test_nothing_repeats_itself(tmp_path: Path) -> None:
    alone = report(tmp_path / "index", ARTICLES[-1:])
    assert (alone.copies, alone.near, alone.article_count) == ((), (), 1)


def test_as_json(found: DupesReport) -> None:
    told = json.loads(json.dumps(found.to_dict()))
    assert told["schema"] == "qasearch.dupes/1"
    assert told["index"]["articles"] == 8
    assert told["copies"][0]["kind"] == "conflict"
    assert told["copies"][0]["articles"][0] == {
        "id": "a2",
        "question": "how is TEA  made",
        "subjects": [],
        "date": "2024-01-01",
        "url": None,
        "path": None,
        "answer": 1,
    }
    assert [article["id"] for article in told["near"][0]["articles"]] == ["d1", "d2"]
