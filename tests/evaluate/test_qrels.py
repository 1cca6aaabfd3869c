from pathlib import Path

import pytest

from qasearch.evaluate.qrels import Judgment, Qrels, read_qrels


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "qrels"


@pytest.mark.parametrize(
    "text",
    [
        "q1 0 401 3\nq1 0 401#2 1\nq2 0 tea 0\n",
        "q1\t0\t401\t3\r\n\r\nq1\t0\t401#2\t1\r\nq2\t0\ttea\t0",
        "qid\tarticle_id\tgrade\nq1\t401\t3\nq1\t401#2\t1\nq2\ttea\t0\n",
        "\ufeffquery-id\tcorpus-id\tscore\nq1\t401\t3\nq1\t401#2\t1\nq2\ttea\t0\n",
        "Grade\tID\tQID\n3\t401\tq1\n1\t401#2\tq1\n0\ttea\tq2\n",
        "q1\t401\t3\nq1\t401#2\t1\nq2\ttea\t0\n",
        '{"qid": "q1", "article_id": 401, "grade": 3}\n'
        '{"qid": "q1", "passage_id": "401#2", "grade": 1}\n'
        '{"query_id": "q2", "id": "tea", "relevance": 0}\n',
    ],
)
def test_forms_of_judgments(text: str, file: Path) -> None:
    file.write_text(text, encoding="utf-8")
    assert read_qrels(file) == Qrels(
        articles={"q1": [Judgment("401", 3)], "q2": [Judgment("tea", 0)]},
        passages={"q1": [Judgment("401#2", 1)]},
    )


def test_a_passage_may_be_known_by_how_it_starts(file: Path) -> None:
    file.write_text('{"qid": "q1", "article_id": "401", "starts": "everystatepays", "grade": 2}\n')
    assert read_qrels(file) == Qrels({}, {"q1": [Judgment("401", 2, "everystatepays")]})


def test_an_id_may_have_blanks_in_a_table(file: Path) -> None:
    file.write_text("qid\tid\tgrade\nq 1\tblack tea\t1\n")
    assert read_qrels(file).articles == {"q 1": [Judgment("black tea", 1)]}


def test_below_0_is_0(file: Path) -> None:
    file.write_text("q1 0 spam -2\nq1 0 tea 1\n")
    qrels = read_qrels(file)
    assert qrels.articles == {"q1": [Judgment("spam", 0), Judgment("tea", 1)]}
    assert qrels.highest_grade() == 1


def test_several_files_are_one_and_the_same_may_be_said_twice(file: Path) -> None:
    file.write_text("q1 0 tea 1\n")
    other = file.with_name("other")
    other.write_text("qid\tid\tgrade\nq1\ttea\t1\nq1\ttea#1\t1\n")
    assert read_qrels(file, other) == Qrels(
        {"q1": [Judgment("tea", 1)]}, {"q1": [Judgment("tea#1", 1)]}
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("q1 0 tea 1\nq1 0 tea\n", ":2: not the four columns of TREC qrels"),
        ("q1 0 tea 1\nq1 0 tea 2\n", ":2: 'tea' is graded 2 here and 1 before"),
        ("q1 0 tea 1\nq1 0 pot good\n", ":2: 'good' is no grade"),
        ("q1\ttea\t21\n", ":1: '21' is no grade; write a whole number up to 20"),
        ("qid\tid\tgrade\nq1\ttea\n", ":2: not as many columns as qid, id, grade"),
        ("topic\tthing\tgrade\nq1\ttea\t1\n", ":2: no text under 'passage_id' or 'article_id'"),
        ("tea\n", ":1: not as many columns as qid, id, grade"),
        ('{"qid": "q1", "id": "tea"}\n', ":1: no text under 'grade' or 'score'"),
        ('{"qid": "q1", "id": "tea", "grade": 1.5}\n', ":1: no text under 'grade'"),
        ('{"qid": "q1", "id": "tea", "grade": 1, "starts": ""}\n', ":1: nothing but blanks under"),
        ('{"qid": "q1", "id": ""', ":1: not JSON"),
        ("\n\n", ": there are no judgments in it"),
        ("qid\tid\tgrade\n", ": there are no judgments in it"),
    ],
)
def test_what_is_no_judgment_is_named(text: str, reason: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(ValueError) as error:
        read_qrels(file)
    assert str(error.value).startswith(f"{file}{reason}")
