import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.cli import render
from qasearch.cli.console import Screen
from qasearch.cli.formats import Answer
from qasearch.records import IndexStatus, Passage, Refusal, SearchResult
from tests.cli.samples import BARE, CLOSING, DUES, FUNDING, OVERSIGHT, article_hit, hits, result


def shown(result: SearchResult, screen: Screen | None = None, *, headed: bool = False) -> str:
    (text,) = render.as_text([Answer("1", result)], screen or Screen(), headed=headed)
    return text


def test_articles_with_their_points() -> None:
    found = result(article_hit(FUNDING, OVERSIGHT, DUES, CLOSING), article_hit(BARE, rank=2))
    assert shown(found, Screen(width=60)).splitlines() == [
        "1  How are peacekeeping missions paid for?              0.81",
        "   401 · Politics, Economics · 2024-12-13",
        "   https://example.org/missions",
        "",
        "   12. Oversight                                        0.62",
        "       Two bodies look over the money:",
        "       - a committee of budget experts, before the vote is",
        "         taken in the assembly",
        "       - auditors, after the year",
        "",
        "    1. Assessed contributions                           0.50",
        "       Who pays > The scale",
        "       Every member state owes a share of the budget, set",
        "       for three years at a time.",
        "",
        "    ¶3 Without money no mission.                        0.38",
        "",
        "2  Who sends troops?                                    0.81",
        "   7",
    ]


def test_a_section_stands_in_for_a_title() -> None:
    passage = replace(CLOSING, section_path=("Who pays",))
    assert shown(result(article_hit(BARE, passage)), Screen(width=40)).splitlines()[3:] == [
        "   ¶3 Who pays                      0.62",
        "      Without money no mission.",
    ]


def test_passages_of_a_flat_search() -> None:
    assert shown(result(passages=hits(CLOSING)), Screen(width=40)).splitlines() == [
        "1  401#3                            0.62",
        "   ¶3 Without money no mission.",
    ]


def test_confidence_takes_the_place_of_the_score() -> None:
    text = shown(result(article_hit(FUNDING, DUES, confidence=0.934)))
    assert text.count("93%") == 2
    assert "0.81" not in text


def test_no_answer_is_said_plainly() -> None:
    assert shown(result()) == "No answer: nothing in 2,400 articles fits."


def test_several_queries_are_told_apart() -> None:
    assert shown(result(query="who\npays"), headed=True).startswith("? who pays\n\nNo answer")


def test_facets_come_last() -> None:
    counted = result(article_hit(BARE), facets={"subject": [("Politics", 4), ("Law", 1)]})
    assert shown(counted).endswith("\n\nsubject: Politics (4), Law (1)")


def test_a_long_text_is_shortened_between_words() -> None:
    text = shown(result(article_hit(BARE, replace(CLOSING, text="money matters " * 200))))
    block = text.split("\n\n")[1].splitlines()
    assert len(block) == render.TEXT_LINES
    assert re.search(r"(money|matters) …$", block[-1])


@pytest.mark.parametrize("width", [40, 80, 100])
@given(
    text=st.text(st.characters(exclude_categories=()), max_size=300),
    title=st.none() | st.text(st.characters(exclude_categories=()), max_size=100),
)
def test_whatever_the_content_it_stays_within_the_width(
    width: int, text: str, title: str | None
) -> None:
    passage = Passage("7", 1, "point", text, 0, 1, ordinal="3", title=title, section_path=(text,))
    article = replace(BARE, question=text, subjects=(text,))
    found = shown(result(article_hit(article, passage)), Screen(width=width))
    assert max(map(len, found.splitlines())) <= width
    assert "\x1b" not in found


def test_a_terminal_gets_colours_and_links() -> None:
    found = result(article_hit(FUNDING, replace(DUES, text="**Every** state pays 2**3**4.")))
    text = shown(found, Screen(rich=True))
    assert "\x1b[1mHow are peacekeeping missions paid for?\x1b[0m" in text
    assert "\x1b[1mAssessed contributions\x1b[0m" in text
    assert "\x1b]8;;https://example.org/missions\x1b\\" in text
    assert "\x1b[1mEvery\x1b[0m state pays 2**3**4." in text

    bare = re.sub(r"\x1b\[[\d;]*m|\x1b\]8;;.*?\x1b\\", "", text)
    assert bare == shown(found).replace("**Every**", "Every")


def test_a_long_place_is_shortened_only_where_it_can_be_followed() -> None:
    path = f"politics/{'long-' * 30}name.md"
    found = result(article_hit(replace(BARE, paths=(path,))))
    assert path in shown(found)
    assert f"{path[-20:]}" in shown(found, Screen(rich=True))
    assert path not in shown(found, Screen(rich=True))


def test_an_article_as_it_stands() -> None:
    assert render.source_text(FUNDING, None, FUNDING.answer, Screen()).splitlines() == [
        "How are peacekeeping missions paid for?",
        "401 · Politics, Economics · 2024-12-13 · https://example.org/missions",
        "",
        *FUNDING.answer.split("\n"),
    ]


def test_a_passage_as_it_stands_is_under_its_section() -> None:
    lines = render.source_text(FUNDING, DUES, "1. **Dues**\x1b: so.\n", Screen()).splitlines()
    assert lines[2:] == ["", "Who pays > The scale", "", r"1. **Dues**\x1b: so."]


def test_status() -> None:
    status = IndexStatus(
        path="index",
        generation="gen-0000000001-0123abcd",
        created="2026-11-22T10:00:00Z",
        model="tiny",
        fingerprint="tiny-256",
        dim=256,
        articles=2_400,
        passages=9_000,
        sources=2_300,
        stale=("a", "b", "c", "d", "e", "f"),
        refused=(Refusal("bad.md", 3, "no", "yaml"), Refusal("worse.md", None, "no", "io")),
        generations=("gen-0000000001-0123abcd", "gen-0000000002-0123abcd"),
        bytes={"generation": 12_345_678, "other_generations": 2_000, "cache": 999},
    )
    text = render.status_text(status, Screen())
    assert dict(re.split(r" {2,}", line) for line in text.splitlines()) == {
        "index": "index",
        "generation": "gen-0000000001-0123abcd",
        "built": "2026-11-22T10:00:00Z",
        "model": "tiny (256 dimensions)",
        "fingerprint": "tiny-256",
        "articles": "2,400",
        "passages": "9,000",
        "source files": "2,300",
        "stale": "6: a, b, c, d, e, ...",
        "refused": "2: bad.md:3, worse.md",
        "generations": "gen-0000000001-0123abcd, gen-0000000002-0123abcd",
        "generation on disk": "12.3 MB",
        "other generations on disk": "2.0 kB",
        "cache on disk": "999 B",
    }
