"""What changed answers look like on a screen."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from qasearch.cli.console import Screen, visible
from qasearch.cli.formats import label
from qasearch.records import SearchResult

if TYPE_CHECKING:
    from qasearch.evaluate.changes import Change, Kind

_SAID: "dict[Kind, str]" = {
    "article": "another article",
    "point": "another point",
    "text": "another text",
    "verdict": "another verdict",
}


def as_text(
    before: str, after: str, asked: int, changes: Sequence["Change"], screen: Screen
) -> str:
    """How many answers changed, and each of them before and after."""
    lines = [f"{len(changes):,} of {asked:,} first answers changed from {before} to {after}."]
    for change in changes:
        lines += ["", *_change(change, screen)]
    return "\n".join(lines)


def _change(change: "Change", screen: Screen) -> Iterator[str]:
    said = _SAID[change.kind]
    head = _cut(f"{change.query.qid}: {change.query.text}", screen.width - len(said) - 2)
    gap = " " * (screen.width - len(head) - len(said))
    yield screen.paint(head, "bold") + gap + screen.paint(said, "cyan")
    for when, result in (("before", change.before), ("after", change.after)):
        for line in _first(result, screen.width - 9, verdict=change.kind == "verdict"):
            yield f"{screen.paint(f'{when:>7}', 'dim')}  {line}"
            when = ""


def _first(result: SearchResult, width: int, *, verdict: bool) -> Iterator[str]:
    """The first article, and the first point of it; the verdict if that is what changed."""
    if not result.articles:
        yield "no answer"
    for hit in result.articles[:1]:
        yield _cut(f"{hit.question} · {hit.id}", width)
        for point in hit.points[:1]:
            yield _cut(f"{label(point.passage)} {point.title or point.text}", width)
        if verdict:
            yield f"verdict: {result.verdict}"


def _cut(text: str, width: int) -> str:
    text = visible(" ".join(text.split()))
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"
