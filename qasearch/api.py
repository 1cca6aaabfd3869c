"""The library's front door, and the one place that chooses defaults."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias, cast

from qasearch.build import ArticleSource, FileSource, build
from qasearch.embed import embedder_name, load_embedder
from qasearch.errors import IndexDamagedError, IndexStoreError
from qasearch.index import Bits, Generation, lock_holder, rollback, verify
from qasearch.ingest import SPLITTER_VERSION
from qasearch.protocols import Embedder, Progress, no_progress
from qasearch.query import (
    NEAR,
    Options,
    Where,
    calibrate,
    dupes,
    read_calibration,
    related,
    search,
)
from qasearch.records import (
    Article,
    BuildReport,
    DupesReport,
    IndexStatus,
    Mode,
    Passage,
    RelatedResult,
    SearchResult,
)

Sources: TypeAlias = str | Path | Sequence[str | Path] | Iterable[Article]
"""A file, a folder, several of them, or articles from anywhere."""


class Index:
    """A built index, open for questions.

    Read-only, immutable and thread-safe: what another process builds meanwhile is seen by the next
    ``Index.open``. Use it as a context manager, or ``close`` it.
    """

    def __init__(self, generation: Generation, embedder: Embedder | None) -> None:
        """For ``Index.open``, which checks that the two belong together."""
        self._generation = generation
        self._embedder = embedder

    @classmethod
    def build(
        cls,
        sources: Sources,
        index: str | Path = "index",
        *,
        embedder: Embedder | None = None,
        model: str | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        include_no_index: bool = False,
        strict: bool = False,
        rebuild: bool = False,
        allow_shrink: bool = False,
        dry_run: bool = False,
        token_bits: Bits | None = None,
        offline: bool = False,
        wait: float = 0.0,
        progress: Progress = no_progress,
    ) -> BuildReport:
        """Bring an index up to what its sources hold now, and publish it at one stroke.

        Only files that changed are read, and only texts never seen are embedded. Until the last
        moment the index that was there answers; after an error it still does. An article whose file
        became unreadable stays in its last good version, flagged ``stale``.

        Args:
            sources: what to read.
            index: the folder to build in; made when missing.
            embedder: an own embedder, instead of ``model``.
            model: name or folder of a sentence-transformers model; None means the bundled one.
            include: globs on the names of files, ``sociology/*.md``; one must match.
            exclude: globs on the names of files and folders to leave out.
            include_no_index: keep articles marked ``no_index`` and refusals to answer.
            strict: commit nothing if anything was refused.
            rebuild: read everything anew; vectors still come from the cache.
            allow_shrink: go on although more than a fifth of the articles are gone.
            dry_run: report what would be done, and write nothing.
            token_bits: for each number kept of a token's vector: 4 finds a little better than 2,
                and takes twice the room. None means as before, and 2 for a new index.
            offline: never ask the network for a model.
            wait: seconds to wait for another builder to end.
            progress: shows how far the work got.

        Raises:
            ValueError: ``token_bits`` is neither 2 nor 4.
            NoArticlesError: nothing to read there.
            BuildRefusedError: ``strict``, and something was refused; or nothing was readable; or
                more than a fifth of the articles are gone.
            IndexLockedError: another process is building.
            IndexWriteError: no space, no permission, or an I/O error.
            EmbedderError: the model is missing, or not what it claims to be.
        """
        if token_bits not in (None, 2, 4):
            raise ValueError(f"token_bits must be 2 or 4, not {token_bits!r}.")
        paths = _paths(sources)
        source = (
            ArticleSource(cast(Iterable[Article], sources))
            if paths is None
            else FileSource(
                paths,
                include=include,
                exclude=exclude,
                include_no_index=include_no_index,
                progress=progress,
            )
        )
        embedder = embedder or load_embedder(model, offline=offline)
        return build(
            source,
            Path(index),
            embedder,
            strict=strict,
            rebuild=rebuild,
            allow_shrink=allow_shrink,
            dry_run=dry_run,
            token_bits=token_bits,
            calibrate=partial(calibrate, embedder=embedder),
            wait=wait,
            progress=progress,
        )

    @classmethod
    def open(
        cls,
        index: str | Path = "index",
        *,
        embedder: Embedder | None = None,
        model: str | None = None,
        offline: bool = False,
        searchable: bool = True,
        generation: str | None = None,
    ) -> Self:
        """Open the index at ``index`` for questions; the model is loaded by the first of them.

        Args:
            index: its folder.
            embedder: the one that built it, instead of ``model``.
            model: name or folder of the model that built it; None means the bundled one.
            offline: never ask the network for a model.
            searchable: if False, for its texts and figures alone: no model is looked for, whichever
                built it, and searching is an error.
            generation: name of another generation than the one that answers, of those that
                ``status`` lists.

        Raises:
            IndexNotFoundError: none is there.
            IndexDamagedError: a file of it is not what it was when it was built.
            IndexMismatchError: another model, splitter or format built it.
            IndexStoreError: it has no generation of that name.
            EmbedderError: the model is missing, or not what it claims to be.
        """
        if not searchable:
            return cls(Generation.open(Path(index), name=generation), None)
        embedder = embedder or load_embedder(model, offline=offline)
        opened = Generation.open(
            Path(index),
            name=generation,
            embedder_name=embedder_name(embedder),
            fingerprint=embedder.fingerprint,
            splitter_version=SPLITTER_VERSION,
        )
        try:
            read_calibration(opened)
        except IndexDamagedError:
            opened.close()
            raise
        return cls(opened, embedder)

    @staticmethod
    def verify(index: str | Path = "index") -> list[IndexStoreError]:
        """Hash every file of the index, those too that opening does not read, and open it.

        Returns:
            One error for each fault, its hint saying what mends it; none if the index is whole.

        Raises:
            IndexNotFoundError: none is there.
        """
        return verify(Path(index))

    @staticmethod
    def rollback(index: str | Path = "index", *, wait: float = 0.0) -> str:
        """Let the generation before the one that answers answer again, if it is whole.

        Indexes that are open stay as they are. The next build starts from it.

        Args:
            index: the folder.
            wait: seconds to wait for a builder to end.

        Returns:
            The name of the generation that answers now.

        Raises:
            IndexNotFoundError: no index is there.
            IndexStoreError: no older generation is there, or none that is whole.
            IndexLockedError: another process is building.
            IndexWriteError: no space, no permission, or an I/O error.
        """
        return rollback(Path(index), wait=wait)

    @staticmethod
    def lock_holder(index: str | Path = "index") -> str | None:
        """Who is building the index at this moment, in words; None if nobody is."""
        return lock_holder(Path(index))

    def search(
        self,
        query: str,
        *,
        k: int = 5,
        points: int = 3,
        where: Where | None = None,
        facets: Sequence[str] = (),
        flat: bool = False,
        mode: Mode = "hybrid",
        min_confidence: float = 0.0,
        fold: bool = True,
    ) -> SearchResult:
        """Find the articles that answer, each with its passages that answer.

        Args:
            query: a plain question or some words; read up to 2,000 characters.
            k: articles wanted at most, 1 to 100.
            points: passages of each article at most, 0 to 100.
            where: metadata filter, ``{"subject": ["Law"], "date": (">=", "2024-12-01")}``.
            facets: ``["subject"]`` counts the subjects of the articles returned.
            flat: rank passages instead of articles.
            mode: ``hybrid``, or by vectors alone (``dense``), or by words alone (``lexical``).
            min_confidence: leave out articles, or passages, of a lower confidence, 0 to 1.
            fold: articles that ask the same are one hit, the best; its ``same_question`` names the
                others. False ranks each for itself, as judging wants it.

        Raises:
            ValueError: the query is blank, an option is out of its range or unknown, or the index
                was not opened to be searched.
        """
        (result,) = self.search_many(
            [query],
            k=k,
            points=points,
            where=where,
            facets=facets,
            flat=flat,
            mode=mode,
            min_confidence=min_confidence,
            fold=fold,
        )
        return result

    def search_many(
        self,
        queries: Sequence[str],
        *,
        k: int = 5,
        points: int = 3,
        where: Where | None = None,
        facets: Sequence[str] = (),
        flat: bool = False,
        mode: Mode = "hybrid",
        min_confidence: float = 0.0,
        fold: bool = True,
    ) -> list[SearchResult]:
        """Answer several queries at once, in their order; as ``search`` otherwise."""
        if self._embedder is None:
            raise ValueError("This index was opened with searchable=False.")
        options = Options(
            k=k,
            points=points,
            where=where,
            facets=facets,
            flat=flat,
            mode=mode,
            min_confidence=min_confidence,
            fold=fold,
        )
        return search(self._generation, self._embedder, queries, options)

    def related(self, id: str, *, k: int = 5) -> RelatedResult:
        """Find the articles nearest to one, by the stored vectors of question and answer.

        Itself and articles that ask the same are left out. No model is needed: it works for an
        index opened with ``searchable=False`` too.

        Args:
            id: of the article.
            k: articles wanted at most, 1 to 100.

        Raises:
            LookupError: there is no such article.
            ValueError: ``k`` is out of its range.
        """
        return related(self._generation, id, k)

    def dupes(self, *, near: float | None = NEAR) -> DupesReport:
        """Report which articles repeat each other.

        Same question and same answer (duplicates), same question and other answers (conflicts),
        other questions and same answer (aliases), and pairs of questions that nearly say the same.
        Case, white space and the punctuation of questions do not count. No model is needed.

        Args:
            near: cosine from which on two questions nearly say the same; None leaves those out.

        Raises:
            ValueError: ``near`` is not from 0 to 1.
        """
        return dupes(self._generation, near)

    def ids(self) -> list[str]:
        """The ids of all articles, ascending."""
        return self._generation.store.ids()

    def article(self, id: str) -> Article:
        """The stored article with all its passages.

        Raises:
            LookupError: there is no such article.
        """
        return self._generation.store.article(id)

    def passage(self, id: str) -> Passage:
        """The stored passage ``"<article id>#<seq>"``.

        Raises:
            LookupError: there is no such passage.
        """
        article_id, _, seq = id.rpartition("#")
        for passage in self.article(article_id).passages if article_id else ():
            if str(passage.seq) == seq:
                return passage
        raise LookupError(f"There is no passage {id!r} in the index.")

    def status(self) -> IndexStatus:
        """What the index holds."""
        return self._generation.status()

    def close(self) -> None:
        """Let go of the index's files. Searching afterwards is an error."""
        self._generation.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _paths(sources: Sources) -> list[Path] | None:
    """The files and folders that ``sources`` names; None when it is articles."""
    if isinstance(sources, str | Path):
        return [Path(sources)]
    if isinstance(sources, Sequence) and all(isinstance(entry, str | Path) for entry in sources):
        return [Path(entry) for entry in sources if isinstance(entry, str | Path)]
    return None
