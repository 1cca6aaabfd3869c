"""What the new generation will hold, and how it differs from the one before."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from qasearch.build.reading import Reading
from qasearch.index import Generation, KeptRows, PassageStore
from qasearch.ingest import Shelf, split_article
from qasearch.protocols import in_batches
from qasearch.records import Article

Entry: TypeAlias = Article | KeptRows
Fate: TypeAlias = Literal["added", "changed", "renamed", "unchanged"]

STALE = "stale"
"""Flag of an article kept in its last good version."""

_ARTICLES_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write, in order of id, and what became of the articles.

    Attributes:
        order: ids of new articles, and rows taken over from the generation before.
        articles: holds the new ones.
        fates: how many articles were added, changed, renamed, left unchanged.
        removed, stale: how many went, and how many stay in their last good version.
        before: how many articles there were.
    """

    order: Sequence[str | KeptRows]
    articles: Shelf
    fates: Counter[Fate]
    removed: int
    stale: int
    before: int

    def entries(self) -> Iterator[Entry]:
        """New articles, each made when it is its turn, and rows taken over."""
        return (self.articles[e] if isinstance(e, str) else e for e in self.order)

    def new_articles(self) -> Iterator[Article]:
        """The articles whose texts need vectors."""
        return (self.articles[e] for e in self.order if isinstance(e, str))

    @property
    def article_count(self) -> int:
        """How many articles there will be."""
        return sum(1 if isinstance(e, str) else e.articles for e in self.order)

    @property
    def passage_count(self) -> int:
        """How many passages there will be."""
        return sum(
            self.articles.passages(e) if isinstance(e, str) else e.passages for e in self.order
        )

    @property
    def changes_nothing(self) -> bool:
        """Whether the new generation would hold the very rows of the one before."""
        has_new = any(isinstance(e, str) for e in self.order)
        return not self.removed and not has_new and self.article_count == self.before


def make_plan(parent: Generation | None, reading: Reading, *, take_over: bool) -> Plan:
    """Compare what was read with the generation before.

    Args:
        parent: the generation before; None means there is none.
        reading: what may differ from it.
        take_over: whether rows of ``parent``, with their vectors, may be taken over; if not,
            ``reading`` must hold everything.
    """
    stored = _Stored(parent.store) if parent else None
    rows = stored.rows if stored else {}
    fates: Counter[Fate] = Counter()
    articles = reading.articles
    compared = articles.keys() | reading.stale
    new: list[str] = []
    for id, before in _pairs(articles, stored):
        fate = _fate(articles[id], before) if before else "added"
        fates[fate] += 1
        if fate != "unchanged" or not take_over:
            new.append(id)
    stale = reading.stale & rows.keys()
    for article in stored.articles(stale) if stored else ():
        if STALE not in article.flags or not take_over:
            articles.replace(_stale(article))
            new.append(article.id)
    removed = reading.removed & rows.keys()
    left = removed.union(new)
    kept = {id: row for id, row in rows.items() if id not in left} if take_over else {}
    fates["unchanged"] += sum(id not in compared for id in kept)
    return Plan(
        order=list(_order(new, kept, parent)) if parent else new,
        articles=articles,
        fates=fates,
        removed=len(removed),
        stale=len(stale),
        before=len(rows),
    )


class _Stored:
    """The articles of the generation before, by id."""

    def __init__(self, store: PassageStore) -> None:
        self._store = store
        self.rows = {id: row for row, id in enumerate(store.ids())}

    def articles(self, ids: Iterable[str]) -> Iterator[Article]:
        """The stored articles with these ids, without passages, in order of id."""
        for batch in in_batches(sorted(ids), _ARTICLES_AT_ONCE):
            yield from self._store.articles([self.rows[id] for id in batch])


def _pairs(ids: Iterable[str], stored: _Stored | None) -> Iterator[tuple[str, Article | None]]:
    """Each article with its stored version."""
    for batch in in_batches(ids, _ARTICLES_AT_ONCE):
        known = [id for id in batch if stored and id in stored.rows]
        before = {article.id: article for article in stored.articles(known)} if stored else {}
        for id in batch:
            yield id, before.get(id)


def _fate(article: Article, before: Article) -> Fate:
    # The passages follow from the answer.
    bare = replace(article, passages=())
    if bare == before:
        return "unchanged"
    return "renamed" if replace(bare, paths=before.paths) == before else "changed"


def _stale(article: Article) -> Article:
    """The last good version of an article, marked; split again, for the rules may be others."""
    flags = tuple(sorted({*article.flags, STALE}))
    return split_article(replace(article, flags=flags))


def _order(
    new: Collection[str], kept: Mapping[str, int], parent: Generation
) -> Iterator[str | KeptRows]:
    """New articles and runs of kept rows, in order of id."""
    run: KeptRows | None = None
    for id in sorted([*new, *kept]):
        row = kept.get(id)
        if row is None:
            if run:
                yield run
            run = None
            yield id
        elif run and run.stop == row:
            run = KeptRows(parent, run.first, row + 1)
        else:
            if run:
                yield run
            run = KeptRows(parent, row, row + 1)
    if run:
        yield run
