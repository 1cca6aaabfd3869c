"""What the search page shows, worked out before any template sees it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, field_validator

from qasearch import ArticleHit, PassageHit, SearchResult
from qasearch.server.addresses import anchor, article_url, search_url
from qasearch.server.live import Snapshot
from qasearch.server.parameters import MOST_HITS, WHOLE, Filters

HITS = 10
"""Articles on a page."""
COUNTED = 50
"""Articles, the nearest ones, whose subjects are counted."""
NEARBY = 6
"""Questions named beside the page's own articles."""
SUBJECTS = 8
"""Subjects to choose from, beside those chosen."""

LONG, SHORT = 700, 360
"""Characters shown of the best point of an article, and of the others."""


class PageParameters(Filters):
    """Of ``/``. What a form leaves empty is not asked for."""

    q: str = ""
    offset: Annotated[int, Field(ge=0, lt=MOST_HITS), WHOLE] = 0

    @field_validator("date_from", "date_to", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return value or None

    def url(self, **changes: Any) -> str:
        """The address of this search, or of one that differs; from its first page on."""
        asked = self.model_copy(update={"offset": 0, **changes})
        days = (("date_from", asked.date_from), ("date_to", asked.date_to))
        pairs = [
            ("q", asked.q),
            *(("subject", subject) for subject in asked.subject),
            *((name, day.isoformat()) for name, day in days if day),
            *([("offset", str(asked.offset))] if asked.offset else []),
        ]
        return search_url(*pairs)

    def with_subject(self, subject: str) -> str:
        """The address of this search within a subject, instead of the subjects chosen."""
        return self.url(subject=[subject])


@dataclass(frozen=True, slots=True)
class PointView:
    """A passage as a result shows it.

    Attributes:
        hit: the passage found.
        text: what is shown of its text, and ``highlights`` what of that is marked.
        url: of its place in its article.
    """

    hit: PassageHit
    text: str
    highlights: tuple[tuple[int, int], ...]
    url: str


@dataclass(frozen=True, slots=True)
class ArticleView:
    """An article as a result shows it.

    Attributes:
        hit: the article found.
        url: of its page, at the point that answers best.
        points: the passages shown.
    """

    hit: ArticleHit
    url: str
    points: list[PointView]


@dataclass(frozen=True, slots=True)
class SubjectView:
    """A subject to choose, or to choose no more.

    Attributes:
        name: of the subject.
        count: its articles among those counted; None if none is.
        chosen: whether it is.
        url: of the search with the choice turned around.
    """

    name: str
    count: int | None
    chosen: bool
    url: str


@dataclass(frozen=True, slots=True)
class SearchView:
    """A page of results.

    Attributes:
        asked: for what.
        result: what the library found, all of it.
        articles: those of this page.
        nearby: further ones, of which the question alone is shown, with their addresses.
        subjects: to filter by.
        counted: number of articles whose subjects were counted.
        previous, next: addresses of the pages before and after; None if there is none.
    """

    asked: PageParameters
    result: SearchResult
    articles: list[ArticleView]
    nearby: list[tuple[str, str]]
    subjects: list[SubjectView]
    counted: int
    previous: str | None
    next: str | None

    @property
    def calibrated(self) -> bool:
        """Whether the index tells how sure it is."""
        return any(hit.confidence is not None for hit in self.result.articles)

    @property
    def filtered(self) -> bool:
        """Whether anything but the question narrows the search."""
        return self.asked.where() is not None

    @property
    def unfiltered(self) -> str:
        """The address of the same question without any filter."""
        return self.asked.url(subject=[], date_from=None, date_to=None)


def search_view(snapshot: Snapshot, asked: PageParameters) -> SearchView:
    """Search, and work out what the page shows.

    Raises:
        ValueError: the question is blank.
    """
    depth = min(MOST_HITS, max(COUNTED, asked.offset + HITS))
    found = snapshot.index.search(asked.q, k=depth, where=asked.where(), facets=["subject"])
    stop = asked.offset + HITS
    return SearchView(
        asked=asked,
        result=found,
        articles=[_article(hit, asked.q) for hit in found.articles[asked.offset : stop]],
        nearby=[
            (hit.question, article_url(hit.id, asked.q))
            for hit in found.articles[stop : stop + NEARBY]
        ],
        subjects=_subjects(asked, _counts(snapshot, asked, found)),
        counted=depth,
        previous=asked.url(offset=max(0, asked.offset - HITS)) if asked.offset else None,
        next=asked.url(offset=stop) if stop < len(found.articles) else None,
    )


def cut(text: str, length: int) -> str:
    """The beginning of a text, to the end of a line, a sentence or a word, and no half formula."""
    if len(text) <= length:
        return text
    part = text[:length]
    ends = [match.end() for match in re.finditer(r"\n|[.!?](?=\s)|\s", part)]
    good = [match.end() for match in re.finditer(r"\n|[.!?](?=\s)", part)]
    part = part[: max([end for end in good if end > length // 2] or ends or [length])]
    if part.count("$") % 2:
        part = part[: part.rindex("$")]
    part = part.rstrip()
    # A fence that is left open ends with the text, or with the bullet that it stands in.
    *_, fence = re.findall(r"^([ \t]*)```", part, re.MULTILINE) or [""]
    return f"{part}\n{fence}…" if part.count("```") % 2 else f"{part} …"


def _counts(
    snapshot: Snapshot, asked: PageParameters, found: SearchResult
) -> Sequence[tuple[str, int]]:
    """The subjects near the question, whichever of them are chosen."""
    if asked.subject:
        days = asked.model_copy(update={"subject": []}).where()
        found = snapshot.index.search(asked.q, k=COUNTED, points=0, where=days, facets=["subject"])
    return found.facets["subject"]


def _subjects(asked: PageParameters, counts: Sequence[tuple[str, int]]) -> list[SubjectView]:
    chosen = {name.casefold() for name in asked.subject}
    known = dict(counts)
    offered = [name for name in known if name.casefold() not in chosen][:SUBJECTS]
    names = {name.casefold(): name for name in known}
    return [
        *(
            SubjectView(
                names.get(name.casefold(), name),
                known.get(names.get(name.casefold(), name)),
                True,
                asked.url(subject=[other for other in asked.subject if other != name]),
            )
            for name in asked.subject
        ),
        *(
            SubjectView(name, known[name], False, asked.url(subject=[*asked.subject, name]))
            for name in offered
        ),
    ]


def _article(hit: ArticleHit, q: str) -> ArticleView:
    points = [_point(point, q, LONG if i == 0 else SHORT) for i, point in enumerate(hit.points)]
    url = points[0].url if points else article_url(hit.id, q)
    return ArticleView(hit, url, points)


def _point(hit: PassageHit, q: str, length: int) -> PointView:
    text = cut(hit.text, length)
    kept = tuple(span for span in hit.highlights if span[1] <= min(len(text), length))
    url = article_url(hit.passage.article_id, q, anchor(hit.passage))
    return PointView(hit, text, kept, url)
