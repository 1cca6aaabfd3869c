"""The vectors of texts, and of their tokens: from the cache, and into it what was not there."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby, islice

import numpy as np

from qasearch.build.distinct import all_texts, passage_texts
from qasearch.build.making import Batch, Given, Made, make
from qasearch.build.plan import Entry
from qasearch.index import (
    DEFAULT_BITS,
    Bits,
    Codes,
    Embedded,
    EmbeddingCache,
    KeptRows,
    TokenCodec,
    text_key,
)
from qasearch.ingest import question_text
from qasearch.protocols import (
    Embedder,
    Progress,
    Rows,
    Spread,
    TokenEmbedder,
    Vectors,
    here,
    in_batches,
)
from qasearch.records import Article

EMBEDDED_AT_ONCE = 256
"""Texts between two commits of the cache: what a killed build loses at most."""

FITTED_TO = 1_024
"""Texts whose tokens a new codec is fitted to; until there is one, none of them are kept."""

ROWS_AT_ONCE = 4_096
"""Rows of a matrix held in memory while it is written."""

_ARTICLES_AT_ONCE = 512


class Texts:
    """What the embedder makes of the articles' texts, each distinct text embedded once.

    Args:
        cache: knows what was embedded before.
        embedder: embeds the rest; one that tells tokens apart gives codes of them too.
        codec: of the tokens of the generation before; None if there is none.
        bits: of the codec to use; None means as before.
        load: gives the embedder where batches are embedded; None means the one given.
        spread: runs that over the batches.

    Attributes:
        embedded: distinct texts sent through the model.
        codec: of the tokens; None if there are none.
    """

    def __init__(
        self,
        cache: EmbeddingCache,
        embedder: Embedder,
        codec: TokenCodec | None,
        bits: Bits | None,
        *,
        load: Callable[[], Embedder] | None = None,
        spread: Spread = here,
    ) -> None:
        self._cache = cache
        self._embedder = embedder
        self._load = load or Given(embedder)
        self._spread = spread
        self._bits: Bits = bits or DEFAULT_BITS
        self.embedded = 0
        self.codec: TokenCodec | None = None
        if isinstance(embedder, TokenEmbedder) and (
            known := known_codec(codec, cache.codecs(), bits)
        ):
            self._use(known)

    def embed(
        self, texts: Mapping[bytes, str], progress: Progress, *, only: Collection[bytes] = ()
    ) -> None:
        """Put into the cache what it lacks of some texts.

        Args:
            texts: by key, as ``text_key`` makes it.
            progress: shows how many were embedded.
            only: keys of those to embed; nothing means all.
        """
        missing: list[bytes] = []
        for keys in in_batches(only or texts, ROWS_AT_ONCE):
            known = {} if self._needs_codec else self._cache.get_many(keys)
            missing += [key for key in keys if key not in known]
        waiting: list[Made] = []
        # Made when they are asked for, since each goes with the codec that is there by then.
        batches = (self._batch(keys, texts) for keys in self._batches(missing, texts))
        all_made = self._spread(partial(make, self._load), batches)
        for made in progress(all_made, total=len(missing), what="embedding passages"):
            self.embedded += len(made)
            waiting.append(made)
            if not self._needs_codec or sum(map(len, waiting)) >= FITTED_TO:
                self._keep(waiting)
                waiting = []
        self._keep(waiting)

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

    def tokens(self, entries: Iterable[Entry]) -> Iterator[tuple[Codes, Rows]]:
        """The tokens of the entries' texts: of each article its question's, then its passages'.

        Yields:
            Codes, uint8 (n, width), of some texts; and how many each of them has, int64 (texts,). A
            passage goes without those of the question at its head, which are its question's.
        """
        if not self.codec:
            return
        for entry in _gathered(entries):
            if isinstance(entry, KeptRows):
                yield from entry.tokens(_ARTICLES_AT_ONCE)
                continue
            codes = list(self._own_codes(entry))
            yield np.concatenate(codes), np.array([len(c) for c in codes], dtype=np.int64)

    def _own_codes(self, articles: Sequence[Article]) -> Iterator[Codes]:
        known = iter(self._known(list(all_texts(articles))))
        for article in articles:
            of_question = self._as_codes(next(known))
            yield of_question
            for passage in islice(known, len(article.passages)):
                yield self._as_codes(passage)[len(of_question) :]

    def _as_codes(self, embedded: Embedded) -> Codes:
        width = self.codec.width if self.codec else 1
        return np.frombuffer(embedded.codes, dtype=np.uint8).reshape(-1, width)

    def _vectors(self, texts: Iterable[str]) -> Iterator[Vectors]:
        for batch in in_batches(texts, ROWS_AT_ONCE):
            yield np.stack([known.vector for known in self._known(batch)])

    def _known(self, texts: Sequence[str]) -> list[Embedded]:
        keys = [text_key(text) for text in texts]
        known = self._cache.get_many(keys)
        # What the cache has lost since ``embed`` put it there is embedded once more.
        lost = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if lost:
            self._keep([make(Given(self._embedder), self._batch(list(lost), lost))])
            self.embedded += len(lost)
            known |= self._cache.get_many(list(lost))
        return [known[key] for key in keys]

    def _batches(self, keys: list[bytes], texts: Mapping[bytes, str]) -> list[list[bytes]]:
        """The keys in the order and the portions in which their texts are embedded."""
        # A codec is fitted to the first of them: so these are a sample, drawn by hash.
        sampled = FITTED_TO if self._needs_codec else 0
        drawn = sorted(keys)
        parts = drawn[:sampled], drawn[sampled:]
        # Each sorted by length, so that a batch of the model holds little padding; longest first,
        # so that the time left is not told too short.
        return [
            batch
            for part in parts
            for batch in in_batches(sorted(part, key=lambda k: -len(texts[k])), EMBEDDED_AT_ONCE)
        ]

    @property
    def _needs_codec(self) -> bool:
        return self.codec is None and isinstance(self._embedder, TokenEmbedder)

    def _batch(self, keys: Sequence[bytes], texts: Mapping[bytes, str]) -> Batch:
        codec = self.codec.to_bytes() if self.codec else b""
        return Batch(keys, [texts[key] for key in keys], codec, self._embedder.fingerprint)

    def _keep(self, waiting: Sequence[Made]) -> None:
        """Put into the cache what was made, with codes of the tokens."""
        tokens = [rows for made in waiting for rows in made.tokens]
        if not self.codec and any(map(len, tokens)):
            self._use(TokenCodec.fit(tokens, self._bits))
        for made in waiting:
            codes = made.codes
            if self.codec and not codes:  # asked for before there was a codec
                codes = [self.codec.encode(rows).tobytes() for rows in made.tokens]
            self._cache.put_many(made.keys, made.vectors, codes or None)

    def _use(self, codec: TokenCodec) -> None:
        self.codec = codec
        self._cache.use(codec.to_bytes())


def known_codec(
    parent: TokenCodec | None, cached: Iterable[bytes], bits: Bits | None
) -> TokenCodec | None:
    """The codec of tokens to go on with; None if a new one is to be fitted.

    Args:
        parent: made the tokens of the generation before; None if there are none.
        cached: what made the codes in the cache, best first; what cannot be read is passed over.
        bits: that it must have; None means any.
    """
    for codec in (parent, *map(_read_codec, cached)):
        if codec and bits in (None, codec.bits):
            return codec
    return None


def _read_codec(data: bytes) -> TokenCodec | None:
    with suppress(ValueError):
        return TokenCodec.from_bytes(data)


def _gathered(entries: Iterable[Entry]) -> Iterator[list[Article] | KeptRows]:
    """The same entries, with neighbouring articles in lists of which each fits in memory."""
    for kept, group in groupby(entries, key=lambda entry: isinstance(entry, KeptRows)):
        if kept:
            yield from (entry for entry in group if isinstance(entry, KeptRows))
        else:
            articles = (entry for entry in group if isinstance(entry, Article))
            yield from in_batches(articles, _ARTICLES_AT_ONCE)
