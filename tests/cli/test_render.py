import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.cli import render
from qasearch.cli.console import Screen, unpainted
from qasearch.cli.formats import Answer
from qasearch.cli.whytext import why_text
from qasearch.records import (
    IndexStatus,
    Passage,
    Refusal,
    SearchResult,
    SignalPart,
    WhyResult,
)
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


def test_a_terminal_gets_a_meter_in_the_colour_of_the_verdict() -> None:
    for confidence, meter in (
        (0.934, "\x1b[32m▰▰▰▰▰  93%\x1b[0m"),
        (0.25, "\x1b[33m▰▱▱▱▱  25%\x1b[0m"),
        (0.04, "\x1b[31m▱▱▱▱▱   4%\x1b[0m"),
        (1.0, "\x1b[32m▰▰▰▰▰ 100%\x1b[0m"),
    ):
        found = result(article_hit(FUNDING, DUES, confidence=confidence))
        text = shown(found, Screen(rich=True))
        assert text.count(meter) == 2
        title = next(line for line in text.splitlines() if "Assessed" in line)
        assert len(unpainted(title)) == 80


def test_no_answer_is_said_plainly() -> None:
    assert shown(result()) == "No answer: nothing in 2,400 articles fits."


def test_the_nearest_are_shown_under_what_the_verdict_says() -> None:
    found = result(article_hit(FUNDING, confidence=0.1))
    none = shown(replace(found, verdict="no_answer"))
    assert none.startswith("No answer in this collection; nearest articles:\n\n1  How are")
    related = shown(replace(found, verdict="related"))
    assert related.startswith("Perhaps no answer in this collection; related articles:\n\n1  How")
    assert shown(replace(found, verdict="answer")).startswith("1  How are")
    flat = result(passages=hits(DUES, confidence=0.1))
    flat = shown(replace(flat, verdict="no_answer"))
    assert flat.startswith("No answer in this collection; nearest passages:\n\n1  401#1")


def test_words_that_match_are_bold_on_a_terminal_wherever_they_wrap() -> None:
    at = DUES.text.index("budget, set for three")
    (hit,) = article_hit(FUNDING, DUES).points
    marked = replace(hit, highlights=((0, 5), (at, at + 21)))
    found = result(replace(article_hit(FUNDING), points=(marked,)))
    text = shown(found, Screen(rich=True, width=60))
    assert "\x1b[1mEvery\x1b[0m member" in text
    assert "\x1b[1mbudget, set for\x1b[0m\n" in text
    assert "   \x1b[1mthree\x1b[0m years" in text
    assert shown(found, Screen(width=60)) == shown(
        result(article_hit(FUNDING, DUES)), Screen(width=60)
    )


def test_marks_keep_their_place_behind_what_is_escaped_and_within_bold() -> None:
    passage = replace(CLOSING, text="\x07\t **no money** and\n- no mission", title=None)
    at = [passage.text.index(word) for word in ("money", "mission")]
    (hit,) = article_hit(BARE, passage).points
    hit = replace(hit, highlights=((at[0], at[0] + 5), (at[1], at[1] + 7)))
    text = shown(result(replace(article_hit(BARE), points=(hit,))), Screen(rich=True))
    assert "\\x07     \x1b[1mno money\x1b[0m and" in text
    assert "- no \x1b[1mmission\x1b[0m" in text


def test_signals_are_explained_on_lines_that_fit() -> None:
    parts = {
        "passage": SignalPart(0.75, 0.34, 1),
        "lexical": SignalPart(0.0, 0.03, None),
        "late": SignalPart(0.5, 0.63, 12),
    }
    hit = replace(article_hit(FUNDING), explain=parts)
    assert shown(result(hit), Screen(width=60)).splitlines()[3:] == [
        "   passage 0.75 x 0.34 #1 · lexical 0.00 x 0.03 ·",
        "   late 0.50 x 0.63 #12",
    ]


WHY = WhyResult(
    query="who pays",
    mode="hybrid",
    article=BARE,
    outcome="found",
    rank=2,
    k=5,
    score=0.5,
    confidence=0.5,
    min_confidence=0.6,
    folded_under=None,
    candidates=40,
    depth=125,
    vector_rank=1_200,
    word_rank=None,
    passage=hits(CLOSING)[0],
    words=("money",),
    missing=("pays", "who"),
    generation="gen-0000000001-0123abcd",
    model="tiny",
    article_count=2_400,
    passage_count=9_000,
    took_ms=1.0,
)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (WHY, "Found at rank 2, confidence 50.0%."),
        (replace(WHY, outcome="filtered"), "Left out by the filter (--where)"),
        (replace(WHY, outcome="no_candidate"), "no passage of it is among the candidates"),
        (
            replace(WHY, outcome="no_candidate", mode="dense"),
            "the candidates, which are the best 125 by vectors. Of 9,000 passages its best is "
            "number 1,200 by vectors; the first 125 are candidates.",
        ),
        (
            replace(WHY, outcome="no_candidate", mode="lexical", vector_rank=None, word_rank=130),
            "the candidates, which are the best 125 by words. Of 9,000 passages its best is "
            "number 130 by words; the first 125 are candidates.",
        ),
        (replace(WHY, outcome="folded", folded_under="8"), "Folded under 8, which asks the same"),
        (replace(WHY, outcome="below_k", rank=9), "rank 9 of 40, where 5 were wanted (-k)."),
        (replace(WHY, outcome="low_confidence"), "Left out by --min-confidence 0.6: rank 2"),
    ],
)
def test_why_names_the_step(told: WhyResult, said: str) -> None:
    text = why_text(told, Screen(width=90))
    assert said in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 90


def test_why_shows_the_best_passage_and_the_words() -> None:
    assert why_text(WHY, Screen()).splitlines() == [
        "Who sends troops?",
        "7",
        "",
        "Found at rank 2, confidence 50.0%.",
        "Of 9,000 passages its best is number 1,200 by vectors; the first 125 of each are",
        "candidates.",
        "",
        "Its best passage:",
        "",
        "  ¶3 Without money no mission." + " " * 46 + "0.62",
        "",
        "words of the query it has: money",
        "words it lacks: pays, who",
    ]


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


def test_long_lines_of_a_source_break_between_words_on_a_terminal_only() -> None:
    source = "1. **Dues**: every state pays a share.\n\nSo be it."
    piped = render.source_text(BARE, None, source, Screen(width=24)).splitlines()
    assert piped[3:] == source.splitlines()
    screen = Screen(width=24, terminal=True)
    assert render.source_text(BARE, None, source, screen).splitlines()[3:] == [
        "1. **Dues**: every state",
        "   pays a share.",
        "",
        "So be it.",
    ]
    rich = render.source_text(BARE, None, source, replace(screen, rich=True))
    assert "1. \x1b[1mDues\x1b[0m: every state" in rich


def test_a_passage_as_it_stands_is_under_its_section() -> None:
    lines = render.source_text(FUNDING, DUES, "1. **Dues**\x1b: so.\n", Screen()).splitlines()
    assert lines[2:] == ["", "Who pays > The scale", "", r"1. **Dues**\x1b: so."]


STATUS = IndexStatus(
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
SAID_OF_STATUS = {
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


def test_status() -> None:
    text = render.status_text(STATUS, Screen())
    assert dict(re.split(r" {2,}", line) for line in text.splitlines()) == SAID_OF_STATUS


def test_a_long_fact_of_a_status_goes_on_below_itself_on_a_terminal() -> None:
    names = tuple(f"gen-{number:010}-0123abcd" for number in range(1, 4))
    status = replace(STATUS, generations=names)
    assert ", ".join(names) in render.status_text(status, Screen(width=60))
    lines = render.status_text(status, Screen(width=60, terminal=True)).splitlines()
    assert max(map(len, lines)) <= 60
    assert [line[27:].rstrip(",") for line in lines[-6:-3]] == list(names)
