"""Commands that judge and compare, eval and diff; and over stored vectors: related, dupes."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any, cast

import pytest

from qasearch import Index
from qasearch.cli import evaltext
from qasearch.cli.console import Screen
from qasearch.evaluate.measures import MEASURES, Scored
from qasearch.evaluate.queries import Query
from qasearch.evaluate.report import Evaluation
from tests.cli.conftest import FUNDING, TEA, Command, Outcome

QUERIES = """\
{"qid": "q1", "query": "who pays for missions", "style": "long"}
{"qid": "q2", "query": "steep the leaves", "style": "short"}
{"qid": "q3", "query": "money", "style": "short"}
{"qid": "q4", "query": "kettle"}
"""
QRELS = "qid\tarticle_id\tgrade\nq1\t401\t3\nq1\ttea\t1\nq2\ttea\t2\nq3\ttents\t1\n"
PASSAGES = """\
{"qid": "q2", "passage_id": "tea#2", "grade": 3}
{"qid": "q1", "article_id": "401", "starts": "statessendsoldiers", "grade": 2}
"""


@pytest.fixture
def judged(qasearch: Command, tmp_path: Path) -> list[str]:
    """Options that name queries and judgments of articles and of passages."""
    for name, text in (("q.jsonl", QUERIES), ("a.tsv", QRELS), ("p.jsonl", PASSAGES)):
        (tmp_path / name).write_text(text)
    return ["--queries", "q.jsonl", "--qrels", "a.tsv", "--qrels", "p.jsonl"]


def fields(outcome: Outcome) -> dict[str, Any]:
    return cast(dict[str, Any], outcome.json())


def test_eval_for_people(on_index: Command, judged: list[str]) -> None:
    found = on_index("eval", *judged, "--by", "style")
    assert (found.code, found.err) == (0, "")
    articles, passages = found.out.split("\n\n2 queries")
    lines = articles.splitlines()
    assert lines[0] == (
        "2 queries with a judged answer (grade 2 or better); "
        "1 judged without one and 1 without judgments left out."
    )
    assert lines[2].split() == [
        *("articles", "queries", "nDCG@10", "RR@10", "P@1", "R@10", "R@100", "Judged@10"),
    ]
    assert lines[3].split()[:-1] == ["index", "2", *["1.0000"] * 5]
    assert [line.split()[:2] for line in lines[4:]] == [
        ["by", "style"],
        ["long", "1"],
        ["short", "1"],
    ]
    assert passages.startswith(" with a judged answer (grade 2 or better); 2 without judgments")
    assert max(map(len, found.out.splitlines())) <= 110


def test_eval_for_programs(on_index: Command, judged: list[str]) -> None:
    told = fields(on_index("eval", *judged, "--json"))
    assert (told["schema"], told["queries"], told["relevant"]) == ("qasearch.eval/1", 4, 2)
    assert [(run["run"], run["level"], run["queries"]) for run in told["runs"]] == [
        ("index", "article", 2),
        ("index", "passage", 2),
    ]
    assert told["runs"][0]["without_answer"] == ["q3"]
    assert told["runs"][0]["unjudged"] == ["q4"]
    assert told["runs"][0]["measures"]["nDCG@10"] == pytest.approx(1)
    assert told["differences"] == told["short"] == []

    graded = fields(on_index("eval", *judged, "--json", "--relevant", "1"))
    assert graded["runs"][0]["queries"] == 3
    assert graded["runs"][0]["without_answer"] == []


def test_eval_writes_what_each_query_is_worth(on_index: Command, judged: list[str]) -> None:
    assert on_index("eval", *judged, "--per-query", "rows.csv", "-q").code == 0
    rows = list(csv.DictReader(io.StringIO(Path("rows.csv").read_text())))
    assert [(row["level"], row["qid"]) for row in rows] == [
        ("article", "q1"),
        ("article", "q2"),
        ("passage", "q1"),
        ("passage", "q2"),
    ]
    assert (rows[0]["query"], rows[0]["RR@10"]) == ("who pays for missions", "1.0")
    on_index("eval", *judged, "--per-query", "rows.jsonl")
    (first, *_) = map(json.loads, Path("rows.jsonl").read_text().splitlines())
    assert (first["run"], first["qid"], first["RR@10"]) == ("index", "q1", 1)


@pytest.mark.parametrize("form", ["trec", "jsonl"])
def test_eval_judges_what_run_writes(on_index: Command, judged: list[str], form: str) -> None:
    asked = fields(on_index("eval", *judged, "--json"))
    for level in ("article", "passage"):
        written = on_index("run", "q.jsonl", "--level", level, "--format", form)
        Path(f"{level}.run").write_text(written.out)
    if form == "trec":
        texts = on_index("eval", "--qrels", "p.jsonl", "--run", "passage.run")
        assert texts.code == 2
        assert "does not tell the texts of its passages" in texts.err
        judged = [*judged[:4]]
    for level, of_index in zip(("article", "passage"), asked["runs"], strict=True):
        if level == "passage" and form == "trec":
            continue
        (run,) = fields(on_index("eval", *judged, "--run", f"{level}.run", "--json"))["runs"]
        assert run["measures"] == of_index["measures"]
        assert (run["run"], run["level"]) == (f"{level}.run", level)


def test_eval_compares_runs_with_the_first(on_index: Command, judged: list[str]) -> None:
    Path("good.run").write_text("q1 Q0 401 1 2 x\nq2 Q0 tea 1 2 x\n")
    Path("bad.run").write_text("q1 Q0 tea 1 2 x\nq1 Q0 401 2 1 x\nq2 Q0 tea 1 2 x\n")
    both = ["eval", "--qrels", "a.tsv", "--run", "bad.run", "--run", "good.run"]
    told = fields(on_index(*both, "--json"))
    (ndcg, rr, recall) = told["differences"]
    assert (rr["before"], rr["after"], rr["measure"]) == ("bad.run", "good.run", "RR@10")
    assert (rr["mean"], rr["better"], rr["worse"], rr["equal"]) == (0.25, 1, 0, 1)
    assert (rr["low"], rr["high"]) == (0, 0.5)
    assert ndcg["mean"] > 0
    assert recall["mean"] == 0
    table = on_index(*both).out
    assert "\nCompared with bad.run:\n" in table
    line = next(line for line in table.splitlines() if "RR@10" in line and "+" in line)
    assert line.split() == [
        *("good.run", "article", "RR@10", "+0.2500", "+0.0000", "to", "+0.5000", "1", "0", "1"),
    ]


def test_eval_compares_modes(on_index: Command, judged: list[str]) -> None:
    told = fields(on_index("eval", *judged, "--mode", "dense", "--mode", "dense", "--json"))
    assert [run["run"] for run in told["runs"]] == ["dense"] * 4
    assert {one["mean"] for one in told["differences"]} == {0}
    wrong = on_index("eval", *judged, "--mode", "psychic")
    assert (wrong.code, wrong.out) == (2, "")
    assert "There is no mode 'psychic'" in wrong.err


def test_eval_is_a_gate(on_index: Command, judged: list[str]) -> None:
    assert on_index("eval", *judged, "--fail-under", "article.RR@10=0.9").code == 0
    short = on_index("eval", *judged, "--fail-under", "judged@10=1", "--json")
    assert short.code == 1
    assert short.err.startswith("index: Judged@10 of articles is 0.")
    assert fields(short)["short"][0] == short.err.splitlines()[0]


def test_eval_by_the_index_itself(on_index: Command) -> None:
    found = on_index("eval", "--self", "--fail-under", "RR@10=1")
    assert (found.code, found.err) == (0, "")
    assert found.out.splitlines()[0] == (
        "2 articles asked for by 2 queries; 1 passed over that say nothing to ask by."
    )
    assert found.out.splitlines()[2].split() == [
        *("articles", "queries", "RR@10", "R@1", "R@10", "R@100"),
    ]
    told = fields(on_index("eval", "--self", "--json", "--sample", "1"))
    assert (told["self"]["articles"], told["self"]["repeated"]) == (1, 0)
    assert told["runs"][0]["queries"] == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "What judges? --qrels FILE; or --self"),
        (["--qrels", "a.tsv"], "What is judged? --queries FILE"),
        (["--self", "--qrels", "a.tsv"], "--self asks without queries"),
        (["--self", "--sample", "0"], "at least 1 article"),
        (["--qrels", "a.tsv", "--run", "r", "--sample", "9"], "--sample is how many articles"),
        (["--qrels", "a.tsv", "--queries", "q.jsonl", "--by", "nosuch"], "fields are style."),
        (["--qrels", "a.tsv", "--run", "r", "--by", "style"], "the queries have none"),
        (["--self", "--fail-under", "passage.RR@10=0.5"], "--self judges articles only"),
        (["--self", "--by", "style"], "fields are subject, wording."),
        (["--qrels", "a.tsv", "--run", "r", "--mode", "dense"], "--mode and --run do not go"),
        (["--qrels", "a.tsv", "--run", "r", "--relevant", "0"], "is 1 or more, not 0"),
        (["--qrels", "a.tsv", "--run", "r", "--fail-under", "x"], "'x' is no gate"),
        (["--qrels", "p2.tsv", "--run", "r"], "r ranks articles, and --qrels judges none"),
        (["--qrels", "a.tsv", "--queries", "other.tsv"], "No query has a judgment"),
        (["--qrels", "none.tsv", "--run", "r"], "none.tsv"),
    ],
)
def test_eval_refuses_what_makes_no_sense(
    on_index: Command, judged: list[str], arguments: list[str], reason: str
) -> None:
    Path("r").write_text("q1 Q0 401 1 2 x\n")
    Path("p2.tsv").write_text("q1\t401#1\t1\n")
    Path("other.tsv").write_text("x1\twho pays\n")
    refused = on_index("eval", *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert reason in refused.err


def test_eval_tells_of_judgments_that_nobody_asked_for(
    on_index: Command, judged: list[str]
) -> None:
    Path("q.jsonl").write_text(QUERIES.splitlines()[0])
    found = on_index("eval", *judged)
    assert found.err == "warning: 2 judged queries are not among those asked\n"
    assert on_index("eval", *judged, "-q").err == ""


def test_diff_tells_what_changed(qasearch: Command, articles: Path) -> None:
    for name, text in (("pay.md", FUNDING), ("tea.md", TEA)):
        Path(name).write_text(text)
    Path("q.tsv").write_text("q1\twho pays for missions\nq2\tsteep the leaves\n")
    qasearch("build", "pay.md", "tea.md")
    first = re.findall("gen-[^ ]*", Path("index/CURRENT").read_text())[0]
    alone = qasearch("diff", "q.tsv")
    assert (alone.code, alone.out) == (2, "")
    assert f"has no generation before {first}" in alone.err

    Path("tea.md").write_text(TEA.replace("for four minutes", "briefly"))
    qasearch("build", "pay.md", "tea.md")
    second = re.findall("gen-[^ ]*", Path("index/CURRENT").read_text())[0]
    changed = qasearch("diff", "q.tsv")
    assert changed.code == 1
    assert changed.out.splitlines() == [
        f"1 of 2 first answers changed from {first} to {second}.",
        "",
        f"q2: steep the leaves{'another text':>60}",
        " before  How is black tea made? · tea",
        "         2. Leaves",
        "  after  How is black tea made? · tea",
        "         2. Leaves",
    ]
    told = fields(qasearch("diff", "q.tsv", "--json"))
    assert (told["schema"], told["from"], told["to"]) == ("qasearch.diff/1", first, second)
    (change,) = told["changes"]
    assert (change["qid"], change["kind"]) == ("q2", "text")
    assert change["before"]["articles"][0]["points"][0]["text"] == (
        "Steep the leaves for four minutes."
    )

    same = qasearch("diff", "q.tsv", "--from", second)
    assert (same.code, same.out) == (
        0,
        f"0 of 2 first answers changed from {second} to {second}.\n",
    )
    missing = qasearch("diff", "q.tsv", "--from", "gen-1")
    assert (missing.code, missing.out) == (3, "")
    assert "There is no generation 'gen-1'" in missing.err
    assert f"There are {first}, {second}." in missing.err


def test_related(on_index: Command) -> None:
    found = on_index("related", "401", "-k", "1")
    assert (found.code, found.err) == (0, "")
    assert re.fullmatch(
        r"Who pays for missions\?\n\n1  Where do soldiers sleep\? +-?\d\.\d\d\n   tents · .*\n",
        found.out,
    )
    told = fields(on_index("related", "401", "--json"))
    assert told["article"]["id"] == "401"
    assert sorted(hit["id"] for hit in told["articles"]) == ["tea", "tents"]
    missing = on_index("related", "402", "--json")
    assert missing.code == 1
    assert fields(missing)["error"]["message"] == "The index has no article '402'."
    assert on_index("related", "401", "-k", "0").code == 2


def test_dupes(qasearch: Command, model: Path) -> None:
    for name, question, answer, date in (
        ("a", "How is tea made?", "Boil fresh water.", "2024-12-13"),
        ("b", "how is tea made", "Steep the leaves.", "2024-12-15"),
        ("c", "Who pays?", "Steep the  leaves.", "2024-12-14"),
        ("d", "Where do soldiers sleep?", "In tents.", "2024-12-13"),
        ("e", "Where do the soldiers sleep?", "In tents, mostly.", "2024-12-13"),
    ):
        Path(f"{name}.md").write_text(
            f"---\nid: {name}\nquestion: {question}\ndate: {date}\n---\n\n{answer}\n"
        )
    Index.build([Path(f"{name}.md") for name in "abcde"], "index", model=str(model))
    found = qasearch("dupes", "--near", "0.8")
    assert (found.code, found.err) == (1, "")
    assert found.out.splitlines() == [
        "same question, other answers: 1",
        "",
        "how is tea made",
        "  answer 1  b · 2024-12-15 · b.md",
        "How is tea made?",
        "  answer 2  a · 2024-12-13 · a.md",
        "",
        "same answer, other questions: 1",
        "",
        "how is tea made",
        "      b · 2024-12-15 · b.md",
        "Who pays?",
        "      c · 2024-12-14 · c.md",
        "",
        "nearly the same question: 1",
        "",
        "Where do soldiers sleep?",
        *[line for line in found.out.splitlines() if line.startswith("  0.")],
        "Where do the soldiers sleep?",
        "        e · 2024-12-13 · e.md",
    ]
    told = fields(qasearch("dupes", "--json", "--near", "1"))
    assert [group["kind"] for group in told["copies"]] == ["conflict", "alias"]
    assert told["near"] == []
    assert qasearch("dupes", "--near", "2").code == 2


def test_nothing_repeats_itself(on_index: Command) -> None:
    found = on_index("dupes")
    assert (found.code, found.out) == (0, "Nothing in 3 articles repeats itself.\n")


@pytest.mark.parametrize(
    ("screen", "shown"),
    [
        (Screen(width=50, terminal=True), ["queries", "nDCG@10", "RR@10", "P@1"]),
        (Screen(width=40, terminal=True), ["queries", "nDCG@10", "RR@10"]),
        (Screen(width=10, terminal=True), ["queries", "nDCG@10"]),
        (Screen(width=40), ["queries", *evaltext.JUDGED_COLUMNS]),
    ],
)
def test_a_terminal_shows_the_measures_that_it_has_room_for(
    screen: Screen, shown: list[str]
) -> None:
    scored = Scored("run", "article", {"q": dict.fromkeys(MEASURES, 0.5)}, (), (), 0)
    text = evaltext.as_text(Evaluation([Query("q", "who")], 2, [scored]), None, screen)
    head, row = text.splitlines()[-2:]
    assert head.split() == ["articles", *shown]
    assert row.split() == ["run", "1", *["0.5000"] * (len(shown) - 1)]
    if screen.width >= 40 and screen.terminal:
        assert max(map(len, text.splitlines())) <= screen.width
