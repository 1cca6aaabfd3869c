"""What holds for any text at all."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.ingest.split import Outline, split, split_article
from qasearch.records import Article

PIECES = [
    *["# A", "## 1. B", "## 2. C", "### Step 1: D", "### Step 2: E", "**F**:", "__G__"],
    *["Title\n===", "Title\n---", "## Conclusion", "#### H"],
    *["1. I", "2. **J**: j", "3.", "1) K", "(2) L", "**1. M**", "**2.** N", "1\\. O"],
    *["   1. P", "\t2. Q", "    3. R", "1945. S", "3.5 T", "> 1. U", "wrapped\n4. prose"],
    *["- V", "* **W**: w", "  - X", "- $y$ is it", "where:", "such as:"],
    *["```", "~~~", "```py", "$$", "$$z$$", "cost ($$)", "| a | b |", "|---|"],
    *["---", "***", "In summary, this.", "These end it.", "plain prose", "", "", "\r"],
]

structured = st.lists(st.sampled_from(PIECES), max_size=25).map("\n".join)
arbitrary = st.one_of(st.text(), st.text(alphabet="#*-_`~$|>().:01239 \n\t\r\\aI\x0b\x85\u2028"))


def uncovered(text: str, outline: Outline) -> str:
    """What no part covers; fails where parts overlap or run backwards."""
    rest: list[str] = []
    position = 0
    for part in outline.parts:
        assert position <= part.start < part.end
        rest.append(text[position : part.start])
        position = part.end
    return "".join(rest) + text[position:]


def assert_sound(text: str, outline: Outline) -> None:
    assert uncovered(text, outline).strip() == ""
    for part in outline.parts:
        source = text[part.start : part.end]
        assert source == source.strip()
        if part.kind == "filler":
            assert source.strip("-*_= \t0123456789.()\\") == ""
    for i, passage in enumerate(outline.passages):
        assert passage.seq == i + 1
        assert text[passage.start : passage.end].endswith(passage.text)
        assert passage.text or passage.title
        assert (passage.kind == "point") == (passage.ordinal is not None is not passage.run)
    starts = [passage.start for passage in outline.passages]
    assert starts == sorted(starts)
    assert bool(outline.passages) == bool(text.strip())
    sources = {text[part.start : part.end] for part in outline.parts}
    assert {outline.intro, outline.summary} <= {None, *sources}


@given(arbitrary)
def test_any_text_is_split_without_loss(text: str) -> None:
    assert_sound(text, split(text))


@given(structured)
def test_any_mixture_of_structures_is_split_without_loss(text: str) -> None:
    assert_sound(text, split(text))


@given(structured)
def test_points_lie_apart(text: str) -> None:
    points = [p for p in split(text).passages if p.kind == "point"]
    assert all(a.end <= b.start for a, b in pairwise(points))


@given(st.lists(st.text("abc ", min_size=1).map(str.strip).filter(bool), min_size=1, max_size=30))
def test_a_plain_list_comes_back_item_by_item(items: list[str]) -> None:
    text = "\n\n".join(f"{i}. {item}" for i, item in enumerate(items, start=1))
    outline = split(f"Intro.\n\n{text}\n\nIn summary, done.")
    assert [(p.ordinal, p.text) for p in outline.passages] == [
        (str(i), item) for i, item in enumerate(items, start=1)
    ]


@pytest.mark.parametrize(
    "unit",
    [
        "#",
        "# ",
        "1. ",
        "1. a\n",
        "`",
        "```\n",
        "**",
        "**a**\n",
        "- a\n\nb\n\n",
        "$$\n",
        " ",
        "(",
        "a",
    ],
)
def test_long_monotonous_text_is_split_too(unit: str) -> None:
    text = unit * (30_000 // len(unit))
    assert_sound(text, split(text))


def test_an_article_keeps_its_flags_and_gets_the_rest() -> None:
    article = Article("9", "Q?", "Intro.\n\n1. A.\n\nOverall, B.", flags=("refusal",))
    done = split_article(article)
    assert done.passages[0].id == "9#1"
    assert (done.intro, done.summary, done.flags) == ("Intro.", "Overall, B.", ("refusal",))
    assert done.answer == article.answer
