"""Group lines into blocks: how far an item reaches, which lines make one bullet or paragraph."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from qasearch.ingest import wording
from qasearch.ingest.lines import Kind, Line

_RUNNING: Final = (Kind.TEXT, Kind.MARKER, Kind.BULLET)
_SENTENCE_ENDS: Final = (".", "!", "?", ":", ";")
_CLOSING_MARKS: Final = "*_\"'\N{RIGHT DOUBLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK})] "


class Block(NamedTuple):
    """Lines that make one unit of text: a bullet or a paragraph, with all that hangs on it."""

    first: int
    stop: int
    is_bullet: bool = False


class Closing(NamedTuple):
    """The paragraph that an answer ends with.

    Attributes:
        first: index of its first line.
        has_cue: it opens like a summary ("In summary", "Overall", ...).
    """

    first: int
    has_cue: bool


class Text:
    """An answer and its lines; lines go by their index, and a ``stop`` is left out."""

    def __init__(self, answer: str, lines: list[Line]) -> None:
        self.answer = answer
        self.lines = lines

    def line(self, i: int) -> str:
        """The line without the blanks around it."""
        return self.answer[self.lines[i].start : self.lines[i].end]

    def span(self, first: int, stop: int) -> tuple[int, int]:
        """Start and end of the text in these lines, the blanks and rules around it left out."""
        last = self._last_line(first, stop)
        while first < last and self._is_blank(first):
            first += 1
        return self.lines[first].start, self.lines[last].end

    def item_stop(self, first: int, stop: int, *, takes_paragraph: bool = False) -> int:
        """How far the item or bullet that opens at ``first`` reaches: up to ``stop`` at most.

        Indented lines belong to it, and so do lists, tables, code and formulas that follow. An
        unindented paragraph ends it, unless a colon announced it, it goes on from a formula or
        code at the margin, or ``takes_paragraph`` lets the item take one.
        """
        last = first
        i = first + 1
        while i < stop:
            kind = self.lines[i].kind
            if kind is Kind.RULE:
                break
            if kind is Kind.BLANK:
                i += 1
            elif self._is_prose(i):
                if not (takes_paragraph or self._wraps(i) or self._goes_on(last, i)):
                    break
                takes_paragraph = False
                i = self._paragraph_stop(i, stop)
                last = i - 1
            else:
                last = i
                i += 1
        return last + 1

    def announces(self, i: int) -> bool:
        """Tell a line that ends in a colon."""
        return self.line(i).rstrip("* ").endswith(":")

    def announcement(self, first: int, stop: int) -> int:
        """Where the paragraph opens that ends in a colon just above ``stop``; else ``stop``."""
        last = self._last_line(first, stop)
        if last < first or not self._is_text(last) or not self.announces(last):
            return stop
        return max(first, self._paragraph_first(last))

    def closing(self) -> Closing | None:
        """The closing words: the paragraph at the very end, or what starts at a cue before it.

        Between cue and end may stand one more paragraph, or the bullets that the cue announces.
        """
        last = self.last_line()
        ends_in_text = last >= 0 and self._is_text(last)
        end = self._paragraph_first(last) if ends_in_text else last + 1
        if ends_in_text and wording.sums_up(self.line(end)):
            return Closing(end, has_cue=True)
        above = end - 1
        while above >= 0 and (self._is_blank(above) or (not ends_in_text and self._hangs(above))):
            above -= 1
        if above >= 0 and self._is_text(above) and (ends_in_text or self.announces(above)):
            first = self._paragraph_first(above)
            if wording.introduces_summary(self.line(first)):
                return Closing(first, has_cue=True)
        return Closing(end, has_cue=False) if ends_in_text else None

    def concludes(self, i: int) -> bool:
        """Tell a paragraph that speaks of all that stood before it, not of a formula just above."""
        last = self._last_line(0, i)
        set_off = last >= 0 and self.lines[last].kind in (Kind.CODE, Kind.MATH)
        paragraph = self.line(i)
        return wording.looks_back(paragraph) and not (
            set_off and wording.explains_formula(paragraph)
        )

    def paragraphs(self, first: int, stop: int) -> Iterator[Block]:
        """Cut lines into paragraphs, each with the formula, list or code that follows it."""
        start = last = -1
        i = first
        while i < stop:
            kind = self.lines[i].kind
            following = i + 1
            if kind is Kind.RULE:
                if start >= 0:
                    yield Block(start, last + 1)
                start = -1
            elif kind is not Kind.BLANK:
                if self._is_prose(i):
                    if start >= 0 and not (self._wraps(i) or self._goes_on(last, i)):
                        yield Block(start, last + 1)
                        start = -1
                    following = self._paragraph_stop(i, stop)
                start = i if start < 0 else start
                last = following - 1
            i = following
        if start >= 0:
            yield Block(start, last + 1)

    def blocks(self, bullets: list[int], stop: int) -> Iterator[Block]:
        """Cut lines, from the first of ``bullets`` on, into these bullets and paragraphs."""
        for bullet, following in zip(bullets, [*bullets[1:], stop], strict=True):
            behind = self.item_stop(bullet, following)
            yield Block(bullet, behind, is_bullet=True)
            yield from self.paragraphs(behind, following)

    def bullets(self, first: int, stop: int) -> list[int]:
        """The bullets at the top level, without those that only define symbols."""
        found = [i for i in range(first, stop) if self.lines[i].kind is Kind.BULLET]
        least = min((self.lines[i].indent for i in found), default=0)
        top = [i for i in found if self.lines[i].indent <= least + 1]
        kept: list[int] = []
        for one_list in self._lists(top):
            if not self._defines_symbols(one_list):
                kept.extend(one_list)
        return kept

    def is_blank(self, first: int, stop: int) -> bool:
        """Tell lines without any text but rules."""
        return self._last_line(first, stop) < first

    def last_line(self) -> int:
        """The last line of all with text; -1 if there is none."""
        return self._last_line(0, len(self.lines))

    def _last_line(self, first: int, stop: int) -> int:
        """The last line with text; below ``first`` if there is none."""
        last = stop - 1
        while last >= first and self._is_blank(last):
            last -= 1
        return last

    def _is_blank(self, i: int) -> bool:
        line = self.lines[i]
        return line.start == line.end or line.kind is Kind.RULE

    def _paragraph_stop(self, i: int, stop: int) -> int:
        """Where the unbroken lines of the paragraph that opens at ``i`` end."""
        following = i + 1
        while following < stop and self._is_prose(following):
            following += 1
        return following

    def _paragraph_first(self, last: int) -> int:
        """Where the paragraph that ends at ``last`` opens; a cue opens one without a blank line."""
        while last > 0 and self._is_text(last - 1) and not wording.sums_up(self.line(last)):
            last -= 1
        return last

    def _lists(self, bullets: list[int]) -> Iterator[list[int]]:
        """Part the bullets where a paragraph stands between them."""
        one_list = bullets[:1]
        for bullet, following in pairwise(bullets):
            behind = self.item_stop(bullet, following)
            if any(self.lines[i].kind is not Kind.BLANK for i in range(behind, following)):
                yield one_list
                one_list = []
            one_list.append(following)
        if one_list:
            yield one_list

    def _defines_symbols(self, bullets: list[int]) -> bool:
        """Most of these bullets explain a formula's symbols, or "where:" announces them."""
        before = bullets[0] - 1
        while before >= 0 and self.lines[before].kind is Kind.BLANK:
            before -= 1
        if before >= 0 and wording.announces_symbols(self.line(before)):
            return True
        symbols = sum(wording.opens_with_formula(self.line(i)) for i in bullets)
        return 2 * symbols > len(bullets)

    def _is_text(self, i: int) -> bool:
        return self.lines[i].kind is Kind.TEXT and self.lines[i].indent <= 1

    def _is_prose(self, i: int) -> bool:
        """Unindented text; a number that counts nothing is text too."""
        line = self.lines[i]
        return line.indent <= 1 and line.kind in (Kind.TEXT, Kind.MARKER)

    def _hangs(self, i: int) -> bool:
        """Blank, a bullet, or a line indented below one."""
        line = self.lines[i]
        return line.kind in (Kind.BLANK, Kind.RULE, Kind.BULLET) or line.indent > 1

    def _wraps(self, i: int) -> bool:
        """Tell a line that goes on from the one above it, in the middle of a sentence."""
        above = self.lines[i - 1]
        if i == 0 or above.kind not in _RUNNING or wording.sums_up(self.line(i)):
            return False
        return not self.line(i - 1).rstrip(_CLOSING_MARKS).endswith(_SENTENCE_ENDS)

    def _goes_on(self, last: int, i: int) -> bool:
        """Tell a paragraph that a colon announced, or that explains a formula at the margin."""
        if self.announces(last):
            return True
        line = self.lines[last]
        is_set_off = line.kind in (Kind.CODE, Kind.MATH) and line.indent <= 1
        return is_set_off and wording.explains_formula(self.line(i))
