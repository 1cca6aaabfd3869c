"""What the new generation will hold, and how it differs from the one before."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from typing import Literal, TypeAlias

from qasearch.build.reading import Reading
from qasearch.index import Generation, KeptRows, PassageStore
from qasearch.ingest import split_article
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
        entries: new articles, and rows taken over from the generation before.
        fates: how many articles were added, changed, renamed, left unchanged.
        removed, stale: how many went, and how many stay in their last good version.
        before: how many articles there were.
    """

    entries: list[Entry]
    fates: Counter[Fate]
    removed: int
    stale: int
    before: int

    @property
    def new_articles(self) -> list[Article]:
        """The articles whose texts need vectors."""
        return [entry for entry in self.entries if isinstance(entry, Article)]

    @property
    def article_count(self) -> int:
        """How many articles there will be."""
        return sum(1 if isinstance(e, Article) else e.articles for e in self.entries)

    @property
    def passage_count(self) -> int:
        """How many passages there will be."""
        return sum(len(e.passages) if isinstance(e, Article) else e.passages for e in self.entries)

    @property
    def changes_nothing(self) -> bool:
        """Whether the new generation would hold the very rows of the one before."""
        return not self.removed and not self.new_articles and self.article_count == self.before


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
    new: dict[str, Article] = {}
    for article, before in _pairs(reading.articles, stored):
        fate = _fate(article, before)
        fates[fate] += 1
        if fate != "unchanged" or not take_over:
            new[article.id] = article
    stale = reading.stale & rows.keys()
    for article in stored.articles(stale) if stored else ():
        if STALE not in article.flags or not take_over:
            new[article.id] = _stale(article)
    removed = reading.removed & rows.keys()
    kept = {id: row for id, row in rows.items() if id not in new and id not in removed}
    if not take_over:
        kept = {}
    compared = {article.id for article in reading.articles} | reading.stale
    fates["unchanged"] += sum(id not in compared for id in kept)
    return Plan(
        entries=list(_entries(new, kept, parent)) if parent else list(new.values()),
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


def _pairs(
    articles: Sequence[Article], stored: _Stored | None
) -> Iterator[tuple[Article, Article | None]]:
    """Each article with its stored version."""
    for batch in in_batches(articles, _ARTICLES_AT_ONCE):
        known = [article.id for article in batch if stored and article.id in stored.rows]
        before = {a.id: a for a in stored.articles(known)} if stored else {}
        for article in batch:
            yield article, before.get(article.id)


def _fate(article: Article, before: Article | None) -> Fate:
    if before is None:
        return "added"
    # The passages follow from the answer.
    bare = replace(article, passages=())
    if bare == before:
        return "unchanged"
    return "renamed" if replace(bare, paths=before.paths) == before else "changed"


def _stale(article: Article) -> Article:
    """The last good version of an article, marked; split again, for the rules may be others."""
    flags = tuple(sorted({*article.flags, STALE}))
    return split_article(replace(article, flags=flags))


def _entries(
    new: Mapping[str, Article], kept: Mapping[str, int], parent: Generation
) -> Iterator[Entry]:
    """New articles and runs of kept rows, in order of id."""
    run: KeptRows | None = None
    for _, entry in merge(sorted(new.items()), kept.items(), key=lambda pair: pair[0]):
        if isinstance(entry, Article):
            if run:
                yield run
            run = None
            yield entry
        elif run and run.stop == entry:
            run = KeptRows(parent, run.first, entry + 1)
        else:
            if run:
                yield run
            run = KeptRows(parent, entry, entry + 1)
    if run:
        yield run
