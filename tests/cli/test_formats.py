import csv
import io
import json
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.cli import formats
from qasearch.cli.formats import Answer
from qasearch.records import Article, SearchResult
from tests.cli.samples import BARE, CLOSING, DUES, FUNDING, OVERSIGHT, article_hit, hits, result

FOUND = result(article_hit(FUNDING, DUES, OVERSIGHT), article_hit(BARE, rank=2))
FLAT = result(passages=hits(DUES, CLOSING))
NOTHING = result()


def written(writer: formats.Writer, *results: SearchResult) -> str:
    answers = [Answer(f"q{number}", result) for number, result in enumerate(results, start=1)]
    return "".join(f"{piece}\n" for piece in writer(answers))


@given(st.text(st.characters(exclude_categories=())))
def test_json_is_harmless_and_says_the_same(text: str) -> None:
    line = formats.json_text({"text": text})
    assert json.loads(line) == {"text": text}
    assert all(c.isprintable() or ord(c) > 0x9F for c in line)
    line.encode()


def test_json_keeps_what_is_readable() -> None:
    assert formats.json_text("Où? 你好 \u202e") == '"Où? 你好 \\u202e"'


def test_json() -> None:
    assert json.loads(written(formats.as_one_json, FOUND)) == FOUND.to_dict()
    assert json.loads(written(formats.as_json, FOUND, FLAT)) == [FOUND.to_dict(), FLAT.to_dict()]
    assert json.loads(written(formats.as_json)) == []


def test_jsonl_has_one_object_a_line() -> None:
    lines = written(formats.as_jsonl, FOUND, NOTHING).splitlines()
    assert [json.loads(line) for line in lines] == [FOUND.to_dict(), NOTHING.to_dict()]


def test_jsonl_of_a_run_names_its_queries() -> None:
    lines = written(formats.as_jsonl_run, FOUND, NOTHING).splitlines()
    assert [json.loads(line) for line in lines] == [
        {"qid": "q1", **FOUND.to_dict()},
        {"qid": "q2", **NOTHING.to_dict()},
    ]


def test_trec() -> None:
    assert written(formats.as_trec, FOUND, NOTHING, FLAT) == (
        "q1 Q0 401 1 0.81250000 qasearch\n"
        "q1 Q0 7 2 0.81250000 qasearch\n"
        "q3 Q0 401#1 1 0.62500000 qasearch\n"
        "q3 Q0 401#3 2 0.50000000 qasearch\n"
    )


@pytest.mark.parametrize("id", ["a b", "a\tb", "a\u00a0b", ""])
def test_trec_cannot_hold_white_space_in_an_id(id: str) -> None:
    hit = article_hit(Article(id=id, question="Who?", answer="They."))
    with pytest.raises(ValueError, match="white space"):
        written(formats.as_trec, result(hit))


def test_csv_has_a_row_for_each_passage() -> None:
    text = written(formats.as_csv, FOUND, NOTHING)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [(row["id"], row["point_id"], row["point_ordinal"]) for row in rows] == [
        ("401", "401#1", "1"),
        ("401", "401#2", "12"),
        ("7", "", ""),
    ]
    first = rows[0]
    assert first["query"] == "who pays"
    assert first["subjects"] == "Politics; Economics"
    assert first["date"] == "2024-12-13"
    assert first["score"] == "0.8125"
    assert first["point_score"] == "0.625"
    assert first["confidence"] == ""
    assert first["point_section"] == "Who pays > The scale"
    assert rows[1]["point_text"] == OVERSIGHT.text


def test_flat_csv() -> None:
    rows = list(
        csv.DictReader(io.StringIO(written(partial(formats.as_csv, flat=True), FLAT), newline=""))
    )
    assert [(row["rank"], row["id"], row["kind"]) for row in rows] == [
        ("1", "401#1", "point"),
        ("2", "401#3", "paragraph"),
    ]


def test_csv_shows_what_is_harmful() -> None:
    hit = article_hit(Article(id="9", question="Who\x1b[2J?", answer="They."))
    assert "\x1b" not in written(formats.as_csv, result(hit))


def test_markdown() -> None:
    assert written(formats.as_markdown, result(article_hit(FUNDING, DUES, CLOSING))) == (
        "# who pays\n"
        "\n"
        "## 1. How are peacekeeping missions paid for?\n"
        "\n"
        "401 · Politics, Economics · 2024-12-13 · https://example.org/missions\n"
        "\n"
        "**1. Assessed contributions** (Who pays > The scale)\n"
        "\n"
        f"{DUES.text}\n"
        "\n"
        "**¶3**\n"
        "\n"
        f"{CLOSING.text}\n"
        "\n"
    )


def test_markdown_of_no_answer_says_so() -> None:
    assert "No answer found." in written(formats.as_markdown, NOTHING)


def test_a_web_address_is_the_first_choice_of_a_place() -> None:
    places = {
        ("https://example.org/a", "b.md"): "https://example.org/a",
        ("/learn/a", "b.md"): "b.md",
        ("/learn/a", None): "/learn/a",
        (None, None): "",
    }
    for (url, path), place in places.items():
        article = Article(
            id="1",
            question="Who?",
            answer="They.",
            urls=(url,) if url else (),
            paths=(path,) if path else (),
        )
        assert formats.place(article) == place
