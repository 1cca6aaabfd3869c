"""Collect what an answer consists of: its parts, and the passages cut from it."""

from dataclasses import dataclass
from typing import Literal

from qasearch.ingest import titles
from qasearch.ingest.blocks import Text
from qasearch.ingest.titles import Title
from qasearch.records import Passage, PassageKind

PartKind = Literal["intro", "heading", "section_intro", "lead_in", "passage", "summary", "filler"]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of an answer, ``answer[start:end]``, and what it is there for.

    A ``filler`` says nothing: a rule, or a number with nothing behind it.
    """

    kind: PartKind
    start: int
    end: int


class Collector:
    """The parts and passages of one answer, in the order in which they are taken.

    Ranges of lines are named by the index of the first line and by a stop that is left out.
    """

    def __init__(self, text: Text, article_id: str) -> None:
        self.text = text
        self.parts: list[Part] = []
        self.passages: list[Passage] = []
        self._article_id = article_id

    def take(self, kind: PartKind, first: int, stop: int) -> str:
        """Take lines as a part that is no passage, and return their text."""
        start, end = self.text.span(first, stop)
        self.parts.append(Part(kind, start, end))
        return self.text.answer[start:end]

    def take_point(
        self,
        span: tuple[int, int],
        title: Title,
        path: tuple[str, ...],
        *,
        ordinal: str,
        run: int,
        lead_in: str | None,
    ) -> None:
        """Take a numbered point as a part and a passage."""
        self.parts.append(Part("passage", *span))
        self._add("point", span, title, path, ordinal=ordinal, run=run, lead_in=lead_in)

    def take_section(self, span: tuple[int, int], title: Title, path: tuple[str, ...]) -> None:
        """Take a heading and the text below it as a part and a passage."""
        self.parts.append(Part("passage", *span))
        self._add("section", span, title, path)

    def take_paragraph(self, first: int, stop: int, path: tuple[str, ...]) -> None:
        """Take lines as a part and a passage."""
        self.take("passage", first, stop)
        self.add_paragraph(first, stop, path)

    def take_bullet(self, first: int, stop: int, lead_in: str | None) -> None:
        """Take a bullet as a part and a passage."""
        self.take("passage", first, stop)
        self.add_bullet(self.text.span(first, stop), (), lead_in)

    def take_whole(self) -> None:
        """Take the whole answer as one passage in place of all parts; a blank one has none."""
        whole = self.text.answer.strip()
        start = self.text.answer.find(whole)
        span = (start, start + len(whole))
        self.parts = [Part("passage", *span)] if whole else []
        if whole:
            self._add("paragraph", span, Title(None, start), ())

    def add_paragraph(self, first: int, stop: int, path: tuple[str, ...]) -> None:
        """Make a passage of lines that are taken already."""
        span = self.text.span(first, stop)
        self._add("paragraph", span, Title(None, span[0]), path)

    def add_bullet(
        self, span: tuple[int, int], path: tuple[str, ...], lead_in: str | None = None
    ) -> None:
        """Make a passage of a bullet that is taken already."""
        title = titles.of_bullet(self.text.answer, *span)
        self._add("bullet", span, title, path, lead_in=lead_in)

    def fill(self) -> None:
        """Sort the parts, and take what lies between them as filler."""
        self.parts.sort(key=lambda part: part.start)
        fillers: list[Part] = []
        parts = iter([*self.parts, None])
        part = next(parts)
        for line in self.text.lines:
            while part is not None and part.end <= line.start:
                part = next(parts)
            if line.start < line.end and (part is None or line.end <= part.start):
                fillers.append(Part("filler", line.start, line.end))
        if fillers:
            self.parts = sorted([*self.parts, *fillers], key=lambda part: part.start)

    def _add(
        self,
        kind: PassageKind,
        span: tuple[int, int],
        title: Title,
        path: tuple[str, ...],
        *,
        ordinal: str | None = None,
        run: int | None = None,
        lead_in: str | None = None,
    ) -> None:
        start, end = span
        self.passages.append(
            Passage(
                article_id=self._article_id,
                seq=len(self.passages) + 1,
                kind=kind,
                text=self.text.answer[title.body : end],
                start=start,
                end=end,
                ordinal=ordinal,
                title=title.text,
                section_path=path,
                run=run,
                lead_in=lead_in,
            )
        )
