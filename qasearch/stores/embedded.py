"""The index on disk as a store: what is staged is kept in memory, and published as a generation."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np

from qasearch.errors import IndexNotFoundError
from qasearch.index import (
    Codes,
    EmbedderIdentity,
    Generation,
    GenerationWriter,
    KeptRows,
    TokenCodec,
    version_of,
)
from qasearch.ingest import joined_text
from qasearch.protocols import Rows, Vectors
from qasearch.records import Condition
from qasearch.storage import Entry, Found, Origin, Probe, Reader, StoreStats
from qasearch.stores.documents import article_bytes, digest, digest_of_all

_ROWS_AT_ONCE = 4_096
_ARTICLES_AT_ONCE = 256


class EmbeddedStore:
    """A store in a folder. What ``Index.build`` does from files, this does from entries.

    Args:
        path: the index folder.
        origin: what makes the vectors of what will be written.
    """

    def __init__(self, path: Path, origin: Origin) -> None:
        self._path = path
        self._origin = origin
        self._staged: dict[str, Entry | None] = {}

    def upsert(self, entries: Iterable[Entry]) -> int:
        """Add articles, or replace those of the same id; as ``Store.upsert``."""
        there = self._digests()
        changed = 0
        for entry in entries:
            id, content = entry.article.id, digest(article_bytes(entry.article))
            staged = self._staged.get(id)
            known = (
                digest(article_bytes(staged.article))
                if staged
                else None
                if id in self._staged
                else there.get(id)
            )
            if content != known:
                self._staged[id] = entry
                changed += 1
        return changed

    def delete(self, ids: Iterable[str]) -> int:
        """Remove articles; as ``Store.delete``."""
        there = self._digests()
        removed = 0
        for id in ids:
            if self._staged.get(id) or (id in there and id not in self._staged):
                self._staged[id] = None
                removed += 1
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
        with Generation.open(self._path) as generation:
            scores, rows = _proposed(generation, probe, k, where, by_article)
            order = np.lexsort((rows, -scores))
            if by_article:
                owners = generation.store.article_rows_of(rows[order])
                order = order[np.sort(np.unique(owners, return_index=True)[1])]
            best = order[:k]
            passages = generation.store.passages(rows[best].tolist())
            return [
                Found(passage.article_id, passage.seq, float(score))
                for passage, score in zip(passages, scores[best], strict=True)
            ]

    def publish(self, calibrate: Callable[[Reader], bytes]) -> str:
        """Let what was staged answer, at one stroke; as ``Store.publish``."""
        parent = self._open()
        try:
            if parent and not self._staged and self._fits(parent):
                return parent.name
            return self._write(parent, calibrate)
        finally:
            if parent:
                parent.close()

    def stats(self) -> StoreStats:
        """What it holds."""
        generation = self._open()
        if generation is None:
            return StoreStats(None, 0, 0, "", len(self._staged) or None)
        with generation:
            there = _digests(generation)
            staged = {id for id in there if id not in self._staged}
            staged |= {id for id, entry in self._staged.items() if entry}
            return StoreStats(
                generation.name,
                generation.article_count,
                generation.passage_count,
                digest_of_all(there.values()),
                len(staged) if self._staged else None,
            )

    def reader(self) -> Reader:
        """What is published, for the query layer to read.

        Raises:
            IndexNotFoundError: nothing is.
        """
        return Generation.open(self._path)

    def close(self) -> None:
        """Nothing is held open."""

    def _open(self) -> Generation | None:
        try:
            return Generation.open(self._path)
        except IndexNotFoundError:
            return None

    def _fits(self, parent: Generation) -> bool:
        made_by, origin = parent.manifest.embedder, self._origin
        codec = parent.tokens.codec.to_bytes() if parent.tokens else b""
        return (made_by.fingerprint, made_by.dim, parent.manifest.splitter, codec) == (
            origin.fingerprint,
            origin.dim,
            origin.splitter,
            origin.codec,
        )

    def _digests(self) -> dict[str, str]:
        """The digest of each published article that what is written may stand beside."""
        generation = self._open()
        if generation is None:
            return {}
        with generation:
            return _digests(generation) if self._fits(generation) else {}

    def _write(self, parent: Generation | None, calibrate: Callable[[Reader], bytes]) -> str:
        kept = parent if parent and self._fits(parent) else None
        merged = _merged(kept, {id: entry for id, entry in self._staged.items()})
        origin = self._origin
        identity = EmbedderIdentity(origin.model, origin.fingerprint, origin.dim)
        codec = TokenCodec.from_bytes(origin.codec) if origin.codec else None
        with GenerationWriter(
            self._path,
            embedder=identity,
            splitter_version=origin.splitter,
            tool_version=version_of("qasearch"),
        ) as writer:
            writer.write_passages(e.article if isinstance(e, Entry) else e for e in merged)
            writer.write_vectors(_vectors(merged))
            writer.write_questions(_questions(merged))
            writer.write_tokens(codec, lambda: _tokens(merged) if codec else iter(()))
            writer.write_lexical(joined_text)
            writer.write_sources([])
            with writer.preview() as generation:
                confidence = calibrate(generation)
            writer.write_confidence(confidence)
            name = writer.commit()
        self._staged = {}
        return name


def _proposed(
    generation: Generation,
    probe: Probe,
    k: int,
    where: Sequence[Condition],
    by_article: bool,
) -> tuple[Vectors, Rows]:
    """Scores and rows of passages; of all that are found, where articles are to be told apart."""
    scope = generation.scope(where)
    k = max(1, generation.passage_count) if by_article else k
    if probe.vector is not None:
        rows = scope.near(probe.vector, k)
        return (generation.passage_vectors(rows) @ probe.vector[0]).astype(np.float32), rows
    if probe.terms is not None:
        return scope.worded(probe.terms, k)
    raise ValueError("A probe has a vector, or terms.")


def _digests(generation: Generation) -> dict[str, str]:
    found: dict[str, str] = {}
    for first in range(0, generation.article_count, _ARTICLES_AT_ONCE):
        stop = min(first + _ARTICLES_AT_ONCE, generation.article_count)
        for article in generation.store.full_articles(first, stop):
            found[article.id] = digest(article_bytes(article))
    return found


def _merged(parent: Generation | None, staged: dict[str, Entry | None]) -> list[Entry | KeptRows]:
    """What to write, in the order of ids: runs of rows that stay, and entries."""
    ids = parent.store.ids() if parent else []
    row_of = {id: row for row, id in enumerate(ids)}
    merged: list[Entry | KeptRows] = []
    wanted = sorted({*(id for id in ids if id not in staged), *(i for i, e in staged.items() if e)})
    for fresh, group in groupby(wanted, key=lambda id: id in staged):
        if fresh or parent is None:
            merged += [entry for id in group if (entry := staged[id])]
            continue
        rows = [row_of[id] for id in group]
        breaks = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(rows)) if b != a + 1), len(rows)]
        merged += [KeptRows(parent, rows[a], rows[b - 1] + 1) for a, b in pairwise(breaks)]
    return merged


def _vectors(merged: Sequence[Entry | KeptRows]) -> Iterator[Vectors]:
    for entry in merged:
        if isinstance(entry, Entry):
            yield entry.vectors
        else:
            yield from entry.passage_vectors(_ROWS_AT_ONCE)


def _questions(merged: Sequence[Entry | KeptRows]) -> Iterator[Vectors]:
    for entry in merged:
        if isinstance(entry, Entry):
            yield entry.question[np.newaxis]
        else:
            yield from entry.question_vectors(_ROWS_AT_ONCE)


def _tokens(merged: Sequence[Entry | KeptRows]) -> Iterator[tuple[Codes, Rows]]:
    for entry in merged:
        if isinstance(entry, Entry):
            codes = [entry.question_codes, *entry.codes]
            yield np.concatenate(codes), np.array([len(each) for each in codes], np.int64)
        else:
            yield from entry.tokens(_ARTICLES_AT_ONCE)
