"""A shard of the texts embedded by itself, so that many machines can share the work.

    build --shard i/n, on n machines ─► n caches ─ merge ─► the cache of the index ─► build

Which shard a text belongs to, its key decides: a text has one key wherever it is read, so nobody
needs to hand out work, and no text is embedded twice.
"""

import time
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from qasearch.build.distinct import DistinctTexts
from qasearch.build.parent import codec_of, fits, open_parent
from qasearch.build.plan import make_plan
from qasearch.build.reading import ArticleReader, Reading
from qasearch.build.texts import FITTED_TO, Texts, known_codec
from qasearch.embed import embedder_name
from qasearch.errors import BuildRefusedError, IndexMismatchError
from qasearch.index import (
    Bits,
    EmbeddingCache,
    Generation,
    TokenCodec,
    cached_by,
    known_codecs,
    known_keys,
    write_lock,
)
from qasearch.ingest import Shelf
from qasearch.protocols import Embedder, Progress, TokenEmbedder
from qasearch.records import ShardReport


@dataclass(frozen=True, slots=True)
class Shard:
    """Shard ``number`` of ``count``, the first being 1.

    Raises:
        ValueError: there is no such shard.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ValueError(f"There is no shard {self}: the first of n is 1/n, the last n/n.")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def holds(self, key: bytes) -> bool:
        """Whether the key of a text lies in this one of ``count`` equal ranges of keys."""
        return int.from_bytes(key[:8], "big") * self.count >> 64 == self.number - 1


def embed_shard(
    source: ArticleReader,
    index: Path,
    cache: Path,
    embedder: Embedder,
    shard: Shard,
    *,
    after: Path | None,
    strict: bool,
    token_bits: Bits | None,
    wait: float,
    progress: Progress,
) -> ShardReport:
    """Embed one shard of what a build would embed; ``Index.embed_shard`` says the rest."""
    started = time.monotonic()
    warnings: list[str] = []
    with ExitStack() as stack:
        parent = open_parent(index, stack, warnings)
        take_over = parent is not None and fits(parent, embedder, token_bits)
        shelf = stack.enter_context(Shelf())
        reading = source.read(index, parent, shelf, anew=not take_over, strict=strict)
        _refuse_if_strict(reading, strict=strict)
        plan = make_plan(parent, reading, take_over=take_over)
        everything = stack.enter_context(DistinctTexts())
        everything.take(plan.new_articles())
        stack.enter_context(write_lock(cache, wait=wait))
        codec = _codec(parent, index, after, embedder, shard, token_bits)
        mine = _keys_of(shard, everything, embedder, codec, [index, *([after] if after else [])])
        kept = EmbeddingCache(cache, fingerprint=embedder.fingerprint, dim=embedder.dim)
        texts = Texts(stack.enter_context(kept), embedder, codec, token_bits)
        if mine:
            texts.embed(everything, progress, only=mine)
    return ShardReport(
        cache=str(cache),
        shard=str(shard),
        texts=len(mine),
        embedded=texts.embedded,
        seconds=time.monotonic() - started,
        refused=tuple(reading.refused),
        warnings=(*warnings, *reading.warnings),
    )


def _codec(
    parent: Generation | None,
    index: Path,
    after: Path | None,
    embedder: Embedder,
    shard: Shard,
    bits: Bits | None,
) -> TokenCodec | None:
    """The codec of tokens that all shards share; None where the first is to fit it."""
    if not isinstance(embedder, TokenEmbedder):
        return None
    given = known_codecs(after, embedder.fingerprint) if after else []
    known = [*known_codecs(index, embedder.fingerprint), *given]
    codec = known_codec(codec_of(parent, embedder), known, bits)
    if after and not given:
        raise IndexMismatchError(
            after,
            "embedder",
            f"{embedder_name(embedder)} ({embedder.fingerprint:.12})",
            ", ".join(f"{maker:.12}" for maker in cached_by(after)) or "none",
            hint="--after names the cache of a shard that is done, of the same model.",
        )
    if codec is None and shard.number > 1:
        raise BuildRefusedError(
            f"Shard {shard} needs the code of tokens that the first shard finds.",
            hint=f"Embed shard 1/{shard.count} first, and name its cache here: --after CACHE.",
        )
    return codec


def _keys_of(
    shard: Shard,
    texts: Collection[bytes],
    embedder: Embedder,
    codec: TokenCodec | None,
    elsewhere: list[Path],
) -> list[bytes]:
    """The keys of a shard's texts, without those that the caches ``elsewhere`` know.

    The codec of a build from nothing is fitted to the lowest keys, so the first shard has these,
    however far they go.
    """
    keys = sorted(texts)
    sample = keys[:FITTED_TO] if codec is None and isinstance(embedder, TokenEmbedder) else []
    mine = {*sample, *filter(shard.holds, keys)}
    maker = codec.to_bytes() if codec else b""
    for cache in elsewhere:
        mine -= known_keys(cache, embedder.fingerprint, maker, list(mine))
    return sorted(mine)


def _refuse_if_strict(reading: Reading, *, strict: bool) -> None:
    if strict and reading.refused:
        raise BuildRefusedError(
            f"{len(reading.refused)} could not be read, so nothing was embedded.",
            refused=reading.refused,
            hint="Mend them, or go on without --strict.",
        )
