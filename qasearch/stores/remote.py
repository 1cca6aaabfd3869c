"""A store on any engine: the five verbs, made of the steps that an engine offers.

    upsert, delete ─► a staged generation, begun from the one that answers ─ publish ─► it answers

A writer that is killed leaves its staged generation; the next one goes on with it.
"""

import datetime
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from qasearch.errors import IndexStoreError, StoreError
from qasearch.index import subject_key
from qasearch.protocols import in_batches
from qasearch.records import Condition
from qasearch.storage import Entry, Found, Origin, Probe, Reader, StoreStats
from qasearch.stores.about import About
from qasearch.stores.documents import digest_of_all
from qasearch.stores.engine import Engine
from qasearch.stores.reader import RemoteReader
from qasearch.stores.rows import article_row

_log = logging.getLogger(__name__)

_ENTRIES_AT_ONCE = 256
"""What a killed writer loses at most."""

_KEPT_GENERATIONS = 2
"""The one that answers, and the one before it, which readers may still have open."""


class RemoteStore:
    """A store on an engine.

    Args:
        engine: the database.
        origin: what makes the vectors of what will be written; None to read only.
    """

    def __init__(self, engine: Engine, origin: Origin | None = None) -> None:
        self._engine = engine
        self._origin = origin
        self._staged: int | None = None
        self._swept = False

    @property
    def url(self) -> str:
        """Its address, without a password."""
        return self._engine.url

    def upsert(self, entries: Iterable[Entry]) -> int:
        """Add articles, or replace those of the same id; as ``Store.upsert``."""
        return sum(self._upsert(batch) for batch in in_batches(entries, _ENTRIES_AT_ONCE))

    def delete(self, ids: Iterable[str]) -> int:
        """Remove articles; as ``Store.delete``."""
        removed = 0
        for batch in in_batches(ids, _ENTRIES_AT_ONCE):
            base = self._base()
            if base is None or not self._engine.find(base, batch):
                continue
            staged = self._stage()
            found = self._engine.find(staged, batch)
            self._engine.delete(staged, [kept.row for kept in found])
            removed += len(found)
        return removed

    def search(
        self,
        probe: Probe,
        k: int,
        *,
        where: Sequence[Condition] = (),
        by_article: bool = False,
    ) -> list[Found]:
        """Propose passages of what is published, best first; as ``Store.search``."""
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}.")
        number, about = self._published()
        if probe.vector is not None:
            scores, rows = self._engine.near(number, probe.vector, k, where, by_article=by_article)
        elif probe.terms is not None:
            scores, rows = self._engine.worded(number, probe.terms, k, where, by_article=by_article)
        else:
            raise ValueError("A probe has a vector, or terms.")
        order = np.lexsort((rows, -scores))
        passages = RemoteReader(self._engine, number, about).store.passages(rows[order].tolist())
        return [
            Found(passage.article_id, passage.seq, float(score))
            for passage, score in zip(passages, scores[order], strict=True)
        ]

    def publish(self, calibrate: Callable[[Reader], bytes], *, expected: str = "") -> str:
        """Let what was staged answer, at one stroke; as ``Store.publish``.

        Args:
            calibrate: as there.
            expected: digest that all of it must have; empty if nobody knows.
        """
        staged = self._staged or self._left()
        if staged is None:
            return self._published()[1].name
        self._engine.finish(staged)
        about = self._counted(staged)
        if expected not in ("", about.digest):
            raise StoreError(
                self._engine.url,
                f"{self._engine.url} holds articles of digest {about.digest:.12}, not "
                f"{expected:.12}. They were not published.",
                hint="See that nothing else writes there, and do it again.",
            )
        about = replace(about, confidence=calibrate(RemoteReader(self._engine, staged, about)))
        self._engine.set_about(staged, about.to_text())
        self._engine.switch(staged)
        self._staged, self._swept = None, False
        self._collect(staged)
        return about.name

    def stats(self) -> StoreStats:
        """What it holds."""
        number = self._engine.published()
        about = self._about(number) if number is not None else None
        staged = self._staged or self._left()
        return StoreStats(
            generation=about.name if about else None,
            articles=about.articles if about else 0,
            passages=about.passages if about else 0,
            digest=about.digest if about else "",
            staged=self._engine.counts(staged)[0] if staged is not None else None,
        )

    def ids(self) -> Iterable[str]:
        """The ids of all articles, those staged included, in any order."""
        base = self._base()
        return () if base is None else (kept.id for kept in self._engine.all(base))

    def reader(self) -> RemoteReader:
        """What is published, for the query layer to read.

        Raises:
            IndexStoreError: nothing is.
        """
        number, about = self._published()
        return RemoteReader(self._engine, number, about, self.close)

    def origin(self) -> Origin:
        """What made the vectors of what is published.

        Raises:
            IndexStoreError: nothing is.
        """
        return self._published()[1].origin

    def close(self) -> None:
        """Let go of the connection."""
        self._engine.close()

    def _upsert(self, entries: Sequence[Entry]) -> int:
        rows = {entry.article.id: article_row(entry, 0) for entry in entries}
        changed = self._changed(self._base(), {id: row.digest for id, row in rows.items()})
        if not changed:
            return 0
        staged = self._stage()
        about = self._about(staged)
        wanted = [entry for entry in entries if entry.article.id in changed]
        numbered = enumerate({entry.article.id: entry for entry in wanted}.values(), about.next_row)
        articles = [article_row(entry, row) for row, entry in numbered]
        old = self._engine.find(staged, list(changed))
        self._engine.delete(staged, [kept.row for kept in old])
        self._engine.insert(staged, articles)
        after = replace(about, next_row=about.next_row + len(articles))
        self._engine.set_about(staged, after.to_text())
        return len(articles)

    def _changed(self, number: int | None, digests: dict[str, str]) -> set[str]:
        """The ids whose articles are not there, or with another digest."""
        if number is None or not self._fits(self._about(number)):
            return set(digests)
        there = {kept.id: kept.digest for kept in self._engine.find(number, list(digests))}
        return {id for id, digest in digests.items() if there.get(id) != digest}

    def _base(self) -> int | None:
        """The generation that changes are told against: the staged one, or what answers."""
        if self._staged is None:
            self._staged = self._left()
        return self._staged if self._staged is not None else self._engine.published()

    def _left(self) -> int | None:
        """The generation that a writer left staged, if it can be gone on with."""
        published = self._engine.published()
        for number in self._engine.numbers():
            if published is None or number > published:
                text = self._engine.about(number)
                about = About.from_text(text) if text else None
                if about and about.parent == published and self._fits(about):
                    return number
        return None

    def _fits(self, about: About) -> bool:
        return self._origin in (None, about.origin)

    def _stage(self) -> int:
        """The number of the staged generation; begins one from what answers at need."""
        if self._origin is None:
            raise ValueError("This store was opened to be read.")
        if self._staged is not None:
            self._sweep(self._staged)
            return self._staged
        published, numbers = self._engine.published(), self._engine.numbers()
        for number in numbers:
            if published is None or number > published:
                self._engine.drop(number)
        staged = 1 + max(numbers, default=0)
        self._engine.create(staged, self._origin.dim)
        about = About(self._origin, parent=published)
        before = self._about(published) if published is not None else None
        if published is not None and before and self._fits(before):
            self._engine.carry(published, staged)
            about = replace(about, next_row=before.next_row)
        self._engine.set_about(staged, about.to_text())
        self._staged, self._swept = staged, True
        return staged

    def _sweep(self, staged: int) -> None:
        """Remove what a killed writer was about to add, before going on from there."""
        if not self._swept:
            self._engine.delete_from(staged, self._about(staged).next_row)
            self._swept = True

    def _counted(self, number: int) -> About:
        """What is noted of a generation that is complete, told from what lies there."""
        digests: list[str] = []
        articles: Counter[str] = Counter()
        spelling: dict[str, Counter[str]] = {}
        for kept in self._engine.all(number):
            digests.append(kept.digest)
            articles.update({subject_key(label) for label in kept.labels})
            for label in kept.labels:
                spelling.setdefault(subject_key(label), Counter())[label] += 1
        found, passages = self._engine.counts(number)
        if found != len(digests):
            raise StoreError(
                self._engine.url,
                f"{self._engine.url} counts {found:,} articles and lists {len(digests):,}.",
                hint="Something else writes to it: stop that, and do it again.",
            )
        digest = digest_of_all(digests)
        subjects = [
            (min(names, key=lambda name: (-names[name], name)), articles[key])
            for key, names in spelling.items()
        ]
        now = datetime.datetime.now(datetime.UTC)
        return replace(
            self._about(number),
            name=f"gen-{number:010}-{digest[:8]}",
            created=now.isoformat(timespec="seconds"),
            articles=found,
            passages=passages,
            digest=digest,
            subjects=tuple(sorted(subjects, key=lambda pair: (-pair[1], pair[0]))),
        )

    def _published(self) -> tuple[int, About]:
        number = self._engine.published()
        if number is None:
            raise IndexStoreError(
                self._engine.url,
                f"There is no index in {self._engine.url}.",
                hint=f"Copy one there with `qasearch copy -i index --to {self._engine.url}`.",
            )
        return number, self._about(number)

    def _about(self, number: int) -> About:
        try:
            return About.from_text(self._engine.about(number))
        except ValueError as error:
            raise IndexStoreError(
                self._engine.url,
                f"Generation {number} of {self._engine.url} cannot be read: {error}.",
                hint="Copy the index there anew, under another name.",
            ) from error

    def _collect(self, published: int) -> None:
        """Drop the generations that nobody needs any more; what fails there harms nobody."""
        others = [number for number in self._engine.numbers() if number < published]
        for number in others[: len(others) + 1 - _KEPT_GENERATIONS]:
            try:
                self._engine.drop(number)
            except StoreError as error:
                _log.warning("An old generation stays in %s: %s", self._engine.url, error)
