"""Answers without numbers: sections, else bullets, else paragraphs."""

import pytest

from qasearch.ingest.split import split

LONG = "each of these is long enough to be found by itself, as a rule of thumb"


def units(text: str) -> list[tuple[str, str | None, str]]:
    return [(p.kind, p.title, " ".join(p.text.split())) for p in split(text).passages]


def test_sections_come_first() -> None:
    found = split("Intro.\n\n## A\nOne.\n\n# B\n\n**C:**\n- x\n- y\n\n## Summary\nEnd.")
    assert [(p.kind, p.title, p.section, p.text) for p in found.passages] == [
        ("section", "A", None, "One."),
        ("section", "C", "B", "- x\n- y"),
    ]
    assert (found.intro, found.summary) == ("Intro.", "End.")


@pytest.mark.parametrize(
    ("bullets", "kinds"),
    [
        (f"- **X**: {LONG}\n- Y: {LONG}\n  - z\n- {LONG}", ["section", *["bullet"] * 3]),
        (f"- **X**: {LONG}\n- Y: {LONG}", ["section"]),
        ("- x\n- y\n- z", ["section"]),
        (f"- $x$ {LONG}\n- $y$ {LONG}\n- z {LONG}", ["section"]),
    ],
    ids=["many and long", "too few", "too short", "symbols"],
)
def test_many_long_bullets_of_a_section_are_passages_too(bullets: str, kinds: list[str]) -> None:
    found = split(f"## A\nOne.\n\n{bullets}\n\n## B")
    assert [p.kind for p in found.passages] == kinds
    section, *children = found.passages
    assert all(section.start < child.start and child.end <= section.end for child in children)
    assert [child.title for child in children] in ([], ["X", "Y", None])
    assert [child.section for child in children] == ["A"] * len(children)
    assert len([part for part in found.parts if part.kind == "passage"]) == 1


def test_short_prose_above_deeper_headings_is_no_passage() -> None:
    assert units("# A\nSee:\n## B\nx\n## C\ny") == [("section", "B", "x"), ("section", "C", "y")]


def test_bullets_come_next() -> None:
    found = split(
        "About it.\n\nIt has:\n\n- **A**: x\n  more\n- B: y\n- z\n\nIt lacks:\n* c\n* d\n\nAn end."
    )
    assert [(p.kind, p.title, p.text) for p in found.passages] == [
        ("paragraph", None, "About it."),
        ("bullet", "A", "x\n  more"),
        ("bullet", "B", "y"),
        ("bullet", None, "z"),
        ("bullet", None, "c"),
        ("bullet", None, "d"),
        ("paragraph", None, "An end."),
    ]
    lead_ins = [p.lead_in for p in found.passages]
    assert lead_ins == [None, *["It has:"] * 3, *["It lacks:"] * 2, None]
    assert (found.intro, found.summary) == (None, None)


@pytest.mark.parametrize(
    "bullets",
    [
        "where:\n- alpha is one\n- beta is two",
        "with\n- $a$ as one\n- \\(b\\) as two\n- c",
        "and\n- only one",
    ],
)
def test_symbols_and_lone_bullets_stay_with_their_paragraph(bullets: str) -> None:
    text = f"It is given by\n\n$$\nx\n$$\n\n{bullets}"
    assert [p.kind for p in split(f"{text}\n\nNext.").passages] == ["paragraph", "paragraph"]


def test_paragraphs_come_last_with_what_hangs_on_them() -> None:
    text = (
        "One.\n\nTwo, as in:\n\n```\nx\n```\n\n"
        "Three.\n\n$$\ny\n$$\n\nis what it is.\n\n| a |\n\nOverall, four."
    )
    assert units(text) == [
        ("paragraph", None, "One."),
        ("paragraph", None, "Two, as in: ``` x ```"),
        ("paragraph", None, "Three. $$ y $$ is what it is. | a |"),
    ]
    assert split(text).summary == "Overall, four."


@pytest.mark.parametrize(
    "text",
    ["One line.", "In summary, one line.", "# A", "---", "## Conclusion\n\nOne.", "1.", "- x"],
)
def test_every_answer_that_says_something_has_a_passage(text: str) -> None:
    found = split(text)
    assert [text[p.start : p.end] for p in found.passages] == [text]


def test_a_blank_answer_has_none() -> None:
    assert split(" \n\t\n").passages == ()
