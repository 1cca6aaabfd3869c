"""Classify the lines of an answer: which carry structure, and which are only content."""

import re
from enum import Enum, auto
from typing import Final, NamedTuple

from qasearch.ingest import fences

BOLD_LEVEL: Final = 7
"""Level of a heading that is only a bold line: below every ``#`` heading."""

MARKER: Final = re.compile(
    r"""(?:
        (?P<plain>\d{1,3})\\?[.)]              # 3. T     3) T     3\. T
      | \((?P<round>\d{1,3})\)                 # (3) T
      | (?P<mark>\*\*|__)(?P<bold>\d{1,3})\\?[.)]   # **3. T**
        (?P<closed>(?P=mark))?                 # **3.** T
    )(?=\s|$)""",
    re.VERBOSE,
)
"""The number that opens an item; decimals (``3.5``) and words never match."""

BULLET: Final = re.compile(r"[-*+•‣◦]\s+(?=\S)")
"""The sign that opens a bullet."""

LARGEST_NUMBER: Final = 200
"""Larger ones are years, not the numbers of items."""

_TAB: Final = 4
_LONGEST_TITLE: Final = 120
_DISPLAY: Final = re.compile(r"(?<!\$)\$\$(?!\$)")  # three or more are prices
_FORMULA_ENDS: Final = ("$$", "$$.", "$$,", "$$;")
_MARKER_SIGNS: Final = frozenset("0123456789(*_")
_BULLET_SIGNS: Final = frozenset("-*+•‣◦")


class Kind(Enum):
    """What a line is."""

    BLANK = auto()
    TEXT = auto()
    BULLET = auto()
    MARKER = auto()
    HEADING = auto()
    TABLE = auto()
    CODE = auto()
    MATH = auto()
    RULE = auto()


class Line(NamedTuple):
    """One line of an answer.

    Attributes:
        start, end: code points into the answer, from the first character that is not blank to
            behind the last one.
        kind: what the line is; every line of a fence is ``CODE``, of a ``$$`` block ``MATH``.
        indent: columns before ``start``; a tab reaches to the next multiple of four.
        value: the number of a ``MARKER``, the level of a ``HEADING``; else 0.
    """

    start: int
    end: int
    kind: Kind
    indent: int
    value: int = 0


def scan(answer: str) -> tuple[list[Line], int | None]:
    """Classify every line, top to bottom.

    Returns:
        The lines, and the 1-based number of the line that opens a fence never closed, if any.
        A ``$$`` that is never closed is text.
    """
    lines: list[Line] = []
    may_fence = "```" in answer or "~~~" in answer
    may_formula = "$$" in answer
    fence = ""
    fence_line: int | None = None
    formula: int | None = None  # index of the line that opened a ``$$`` block
    position = 0
    for raw in answer.split("\n"):
        start, position = position, position + len(raw) + 1
        text = raw.strip()
        if not text:
            lines.append(Line(start, start, Kind.CODE if fence else Kind.BLANK, 0))
            continue
        indent = 0
        if raw[0].isspace():
            lead = raw[: len(raw) - len(raw.lstrip())]
            indent = len(lead.expandtabs(_TAB))
            start += len(lead)
        end = start + len(text)
        if fence:
            _, fence = fences.follow(fence, text)
            lines.append(Line(start, end, Kind.CODE, indent))
            continue
        kind, value = _classify(text, indent)
        if may_fence:
            _, fence = fences.follow("", text)
            if fence:
                fence_line, formula = len(lines) + 1, None
                kind = kind if kind in (Kind.BULLET, Kind.MARKER) else Kind.CODE
        lines.append(Line(start, end, kind, indent, value))
        if kind is Kind.RULE:
            _promote_underlined(lines, answer)
        if may_formula and not fence and len(_DISPLAY.findall(text)) % 2:
            if formula is not None:
                _mask(lines, formula + 1)
                formula = None
            elif text.startswith("$$") or text.endswith("$$"):
                formula = len(lines) - 1
    return lines, fence_line if fence else None


def _classify(text: str, indent: int) -> tuple[Kind, int]:
    """Kind and value of a line outside fences and formulas, by its own text."""
    first = text[0]
    if first == "#":
        level = len(text) - len(text.lstrip("#"))
        if indent <= 1 and level <= 6 and text[level : level + 1].isspace():
            return Kind.HEADING, level
    elif first == "|":
        return Kind.TABLE, 0
    elif first == "$":
        if text.startswith("$$") and (text.endswith(_FORMULA_ENDS) or text.count("$$") == 1):
            return Kind.MATH, 0
    elif first in "-*_=" and len(text) >= 3 and not text.strip(first + " "):
        return Kind.RULE, 0
    if first in _MARKER_SIGNS:
        marker = MARKER.match(text)
        if marker:
            number = int(marker["plain"] or marker["round"] or marker["bold"])
            if number <= LARGEST_NUMBER:
                return Kind.MARKER, number
    if first in _BULLET_SIGNS and BULLET.match(text):
        return Kind.BULLET, 0
    if first in "*_" and indent == 0 and _is_bold_line(text):
        return Kind.HEADING, BOLD_LEVEL
    return Kind.TEXT, 0


def _is_bold_line(text: str) -> bool:
    """Tell a line that is only ``**bold**``, a colon behind it or not."""
    mark = text[:2]
    whole = text.rstrip(": ")
    bold = whole[2:-2]
    return (
        mark in ("**", "__")
        and whole.endswith(mark)
        and mark not in bold
        and 0 < len(bold.strip("*_: ")) <= _LONGEST_TITLE
    )


def _promote_underlined(lines: list[Line], answer: str) -> None:
    """Make a short line of text above a row of ``=`` or ``-`` the heading that it is."""
    underline = lines[-1]
    level = {"=": 1, "-": 2}.get(answer[underline.start])
    if level is None or len(lines) < 2 or " " in answer[underline.start : underline.end]:
        return
    line = lines[-2]
    text = answer[line.start : line.end]
    is_title = len(text) <= _LONGEST_TITLE and not text.endswith((".", ":", ";", ","))
    is_alone = len(lines) < 3 or lines[-3].kind is not Kind.TEXT
    if line.kind is Kind.TEXT and line.indent <= 1 and is_title and is_alone:
        lines[-2] = line._replace(kind=Kind.HEADING, value=level)


def _mask(lines: list[Line], first: int) -> None:
    """Make the lines from ``first`` on part of the formula that the last one closes."""
    for i in range(first, len(lines)):
        lines[i] = lines[i]._replace(kind=Kind.MATH, value=0)
