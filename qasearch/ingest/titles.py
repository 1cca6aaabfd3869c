"""Split the number and the title off a passage."""

import re
from typing import Final, NamedTuple

from qasearch.ingest.lines import BULLET, MARKER

_SEPARATOR: Final = re.compile("[ \t]*(?:[:\N{EN DASH}\N{EM DASH}]|-(?=\\s)|(?<=\\s)-)")
_EMPHASIS: Final = re.compile(r"\*{1,2}(?=\S)([^*]*[^*\s])\*{1,2}")
_SPACE: Final = re.compile(r"\s*")
_LONGEST_LINE: Final = 100
_LONGEST_LABEL: Final = 60
_MOST_WORDS: Final = 8


class Title(NamedTuple):
    """Where the parts of a passage lie.

    Attributes:
        text: the title without its marks and colon; None where there is none.
        body: where the body starts, a code point of the answer; the end of the passage if empty.
    """

    text: str | None
    body: int


def plain(text: str) -> str:
    """Strip what decorates a title: marks of emphasis, the colon behind it, space around it."""
    if "*" in text:
        text = _EMPHASIS.sub(r"\1", text).strip("* \t")
    return text.strip().rstrip(": \t")


def of_item(answer: str, start: int, end: int) -> Title:
    """The title of a numbered item, given with its marker.

    Leading bold is the title. Without it, a short line that ends in a colon is, or a short label
    before the first colon.
    """
    marker = MARKER.match(answer, start, end)
    if marker is None:
        return _split(answer, start, end)
    return _split(answer, marker.end(), end, "" if marker["closed"] else marker["mark"] or "")


def of_bullet(answer: str, start: int, end: int) -> Title:
    """The title of a bullet, by the rules of a numbered item."""
    bullet = BULLET.match(answer, start, end)
    return _split(answer, bullet.end() if bullet else start, end)


def _split(answer: str, start: int, end: int, opened: str = "") -> Title:
    """Split at the end of the title; ``opened`` is a mark of bold that came before ``start``."""
    start = _skip_space(answer, start, end)
    break_ = answer.find("\n", start, end)
    line = answer[start : end if break_ < 0 else break_].rstrip()
    title, length = _bold(line, opened) or _plain_line(line, break_ >= 0) or ("", 0)
    return Title(title or None, _skip_space(answer, start + length, end))


def _bold(line: str, opened: str) -> tuple[str, int] | None:
    mark, first = (opened, 0) if opened else (line[:2], 2)
    close = line.find(mark, first + 1) if mark in ("**", "__") else -1
    title = plain(line[first:close]) if close > 0 else ""
    if not title:
        return None
    behind = len(line) - len(line[close:].lstrip(mark[0]))
    separator = _SEPARATOR.match(line, behind)
    return title, separator.end() if separator else behind


def _plain_line(line: str, has_more: bool) -> tuple[str, int] | None:
    """A title without bold: the whole line if it announces what follows, or a label in it."""
    if has_more and line.endswith(":") and len(line) <= _LONGEST_LINE:
        return plain(line), len(line)
    label, colon, _ = line.partition(": ")
    is_label = colon and len(label) <= _LONGEST_LABEL and len(label.split()) <= _MOST_WORDS
    if not is_label or "." in label or "$" in label or not plain(label):
        return None
    return plain(label), len(label) + 1


def _skip_space(answer: str, start: int, end: int) -> int:
    space = _SPACE.match(answer, start, end)
    return space.end() if space else start
