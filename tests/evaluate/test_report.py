import json

import pytest

from qasearch.evaluate.measures import MEASURES, Scored
from qasearch.evaluate.queries import Query
from qasearch.evaluate.report import Evaluation, Gate, failures, parse_gate
from qasearch.evaluate.runs import Level

QUERIES = [
    Query("q1", "who pays", {"style": ("typo",)}),
    Query("q2", "who leads", {"style": ("long", "typo")}),
    Query("q3", "who knows", {"style": ("short",)}),
    Query("q4", "who cares"),
]


def scored(run: str, level: Level = "article", **values: float) -> Scored:
    measures = {qid: dict.fromkeys(MEASURES, value) for qid, value in values.items()}
    return Scored(run, level, measures, without_answer=("q3",), unjudged=(), not_in_run=0)


def test_groups_of_a_field() -> None:
    evaluation = Evaluation(QUERIES, 2, [scored("a", q1=1, q2=0, q4=0.5)], by=["style", "none"])
    (only,) = evaluation.scored
    groups = list(evaluation.groups(only))
    assert [(group.field, group.value, group.queries) for group in groups] == [
        ("", "", 3),
        ("style", "long", 1),
        ("style", "short", 0),
        ("style", "typo", 2),
    ]
    assert [group.means.get("RR@10") for group in groups] == [0.5, 0, None, 0.5]


def test_every_later_run_is_compared_with_the_first_at_its_level() -> None:
    runs = [scored("a", q1=0), scored("b", q1=1), scored("c", q1=0.5)]
    runs += [scored("b", "passage", q1=1), scored("c", "passage", q1=0)]
    found = Evaluation(QUERIES, 2, runs).differences()
    assert [(one.before, one.after, one.level, one.mean) for one in found[::3]] == [
        ("a", "b", "article", 1),
        ("a", "c", "article", 0.5),
        ("b", "c", "passage", -1),
    ]
    assert [one.measure for one in found[:3]] == ["nDCG@10", "RR@10", "R@100"]
    assert Evaluation(QUERIES, 2, [scored("a", q1=0), scored("b", q2=0)]).differences() == []


def test_as_json() -> None:
    runs = [scored("a", q1=1, q2=0), scored("b", q1=1, q2=1)]
    told = json.loads(json.dumps(Evaluation(QUERIES, 2, runs, by=["style"]).to_dict()))
    assert told["schema"] == "qasearch.eval/1"
    assert (told["queries"], told["relevant"], told["gain"]) == (4, 2, "2^grade - 1")
    first = told["runs"][0]
    assert (first["run"], first["level"], first["queries"]) == ("a", "article", 2)
    assert first["without_answer"] == ["q3"]
    assert first["measures"] == dict.fromkeys(MEASURES, 0.5)
    assert first["by"][0] == {
        "field": "style",
        "value": "long",
        "queries": 1,
        "measures": dict.fromkeys(MEASURES, 0),
    }
    assert told["differences"][0]["mean"] == 0.5


def test_rows() -> None:
    (row,) = Evaluation(QUERIES, 2, [scored("a", q1=0.25)]).rows()
    start = {"run": "a", "level": "article", "qid": "q1", "query": "who pays"}
    assert row == {**start, **dict.fromkeys(MEASURES, 0.25)}


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("nDCG@10=0.8", Gate("nDCG@10", 0.8)),
        (" passage.ndcg@10 = 1 ", Gate("nDCG@10", 1, "passage")),
        ("article.rr@10=0", Gate("RR@10", 0, "article")),
    ],
)
def test_gates(text: str, gate: Gate) -> None:
    assert parse_gate(text) == gate


@pytest.mark.parametrize(
    "text", ["", "nDCG@10", "nDCG@10=", "nDCG@5=0.5", "P@1=1.5", "P@1=nan", "point.P@1=1", "P@1=x"]
)
def test_what_is_no_gate_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no gate; write nDCG@10"):
        parse_gate(text)


def test_what_falls_short() -> None:
    runs = [scored("a", q1=0.5), scored("b", q1=0.75), scored("a", "passage", q1=0.25)]
    evaluation = Evaluation(QUERIES, 2, runs)
    assert failures(evaluation, [Gate("P@1", 0.25)]) == []
    assert failures(evaluation, [Gate("P@1", 0.6)]) == [
        "a: P@1 of articles is 0.5000, below 0.6",
        "a: P@1 of passages is 0.2500, below 0.6",
    ]
    assert failures(evaluation, [Gate("P@1", 0.5, "article")]) == []
    assert len(failures(evaluation, [Gate("P@1", 0.6, "passage")])) == 1
    with pytest.raises(ValueError, match="Nothing was judged"):
        failures(Evaluation(QUERIES, 2, [scored("a", q1=1)]), [Gate("P@1", 0.6, "passage")])
    with pytest.raises(ValueError, match="Nothing was judged"):
        failures(Evaluation(QUERIES, 2, [scored("a")]), [Gate("P@1", 0.6)])
