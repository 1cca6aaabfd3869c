"""Reports: what a build, a move or a look at an index has to say."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file, or a line of one, that a build or a reader left out, and why."""

    path: str
    line: int | None
    reason: str
    kind: str


@dataclass(frozen=True, slots=True)
class Source:
    """A file as a generation remembers it, so that the next build need not read it again.

    Attributes:
        name: of the file, as ``Article.paths`` give it.
        sha256: of its bytes, in hex; None if they could not be read.
        include_no_index: whether articles marked ``no_index`` were taken.
        article_ids: of the articles it holds, sorted.
        stale_ids: of the articles it held when it was last readable, sorted; they stay.
        refused: what of it could not be read.
        skipped: number of articles left out on purpose.
    """

    name: str
    sha256: str | None
    include_no_index: bool
    article_ids: tuple[str, ...]
    stale_ids: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    skipped: int = 0

    def ids(self) -> set[str]:
        """All articles that depend on it."""
        return {*self.article_ids, *self.stale_ids}


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did.

    Attributes:
        generation: name of the generation that now answers; None after a dry run without one.
        added, changed, removed, renamed, unchanged: articles, against the generation before;
            renamed ones differ in nothing but the names of their files.
        stale: articles kept in their last good version, for want of a readable one.
        skipped: articles left out on purpose (``no_index`` and refusals to answer).
        refused: what could not be read, with reasons.
        warnings: what was read but looks wrong, as readable lines.
        articles, passages: in the generation.
        embedded, reused: distinct texts sent through the model, and found in the cache.
        seconds: wall time.
    """

    generation: str | None
    added: int
    changed: int
    removed: int
    renamed: int
    unchanged: int
    stale: int
    skipped: int
    articles: int
    passages: int
    embedded: int
    reused: int
    seconds: float
    refused: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class ShardReport:
    """What embedding one shard did.

    Attributes:
        cache: the folder that holds what was embedded.
        shard: ``"2/16"``.
        texts: distinct texts of the shard, without those that the index knew.
        embedded: those of them sent through the model; the others were in the cache.
        seconds: wall time.
        refused, warnings: as in ``BuildReport``.
    """

    cache: str
    shard: str
    texts: int
    embedded: int
    seconds: float
    refused: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What joining caches of embeddings did.

    Attributes:
        caches: how many were joined.
        added, known: texts that the index had not, and those that it had.
        damaged: texts left out since their rows are not what was written.
        seconds: wall time.
    """

    caches: int
    added: int
    known: int
    damaged: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What a copy of an index to a store did.

    Attributes:
        store: its address, without a password.
        generation: name of what answers there now.
        source: name of the generation that was copied.
        sent, unchanged, removed: articles, against what the store held, or a killed copy had sent.
        articles, passages: in the store, counted there.
        digest: of all articles, the same in index and store.
        canaries: questions that were asked of both, with the same answer.
        seconds: wall time.
    """

    store: str
    generation: str
    source: str
    sent: int
    unchanged: int
    removed: int
    articles: int
    passages: int
    digest: str
    canaries: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote.

    Attributes:
        folder: where.
        generation: name of the generation that was exported.
        articles, passages: counts.
        bytes: size of each file, by its name.
    """

    folder: str
    generation: str
    articles: int
    passages: int
    bytes: dict[str, int]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import made.

    Attributes:
        generation: name of the generation that now answers.
        exported: name of the generation that was exported.
        articles, passages: counts.
    """

    generation: str
    exported: str
    articles: int
    passages: int


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What an index holds, for people and for programs.

    Attributes:
        path: the index folder.
        generation: name of the generation that answers.
        created: ISO time of its commit, UTC.
        model: name of the embedder; ``fingerprint`` decides whether two are the same.
        dim: length of its vectors.
        articles, passages: counts.
        sources: number of files they were read from; 0 if articles were given otherwise.
        stale: ids of articles kept in their last good version, for want of a readable one.
        refused: what could not be read when it was built.
        generations: names of all that lie there, oldest first; the newest whole one before
            ``generation`` is what a rollback goes back to.
        bytes: size on disk of the ``generation``, of ``other_generations``, and of the ``cache``
            of embeddings beside them; of a store what its engine tells.
    """

    path: str
    generation: str
    created: str
    model: str
    fingerprint: str
    dim: int
    articles: int
    passages: int
    sources: int
    stale: tuple[str, ...]
    refused: tuple[Refusal, ...]
    generations: tuple[str, ...]
    bytes: dict[str, int]
