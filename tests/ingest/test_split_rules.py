"""The rules for numbered points, one table each; every text is the test's own."""

from textwrap import dedent

import pytest

from qasearch.ingest.split import Outline, split


def outline(text: str) -> Outline:
    return split(dedent(text).strip("\n"), article_id="7")


def numbers(text: str) -> list[str | None]:
    return [p.ordinal for p in outline(text).passages if p.kind == "point"]


def points(text: str) -> list[tuple[str | None, str | None, str]]:
    """Ordinal, title and text of each point, blanks collapsed."""
    return [
        (p.ordinal, p.title, " ".join(p.text.split()))
        for p in outline(text).passages
        if p.kind == "point"
    ]


def others(text: str) -> list[tuple[str, str | None, str]]:
    """Kind, title and text of each passage that is no point, blanks collapsed."""
    return [
        (p.kind, p.title, " ".join(p.text.split()))
        for p in outline(text).passages
        if p.kind != "point"
    ]


PLAIN = """
    Bees dance for three reasons:

    1. **Distance**: The length of the run tells how far.

    2. **Direction**: The angle tells where.
    3. **Quality** - The zeal tells how good.

    In summary, dances are maps.
    """


def test_a_plain_answer_has_intro_points_and_summary() -> None:
    found = outline(PLAIN)
    assert points(PLAIN) == [
        ("1", "Distance", "The length of the run tells how far."),
        ("2", "Direction", "The angle tells where."),
        ("3", "Quality", "The zeal tells how good."),
    ]
    assert found.intro == "Bees dance for three reasons:"
    assert found.summary == "In summary, dances are maps."
    assert found.flags == ()
    assert [part.kind for part in found.parts] == ["intro", *["passage"] * 3, "summary"]


def test_offsets_are_those_of_the_source_marker_and_title_included() -> None:
    answer = dedent(PLAIN)
    point = split(answer, article_id="7").passages[1]
    assert answer[point.start : point.end] == "2. **Direction**: The angle tells where."
    assert (point.id, point.seq, point.run) == ("7#2", 2, 1)


# R2: what is masked

MASKED = {
    "a fence": "1. A\n```\n1. x\n## y\n2. x\n```\n2. B",
    "a fence of tildes": "1. A\n~~~\n2. x\n~~~\n2. B",
    "a fence behind a bullet": "1. A\n   - ```\n     2. x\n     ```\n2. B",
    "a formula": "1. A\n$$\n2. x\n$$\n2. B",
    "a formula that a line of text opens": "1. A, so $$\n2. x\n$$\n2. B",
}


@pytest.mark.parametrize("text", MASKED.values(), ids=MASKED.keys())
def test_what_looks_like_structure_in_code_and_formulas_is_content(text: str) -> None:
    assert numbers(text) == ["1", "2"]
    assert outline(text).passages[0].text.startswith("A")
    assert "x" in outline(text).passages[0].text


def test_an_unclosed_fence_ends_with_the_text_and_is_told() -> None:
    found = outline("1. A\n\n```\n2. x\n# y")
    assert [p.ordinal for p in found.passages] == ["1"]
    assert found.flags == ("unclosed_fence",)
    assert found.warnings == ("line 3: unclosed code fence",)


def test_prices_and_unclosed_formulas_mask_nothing() -> None:
    assert numbers("1. Cheap ($$)\n2. Dear ($$$)\n3. Fair ($$)\n4. $$ and up") == list("1234")


# R3: what is a marker

MARKERS = {
    "dot": "1. A\n2. B",
    "bracket": "1) A\n2) B",
    "round": "(1) A\n(2) B",
    "escaped": "1\\. A\n2\\. B",
    "bold number": "**1.** A\n**2.** B",
    "bold line": "**1. A**\n\nText.\n\n**2. B**\n\nText.",
    "bold title": "**1. A**: Text.\n**2. B:** Text.",
    "four columns in": "Steps:\n\n    1. A\n    2. B",
    "tab in": "Steps:\n\n\t1. A\n\t2. B",
    "right-aligned": " 1. A\n2. B",
    "carriage returns": "1. A\r\n2. B\r\n",
    "bullets below": "1. A\n- x\n2. B",
    "content on the next line": "1.\n   A\n2.\n   B",
}


@pytest.mark.parametrize("text", MARKERS.values(), ids=MARKERS.keys())
def test_forms_of_a_marker(text: str) -> None:
    found = [p for p in outline(text).passages if p.kind == "point"]
    assert [p.ordinal for p in found] == ["1", "2"]
    assert [(p.title or p.text)[0] for p in found] == ["A", "B"]


NOT_MARKERS = {
    "years": "1945. Peace came.\n\n1946. Work began.",
    "large numbers": "201. A\n202. B",
    "decimals": "3.5 million\n4.5 million",
    "no space": "1.A\n2.B",
    "a wrapped sentence": "It began in\n12. It ended in\n1945. All was well.",
    "below a bullet": "- rules:\n  1. A\n  2. B\n- more",
    "in a quote": "> 1. A\n> 2. B",
    "letters": "a) A\nb) B\n\nK. Miller wrote it.\nL. Bloom read it.",
    "a lone number": "Text.\n\n5. A",
}


@pytest.mark.parametrize("text", NOT_MARKERS.values(), ids=NOT_MARKERS.keys())
def test_what_only_looks_like_a_marker(text: str) -> None:
    found = outline(text)
    assert "no_points" in found.flags
    assert found.passages


def test_nested_numbers_and_letters_belong_to_their_item() -> None:
    text = "1. A\n   1. x\n   2. y\n      a. z\n      i. z\n2. B\n\t1. x\n3. C\n  - x\n    1. y"
    assert numbers(text) == ["1", "2", "3"]
    assert "i. z" in outline(text).passages[0].text


# R4: runs

RUNS = {
    "from zero": ("0. A\n1. B\n2. C", [1, 1, 1]),
    "all ones": ("1. A\n1. B\n\n1. C", [1, 1, 1]),
    "from the middle": ("4. A\n5. B", [1, 1]),
    "a gap that counts on": ("1. A\n2. B\n5. C\n6. D", [1, 1, 2, 2]),
    "a restart": ("1. A\n2. B\n\nBut also:\n\n1. C\n2. D", [1, 1, 2, 2]),
    "lone ones with prose between": ("1. A\n\nBut:\n\n1. B", [1, 2]),
    "on across headings": ("# X\n1. A\n2. B\n# Y\n3. C", [1, 1, 1]),
    "anew below headings": ("# X\n1. A\n# Y\n1. B\n2. C", [1, 2, 2]),
    "a number printed again below a heading": ("# X\n1. A\n2. B\n# Y\n2. C\n3. D", [1] * 4),
}


@pytest.mark.parametrize(("text", "runs"), RUNS.values(), ids=RUNS.keys())
def test_runs(text: str, runs: list[int]) -> None:
    found = [p for p in outline(text).passages if p.kind == "point"]
    assert [p.run for p in found] == runs


def test_a_number_out_of_order_is_text_of_the_item_before() -> None:
    assert points("1. A\n2. B\n9. x") == [("1", None, "A"), ("2", None, "B 9. x")]


def test_an_empty_item_counts_but_is_no_passage() -> None:
    found = outline("1. A\n2.\n3. C")
    assert [(p.ordinal, p.text) for p in found.passages] == [("1", "A"), ("3", "C")]
    assert [part.kind for part in found.parts] == ["passage", "filler", "passage"]


def test_prose_that_announces_a_restart_is_its_lead_in() -> None:
    found = outline("Good:\n\n1. A\n\nNot so good:\n\n1. B\n2. C\n\n# X\n\n1. D")
    assert [p.lead_in for p in found.passages] == [None, "Not so good:", "Not so good:", None]
    assert [part.kind for part in found.parts if part.kind != "passage"] == [
        "intro",
        "lead_in",
        "heading",
    ]


def test_a_long_lead_in_can_be_found_too() -> None:
    long = "Yet the same dance " + "goes round and round " * 6 + "for:"
    assert others(f"1. A\n\nAn aside.\n\n{long}\n\n1. B") == [
        ("paragraph", None, "An aside."),
        ("paragraph", None, long),
    ]


# R5: sections

SECTIONS = """
    ## Scan ##

    1. A

    **Pros:**
    1. B

    __Cons__
    1. C

    ### **Cost**:
    1. D

    Prices
    ======
    1. E
    """


def test_a_section_is_the_path_of_headings_above() -> None:
    assert [p.section for p in outline(SECTIONS).passages] == [
        "Scan",
        "Scan > Pros",
        "Scan > Cons",
        "Scan > Cost",
        "Prices",
    ]


@pytest.mark.parametrize("heading", ["# C#", "#include <x>", "#1 in sales"])
def test_only_a_sign_and_a_space_make_a_heading(heading: str) -> None:
    found = outline(f"1. A\n\n{heading}\n1. B")
    assert found.passages[-1].section == ("C#" if heading == "# C#" else None)


def test_a_bold_line_inside_a_run_is_text_of_its_item() -> None:
    assert points("1. A\n\n**Note**\n\nmore\n\n2. B") == [
        ("1", None, "A **Note** more"),
        ("2", None, "B"),
    ]


def test_a_rule_ends_an_item_and_is_no_text_of_it() -> None:
    found = outline("1. A\n\n---\n\n2. B\n\n* * *\n\nClosing words.")
    assert [p.text for p in found.passages] == ["A", "B"]
    assert found.summary == "Closing words."
    assert [part.kind for part in found.parts] == [
        "passage",
        "filler",
        "passage",
        "filler",
        "summary",
    ]


# R6: numbered headings


def test_numbered_headings_are_points_with_all_that_they_govern() -> None:
    text = """
        Two ways.

        ### 1. **Boil**
        Put it in water.

        - hot

        #### Time

        Ten minutes.

        ### 2) Fry
        Use oil.

        ### Conclusion
        Eat.
        """
    assert points(text) == [
        ("1", "Boil", "Put it in water. - hot #### Time Ten minutes."),
        ("2", "Fry", "Use oil."),
    ]
    assert outline(text).summary == "Eat."
    assert [p.section for p in outline(text).passages] == [None, None]


@pytest.mark.parametrize("word", ["Step", "Phase", "Part", "Problem", "EXAMPLE", "tip"])
def test_words_with_numbers_number_a_heading_too(word: str) -> None:
    assert points(f"## {word} 1: A\nx\n## {word} 2: B\ny") == [("1", "A", "x"), ("2", "B", "y")]


def test_a_single_numbered_heading_is_an_ordinary_one() -> None:
    assert others("## 1. A\nx\n## B\ny") == [("section", "1. A", "x"), ("section", "B", "y")]


NESTED = "## 1. A\n{one}. x\n{two}. y\n## 2. B\ntext\n## 3. C\n{three}. z\n"


@pytest.mark.parametrize(
    ("text", "ordinals"),
    [
        (NESTED.format(one=1, two=2, three=1), ["1.1", "1.2", "2", "3.1"]),
        (NESTED.format(one=1, two=2, three=3), ["1", "2", "2", "3"]),
    ],
)
def test_items_below_numbered_headings(text: str, ordinals: list[str]) -> None:
    assert numbers(text) == ordinals
    assert outline(text).passages[0].section == "1. A"


def test_numbered_headings_below_a_numbered_heading_are_the_points() -> None:
    text = "## Example 1: A\n### Step 1: B\nx\n### Step 2: C\ny\n## Example 2: D\nz"
    assert points(text) == [("1", "B", "x"), ("2", "C", "y"), ("2", "D", "z")]


@pytest.mark.parametrize(
    "closing", ["In summary, eat.", "By following these, you eat.", "These two ways work."]
)
def test_closing_words_are_no_part_of_the_last_numbered_heading(closing: str) -> None:
    found = outline(f"## 1. A\nx\n## 2. B\ny\n\n{closing}")
    assert [p.text for p in found.passages] == ["x", "y"]
    assert found.summary == closing


# R7: prose below a heading


def test_prose_between_heading_and_items_is_a_passage_if_it_says_enough() -> None:
    long = "So much can be said of it " + "that it takes a long breath " * 5 + "to say."
    found = outline(f"## X\nIn short:\n1. A\n## Y\n{long}\n1. B")
    assert [p.kind for p in found.passages] == ["point", "paragraph", "point"]
    assert found.passages[1].text == long
    assert found.passages[1].section == "Y"
    assert [part.kind for part in found.parts].count("section_intro") == 2


# R8 and R9: what belongs to an item

SPILLS = {
    "a paragraph": "1. A\n\nmore of it\n\n2. B",
    "a formula": "1. A\n\n$$\nx\n$$\n\nmore of it\n\n2. B",
    "bullets": "1. A\n- x\nmore of it\n- y\n2. B",
    "a table": "1. A\n\n| x |\n|---|\n| y |\n\nmore of it\n\n2. B",
    "code": "1. A\n\n```\nx\n```\n\nmore of it\n2. B",
}


@pytest.mark.parametrize("text", SPILLS.values(), ids=SPILLS.keys())
def test_all_between_two_numbers_belongs_to_the_first(text: str) -> None:
    assert "more of it" in outline(text).passages[0].text
    assert numbers(text) == ["1", "2"]


LAST_ITEMS = {
    "indented text": ("1. A\n\n   more", ["1"]),
    "bullets": ("1. A\n\n- x\n- y", ["1"]),
    "a table": ("1. A\n\n| x |\n| y |", ["1"]),
    "code": ("1. A\n\n```\nx\n```", ["1"]),
    "a formula and what explains it": ("1. A\n\n$$\nx\n$$\n\nwhere $x$ is it\n\n- $x$: y", ["1"]),
    "prose behind a colon": ("1. A, namely:\n\nprose", ["1"]),
    "a wrapped line": ("1. A goes on\nand on. And\non.", ["1"]),
    "prose behind a title only, unlike its neighbour": (
        "1. **A**\n\nprose\n\n2. **B**\n\nprose",
        ["1", "2"],
    ),
}


@pytest.mark.parametrize(("text", "ordinals"), LAST_ITEMS.values(), ids=LAST_ITEMS.keys())
def test_what_belongs_to_the_last_item_of_a_run(text: str, ordinals: list[str]) -> None:
    found = outline(text)
    assert [p.ordinal for p in found.passages] == ordinals
    assert found.passages[-1].end == len(text)
    assert found.summary is None


NOT_OF_THE_ITEM = {
    "prose": "1. A.\n\n{}",
    "prose behind bullets": "1. A.\n\n- x.\n\n{}",
    "prose behind a table": "1. A.\n\n| x |\n\n{}",
    "prose behind an indented formula": "1. A.\n\n   $$\n   x\n   $$\n\n{}",
    "titles only": "1. **A**\n2. **B**\n\n{}",
    "prose on the next line": "1. A.\n{}",
}


@pytest.mark.parametrize("text", NOT_OF_THE_ITEM.values(), ids=NOT_OF_THE_ITEM.keys())
def test_unindented_prose_ends_the_last_item(text: str) -> None:
    found = outline(text.format("Thus it ends.\n\nLast words."))
    assert ("paragraph", "Thus it ends.") in [(p.kind, p.text) for p in found.passages]
    assert found.summary == "Last words."


@pytest.mark.parametrize("before", ["A:", "A\n\n$$\nx\n$$", "**A**: x\n2. **B**"])
def test_a_cue_at_the_very_end_is_never_part_of_a_point(before: str) -> None:
    found = outline(f"1. {before}\n\nIn summary, it ends.")
    assert found.summary == "In summary, it ends."


def test_prose_between_a_list_and_a_heading_belongs_to_neither() -> None:
    text = "1. A.\n\nIt depends on:\n- x\n- y\n\n## X\n1. B."
    assert others(text) == [("paragraph", None, "It depends on: - x - y")]


# R10: summary and sections without items

SUMMARIES = {
    "last paragraph": ("1. A.\n\nAside.\n\nKnowing it helps.", "Knowing it helps."),
    "heading": ("1. A.\n\n## In summary\nOne.\n\nTwo.", "One.\n\nTwo."),
    "bold heading": ("1. A.\n\n**Key Takeaways:**\n- x\n- y", "- x\n- y"),
    "cue with bullets": ("1. A.\n\nIn short, it is:\n- x\n- y", "In short, it is:\n- x\n- y"),
    "cue and one more": ("1. A.\n\nOverall, x.\n\nSo be it.", "Overall, x.\n\nSo be it."),
    "behind a section": ("1. A.\n\n## Uses\n- x\n\nKnowing it helps.", "Knowing it helps."),
    "a section is none": ("1. A.\n\n## Uses\nIt is used a lot.", None),
    "not behind points": ("One.\n\nTwo.\n\nThree.", None),
    "cue without points": ("One.\n\nTwo.\n\nIn conclusion, three.", "In conclusion, three."),
    "ends in a list": ("1. A.\n\nSee also:\n- x", None),
}


@pytest.mark.parametrize(("text", "summary"), SUMMARIES.values(), ids=SUMMARIES.keys())
def test_summary(text: str, summary: str | None) -> None:
    assert outline(text).summary == summary


def test_sections_without_items_are_passages_beside_points() -> None:
    assert others("1. A.\n\n## Uses\nMany.\n\n## Limits\nFew.\n\nSo it is.") == [
        ("section", "Uses", "Many."),
        ("section", "Limits", "Few."),
    ]


# R11: titles

TITLES = {
    "**A b**: text": ("A b", "text"),
    "**A b:** text": ("A b", "text"),
    "**A b** - text": ("A b", "text"),
    "**A b** \N{EM DASH} text": ("A b", "text"),
    "__A b__: text": ("A b", "text"),
    "***A b***: text": ("A b", "text"),
    "**A *b* c**: text": ("A b c", "text"),
    "**A* search**: text": ("A* search", "text"),
    "**A: b**: text": ("A: b", "text"),
    "**A** (b): text": ("A", "(b): text"),
    "**Isolate $x$** by halving": ("Isolate $x$", "by halving"),
    "**A b**": ("A b", ""),
    "**A b**:\n   - text": ("A b", "- text"),
    "A b c:\n   text": ("A b c", "text"),
    "A b: text": ("A b", "text"),
    "**A b: text": ("A b", "text"),
    "The **A**: text": ("The A", "text"),
    "A b:": (None, "A b:"),
    "No title at all": (None, "No title at all"),
    "Set $x$: then go": (None, "Set $x$: then go"),
    "One. Two: three": (None, "One. Two: three"),
    "a b c d e f g h i: j": (None, "a b c d e f g h i: j"),
    "x" * 61 + ": y": (None, "x" * 61 + ": y"),
    "x" * 101 + ":\n   y": (None, "x" * 101 + ":\n   y"),
    "****: text": (None, "****: text"),
}


@pytest.mark.parametrize(("item", "expected"), TITLES.items(), ids=list(TITLES))
def test_title(item: str, expected: tuple[str | None, str]) -> None:
    point = outline(f"1. {item}").passages[0]
    assert (point.title, point.text) == expected


# Flags

FLAGS = {
    "One.\n\nTwo.": {"no_points"},
    "1. **A**: One.\n2. **B**: It was then that the": {"truncated"},
    "1. **A**: One.\n2. **B**": {"truncated"},
    "1. **A**\n2. **B**": set[str](),
    "1. Salt\n2. Pepper": set[str](),
    "1. **A**: One.\n   - **x": {"truncated"},
    "1. A.\n\nIn summary, it was then that the": {"truncated"},
    "1. A.\n\n## Uses": {"truncated"},
    "I cannot answer this question from what I have.": {"no_points", "refusal"},
    "": {"no_points"},
}


@pytest.mark.parametrize(("text", "flags"), FLAGS.items(), ids=list(FLAGS))
def test_flags(text: str, flags: set[str]) -> None:
    assert set(split(text).flags) == flags
