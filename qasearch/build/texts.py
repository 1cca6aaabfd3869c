"""The vectors of texts: from the cache, and into it what was not there."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np

from qasearch.build.plan import Entry
from qasearch.embed import checked, embedder_name
from qasearch.index import EmbeddingCache, KeptRows, text_key
from qasearch.ingest import passage_text, question_text
from qasearch.protocols import Embedder, Progress, Vectors, in_batches
from qasearch.records import Article

EMBEDDED_AT_ONCE = 256
"""Texts between two commits of the cache: what a killed build loses at most."""

ROWS_AT_ONCE = 4_096
"""Rows of a matrix held in memory while it is written."""


class Texts:
    """The vectors of the articles' texts, each distinct text embedded once.

    Attributes:
        embedded: distinct texts sent through the model.
    """

    def __init__(self, cache: EmbeddingCache, embedder: Embedder) -> None:
        self._cache = cache
        self._embedder = embedder
        self.embedded = 0

    def embed(self, articles: Sequence[Article], progress: Progress) -> None:
        """Put into the cache what it lacks of the articles' texts."""
        texts = {text_key(text): text for text in all_texts(articles)}
        missing: list[bytes] = []
        for keys in in_batches(texts, ROWS_AT_ONCE):
            known = self._cache.get_many(keys)
            missing += [key for key in keys if key not in known]
        # Sorted by length over all, so that a batch of the model holds little padding; longest
        # first, so that the time left is not told too short.
        missing.sort(key=lambda key: -len(texts[key]))
        batches = list(in_batches(missing, EMBEDDED_AT_ONCE))
        for keys in progress(batches, total=len(missing), what="embedding passages"):
            self._embed([texts[key] for key in keys], keys)

    def passage_vectors(self, entries: Iterable[Entry]) -> Iterator[Vectors]:
        """The vectors of all passages of the entries, in their order: some rows at a time."""
        for entry in _gathered(entries):
            if isinstance(entry, KeptRows):
                yield from entry.passage_vectors(ROWS_AT_ONCE)
            else:
                yield from self._vectors(passage_texts(entry))

    def question_vectors(self, entries: Iterable[Entry]) -> Iterator[Vectors]:
        """The vectors of the entries' questions, in their order: some rows at a time."""
        for entry in _gathered(entries):
            if isinstance(entry, KeptRows):
                yield from entry.question_vectors(ROWS_AT_ONCE)
            else:
                yield from self._vectors(map(question_text, entry))

    def _vectors(self, texts: Iterable[str]) -> Iterator[Vectors]:
        for batch in in_batches(texts, ROWS_AT_ONCE):
            keys = [text_key(text) for text in batch]
            known = self._cache.get_many(keys)
            # What the cache has lost since ``embed`` put it there is embedded once more.
            lost = {key: text for key, text in zip(keys, batch, strict=True) if key not in known}
            if lost:
                self._embed(list(lost.values()), list(lost))
                known |= self._cache.get_many(list(lost))
            yield np.stack([known[key] for key in keys])

    def _embed(self, texts: Sequence[str], keys: Sequence[bytes]) -> None:
        composed = [unicodedata.normalize("NFC", text) for text in texts]
        rows = self._embedder.embed_passages(composed)
        name, dim = embedder_name(self._embedder), self._embedder.dim
        self._cache.put_many(keys, checked(rows, composed, dim, name=name))
        self.embedded += len(keys)


def all_texts(articles: Iterable[Article]) -> Iterator[str]:
    """Everything of the articles that gets a vector."""
    for article in articles:
        yield question_text(article)
        yield from passage_texts([article])


def passage_texts(articles: Iterable[Article]) -> Iterator[str]:
    """The text embedded for each passage, in order."""
    return (passage_text(article, passage) for article in articles for passage in article.passages)


def _gathered(entries: Iterable[Entry]) -> Iterator[list[Article] | KeptRows]:
    """The same entries, with neighbouring articles in one list."""
    for kept, group in groupby(entries, key=lambda entry: isinstance(entry, KeptRows)):
        if kept:
            yield from (entry for entry in group if isinstance(entry, KeptRows))
        else:
            yield [entry for entry in group if isinstance(entry, Article)]
