"""The library's front door, and the one place that chooses defaults."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias, cast

from qasearch.build import ArticleSource, FileSource, build
from qasearch.embed import embedder_name, load_embedder
from qasearch.errors import IndexStoreError
from qasearch.index import Generation, lock_holder, rollback, verify
from qasearch.ingest import SPLITTER_VERSION
from qasearch.protocols import Embedder, Progress, no_progress
from qasearch.query import Options, Where, search
from qasearch.records import Article, BuildReport, IndexStatus, Passage, SearchResult

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
            offline: never ask the network for a model.
            wait: seconds to wait for another builder to end.
            progress: shows how far the work got.

        Raises:
            NoArticlesError: nothing to read there.
            BuildRefusedError: ``strict``, and something was refused; or nothing was readable; or
                more than a fifth of the articles are gone.
            IndexLockedError: another process is building.
            IndexWriteError: no space, no permission, or an I/O error.
            EmbedderError: the model is missing, or not what it claims to be.
        """
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
        return build(
            source,
            Path(index),
            embedder or load_embedder(model, offline=offline),
            strict=strict,
            rebuild=rebuild,
            allow_shrink=allow_shrink,
            dry_run=dry_run,
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
    ) -> Self:
        """Open the index at ``index`` for questions; the model is loaded by the first of them.

        Args:
            index: its folder.
            embedder: the one that built it, instead of ``model``.
            model: name or folder of the model that built it; None means the bundled one.
            offline: never ask the network for a model.
            searchable: if False, for its texts and figures alone: no model is looked for, whichever
                built it, and searching is an error.

        Raises:
            IndexNotFoundError: none is there.
            IndexDamagedError: a file of it is not what it was when it was built.
            IndexMismatchError: another model, splitter or format built it.
            EmbedderError: the model is missing, or not what it claims to be.
        """
        if not searchable:
            return cls(Generation.open(Path(index)), None)
        embedder = embedder or load_embedder(model, offline=offline)
        generation = Generation.open(
            Path(index),
            embedder_name=embedder_name(embedder),
            fingerprint=embedder.fingerprint,
            splitter_version=SPLITTER_VERSION,
        )
        return cls(generation, embedder)

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
    ) -> SearchResult:
        """Find the articles that answer, each with its passages that answer.

        Args:
            query: a plain question or some words; read up to 2,000 characters.
            k: articles wanted at most, 1 to 100.
            points: passages of each article at most, 0 to 100.
            where: metadata filter, ``{"subject": ["Law"], "date": (">=", "2024-12-01")}``.
            facets: ``["subject"]`` counts the subjects of the articles returned.
            flat: rank passages instead of articles.

        Raises:
            ValueError: the query is blank, an option is out of its range or unknown, or the index
                was not opened to be searched.
        """
        (result,) = self.search_many(
            [query], k=k, points=points, where=where, facets=facets, flat=flat
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
    ) -> list[SearchResult]:
        """Answer several queries at once, in their order; as ``search`` otherwise."""
        if self._embedder is None:
            raise ValueError("This index was opened with searchable=False.")
        options = Options(k=k, points=points, where=where, facets=facets, flat=flat)
        return search(self._generation, self._embedder, queries, options)

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

    def questions(self) -> list[tuple[str, str]]:
        """The id and the question of every article, in order of id."""
        return self._generation.store.questions()

    def subjects(self) -> list[tuple[str, int]]:
        """Each subject with the number of its articles: most first, then by name."""
        return self._generation.store.subjects()

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
