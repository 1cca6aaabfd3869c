import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qasearch.cli.console import Screen, visible, warn

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT)
def test_nothing_that_moves_a_terminal_is_left(text: str) -> None:
    shown = visible(text)
    assert {unicodedata.category(c) for c in shown if c != "\n"}.isdisjoint({"Cc", "Cs"})
    assert {unicodedata.bidirectional(c) for c in shown}.isdisjoint(
        {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    )
    shown.encode()


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs"))))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\x9bb", r"a\x9bb"),
        ("over\u202ewrite", r"over\u202ewrite"),
        ("mark\u200f", r"mark\u200f"),
        ("line\u2028line", r"line\u2028line"),
        ("half\ud83d", r"half\ud83d"),
        ("one\r\ntwo\tthree", "one\\x0d\ntwo    three"),
        ("family 👨‍👩‍👧", "family 👨‍👩‍👧"),
    ],
)
def test_escapes(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_links_lead_to_the_web_only() -> None:
    screen = Screen(rich=True)
    url = "https://example.org/a?b=c"
    assert screen.link("here", url) == f"\x1b]8;;{url}\x1b\\here\x1b]8;;\x1b\\"
    for other in (
        "javascript:alert(1)",
        "file:///etc/hosts",
        "/learn/a",
        "https://example.org/\x1b\\\x1b]0;title\x07",
        "https://example.org/a b",
        "https://example.org/\n",
        "",
    ):
        assert screen.link("here", other) == "here"


def test_a_plain_screen_has_neither_colours_nor_links() -> None:
    screen = Screen(rich=False)
    assert screen.paint("word", "bold", "red") == "word"
    assert screen.link("here", "https://example.org") == "here"
    assert Screen(rich=True).paint("word", "bold", "red") == "\x1b[1;31mword\x1b[0m"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "rich"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),  # no-color.org: only when not empty
        ({"TERM": "dumb"}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    environment: dict[str, str], rich: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Screen.of(Terminal()).rich is rich
    assert Screen.of(io.StringIO()).rich is False


@pytest.mark.parametrize(("columns", "width"), [("10", 40), ("80", 80), ("120", 100)])
def test_width_follows_the_terminal_within_reason(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert Screen.of(io.StringIO()).width == width


def test_warnings_are_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    warnings = [f"article {number}\x1b" for number in range(12)]
    warn(warnings)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == r"warning: article 0\x1b"
    assert lines[10:] == ["warning: 2 more; -v shows them all"]

    warn(warnings, verbose=True)
    assert len(capsys.readouterr().err.splitlines()) == 12

    warn(warnings, quiet=True)
    assert capsys.readouterr().err == ""
