"""Find the numbered items of an answer and the runs they form."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from qasearch.ingest.lines import Kind, Line

_NOWHERE: Final = 1 << 30  # an indent beyond all others


class Item(NamedTuple):
    """A numbered item at the top level.

    Attributes:
        line: index of its marker line.
        number: as printed.
        run: items that count on from one another share it; ascending from 1.
    """

    line: int
    number: int
    run: int


class _Marker(NamedTuple):
    line: int
    number: int
    indent: int
    headings: int  # headings above it
    breaks: int  # headings and unindented paragraphs above it


def find_items(lines: list[Line]) -> list[Item]:
    """Tell the markers that number points from text that only looks like one.

    A run begins at 0 or 1, or at any number that its own successor follows, and goes on by one,
    across headings too. All other markers are text: strays, and items nested in bullets or items.
    """
    markers = _top_markers(lines)
    items: list[Item] = []
    last: _Marker | None = None
    run = 0
    for i, marker in enumerate(markers):
        number = marker.number
        starts = number <= 1 or (i + 1 < len(markers) and markers[i + 1].number == number + 1)
        if last is None or not _continues(last, marker):
            if not starts:
                continue
            run += 1
        items.append(Item(marker.line, number, run))
        last = marker
    return items


def _continues(last: _Marker, marker: _Marker) -> bool:
    """Lists may number all items 1; a number may be printed again below the next heading."""
    if marker.number == last.number:
        if marker.number <= 1:
            return marker.number == 1 and marker.breaks == last.breaks
        return marker.headings != last.headings
    return marker.number == last.number + 1


def _top_markers(lines: list[Line]) -> list[_Marker]:
    """The markers that no bullet or marker holds, at the least indent of all such."""
    free = list(_free_markers(lines))
    least = min((marker.indent for marker in free), default=0)
    return [marker for marker in free if marker.indent <= least + 1]


def _free_markers(lines: list[Line]) -> Iterator[_Marker]:
    bullet = marker = _NOWHERE  # least indents among the list lines that are still open
    headings = breaks = 0
    blank = True
    for i, line in enumerate(lines):
        kind = line.kind
        if kind is Kind.MARKER:
            if line.indent <= bullet and line.indent <= marker + 1:
                yield _Marker(i, line.value, line.indent, headings, breaks)
            marker = min(marker, line.indent)
        elif kind is Kind.BULLET:
            bullet = min(bullet, line.indent)
        elif kind is Kind.HEADING or (kind is Kind.TEXT and line.indent == 0 and blank):
            headings += kind is Kind.HEADING
            breaks += 1
            bullet = marker = _NOWHERE
        blank = kind is Kind.BLANK
