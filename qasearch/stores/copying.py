"""An index copied to a store: what differs is sent, the rest checked, and then all is published."""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from qasearch.errors import StoreError
from qasearch.index import Generation
from qasearch.protocols import Progress, in_batches
from qasearch.records import CopyReport
from qasearch.storage import Entry, Reader
from qasearch.stores.documents import article_bytes, digest, digest_of_all
from qasearch.stores.entries import entries_of
from qasearch.stores.remote import RemoteStore

CANARIES = 16
"""Articles whose questions are asked of both."""
CANARY_RANK = 3
"""The first hit of the index is to be among so many of the store: BM25 may differ a little."""

_ENTRIES_AT_ONCE = 256

Ask = Callable[[Reader, Sequence[str]], list[list[str]]]
"""Gives the ids of the best articles for each of some questions."""


def copy(
    generation: Generation,
    store: RemoteStore,
    *,
    ask: Ask,
    calibrate: Callable[[Reader], bytes],
    progress: Progress,
) -> CopyReport:
    """Make a store hold what a generation holds, check it, and publish it.

    Args:
        generation: to copy.
        store: opened to write what ``generation`` has.
        ask: searches.
        calibrate: finds the confidence of hits in the store.
        progress: shows how many articles are done.

    Raises:
        StoreError: the store fails, or does not hold afterwards what it was sent.
    """
    started, address = time.monotonic(), store.url
    digests: list[str] = []
    sent = 0
    batches = in_batches(_noting(entries_of(generation), digests), _ENTRIES_AT_ONCE)
    total = generation.article_count
    for batch in progress(batches, total=total, what="copying articles"):
        sent += store.upsert(batch)
    kept = set(generation.store.ids())
    removed = store.delete([id for id in store.ids() if id not in kept])
    expected = digest_of_all(digests)
    canaries = generation.store.articles(generation.store.sample(CANARIES))

    def checked(reader: Reader) -> bytes:
        _check_counts(reader, generation, address)
        _check_vectors(reader, generation, address)
        _check_answers(ask, reader, generation, [c.question for c in canaries], address)
        return calibrate(reader)

    name = store.publish(checked, expected=expected)
    return CopyReport(
        store=address,
        generation=name,
        source=generation.name,
        sent=sent,
        unchanged=total - sent,
        removed=removed,
        articles=total,
        passages=generation.passage_count,
        digest=expected,
        canaries=len(canaries),
        seconds=time.monotonic() - started,
    )


def _noting(entries: Iterator[Entry], digests: list[str]) -> Iterator[Entry]:
    """The entries, the digest of each noted as it passes."""
    for entry in entries:
        digests.append(digest(article_bytes(entry.article)))
        yield entry


def _check_counts(reader: Reader, generation: Generation, address: str) -> None:
    found = reader.article_count, reader.passage_count
    expected = generation.article_count, generation.passage_count
    if found != expected:
        raise _wrong(
            address,
            f"{found[0]:,} articles and {found[1]:,} passages instead of "
            f"{expected[0]:,} and {expected[1]:,}",
        )


def _check_vectors(reader: Reader, generation: Generation, address: str) -> None:
    """Some articles have the very vectors that they have in the index."""
    ids = generation.store.ids()
    drawn = zip(reader.store.sample(CANARIES), generation.store.sample(CANARIES), strict=True)
    for there, here in drawn:
        (article,) = reader.store.articles([there])
        theirs = reader.passage_vectors(reader.store.passage_rows_of(np.array([there])))
        first, stop = generation.store.passage_span(here)
        if article.id != ids[here] or not np.array_equal(theirs, generation.vectors[first:stop]):
            raise _wrong(address, f"other vectors of article {ids[here]!r}")


def _check_answers(
    ask: Ask, reader: Reader, generation: Generation, questions: Sequence[str], address: str
) -> None:
    here, there = ask(generation, questions), ask(reader, questions)
    for question, best, found in zip(questions, here, there, strict=True):
        if best and best[0] not in found[:CANARY_RANK]:
            raise _wrong(address, f"no {best[0]!r} among the first hits for {question!r}")


def _wrong(address: str, found: str) -> StoreError:
    return StoreError(
        address,
        f"The copy in {address} is not what was sent: it has {found}. It was not published.",
        hint="See that nothing else writes there, and copy again.",
    )
