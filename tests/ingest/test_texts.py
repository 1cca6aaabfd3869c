from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.ingest import texts
from qasearch.ingest.split import split_article
from qasearch.ingest.texts import joined_text, passage_text, question_text
from qasearch.records import Article


def embedded(answer: str, question: str = "What is\n it?") -> list[str]:
    article = split_article(Article("1", question, answer))
    return [passage_text(article, passage) for passage in article.passages]


def test_the_question_is_one_line() -> None:
    assert question_text(Article("1", " What\n is it? ", "x")) == "What is it?"


def test_a_passage_is_embedded_behind_question_and_sections() -> None:
    assert embedded("## A\n### B:\n1. **C**: d.\n2. e") == [
        "What is it?\nA > B\nC: d.",
        "What is it?\nA > B\ne",
    ]
    assert embedded("## A\nb\n## C\nd")[0] == "What is it?\nA: b"


@pytest.mark.parametrize(
    "answer",
    [
        "7. A\n8. B",
        "## 7. A\nx\n## 8. B\ny",
        "## Step 7: A\n7. x\n8. y\n## Step 8: B",
        "7. A\n   8. B",
    ],
)
def test_numbers_that_only_count_are_left_out(answer: str) -> None:
    assert not any(digit in text for text in embedded(answer) for digit in "78")


def test_numbers_that_mean_something_stay() -> None:
    assert embedded("1. In 1945. Then\n   300. more")[0].endswith("In 1945. Then 300. more")


BODIES = {
    "1. **A**:\n   - **b**: c\n   * d\n     1. e": "A: b: c d e",
    "1. a\n\n$$\nx*y\n$$\n\n2. b": "a $$ x*y $$",
    "1. a\n```py\nx = **y\n\nz\n```\n2. b": "a x = **y z",
    "1. a\n\n| b | c |\n|---|:-:|\n| d | e |\n\n2. f": "a b c d e",
    "1. **A**": "A",
}


@pytest.mark.parametrize(("answer", "body"), BODIES.items(), ids=list(BODIES))
def test_layout_is_flattened(answer: str, body: str) -> None:
    assert embedded(answer)[0] == f"What is it?\n{body}"


@pytest.mark.parametrize("block", ["```\n{}\n```", "| {} |"])
def test_of_code_and_tables_the_beginning_is_kept(block: str) -> None:
    rows = block.format("\n".join(f"| row{i:03}" for i in range(100)))
    text = embedded(f"1. Before.\n\n{rows}\n\nAfter.\n\n2. x")[0]
    body = text.removeprefix("What is it?\nBefore. ").removesuffix(" After.")
    assert "row000" in body
    assert "row099" not in body
    assert 250 < len(body) <= 360


LINES = ["a b", "c**d**", "  e ", "- f", "**g**", "$$", "```", "==", "1. h", "|", "\x1f", ""]


@given(st.lists(st.sampled_from(LINES)))
def test_a_closer_look_changes_nothing_where_none_is_needed(lines: list[str]) -> None:
    body = "\n".join(lines)
    plain = joined_text("Q", (), None, body)
    with patch.object(texts, "_is_plain", return_value=False):
        assert joined_text("Q", (), None, body) == plain
