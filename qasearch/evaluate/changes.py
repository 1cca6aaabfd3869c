"""Which queries two generations of an index answer differently."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from qasearch.evaluate.queries import Query
from qasearch.evaluate.runs import QUERIES_AT_ONCE
from qasearch.protocols import Progress, in_batches, no_progress
from qasearch.records import IndexStatus, PassageHit, SearchResult

if TYPE_CHECKING:
    from qasearch import Index

Kind = Literal["article", "point", "text", "verdict"]


@dataclass(frozen=True, slots=True)
class Change:
    """A query whose first answer is another one.

    Attributes:
        kind: ``article``: another article is first; ``point``: another passage of it; ``text``:
            the passage is the same, but says something else; ``verdict``: only the verdict differs.
        before, after: what was found.
    """

    query: Query
    kind: Kind
    before: SearchResult
    after: SearchResult

    def to_dict(self) -> dict[str, object]:
        """The change with JSON types only; hits are those of a search."""
        return {
            "qid": self.query.qid,
            "query": self.query.text,
            "kind": self.kind,
            "before": _first_dict(self.before),
            "after": _first_dict(self.after),
        }


def changed_answers(
    before: "Index",
    after: "Index",
    queries: Sequence[Query],
    *,
    progress: Progress = no_progress,
) -> list[Change]:
    """Ask both all queries, and tell whose first answer differs, in the order of the queries."""
    changes: list[Change] = []
    for batch in progress(in_batches(queries, QUERIES_AT_ONCE), total=len(queries), what="asking"):
        texts = [query.text for query in batch]
        old, new = (index.search_many(texts, k=1, points=1) for index in (before, after))
        for query, one, other in zip(batch, old, new, strict=True):
            kind = _kind(one, other)
            if kind:
                changes.append(Change(query, kind, one, other))
    return changes


def generation_before(status: IndexStatus) -> str:
    """The newest generation older than the one that ``status`` is of.

    Raises:
        ValueError: there is none.
    """
    older = [name for name in status.generations if name < status.generation]
    if not older:
        raise ValueError(
            f"{status.path} has no generation before {status.generation}; "
            "it will after the next build that changes something."
        )
    return older[-1]


def first_point(result: SearchResult) -> PassageHit | None:
    """The best passage of the best article, if there is any."""
    return next((point for hit in result.articles[:1] for point in hit.points), None)


def _kind(before: SearchResult, after: SearchResult) -> Kind | None:
    """How two results differ in their first answer; None if they do not."""
    if _ids(before) != _ids(after):
        return "article"
    old, new = first_point(before), first_point(after)
    if (old and (old.title, old.text)) != (new and (new.title, new.text)):
        same = old and new and (old.ordinal, old.title) == (new.ordinal, new.title)
        return "text" if same else "point"
    return None if before.verdict == after.verdict else "verdict"


def _ids(result: SearchResult) -> list[str]:
    return [hit.id for hit in result.articles]


def _first_dict(result: SearchResult) -> dict[str, object]:
    told = result.to_dict()
    return {name: told[name] for name in ("verdict", "index", "articles")}
