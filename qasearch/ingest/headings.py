"""Find the headings of an answer and what each of them governs."""

import re
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from qasearch.ingest import titles, wording
from qasearch.ingest.lines import BOLD_LEVEL, LARGEST_NUMBER, Kind, Line
from qasearch.ingest.numbering import Item

_NUMBERED: Final = re.compile(
    r"""(?: (\d{1,3}) \\?[.)] \s+
        | (?:step|phase|part|problem|example|question|case|method|stage|rule|tip)
          \s+ (\d{1,3}) \s* (?:[:.)\u2013\u2014]|-\s) \s*
    ) (\S.*)""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(slots=True)
class Heading:
    """A heading and the lines that it governs.

    Attributes:
        line: index of its line.
        stop: index of the line where it ceases to govern: the next heading of the same or a higher
            level, or the end of the answer.
        level: 1 to 6 for ``#`` to ``######``, 7 for a line that is only bold.
        text: without signs and the colon behind it.
        parent: the heading that governs it.
        number: None unless the heading is numbered.
        title: its text without the number; empty until the headings are numbered.
        role: ``point`` if all that it governs is one numbered point, ``summary`` if it announces
            the closing words, else ``section``.
    """

    line: int
    stop: int
    level: int
    text: str
    parent: "Heading | None" = None
    number: int | None = None
    title: str = ""
    role: Literal["section", "point", "summary"] = "section"

    @property
    def path(self) -> tuple[str, ...]:
        """Its text, after those of the headings that govern it."""
        return (*self.parent.path, self.text) if self.parent else (self.text,)

    @property
    def innermost_numbered(self) -> "Heading | None":
        """The nearest numbered heading among it and those that govern it."""
        if self.number is not None or self.parent is None:
            return self if self.number is not None else None
        return self.parent.innermost_numbered


def find_headings(answer: str, lines: list[Line], items: list[Item]) -> list[Heading]:
    """The headings in their order, but those that lie inside a point.

    Headings such as ``2. Title`` and ``Step 2: Title`` are numbered if there are two or more. One
    that governs no numbered item, nor two numbered headings, is a point.
    """
    headings = _all_headings(answer, lines, items)
    _nest(headings)
    _number(headings)
    item_lines = [item.line for item in items]
    if headings and _is_summary(headings[-1], item_lines):
        headings[-1].role = "summary"
    return _outside_points(headings, item_lines)


def split_number(heading: str) -> tuple[int | None, str]:
    """Number and title of a heading such as ``2. Title`` or ``Step 2: Title``; None without one."""
    match = _NUMBERED.fullmatch(heading)
    number = int(match[1] or match[2]) if match else LARGEST_NUMBER + 1
    if match is None or number > LARGEST_NUMBER:
        return None, heading
    return number, titles.plain(match[3])


def _all_headings(answer: str, lines: list[Line], items: list[Item]) -> list[Heading]:
    inside = _inside_runs(lines, items)
    return [
        Heading(i, len(lines), line.value, _text(answer, line))
        for i, line in enumerate(lines)
        if line.kind is Kind.HEADING and i not in inside
    ]


def _text(answer: str, line: Line) -> str:
    text = answer[line.start : line.end]
    if line.value == BOLD_LEVEL:
        return titles.plain(text.strip("_: "))
    if text.startswith("#"):
        text = text.lstrip("#")
        bare = text.rstrip("#")
        text = bare if bare.endswith((" ", "\t")) else text
    return titles.plain(text)


def _inside_runs(lines: list[Line], items: list[Item]) -> set[int]:
    """Bold lines between two numbers of one run, where no ``#`` heading parts them."""
    inside: set[int] = set()
    for item, following in pairwise(items):
        if item.run == following.run:
            between = range(item.line + 1, following.line)
            levels = {lines[i].value for i in between if lines[i].kind is Kind.HEADING}
            if levels == {BOLD_LEVEL}:
                inside.update(between)
    return inside


def _nest(headings: list[Heading]) -> None:
    """Set where each heading ceases to govern, and which one governs it."""
    open_: list[Heading] = []
    for heading in headings:
        while open_ and open_[-1].level >= heading.level:
            open_.pop().stop = heading.line
        heading.parent = open_[-1] if open_ else None
        open_.append(heading)


def _number(headings: list[Heading]) -> None:
    numbers = [split_number(heading.text) for heading in headings]
    if sum(number is not None for number, _ in numbers) >= 2:
        for heading, (number, title) in zip(headings, numbers, strict=True):
            heading.number, heading.title = number, title


def _is_summary(heading: Heading, item_lines: list[int]) -> bool:
    return (
        heading.number is None
        and wording.names_summary(heading.text)
        and not (item_lines and item_lines[-1] > heading.line)
    )


def _outside_points(headings: list[Heading], item_lines: list[int]) -> list[Heading]:
    """Tell the points among the numbered headings, and drop what lies inside them."""
    numbered = [heading.line for heading in headings if heading.number is not None]
    outside: list[Heading] = []
    covered = 0
    for heading in headings:
        if heading.line < covered and heading.role != "summary":
            continue
        if heading.number is not None:
            below = heading.line + 1
            holds_items = _count_between(item_lines, below, heading.stop) >= 1
            holds_headings = _count_between(numbered, below, heading.stop) >= 2
            if not (holds_items or holds_headings):
                heading.role = "point"
                covered = heading.stop
        outside.append(heading)
    return outside


def _count_between(sorted_: list[int], first: int, stop: int) -> int:
    return bisect_left(sorted_, stop) - bisect_left(sorted_, first)
