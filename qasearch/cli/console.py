"""What reaches the terminal: results on stdout, everything else on stderr, nothing harmful.

Articles, file names and queries are other people's text. Whatever is printed passes ``visible``, so
that no content can move the cursor, recolour the screen or turn the reading direction around.
"""

import io
import os
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TextIO

Style = Literal["bold", "dim", "italic", "red", "green", "yellow", "cyan"]

_CODES: dict[Style, str] = {
    "bold": "1",
    "dim": "2",
    "italic": "3",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
}

_PAINT = re.compile("\x1b\\[[\\d;]*m")

NARROWEST, WIDEST = 40, 100
"""Columns of text: below, lines fall apart; above, the eye loses them."""

WARNINGS_SHOWN = 10

HARMFUL = re.compile(
    "["
    "\x00-\x09\x0b-\x1f\x7f-\x9f"  # control characters other than the line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that change the reading direction
    "\u2028\u2029"  # line breaks that are not the line feed
    "\ud800-\udfff"  # lone surrogates, which no encoding can print
    "]"
)


def visible(text: str) -> str:
    """Show control and direction characters as escapes, tabs as spaces; line feeds stay."""
    return HARMFUL.sub(_escape, text.replace("\t", "    "))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def unpainted(line: str) -> str:
    """What a ``visible`` line shows without the styles that ``Screen.paint`` gave it."""
    return _PAINT.sub("", line)


class ReaderGoneError(Exception):
    """Whoever read our output has stopped reading, as ``head`` does: no reason to complain."""


def write(text: str) -> None:
    """Write one result, or one line of it, to stdout as UTF-8."""
    try:
        sys.stdout.write(text + "\n")
    except BrokenPipeError as error:
        raise ReaderGoneError from error


def flush() -> None:
    """Hand over what was written so far."""
    try:
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGoneError from error


def say(text: str) -> None:
    """Write a line about the work, not of its result, to stderr."""
    sys.stderr.write(visible(text) + "\n")


def warn(warnings: Sequence[str], *, quiet: bool = False, verbose: bool = False) -> None:
    """List warnings on stderr: the first few and how many more, all if ``verbose``."""
    if quiet:
        return
    shown = warnings if verbose else warnings[:WARNINGS_SHOWN]
    for warning in shown:
        say(f"warning: {warning}")
    if len(shown) < len(warnings):
        say(f"warning: {len(warnings) - len(shown):,} more; -v shows them all")


def use_utf8() -> None:
    """Make stdout and stderr take any character, whatever the locale says."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def stop_writing() -> None:
    """Point stdout nowhere, so that the interpreter can close it without a complaint."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


@dataclass(frozen=True, slots=True)
class Screen:
    """How wide and how colourful a text may be.

    Attributes:
        rich: colours and links are welcome.
        width: columns to fill.
        terminal: it is one, with or without colours; what is piped may be read by programs.
    """

    rich: bool = False
    width: int = 80
    terminal: bool = False

    @classmethod
    def of(cls, stream: TextIO) -> "Screen":
        """The screen behind ``stream``; a plain one of 80 columns when it is no terminal."""
        columns = shutil.get_terminal_size(fallback=(80, 24)).columns
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        return cls(
            rich=stream.isatty() and not plain,
            width=max(NARROWEST, min(columns, WIDEST)),
            terminal=stream.isatty(),
        )

    def paint(self, text: str, *styles: Style) -> str:
        """Style a text that is already ``visible``."""
        if not (self.rich and text and styles):
            return text
        return f"\x1b[{';'.join(_CODES[style] for style in styles)}m{text}\x1b[0m"

    def link(self, text: str, url: str) -> str:
        """Make a text a link (OSC 8), for http and https addresses only."""
        # Printable ASCII alone: anything else could end the escape sequence and start another.
        if not (self.rich and re.fullmatch(r"https?://[!-~]+", url)):
            return text
        return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\"
