"""Articles and an embedder become a new generation of the index.

files ─ read, merge, split ─► articles ─ embed what the cache lacks ─► vectors ─► generation
"""

import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from qasearch.embed import checked, embedder_name
from qasearch.errors import ArticleError, BuildRefusedError, IndexStoreError, NoArticlesError
from qasearch.index import (
    EmbedderIdentity,
    EmbeddingCache,
    Generation,
    GenerationWriter,
    text_key,
)
from qasearch.ingest import (
    EXTENSIONS,
    SPLITTER_VERSION,
    find_files,
    merge,
    passage_text,
    question_text,
    read_file,
    split_article,
)
from qasearch.protocols import Embedder, Progress, Vectors
from qasearch.records import Article, BuildReport, Refusal

EMBEDDED_AT_ONCE = 256
"""Texts between two commits of the cache: what a killed build loses at most."""

ROWS_AT_ONCE = 4_096
"""Rows of a matrix held in memory while it is written."""

FILES_AT_ONCE = 100
"""Files between two steps of the progress bar."""

T = TypeVar("T")


@dataclass(slots=True)
class Reading:
    """What reading brought: articles to index, and an account of everything else."""

    articles: list[Article] = field(default_factory=list[Article])
    refused: list[Refusal] = field(default_factory=list[Refusal])
    warnings: list[str] = field(default_factory=list[str])
    skipped: int = 0

    def refuse(self, error: ArticleError) -> None:
        """Note an article that cannot be read."""
        self.refused.append(Refusal(error.path, error.line, error.reason, error.kind))


def read(
    roots: Sequence[Path],
    *,
    include: Sequence[str],
    exclude: Sequence[str],
    include_no_index: bool,
    progress: Progress,
) -> Reading:
    """Read all files below the roots: merged, split, in order of id.

    Raises:
        NoArticlesError: there is nothing to read.
    """
    reading = Reading()
    files = find_files(
        roots,
        include=include,
        exclude=exclude,
        on_error=reading.refuse,
        on_warning=reading.warnings.append,
    )
    if not files:
        raise NoArticlesError(
            f"There are no articles in {', '.join(map(str, roots))}.",
            hint=f"Looked for files ending in {' '.join(EXTENSIONS)}.",
        )
    batches = list(_batches(files, FILES_AT_ONCE))
    found: list[Article] = []
    for batch in progress(batches, total=len(files), what="reading files"):
        for file in batch:
            content = read_file(file, include_no_index=include_no_index)
            found += content.articles
            reading.skipped += content.skipped
            reading.warnings += content.warnings
            for error in content.errors:
                reading.refuse(error)
    merged = merge(found, on_warning=reading.warnings.append)
    reading.articles = [split_article(article) for article in merged]
    return reading


def take(articles: Iterable[Article]) -> Reading:
    """Take articles that come from elsewhere than files: merged, split, in order of id."""
    reading = Reading()
    given: list[Article] = []
    for article in articles:
        if article.id.strip() and article.question.strip() and article.answer.strip():
            given.append(article)
        else:
            reading.refused.append(
                Refusal(article.id, None, "id, question and answer must not be blank", "blank")
            )
    merged = merge(given, on_warning=reading.warnings.append)
    reading.articles = [a if a.passages else split_article(a) for a in merged]
    return reading


def publish(
    reading: Reading,
    index: Path,
    embedder: Embedder,
    *,
    strict: bool,
    rebuild: bool,
    wait: float,
    progress: Progress,
) -> BuildReport:
    """Embed what was read and publish it as the generation that answers.

    Args:
        reading: what to index.
        index: the folder to build in; made when missing.
        embedder: makes the vectors of what the cache lacks.
        strict: commit nothing if anything was refused.
        rebuild: embed every text, known or not.
        wait: seconds to wait for another builder to end.
        progress: shows how far the embedding got.

    Raises:
        BuildRefusedError: ``strict`` and something was refused, or nothing was readable.
        IndexLockedError, IndexWriteError, EmbedderError: as ``Index.build`` says.
    """
    started = time.monotonic()
    _refuse_what_the_caller_rules_out(reading, strict=strict)
    articles = reading.articles
    identity = EmbedderIdentity(embedder_name(embedder), embedder.fingerprint, embedder.dim)
    with (
        GenerationWriter(
            index,
            embedder=identity,
            splitter_version=SPLITTER_VERSION,
            tool_version=version("qasearch"),
            wait=wait,
        ) as writer,
        EmbeddingCache(index, fingerprint=embedder.fingerprint, dim=embedder.dim) as cache,
    ):
        before = _stored_digests(index) if writer.parent else {}
        after = {article.id: _digest(article) for article in articles}
        texts = _Texts(cache, embedder)
        texts.embed(articles, anew=rebuild, progress=progress)
        writer.write_passages(articles)
        writer.write_vectors(texts.vectors(_passage_texts(articles)))
        writer.write_questions(texts.vectors(map(question_text, articles)))
        generation = writer.commit(corpus=_corpus_digest(after))
    return BuildReport(
        generation=generation,
        added=len(after.keys() - before.keys()),
        changed=sum(before[id] != after[id] for id in before.keys() & after.keys()),
        removed=len(before.keys() - after.keys()),
        unchanged=sum(before[id] == after[id] for id in before.keys() & after.keys()),
        skipped=reading.skipped,
        articles=len(articles),
        passages=sum(len(article.passages) for article in articles),
        embedded=texts.embedded,
        reused=texts.reused,
        seconds=time.monotonic() - started,
        refused=tuple(reading.refused),
        warnings=tuple(reading.warnings),
    )


class _Texts:
    """The vectors of texts: from the cache, and into it what was not there.

    Attributes:
        embedded: distinct texts sent through the model.
        reused: distinct texts found in the cache.
    """

    def __init__(self, cache: EmbeddingCache, embedder: Embedder) -> None:
        self._cache = cache
        self._embedder = embedder
        self.embedded = 0
        self.reused = 0

    def embed(self, articles: Sequence[Article], *, anew: bool, progress: Progress) -> None:
        """Put the vectors of all the articles' texts into the cache, each distinct text once."""
        texts = {text_key(text): text for text in _all_texts(articles)}
        missing: list[bytes] = []
        for keys in _batches(texts, ROWS_AT_ONCE):
            known = {} if anew else self._cache.get_many(keys)
            missing += [key for key in keys if key not in known]
        # Sorted by length over all, so that a batch of the model holds little padding; longest
        # first, so that the time left is not told too short.
        missing.sort(key=lambda key: -len(texts[key]))
        batches = list(_batches(missing, EMBEDDED_AT_ONCE))
        for keys in progress(batches, total=len(missing), what="embedding passages"):
            batch = [unicodedata.normalize("NFC", texts[key]) for key in keys]
            rows = self._embedder.embed_passages(batch)
            name, dim = embedder_name(self._embedder), self._embedder.dim
            self._cache.put_many(keys, checked(rows, batch, dim, name=name))
        self.embedded = len(missing)
        self.reused = len(texts) - len(missing)

    def vectors(self, texts: Iterable[str]) -> Iterator[Vectors]:
        """The vectors of texts that ``embed`` saw, in their order: a block of rows at a time."""
        for batch in _batches(texts, ROWS_AT_ONCE):
            keys = [text_key(text) for text in batch]
            known = self._cache.get_many(keys)
            yield np.stack([known[key] for key in keys])


def _refuse_what_the_caller_rules_out(reading: Reading, *, strict: bool) -> None:
    refused = len(reading.refused)
    if strict and refused:
        raise BuildRefusedError(
            f"{refused} could not be read, so nothing was built.",
            refused=reading.refused,
            hint="Mend them, or build without --strict.",
        )
    if not reading.articles:
        raise BuildRefusedError(
            f"No article is left to index: {refused} refused, {reading.skipped} skipped.",
            refused=reading.refused,
            hint="Mend what was refused; --include-no-index keeps what was skipped.",
        )


def _all_texts(articles: Sequence[Article]) -> Iterator[str]:
    yield from _passage_texts(articles)
    yield from map(question_text, articles)


def _passage_texts(articles: Sequence[Article]) -> Iterator[str]:
    return (passage_text(article, passage) for article in articles for passage in article.passages)


def _stored_digests(index: Path) -> dict[str, str]:
    """What the articles of the generation that still answers look like; {} if it is unreadable."""
    try:
        with Generation.open(index) as parent:
            rows = range(parent.store.article_count)
            return {article.id: _digest(article) for article in parent.store.articles(rows)}
    except IndexStoreError:
        return {}


def _digest(article: Article) -> str:
    """What tells two versions of an article apart; its passages follow from it."""
    bare = replace(article, passages=(), intro=None, summary=None)
    return sha256(repr(bare).encode("utf-8", "surrogatepass")).hexdigest()


def _corpus_digest(digests: Mapping[str, str]) -> str:
    return sha256("".join(digests[id] for id in sorted(digests)).encode()).hexdigest()


def _batches(entries: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(entries)
    while batch := list(islice(iterator, size)):
        yield batch
