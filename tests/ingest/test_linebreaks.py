import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.ingest.linebreaks import decode

BREAKS = [
    (r"one\ntwo", "one\ntwo"),
    (r"one\n\nTwo", "one\n\nTwo"),
    (r"\nwhere $x$", "\nwhere $x$"),
    (r"a \\\n b", "a \\\\\n b"),  # a row of a matrix ends, then the line
    (r"C:\\name", "C:\\\name"),
    (r"/ \\nnext", "/ \\\nnext"),
    (r"\text{a}\nb \theta \r \f \u \" ", '\\text{a}\nb \\theta \\r \\f \\u \\" '),
    (r"\neqx", "\neqx"),  # the whole run of letters decides
    (r"$$\nu_1 = 2\n$$", "$$\nu_1 = 2\n$$"),  # a formula opens with the variable u
    (r"d) four\ne) five", "d) four\ne) five"),
]

KEPT = [
    r"$a \neq b$\nnext",
    r"$\neg p$ and $\nu_e$ and $\nabla f$ and $x \notin S$\n",
    r"$$\n\neg p\n$$",
    r'Print "\n" to end the line.\n',
    r"Print `a\nb` here.\n",
    r"Print '\n' here.\n",
    r"use `printf '\n'`, then\n",
]


@pytest.mark.parametrize(("text", "decoded"), BREAKS)
def test_a_literal_break_becomes_a_line_break(text: str, decoded: str) -> None:
    assert decode(text) == decoded


@pytest.mark.parametrize("text", KEPT)
def test_commands_and_quoted_breaks_stay(text: str) -> None:
    breaks = [part for part in (r"\neq", r"\neg", r"\nu", r"\nabla", r"\notin") if part in text]
    decoded = decode(text)
    assert all(part in decoded for part in breaks)
    if not breaks:
        assert decoded == text.removesuffix(r"\n") + "\n"


def test_a_break_before_a_command_is_still_a_break() -> None:
    assert decode(r"$$\n\neg p\n$$") == "$$\n\\neg p\n$$"


@pytest.mark.parametrize("end", [")", ";", ",", " + x", " << endl"])
def test_inside_a_fence_only_the_end_of_a_string_keeps_its_break(end: str) -> None:
    code = rf'```c\nputs("hi\n"{end}\nint \neq;\n```\nAfter \neq it.'
    assert decode(code) == f'```c\nputs("hi\\n"{end}\nint \neq;\n```\nAfter \\neq it.'


def test_fence_marks_are_no_inline_code() -> None:
    assert decode(r"```\n```\n~~~\n~~~\n```") == "```\n```\n~~~\n~~~\n```"


def test_quotes_of_two_lines_are_not_taken_for_one_quoted_break() -> None:
    assert decode(r'"First."\n"Second."') == '"First."\n"Second."'


@pytest.mark.parametrize("text", ["real\nbreak and \\neq and \\n", "no break", "", "\\", "\\N"])
def test_text_that_was_never_encoded_is_left_alone(text: str) -> None:
    assert decode(text) == text


@given(st.text(alphabet="\\nequabl `\"'$~)\n x", max_size=60))
def test_only_literal_breaks_change(text: str) -> None:
    decoded = decode(text)
    assert decoded.replace("\n", "\\n") == text or decoded == text
