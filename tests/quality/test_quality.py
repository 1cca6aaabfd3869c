"""A floor under the quality of answers: the bundled model on the articles of ``seeds/``.

``queries-*.jsonl`` holds queries with few words in common with what answers them;
``qrels-*.jsonl`` grades articles, and passages by how their text starts (3 answers, 2 in part,
1 related, 0 not). What nobody graded counts as 0. Twelve queries have no answer in ``seeds/``: they
judge the verdict alone.
"""

import json
import math
import re
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from qasearch import Index, SearchResult, read_articles

HERE = Path(__file__).parent
SEEDS = HERE.parents[1] / "seeds"

ARTICLE_FLOOR = 0.91
PASSAGE_FLOOR = 0.72
"""nDCG@10, a little below what docs/measurements.md has; there, passages that say the same are
told apart, which is worth .002."""

SURE_FLOOR = 22
"""Right first articles whose verdict is ``answer``: 28 of 55, as 48 articles teach caution."""
SURE_CEILING = 5
"""Queries that nothing answers, and whose verdict is ``answer`` all the same: 4 of 12."""


@dataclass
class Judged:
    """One query and its grades: of articles by id, of passages as (article id, start, grade)."""

    query: str
    articles: dict[str, int] = field(default_factory=dict[str, int])
    passages: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])

    @property
    def article_grades(self) -> list[int]:
        return list(self.articles.values())

    @property
    def passage_grades(self) -> list[int]:
        return [grade for *_, grade in self.passages]


def read_judged() -> dict[str, Judged]:
    judged = {line["qid"]: Judged(line["query"]) for line in lines("queries-*.jsonl")}
    for line in lines("qrels-*.jsonl"):
        target = judged[line["qid"]]
        if "starts" in line:
            target.passages.append((line["article_id"], line["starts"], line["grade"]))
        else:
            target.articles[line["article_id"]] = line["grade"]
    return judged


def lines(pattern: str) -> list[dict[str, str]]:
    files = sorted(HERE.glob(pattern))
    return [
        json.loads(line)
        for file in files
        for line in file.read_text(encoding="utf-8").split("\n")
        if line
    ]


JUDGED = list(read_judged().values())
ANSWERABLE = [judged for judged in JUDGED if max(judged.article_grades, default=0) >= 2]
UNANSWERABLE = [judged for judged in JUDGED if judged not in ANSWERABLE]
TO_THE_POINT = [judged for judged in ANSWERABLE if max(judged.passage_grades, default=0) >= 2]


def ndcg(grades: Sequence[int], ideal: Sequence[int], k: int = 10) -> float:
    """nDCG@k with the gain 2^grade - 1 (Burges et al., ICML 2005).

    Args:
        grades: of the hits, best first.
        ideal: all grades that the query has, in any order; one of them above 0.
        k: depth.
    """

    def dcg(ranked: Sequence[int]) -> float:
        return sum((2**grade - 1) / math.log2(rank + 1) for rank, grade in enumerate(ranked[:k], 1))

    return dcg(grades) / dcg(sorted(ideal, reverse=True))


def letters(text: str) -> str:
    """ASCII letters and digits alone, as the judgments write the start of a passage."""
    return re.sub(r"[^a-z0-9]+", "", text.lower())


def starts_like(text: str, start: str) -> bool:
    """Whether a passage is the one that a judgment means; a long one may be cut in pieces."""
    found = letters(text)
    return start in found or (len(found) >= 30 and start.startswith(found))


def articles_found(result: SearchResult, judged: Judged) -> list[int]:
    return [judged.articles.get(hit.article.id, 0) for hit in result.articles]


def passages_found(result: SearchResult, judged: Judged) -> list[int]:
    """The grade of each passage found; a judgment counts once, for the first that meets it."""
    left = list(judged.passages)
    grades: list[int] = []
    for hit in result.passages or ():
        met = [
            entry
            for entry in left
            if entry[0] == hit.passage.article_id and starts_like(hit.passage.text, entry[1])
        ]
        best = max(met, key=lambda entry: entry[2], default=None)
        if best is not None:
            left.remove(best)
        grades.append(best[2] if best is not None else 0)
    return grades


@pytest.mark.model
def test_articles(seeds_index: Path) -> None:
    assert mean_article_ndcg(seeds_index) >= ARTICLE_FLOOR


@pytest.mark.model
def test_passages(seeds_index: Path) -> None:
    assert mean_passage_ndcg(seeds_index) >= PASSAGE_FLOOR


def mean_article_ndcg(path: Path) -> float:
    with Index.open(path) as index:
        results = search(index, ANSWERABLE)
    return statistics.fmean(
        ndcg(articles_found(result, judged), judged.article_grades)
        for result, judged in zip(results, ANSWERABLE, strict=True)
    )


def mean_passage_ndcg(path: Path) -> float:
    with Index.open(path) as index:
        results = index.search_many([judged.query for judged in TO_THE_POINT], k=10, flat=True)
    return statistics.fmean(
        ndcg(passages_found(result, judged), judged.passage_grades)
        for result, judged in zip(results, TO_THE_POINT, strict=True)
    )


@pytest.mark.model
def test_the_verdict_is_answer_where_something_answers(seeds_index: Path) -> None:
    with Index.open(seeds_index) as index:
        right = [
            result.verdict
            for judged, result in zip(ANSWERABLE, search(index, ANSWERABLE), strict=True)
            if articles_found(result, judged)[0] >= 2
        ]
        wrong = [result.verdict for result in search(index, UNANSWERABLE)]
    assert right.count("answer") >= SURE_FLOOR
    assert wrong.count("answer") <= SURE_CEILING


def search(index: Index, several: Sequence[Judged]) -> list[SearchResult]:
    return index.search_many([judged.query for judged in several], k=10)


@pytest.mark.model
def test_the_first_question_of_all(seeds_index: Path) -> None:
    with Index.open(seeds_index) as index:
        best = index.search("how is peacekeeping funded").articles[0]
    assert best.article.question == "How is United Nations peacekeeping funded?"
    assert {point.passage.kind for point in best.points} == {"point"}
    assert "Assessed Contributions" in {point.passage.title for point in best.points}


def test_there_are_queries_enough() -> None:
    assert len(JUDGED) >= 80
    assert len(UNANSWERABLE) >= 12
    assert len(TO_THE_POINT) >= 68


def test_every_judgment_is_of_a_passage_of_the_seeds() -> None:
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for article in read_articles(SEEDS):
        texts[article.id] += [passage.text for passage in article.passages]
    graded = {entry[:2] for judged in JUDGED for entry in judged.passages}
    assert [
        (id, start) for id, start in graded if not any(starts_like(t, start) for t in texts[id])
    ] == []


def test_ndcg() -> None:
    assert ndcg([3, 2], [2, 3]) == 1
    assert ndcg([0, 3], [3]) == pytest.approx(1 / math.log2(3))
    assert ndcg([2, 3], [2, 3]) == pytest.approx((3 + 7 / math.log2(3)) / (7 + 3 / math.log2(3)))
    assert ndcg([0] * 10 + [3], [3]) == 0
