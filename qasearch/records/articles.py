"""Articles and their passages, and how a filter chooses among them."""

import datetime
from dataclasses import dataclass
from typing import Final, Literal

SPLITTER_VERSION: Final = "1"
"""Of the rules that make passages of an answer: changes whenever some answer may be split otherwise
than before. It stands here since a search compares it, which has no need of the rules."""

PassageKind = Literal["point", "section", "bullet", "paragraph"]
ConditionField = Literal["subject", "date"]
ConditionOp = Literal["=", ">=", "<=", ">", "<"]


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit of retrieval: one numbered point of an answer, or what stands in for one.

    Attributes:
        article_id: id of the article it belongs to.
        seq: 1-based place among the article's passages, in the order of the document; unique.
        kind: ``point`` for a numbered item or a numbered heading; else what it was cut from.
        text: the body, without marker and title.
        start, end: code points into the article's answer; ``answer[start:end]`` is the source,
            marker and title included.
        ordinal: the number as printed (``"3"``, ``"2.1"``); may repeat; None unless a point.
        title: the bold or leading title, without its number and colon.
        section_path: the headings above it, outermost first.
        run: 1-based number of the run of points it belongs to; None unless a point.
        lead_in: the paragraph that announced its run, when no heading did.
    """

    article_id: str
    seq: int
    kind: PassageKind
    text: str
    start: int
    end: int
    ordinal: str | None = None
    title: str | None = None
    section_path: tuple[str, ...] = ()
    run: int | None = None
    lead_in: str | None = None

    @property
    def id(self) -> str:
        """``"<article id>#<seq>"``."""
        return f"{self.article_id}#{self.seq}"

    @property
    def section(self) -> str | None:
        """The headings above it as one line, ``"fMRI > Pros"``; None without any."""
        return " > ".join(self.section_path) or None

    def to_dict(self) -> dict[str, object]:
        """The passage as JSON types."""
        return {
            "id": self.id,
            "seq": self.seq,
            "kind": self.kind,
            "ordinal": self.ordinal,
            "section": self.section,
            "title": self.title,
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "run": self.run,
            "lead_in": self.lead_in,
        }


@dataclass(frozen=True, slots=True)
class Article:
    """One question with its answer, as read and split.

    Attributes:
        id: unique in an index.
        question: one line.
        answer: the decoded text, never normalised: the offsets of passages point into it.
        subjects, urls, paths: one for each place the article was published at; may be empty.
        date: of its newest publication.
        intro: the prose before the first point or heading.
        summary: the closing prose after the last point.
        passages: in the order of the document; ``ingest.split`` fills them, with intro, summary
            and flags, so an article from elsewhere may leave all four empty.
        flags: ``refusal``, ``truncated``, ``no_points``, ``unclosed_fence``; sorted.
    """

    id: str
    question: str
    answer: str
    subjects: tuple[str, ...] = ()
    date: datetime.date | None = None
    urls: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    intro: str | None = None
    summary: str | None = None
    passages: tuple[Passage, ...] = ()
    flags: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The whole article, its passages included, as JSON types."""
        return {
            "id": self.id,
            "question": self.question,
            "subjects": list(self.subjects),
            "date": self.date.isoformat() if self.date else None,
            "urls": list(self.urls),
            "paths": list(self.paths),
            "flags": list(self.flags),
            "intro": self.intro,
            "summary": self.summary,
            "answer": self.answer,
            "passages": [passage.to_dict() for passage in self.passages],
        }


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a metadata filter.

    Equal conditions on one field are alternatives; fields, and ranges of one field, combine.

    Attributes:
        field: ``subject`` (any of the article's subjects, ignoring case) or ``date``.
        op: ranges are for ``date`` only.
        value: a subject, or an ISO date.
    """

    field: ConditionField
    op: ConditionOp
    value: str
