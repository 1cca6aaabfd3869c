"""Measures against values worked out by hand."""

from math import log2

import pytest

from qasearch.evaluate.measures import (
    MEASURES,
    Scored,
    default_relevant,
    judge,
    judged_levels,
)
from qasearch.evaluate.qrels import Judgment, Qrels
from qasearch.evaluate.runs import RankedPassage, Run


def grades(**of_query: dict[str, int]) -> Qrels:
    return Qrels({q: [Judgment(id, g) for id, g in ids.items()] for q, ids in of_query.items()})


QRELS = grades(q1={"a": 3, "b": 2, "c": 1, "d": 0}, q2={"a": 2}, q3={"c": 1}, q4={"a": 0})


def of(ranked: dict[str, list[str]], qrels: Qrels = QRELS, relevant: int = 2) -> Scored:
    qids = ["q1", "q2", "q3", "q4", "q5"]
    return judge(Run("mine", ranked), qrels, "article", qids=qids, relevant=relevant)


def test_every_measure_by_hand() -> None:
    scored = of({"q1": ["x", "b", "d", "a"], "q2": ["y", "z", "a"]})
    ideal = 7 + 3 / log2(3) + 1 / 2
    assert scored.values["q1"] == pytest.approx(
        {
            "nDCG@10": (3 / log2(3) + 7 / log2(5)) / ideal,
            "RR@10": 1 / 2,
            "P@1": 0,
            "R@1": 0,
            "R@10": 1,
            "R@100": 1,
            "Judged@10": 3 / 4,
        }
    )
    assert scored.values["q2"] == pytest.approx(
        {
            "nDCG@10": 1 / log2(4),
            "RR@10": 1 / 3,
            "P@1": 0,
            "R@1": 0,
            "R@10": 1,
            "R@100": 1,
            "Judged@10": 1 / 3,
        }
    )
    assert scored.means()["RR@10"] == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert scored.means(["q2"])["RR@10"] == pytest.approx(1 / 3)
    assert scored.means([]) == {}
    assert tuple(scored.means()) == MEASURES


def test_the_order_of_the_run_counts_and_not_that_of_ids() -> None:
    assert of({"q1": ["a", "b"]}).values["q1"]["RR@10"] == 1
    assert of({"q1": ["z", "a"]}).values["q1"]["RR@10"] == 1 / 2
    assert of({"q1": ["0", "a"]}).values["q1"]["RR@10"] == 1 / 2
    assert of({"q1": ["c", "b", "a"]}).values["q1"]["P@1"] == 0


def test_a_depth_is_kept() -> None:
    others = [f"x{number}" for number in range(100)]
    values = of({"q1": [*others[:10], "a"], "q2": [*others[:99], "a"]}).values
    assert [values["q1"][name] for name in ("nDCG@10", "RR@10", "R@10", "R@100")] == [0, 0, 0, 0.5]
    assert values["q2"]["R@100"] == 1
    assert of({"q2": [*others, "a"]}).values["q2"]["R@100"] == 0


def test_an_id_that_a_run_repeats_counts_once() -> None:
    assert of({"q1": ["b", "b", "b", "a"]}).values["q1"] == of({"q1": ["b", "a"]}).values["q1"]


def test_queries_that_nothing_judged_answers_are_left_out_and_told() -> None:
    scored = of({"q1": ["a"], "q3": ["c"], "q4": ["a"], "q5": ["a"]})
    assert list(scored.values) == ["q1", "q2"]
    assert scored.without_answer == ("q3", "q4")
    assert scored.unjudged == ("q5",)
    assert scored.not_in_run == 1
    assert scored.values["q2"] == dict.fromkeys(MEASURES, 0)
    assert list(of({}, relevant=1).values) == ["q1", "q2", "q3"]
    assert of({}, relevant=4).values == {}
    assert of({}, relevant=4).means() == {}


def test_judgments_by_yes_and_no_need_a_1_and_graded_ones_a_2() -> None:
    assert default_relevant(grades(q1={"a": 1, "b": 0})) == 1
    assert default_relevant(QRELS) == 2
    assert default_relevant(Qrels({}, {"q1": [Judgment("a#1", 3)]})) == 2


def test_levels() -> None:
    assert judged_levels(QRELS) == ["article"]
    assert judged_levels(Qrels({}, {"q1": [Judgment("a#1", 1)]})) == ["passage"]
    with pytest.raises(ValueError, match="mine ranks no passages"):
        judge(Run("mine", {}), QRELS, "passage", qids=["q1"], relevant=1)


def passages(*judgments: Judgment, hits: list[RankedPassage]) -> dict[str, float]:
    run = Run("mine", passages={"q1": hits})
    qrels = Qrels({}, {"q1": list(judgments)})
    return dict(judge(run, qrels, "passage", qids=["q1"], relevant=2).values["q1"])


def test_passages_by_id() -> None:
    hits = [RankedPassage("a#1", "a"), RankedPassage("a#2", "a")]
    found = passages(Judgment("a#2", 3), Judgment("b#2", 3), hits=hits)
    assert (found["RR@10"], found["R@10"]) == (1 / 2, 1 / 2)


LONG = "everymemberstateowesashareofthecostofeachmission"
TEXT = "Every member-state owes a share, of the cost of each mission!"


@pytest.mark.parametrize(
    ("text", "met"),
    [
        (TEXT, True),
        (f"1. **Dues**: {TEXT} And more.", True),
        ("Every member state owes a share of", False),  # 28 letters: too short to be sure
        ("Every member state owes a share of the", True),
        ("Every member state owes nothing at all, ever", False),
    ],
)
def test_passages_by_how_their_text_starts(text: str, *, met: bool) -> None:
    found = passages(Judgment("a", 3, LONG), hits=[RankedPassage("a#7", "a", text)])
    assert found["P@1"] == met
    elsewhere = passages(Judgment("b", 3, LONG), hits=[RankedPassage("a#7", "a", text)])
    assert elsewhere["P@1"] == 0


def test_a_judgment_counts_once_and_the_best_of_several_first() -> None:
    good, fair = Judgment("a", 3, "good"), Judgment("a", 2, "fair")
    both = RankedPassage("a#1", "a", "fair and good")
    once = passages(good, fair, hits=[both])
    assert once["nDCG@10"] == pytest.approx(7 / (7 + 3 / log2(3)))
    assert once["R@10"] == 1 / 2
    twice = passages(good, fair, hits=[both, RankedPassage("a#2", "a", "good and fair")])
    assert twice["nDCG@10"] == pytest.approx(1)
    thrice = passages(good, hits=[both, RankedPassage("a#2", "a", "good")])
    assert (thrice["nDCG@10"], thrice["Judged@10"]) == (1, 1 / 2)


def test_without_texts_there_is_nothing_to_match() -> None:
    with pytest.raises(ValueError, match="mine does not tell the texts of its passages"):
        passages(Judgment("a", 3, LONG), hits=[RankedPassage("a#1", "a")])
