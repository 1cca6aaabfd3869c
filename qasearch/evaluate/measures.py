"""How good a run is, by judgments: the measures of ir_measures, query by query.

nDCG is that of Burges et al. (ICML 2005): the gain of grade g is 2^g - 1, the discount log2(1 +
rank). ir_measures computes it as ``nDCG(gains={1: 1, 2: 3, 3: 7})@10``: its own default takes the
grade itself for the gain, and its ``dcg='exp-log2'`` needs Perl. What nobody judged counts as 0.
"""

import re
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from qasearch.evaluate.qrels import Judgment, Qrels
from qasearch.evaluate.runs import Level, RankedPassage, Run

MEASURES = ("nDCG@10", "RR@10", "P@1", "R@1", "R@10", "R@100", "Judged@10")
"""Judged@10 is the share of the first ten that somebody judged: where it is low, the others are."""

GAIN = "2^grade - 1"

SHORTEST_PIECE = 30
"""Letters and digits from which on a passage may be a piece of the one that a judgment means."""

Values: TypeAlias = Mapping[str, float]
"""Measures by name."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What a run is worth at one level.

    Attributes:
        run: its name.
        level: what was ranked.
        values: the measures of each query that something judged answers, by query id.
        without_answer: ids of queries with judgments, none of which is of an answer; they are left
            out of the measures.
        unjudged: ids of queries without any judgment; they are left out too.
        not_in_run: how many queries of ``values`` the run has nothing for; they count as 0.
    """

    run: str
    level: Level
    values: Mapping[str, Values]
    without_answer: tuple[str, ...]
    unjudged: tuple[str, ...]
    not_in_run: int

    def means(self, qids: Iterable[str] | None = None) -> Values:
        """The mean of each measure over these queries (None: all); none of them has values: {}."""
        chosen = [self.values[qid] for qid in (self.values if qids is None else qids)]
        if not chosen:
            return {}
        return {name: statistics.fmean(value[name] for value in chosen) for name in MEASURES}


def default_relevant(qrels: Qrels) -> int:
    """The lowest grade that is an answer: 1 of judgments by yes and no, 2 of graded ones.

    Of grades up to 3 the lowest says "related" and answers nothing, as at TREC (Craswell et al.,
    Overview of the TREC 2019 Deep Learning Track).
    """
    return 1 if qrels.highest_grade() <= 1 else 2


def judged_levels(qrels: Qrels) -> list[Level]:
    """The levels that there are judgments for."""
    every: list[tuple[Level, object]] = [("article", qrels.articles), ("passage", qrels.passages)]
    return [level for level, judgments in every if judgments]


def judge(run: Run, qrels: Qrels, level: Level, *, qids: Collection[str], relevant: int) -> Scored:
    """Measure a run at one of its levels.

    Args:
        run: what was brought back.
        qrels: the judgments.
        level: one that the run ranks.
        qids: the queries that were asked.
        relevant: the lowest grade that is an answer, from 1.

    Raises:
        ValueError: the run does not rank that, or its passages lack the text that a judgment needs.
    """
    grades, ranked = _matched(run, qrels, level, qids)
    answerable = {
        qid: of_query
        for qid, of_query in grades.items()
        if max(of_query.values(), default=0) >= relevant
    }
    return Scored(
        run=run.name,
        level=level,
        values=_measured(answerable, ranked, relevant),
        without_answer=tuple(qid for qid, g in grades.items() if g and qid not in answerable),
        unjudged=tuple(qid for qid, g in grades.items() if not g),
        not_in_run=sum(not ranked[qid] for qid in answerable),
    )


def _measured(
    grades: Mapping[str, Mapping[str, int]], ranked: Mapping[str, Sequence[str]], relevant: int
) -> dict[str, dict[str, float]]:
    """Each measure of each query in ``grades``."""
    import ir_measures

    highest = max((g for of_query in grades.values() for g in of_query.values()), default=0)
    if not highest:
        return {}
    gains = {grade: 2**grade - 1 for grade in range(1, highest + 1)}
    # Their providers make attributes at run time, which no type checker sees.
    measures: Any = ir_measures
    named = {
        measures.nDCG(gains=gains) @ 10: "nDCG@10",
        measures.RR(rel=relevant) @ 10: "RR@10",
        measures.P(rel=relevant) @ 1: "P@1",
        measures.R(rel=relevant) @ 1: "R@1",
        measures.R(rel=relevant) @ 10: "R@10",
        measures.R(rel=relevant) @ 100: "R@100",
        measures.Judged @ 10: "Judged@10",
    }
    # Scores that fall with the rank: equal ones would be ordered by id.
    scores = {qid: {id: -rank for rank, id in enumerate(ranked[qid])} for qid in grades}
    values: dict[str, dict[str, float]] = {qid: {} for qid in grades}
    evaluator = measures.evaluator(list(named), {qid: dict(g) for qid, g in grades.items()})
    for found in evaluator.iter_calc({qid: hits for qid, hits in scores.items() if hits}):
        values[found.query_id][named[found.measure]] = float(found.value)
    return values


def _matched(
    run: Run, qrels: Qrels, level: Level, qids: Collection[str]
) -> tuple[dict[str, dict[str, int]], dict[str, list[str]]]:
    """For each query the grades by id, and the ids that the run ranks, each once."""
    grades: dict[str, dict[str, int]] = {}
    ranked: dict[str, list[str]] = {}
    if level not in run.levels:
        raise ValueError(f"{run.name} ranks no {level}s.")
    for qid in qids:
        judgments = (qrels.articles if level == "article" else qrels.passages).get(qid, [])
        grades[qid] = {_key(judgment): judgment.grade for judgment in judgments}
        if level == "article":
            ids = (run.articles or {}).get(qid, [])
        else:
            ids = _met((run.passages or {}).get(qid, []), judgments, run.name)
        ranked[qid] = list(dict.fromkeys(ids))
    return grades, ranked


def _key(judgment: Judgment) -> str:
    return judgment.id if judgment.starts is None else f"{judgment.id}~{judgment.starts}"


def _met(passages: Sequence[RankedPassage], judgments: Sequence[Judgment], name: str) -> list[str]:
    """For each passage the judgment that it meets, else its own id; no judgment is met twice.

    Of several that a passage meets, the best counts.
    """
    left = {_key(judgment): judgment for judgment in judgments if judgment.starts is not None}
    keys: list[str] = []
    for passage in passages:
        met = [key for key, judgment in left.items() if _is_meant(passage, judgment, name)]
        best = max(met, key=lambda key: left[key].grade, default=passage.id)
        left.pop(best, None)
        keys.append(best)
    return keys


def _is_meant(passage: RankedPassage, judgment: Judgment, name: str) -> bool:
    """Whether a passage has the text that a judgment means, or is a long enough piece of it."""
    if passage.article_id != judgment.id or judgment.starts is None:
        return False
    if passage.text is None:
        raise ValueError(
            f"{name} does not tell the texts of its passages, by which they are judged; "
            "write it with `qasearch run --level passage --format jsonl`."
        )
    letters = re.sub(r"[^a-z0-9]+", "", passage.text.lower())
    return judgment.starts in letters or (
        len(letters) >= SHORTEST_PIECE and judgment.starts.startswith(letters)
    )
