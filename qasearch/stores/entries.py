"""The entries of a generation: its articles with all that a store keeps of them."""

from collections.abc import Iterator
from itertools import islice, pairwise

import numpy as np

from qasearch.index import Codes, Generation
from qasearch.storage import Entry, Origin

_ARTICLES_AT_ONCE = 256


def origin_of(generation: Generation) -> Origin:
    """What made the vectors and codes of a generation."""
    manifest = generation.manifest
    return Origin(
        manifest.embedder.name,
        manifest.embedder.fingerprint,
        manifest.embedder.dim,
        manifest.splitter,
        generation.tokens.codec.to_bytes() if generation.tokens else b"",
    )


def entries_of(generation: Generation) -> Iterator[Entry]:
    """All entries of a generation, in the order of their ids; some are read at a time."""
    for first in range(0, generation.article_count, _ARTICLES_AT_ONCE):
        yield from _entries(
            generation, first, min(first + _ARTICLES_AT_ONCE, generation.article_count)
        )


def _entries(generation: Generation, first: int, stop: int) -> Iterator[Entry]:
    offsets = generation.store.passage_offsets[first : stop + 1].tolist()
    codes = _codes(generation, first, stop)
    articles = generation.store.full_articles(first, stop)
    for row, article, (start, end) in zip(
        range(first, stop), articles, pairwise(offsets), strict=True
    ):
        yield Entry(
            article,
            np.array(generation.questions[row]),
            np.array(generation.vectors[start:end]),
            next(codes),
            tuple(islice(codes, end - start)),
        )


def _codes(generation: Generation, first: int, stop: int) -> Iterator[Codes]:
    """The codes of articles: of each its question's, then those of its passages."""
    if generation.tokens is None:
        while True:
            yield np.empty((0, 1), np.uint8)
    codes, sizes = generation.tokens.texts(first, stop)
    yield from np.split(codes, np.cumsum(sizes)[:-1])
