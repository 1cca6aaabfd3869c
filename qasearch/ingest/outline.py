"""Walk down an answer, from each heading and number to the next, and name what lies between."""

from typing import Final, Literal

from qasearch.ingest import titles
from qasearch.ingest.blocks import Text
from qasearch.ingest.headings import Heading, find_headings
from qasearch.ingest.numbering import Item, find_items
from qasearch.ingest.parts import Collector
from qasearch.ingest.titles import Title

_SHORTEST_PROSE: Final = 120
_FEWEST_BULLETS: Final = 3
_SHORTEST_BULLETS: Final = 60


class Outliner:
    """Takes an answer apart, top to bottom, into what ``found`` collects.

    Ranges of lines are named by the index of the first line and by a stop that is left out.
    """

    def __init__(self, text: Text, article_id: str) -> None:
        self.found = Collector(text, article_id)
        self.intro: str | None = None
        self.summary: str | None = None
        self._text = text
        self._size = len(text.lines)
        self._items = find_items(text.lines)
        self._headings = find_headings(text.answer, text.lines, self._items)
        self._has_points = bool(self._items) or any(h.role == "point" for h in self._headings)
        self._starts_anew = _starts_anew(self._items, self._headings)
        self._closing = text.closing()
        self._heading: Heading | None = None  # governs what is being walked over
        self._run: tuple[str, int] | None = None  # the items, or numbered headings, that count on
        self._runs = 0
        self._lead_in: str | None = None  # of the run
        self._announcement: str | None = None  # of the run that comes next
        self._has_body = False  # the point before, in the same run, is more than a title

    def walk(self) -> None:
        """Collect everything, from the first line to the last."""
        anchors: list[Item | Heading] = sorted(
            [*self._items, *self._headings], key=lambda anchor: anchor.line
        )
        if anchors:
            if not self._text.is_blank(0, anchors[0].line):
                self.intro = self.found.take("intro", 0, anchors[0].line)
            for anchor, following in zip(anchors, [*anchors[1:], None], strict=True):
                if isinstance(anchor, Item):
                    self._walk_item(anchor, following)
                else:
                    self._walk_heading(anchor, following)
        else:
            self._walk_plain()
        if not self.found.passages:
            self.intro = self.summary = None
            self.found.take_whole()
        self.found.fill()

    # Numbered items

    def _walk_item(self, item: Item, following: Item | Heading | None) -> None:
        stop = following.line if following else self._size
        self._enter_run(("item", item.run))
        counts_on = (
            isinstance(following, Item)
            and following.run == item.run
            and following.number == item.number + 1
        )
        end = stop if counts_on else self._end_of_run(item, following, stop)
        self._take_item(item, end)
        if end < stop:
            self._walk_behind_run(end, following, stop)

    def _enter_run(self, run: tuple[str, int], *, counts_on: bool = False) -> None:
        if run != self._run and not counts_on:
            self._runs += 1
            self._has_body = False
            self._lead_in, self._announcement = self._announcement, None
        self._run = run

    def _end_of_run(self, item: Item, following: Item | Heading | None, stop: int) -> int:
        """Where the last item of a run ends: before closing words, or what announces a new run."""
        limit = stop
        if isinstance(following, Item):
            limit = self._text.announcement(item.line + 1, stop)
        elif self._closing and self._closing.has_cue:
            limit = min(stop, max(item.line + 1, self._closing.first))
        end = self._text.item_stop(item.line, limit)
        if self._has_body and self._is_bare(item, end):
            end = self._text.item_stop(item.line, limit, takes_paragraph=True)
        return end

    def _is_bare(self, item: Item, stop: int) -> bool:
        """Tell an item that is a title and nothing else."""
        start, end = self._text.span(item.line, stop)
        title = titles.of_item(self._text.answer, start, end)
        return title.text is not None and title.body == end

    def _take_item(self, item: Item, stop: int) -> None:
        span = self._text.span(item.line, stop)
        title = titles.of_item(self._text.answer, *span)
        if title.text is None and title.body == span[1]:
            self.found.take("filler", item.line, stop)
            return
        numbered = self._heading.innermost_numbered if self._heading else None
        prefix = f"{numbered.number}." if numbered and self._starts_anew else ""
        self._take_point(span, title, f"{prefix}{item.number}", self._path)

    def _take_point(
        self, span: tuple[int, int], title: Title, ordinal: str, path: tuple[str, ...]
    ) -> None:
        self._has_body = title.body < span[1]
        self.found.take_point(
            span, title, path, ordinal=ordinal, run=self._runs, lead_in=self._lead_in
        )

    def _walk_behind_run(self, first: int, following: Item | Heading | None, stop: int) -> None:
        if following is None:
            stop = self._take_summary(first, stop)
        blocks = list(self._text.paragraphs(first, stop))
        announcing = blocks.pop() if blocks and isinstance(following, Item) else None
        for block in blocks:
            self.found.take_paragraph(block.first, block.stop, self._path)
        if announcing:
            self._announcement = self._take_prose("lead_in", announcing.first, announcing.stop)

    # Headings

    def _walk_heading(self, heading: Heading, following: Item | Heading | None) -> None:
        stop = following.line if following else self._size
        below = heading.line + 1
        self._lead_in = self._announcement = None
        if heading.role == "point":
            self._walk_numbered_heading(heading, following, stop)
            return
        self._heading = heading
        if heading.role == "summary":
            self.found.take("heading", heading.line, below)
            self._take_closing_words(below, stop)
        elif isinstance(following, Item) or (following and following.parent is heading):
            self.found.take("heading", heading.line, below)
            if not self._text.is_blank(below, stop):
                self._take_prose("section_intro", below, stop)
        else:
            self._walk_section(heading, following, stop)

    def _walk_numbered_heading(
        self, heading: Heading, following: Item | Heading | None, stop: int
    ) -> None:
        number = heading.number or 0
        self._enter_run(("heading", number), counts_on=self._run == ("heading", number - 1))
        end = stop if following else self._before_conclusion(heading.line + 1, stop)
        span = self._text.span(heading.line, end)
        title = Title(heading.title, self._body(heading, end))
        self._take_point(span, title, str(number), heading.path[:-1])
        self._take_closing_words(end, stop)

    def _before_conclusion(self, first: int, stop: int) -> int:
        """Where closing words part from the last numbered heading, if it has other text too."""
        closing = self._closing
        if closing is None or self._text.is_blank(first, closing.first):
            return stop
        concludes = closing.has_cue or self._text.concludes(closing.first)
        return closing.first if concludes else stop

    def _walk_section(self, heading: Heading, following: Heading | None, stop: int) -> None:
        below = heading.line + 1
        closing = self._closing if following is None else None
        if closing:
            alone = self._text.is_blank(below, closing.first)
            if closing.has_cue or (self._has_points and not alone):
                stop = self._take_summary(below, stop)
        if self._text.is_blank(below, stop):
            self.found.take("heading", heading.line, below)
            return
        title = Title(heading.text, self._body(heading, stop))
        self.found.take_section(self._text.span(heading.line, stop), title, heading.path[:-1])
        self._add_children(below, stop)

    def _add_children(self, first: int, stop: int) -> None:
        """Make the bullets of a section passages of their own, if they are many and long enough."""
        bullets = self._text.bullets(first, stop)
        if len(bullets) < _FEWEST_BULLETS:
            return
        blocks = [block for block in self._text.blocks(bullets, stop) if block.is_bullet]
        spans = [self._text.span(block.first, block.stop) for block in blocks]
        if sum(end - start for start, end in spans) >= _SHORTEST_BULLETS * len(spans):
            for span in spans:
                self.found.add_bullet(span, self._path)

    def _body(self, heading: Heading, stop: int) -> int:
        """Where the text below a heading starts; the end of the heading if there is none."""
        below = heading.line + 1
        if self._text.is_blank(below, stop):
            return self._text.span(heading.line, below)[1]
        return self._text.span(below, stop)[0]

    # Answers without numbers or headings

    def _walk_plain(self) -> None:
        stop = self._size
        closing = self._closing
        if closing and closing.has_cue and not self._text.is_blank(0, closing.first):
            stop = self._take_summary(0, stop)
        bullets = self._text.bullets(0, stop)
        if len(bullets) < 2:
            for block in self._text.paragraphs(0, stop):
                self.found.take_paragraph(block.first, block.stop, ())
            return
        blocks = [*self._text.paragraphs(0, bullets[0]), *self._text.blocks(bullets, stop)]
        lead_in: str | None = None
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            if block.is_bullet:
                self.found.take_bullet(block.first, block.stop, lead_in)
            elif following and following.is_bullet and self._text.announces(block.stop - 1):
                lead_in = self._take_prose("lead_in", block.first, block.stop)
            else:
                self.found.take_paragraph(block.first, block.stop, ())
                lead_in = None

    # What stands around points

    @property
    def _path(self) -> tuple[str, ...]:
        return self._heading.path if self._heading else ()

    def _take_prose(self, kind: Literal["section_intro", "lead_in"], first: int, stop: int) -> str:
        """Take what leads to points; it is a passage too if it says enough."""
        prose = self.found.take(kind, first, stop)
        if len(prose) >= _SHORTEST_PROSE:
            self.found.add_paragraph(first, stop, self._path)
        return prose

    def _take_summary(self, first: int, stop: int) -> int:
        """Take the closing paragraph, if it lies here, and return where it starts."""
        if self._closing is None or self._closing.first < first:
            return stop
        self._take_closing_words(self._closing.first, stop)
        return self._closing.first

    def _take_closing_words(self, first: int, stop: int) -> None:
        if not self._text.is_blank(first, stop):
            self.summary = self.found.take("summary", first, stop)


def _starts_anew(items: list[Item], headings: list[Heading]) -> bool:
    """Tell whether the items below each numbered heading count from the start."""
    first_numbers: dict[int, int] = {}
    remaining = iter([*headings, None])
    heading, following = None, next(remaining)
    for item in items:
        while following is not None and following.line < item.line:
            heading, following = following, next(remaining)
        numbered = heading.innermost_numbered if heading else None
        if numbered:
            first_numbers.setdefault(numbered.line, item.number)
    return all(number <= 1 for number in first_numbers.values())
