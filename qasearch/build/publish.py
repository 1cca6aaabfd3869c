"""The build from end to end: read, plan, embed, publish."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from qasearch.build.asked import asked
from qasearch.build.distinct import DistinctTexts, all_texts
from qasearch.build.parent import codec_of, fits, open_parent
from qasearch.build.plan import Plan, make_plan
from qasearch.build.reading import ArticleReader, Reading
from qasearch.build.texts import Texts, known_codec
from qasearch.embed import embedder_name
from qasearch.errors import BuildRefusedError
from qasearch.index import (
    Bits,
    EmbedderIdentity,
    EmbeddingCache,
    Generation,
    GenerationWriter,
    TokenCodec,
    known_codecs,
    known_keys,
    stored_articles,
    text_key,
    version_of,
)
from qasearch.ingest import Shelf, joined_text
from qasearch.protocols import Embedder, Progress, Spread, TokenEmbedder, here
from qasearch.records import SPLITTER_VERSION, BuildReport, Refusal

MOST_LOST = 0.2
"""Share of the articles that a build may lose without being told to: more looks like a mistake."""


def build(
    source: ArticleReader,
    index: Path,
    embedder: Embedder,
    *,
    strict: bool,
    rebuild: bool,
    allow_shrink: bool,
    dry_run: bool,
    token_bits: Bits | None,
    calibrate: Callable[[Generation, Embedder], bytes],
    wait: float,
    progress: Progress,
    load: Callable[[], Embedder] | None = None,
    spread: Spread = here,
) -> BuildReport:
    """Bring the index up to what the source holds; ``Index.build`` says the rest.

    What ``calibrate`` makes of the new generation is stored in it. ``spread`` embeds, with what
    ``load`` gives where it runs.
    """
    started = time.monotonic()
    warnings: list[str] = []
    with ExitStack() as stack:
        writer = None if dry_run else stack.enter_context(_writer(index, embedder, wait=wait))
        parent = open_parent(index, stack, warnings)
        codec = codec_of(parent, embedder)
        take_over = parent is not None and not rebuild and fits(parent, embedder, token_bits)
        shelf = stack.enter_context(Shelf())
        reading = source.read(index, parent, shelf, anew=not take_over, strict=strict)
        plan = make_plan(parent, reading, take_over=take_over)
        lost = (plan.removed, plan.before) if parent else _lost_of_damaged(index, plan)
        _refuse_what_the_caller_rules_out(
            reading, plan, strict=strict, lost=None if allow_shrink else lost
        )

        generation = parent.name if parent else None
        embedded = 0
        if writer is None:
            embedded = _count_unknown(index, embedder, plan, codec, token_bits)
        elif not (parent and plan.changes_nothing and reading.sources == parent.sources()):
            cache = EmbeddingCache(index, fingerprint=embedder.fingerprint, dim=embedder.dim)
            stack.enter_context(cache)
            texts = Texts(cache, embedder, codec, token_bits, load=load, spread=spread)
            _embed(texts, plan, progress)
            ask = partial(_ask_itself, cache, embedder, calibrate)
            generation = _publish(writer, plan, reading, texts, ask)
            embedded = texts.embedded
        if writer is not None:
            source.remember(index, reading)
    return BuildReport(
        generation=generation,
        added=plan.fates["added"],
        changed=plan.fates["changed"],
        removed=plan.removed,
        renamed=plan.fates["renamed"],
        unchanged=plan.fates["unchanged"],
        stale=plan.stale,
        skipped=reading.skipped,
        articles=plan.article_count,
        passages=plan.passage_count,
        embedded=embedded,
        reused=plan.article_count + plan.passage_count - embedded,
        seconds=time.monotonic() - started,
        refused=tuple(reading.refused),
        warnings=(*warnings, *reading.warnings),
    )


def _writer(index: Path, embedder: Embedder, *, wait: float) -> GenerationWriter:
    return GenerationWriter(
        index,
        embedder=EmbedderIdentity(embedder_name(embedder), embedder.fingerprint, embedder.dim),
        splitter_version=SPLITTER_VERSION,
        tool_version=version_of("qasearch"),
        wait=wait,
    )


def _lost_of_damaged(index: Path, plan: Plan) -> tuple[int, int]:
    """How many articles fewer there are than in a generation that cannot be read, and than what."""
    before = stored_articles(index)
    return max(0, before - plan.article_count), before


def _embed(texts: Texts, plan: Plan, progress: Progress) -> None:
    with DistinctTexts() as distinct:
        distinct.take(plan.new_articles())
        texts.embed(distinct, progress)


def _publish(
    writer: GenerationWriter,
    plan: Plan,
    reading: Reading,
    texts: Texts,
    ask: Callable[[Generation], bytes],
) -> str:
    writer.write_passages(plan.entries())
    writer.write_vectors(texts.passage_vectors(plan.entries()))
    writer.write_questions(texts.question_vectors(plan.entries()))
    writer.write_tokens(texts.codec, lambda: texts.tokens(plan.entries()))
    writer.write_lexical(joined_text)
    writer.write_sources(reading.sources)
    writer.write_confidence(_confidence(writer, ask))
    return writer.commit()


def _confidence(writer: GenerationWriter, ask: Callable[[Generation], bytes]) -> bytes:
    with writer.preview() as generation:
        return ask(generation)


def _ask_itself(
    cache: EmbeddingCache,
    embedder: Embedder,
    calibrate: Callable[[Generation, Embedder], bytes],
    generation: Generation,
) -> bytes:
    """What ``calibrate`` makes of a generation; of its questions only new ones are embedded."""
    embedder = asked(cache, embedder)
    confidence = calibrate(generation, embedder)
    embedder.forget_others()
    return confidence


def _count_unknown(
    index: Path, embedder: Embedder, plan: Plan, codec: TokenCodec | None, bits: Bits | None
) -> int:
    """How many distinct texts a build would embed."""
    keys = list({text_key(text) for text in all_texts(plan.new_articles())})
    maker = b""
    if isinstance(embedder, TokenEmbedder):
        codec = known_codec(codec, known_codecs(index, embedder.fingerprint), bits)
        if codec is None:
            return len(keys)
        maker = codec.to_bytes()
    return len(keys) - len(known_keys(index, embedder.fingerprint, maker, keys))


def _refuse_what_the_caller_rules_out(
    reading: Reading, plan: Plan, *, strict: bool, lost: tuple[int, int] | None
) -> None:
    refused = len(reading.refused)
    if strict and refused:
        raise BuildRefusedError(
            f"{refused} could not be read, so nothing was built.",
            refused=reading.refused,
            hint="Mend them, or build without --strict.",
        )
    if not plan.article_count:
        raise BuildRefusedError(
            f"No article is left to index: {refused} refused, {reading.skipped} skipped.",
            refused=reading.refused,
            hint="Mend what was refused; --include-no-index keeps what was skipped.",
        )
    if lost:
        refuse_to_shrink(*lost, refused=reading.refused)


def refuse_to_shrink(gone: int, before: int, *, refused: Sequence[Refusal] = ()) -> None:
    """Refuse to lose more than a fifth of the articles.

    Raises:
        BuildRefusedError: ``gone`` of ``before`` is more than that.
    """
    if gone > MOST_LOST * before:
        raise BuildRefusedError(
            f"{gone} of {before} articles are gone from the sources, so nothing was "
            "built: more than a fifth looks like a wrong path or a missing disk.",
            refused=refused,
            hint="Check the path; pass --allow-shrink if they are meant to go.",
        )
