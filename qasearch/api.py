"""The library's front door, and the one place that chooses defaults."""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeAlias, Unpack, cast

from qasearch.embed import embedder_name, load_embedder
from qasearch.errors import IndexMismatchError, IndexStoreError, StoreError
from qasearch.index import (
    Bits,
    Generation,
    lock_holder,
    merge_caches,
    open_for_reading,
    rollback,
    verify,
)
from qasearch.protocols import Embedder, Progress, Reranker, Spread, here, no_progress
from qasearch.query import (
    NEAR,
    Options,
    SearchOptions,
    Where,
    calibrate,
    dupes,
    related,
    search,
    why,
)
from qasearch.records import (
    SPLITTER_VERSION,
    Article,
    BuildReport,
    CopyReport,
    DupesReport,
    ExportReport,
    ImportReport,
    IndexStatus,
    MergeReport,
    Mode,
    Passage,
    RelatedResult,
    SearchResult,
    ShardReport,
    WhyResult,
)
from qasearch.storage import Reader, is_address

if TYPE_CHECKING:
    from qasearch.build import ArticleReader

_ANY_TEXT = "?"
"""What a model is loaded by."""

Sources: TypeAlias = str | Path | Sequence[str | Path] | Iterable[Article]
"""A file, a folder, several of them, or articles from anywhere."""


class Index:
    """A built index, open for questions. Read-only and thread-safe.

    All answers come from the generation that was there when it was opened, whatever is built
    meanwhile, until ``refresh`` turns to a newer one. Use it as a context manager, or ``close`` it.

    A forked process may use what its parent opened: it opens the index anew when it first asks it
    something. Fork while no other thread is asking: what that thread held would be held for ever.
    """

    def __init__(
        self,
        open_reader: Callable[[], Reader],
        embedder: Embedder | None,
        *,
        reranker: Reranker | None = None,
        named: bool = False,
        first: Generation | None = None,
    ) -> None:
        """For ``Index.open``, which knows how to open what answers.

        ``named`` says that it is always the same one; ``first`` is open already.
        """
        self._open_reader = open_reader
        self._embedder = embedder
        self._reranker = reranker
        self._named = named
        self._process = os.getpid()
        self._opening = threading.Lock()
        # Held by each query while it runs, and closed when the last of them lets it go.
        self._reader: Reader | None = first or open_reader()

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
        on: str | None = None,
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
            on: a cluster whose workers read and embed: ``ray`` for the one that Ray finds, or a new
                one on this machine; ``ray://HOST:PORT``. They need the same packages and model; the
                files they do not see are read here. Ray sends them code, so trust them.
            offline: never ask the network for a model.
            wait: seconds to wait for another builder to end.
            progress: shows how far the work got.

        Raises:
            ValueError: ``token_bits`` is neither 2 nor 4, or ``on`` is no cluster.
            ClusterError: it cannot be reached, or one batch cost it several workers.
            NoArticlesError: nothing to read there.
            BuildRefusedError: ``strict``, and something was refused; or nothing was readable; or
                more than a fifth of the articles are gone.
            IndexLockedError: another process is building.
            IndexWriteError: no space, no permission, or an I/O error.
            EmbedderError: the model is missing, or not what it claims to be.
        """
        from qasearch.build import Named, build, cluster  # no search needs it

        _check_bits(token_bits)
        with cluster(on) if on else nullcontext() as spread:
            source = _source(
                sources,
                index,
                include=include,
                exclude=exclude,
                include_no_index=include_no_index,
                progress=progress,
                spread=spread,
            )
            load = Named(model, offline) if on and embedder is None else None
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
                calibrate=calibrate,
                wait=wait,
                progress=progress,
                load=load,
                spread=spread or here,
            )

    @staticmethod
    def embed_shard(
        sources: Sources,
        cache: str | Path,
        *,
        shard: tuple[int, int],
        after: str | Path | None = None,
        index: str | Path = "index",
        embedder: Embedder | None = None,
        model: str | None = None,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        include_no_index: bool = False,
        strict: bool = False,
        token_bits: Bits | None = None,
        offline: bool = False,
        wait: float = 0.0,
        progress: Progress = no_progress,
    ) -> ShardReport:
        """Embed one of n shards of what ``build`` would embed, for ``merge`` and ``build`` to use.

        Each machine reads all sources and embeds its own share of their texts: which those are, the
        hash of a text decides. Killed and begun again, it goes on where it was. What the index
        knows, if there is one, is left out; nothing is written to it.

        Args:
            sources: what to read; the same for all shards.
            cache: a folder for what is embedded, one for each shard; made when missing.
            shard: ``(2, 16)`` is the second of 16.
            after: the cache of a shard that is done. Where no index has been built yet, a model
                that tells tokens apart needs it for all but shard 1, which finds their code.
            index: the folder to be built later.
            embedder: as ``build``, like all that follows.
            model: as ``build``.
            include: as ``build``.
            exclude: as ``build``.
            include_no_index: as ``build``.
            strict: embed nothing if anything was refused.
            token_bits: as ``build``.
            offline: as ``build``.
            wait: seconds to wait for another process that embeds into ``cache``.
            progress: shows how far the work got.

        Raises:
            ValueError: there is no such shard, or ``token_bits`` is neither 2 nor 4.
            BuildRefusedError: ``strict``, and something was refused; or ``after`` is missing.
            IndexStoreError: ``after`` is not the cache of a shard by the same model.
            NoArticlesError: nothing to read there.
            IndexLockedError: another process embeds into ``cache``.
            IndexWriteError: no space, no permission, or an I/O error.
            EmbedderError: the model is missing, or not what it claims to be.
        """
        from qasearch.build import Shard, embed_shard  # as above

        _check_bits(token_bits)
        source = _source(
            sources,
            index,
            include=include,
            exclude=exclude,
            include_no_index=include_no_index,
            progress=progress,
        )
        return embed_shard(
            source,
            Path(index),
            Path(cache),
            embedder or load_embedder(model, offline=offline),
            Shard(*shard),
            after=None if after is None else Path(after),
            strict=strict,
            token_bits=token_bits,
            wait=wait,
            progress=progress,
        )

    @staticmethod
    def merge(
        caches: Sequence[str | Path],
        index: str | Path = "index",
        *,
        wait: float = 0.0,
        progress: Progress = no_progress,
    ) -> MergeReport:
        """Put what shards embedded into the cache of an index; the next ``build`` takes it there.

        Args:
            caches: the folders that ``embed_shard`` filled, or other index folders with caches.
            index: the folder; made when missing.
            wait: seconds to wait for another builder to end.
            progress: shows how far the work got.

        Raises:
            IndexStoreError: a folder has no cache, or one that cannot be read.
            IndexMismatchError: their codes of tokens differ, so that no build could use them all.
            IndexLockedError: another process is building.
            IndexWriteError: no space, no permission, or an I/O error.
        """
        return merge_caches(
            Path(index), [Path(cache) for cache in caches], wait=wait, progress=progress
        )

    @staticmethod
    def import_(
        folder: str | Path,
        index: str | Path = "index",
        *,
        allow_shrink: bool = False,
        wait: float = 0.0,
        progress: Progress = no_progress,
    ) -> ImportReport:
        """Make what ``export`` wrote the next generation of an index. No model is needed.

        What was exported comes back: texts, vectors, tokens, confidence and the list of sources,
        checked against the hashes of the index that was exported. The cache of embeddings does not;
        the next build takes vectors from the generation itself.

        Args:
            folder: of the export. As an index, it is trusted: read none of somebody else's.
            index: the folder of the index; made when missing.
            allow_shrink: go on although the index that is there has far more articles.
            wait: seconds to wait for another builder to end.
            progress: shows how far the work got.

        Raises:
            ValueError: pyarrow is not installed.
            BuildRefusedError: more than a fifth of the articles would be gone.
            IndexStoreError: the folder is no whole export, or not what was exported.
            IndexLockedError: another process is building.
            IndexWriteError: no space, no permission, or an I/O error.
        """
        from qasearch.build import import_  # as above

        return import_(
            Path(folder), Path(index), allow_shrink=allow_shrink, wait=wait, progress=progress
        )

    @classmethod
    def open(
        cls,
        index: str | Path = "index",
        *,
        embedder: Embedder | None = None,
        model: str | None = None,
        offline: bool = False,
        reranker: Reranker | None = None,
        searchable: bool = True,
        generation: str | None = None,
        preload: bool = False,
    ) -> Self:
        """Open the index at ``index`` for questions; the model is loaded by the first of them.

        Or the one that was copied to a store: commands, results and ranking are the same there.

        If nobody can tell which generation is to answer, since ``CURRENT`` is damaged, the newest
        whole one does, and a warning is logged.

        Args:
            index: its folder; or the address of a store, ``milvus://host:port/collection``,
                ``milvus:FILE.db`` or ``postgresql://host/database``.
            embedder: the one that built it, instead of ``model``.
            model: name or folder of the model that built it; None means the bundled one.
            offline: never ask the network for a model.
            reranker: reorders the best 20 hits of every search, as ``load_reranker`` gives one;
                None leaves them as they are ranked.
            searchable: if False, for its texts and figures alone: no model is looked for, whichever
                built it, and searching is an error.
            generation: name of another generation than the one that answers, of those that
                ``status`` lists.
            preload: load the model now, beside the files of the index: on more than one processor,
                the first question is answered sooner.

        Raises:
            IndexNotFoundError: none is there.
            IndexDamagedError: a file of it is not what it was when it was built.
            IndexMismatchError: another model, splitter or format built it.
            IndexStoreError: it has no generation of that name, or the store has no index.
            StoreError: the store cannot be reached, or its packages are not installed.
            EmbedderError: the model is missing, or not what it claims to be.
            ValueError: a generation of a store was named.
        """
        named = generation is not None
        if is_address(str(index)):
            if named:
                raise ValueError("A store has one generation that can be opened: name none.")
            embedder = (embedder or load_embedder(model, offline=offline)) if searchable else None
            return cls(partial(_open_store, str(index), embedder), embedder)
        if not searchable:
            return cls(partial(open_for_reading, Path(index), name=generation), None, named=named)
        embedder = embedder or load_embedder(model, offline=offline)
        open_generation = partial(
            open_for_reading,
            Path(index),
            name=generation,
            embedder_name=embedder_name(embedder),
            fingerprint=embedder.fingerprint,
            splitter_version=SPLITTER_VERSION,
        )
        first = None
        if preload:
            first = open_generation(beside=partial(embedder.embed_queries, [_ANY_TEXT]))
        return cls(open_generation, embedder, reranker=reranker, named=named, first=first)

    @staticmethod
    def copy(
        index: str | Path,
        store: str,
        *,
        embedder: Embedder | None = None,
        model: str | None = None,
        offline: bool = False,
        progress: Progress = no_progress,
    ) -> CopyReport:
        """Make a store hold what an index holds, and publish it there at one stroke.

        Only articles that the store has not, or has otherwise, are sent; what the index has no more
        is removed. Before it answers, the copy is counted, its digest compared, vectors of some
        articles too, and some questions are asked of both. Its confidence is fitted anew, since
        each engine weighs words in its own way. A copy that was killed goes on where it was.

        Args:
            index: the folder.
            store: address of the store.
            embedder: the one that built the index, instead of ``model``.
            model: name or folder of the model that built it; None means the bundled one.
            offline: never ask the network for a model.
            progress: shows how far the work got.

        Raises:
            IndexStoreError: as ``open``.
            StoreError: the store fails, or does not hold afterwards what it was sent.
            EmbedderError: the model is missing, or not what it claims to be.
            ValueError: ``store`` is no address of a store.
        """
        from qasearch.stores import CANARY_RANK, copy, open_store, origin_of  # as above

        embedder = embedder or load_embedder(model, offline=offline)
        generation = open_for_reading(
            Path(index),
            embedder_name=embedder_name(embedder),
            fingerprint=embedder.fingerprint,
            splitter_version=SPLITTER_VERSION,
        )

        def ask(reader: Reader, questions: Sequence[str]) -> list[list[str]]:
            results = search(reader, embedder, questions, Options(k=CANARY_RANK, points=0))
            return [[hit.id for hit in result.articles] for result in results]

        with generation, closing(open_store(store, origin_of(generation))) as target:
            return copy(
                generation,
                target,
                ask=ask,
                calibrate=partial(calibrate, embedder=embedder),
                progress=progress,
            )

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

        Where ``CURRENT`` is damaged and names none, the newest whole one does. Indexes that are
        open stay as they are until their next ``refresh``. The next build starts from it.

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

    def refresh(self) -> bool:
        """Answer from the generation that was built last, if that is another one.

        An index opened by the name of a generation stays with that one.

        Queries that are running end on the generation that they began with; it is let go with the
        last of them. When nothing was built, this reads one small file.

        Returns:
            Whether answers come from another generation now than before the call.

        Raises:
            IndexStoreError: as ``open``; the generation from before goes on answering.
            ValueError: the index was closed.
        """
        before = self._answering()
        with self._opening:
            if not self._named and not self._answering().answers():
                self._reader = self._open_reader()
        return self._answering() is not before

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
        explain: bool = False,
    ) -> SearchResult:
        """Find the articles that answer, each with its passages that answer.

        Where the index was opened with a reranker, it reads the best 20 articles, each by its best
        passage (or, ``flat``, the best 20 passages), and reorders them. They trade their scores
        among them, so that scores still fall with the rank and the 20 stay above all others; a
        score of theirs tells the place, no more a sum of signals. Confidences stay what the
        signals say of each hit, and the verdict is then that of the surest hit brought back.

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
            explain: each hit shows score, weight and rank of each signal, in ``hit.explain``.

        Raises:
            ValueError: the query is blank, an option is out of its range or unknown, or the index
                was not opened to be searched, or was closed.
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
            explain=explain,
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
        explain: bool = False,
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
            explain=explain,
            reranker=self._reranker,
        )
        return search(self._answering(), self._embedder, queries, options)

    async def asearch(self, query: str, **options: Unpack[SearchOptions]) -> SearchResult:
        """Answer as ``search`` does, in a thread, while the event loop (of asyncio) goes on.

        Where the caller is cancelled, the search still runs to its end, and nobody is told.
        """
        import asyncio

        return await asyncio.to_thread(partial(self.search, query, **options))

    def update(
        self,
        articles: Iterable[Article] = (),
        *,
        remove: Iterable[str] = (),
        strict: bool = False,
        wait: float = 0.0,
        progress: Progress = no_progress,
    ) -> BuildReport:
        """Add articles, put some in the place of others, remove some, and answer from the outcome.

        Publishes a new generation of the index at one stroke, made from the newest there is; all
        other articles stay. What is given is what an article becomes: of an article that several
        files held, it is the whole. Where the index was built from files, the next build from them
        brings back what they hold.

        Args:
            articles: new ones, and new versions of stored ones, known by their ids.
            remove: ids of articles that are to go; those that are not there are no error.
            strict: commit nothing if an article was refused.
            wait: seconds to wait for another builder to end.
            progress: shows how far the work got.

        Raises:
            ValueError: the index was not opened to be searched, or was closed, or an article is
                both given and to be removed.
            IndexStoreError: there is no whole generation any more.
            BuildRefusedError: ``strict``, and something was refused; or no article would be left.
            IndexLockedError, IndexWriteError, EmbedderError: as ``build``.
        """
        from qasearch.build import UpdateSource, build  # as above

        if self._embedder is None:
            raise ValueError("This index was opened with searchable=False.")
        report = build(
            UpdateSource(articles, remove),
            self._on_disk().index_path,
            self._embedder,
            strict=strict,
            rebuild=False,
            allow_shrink=True,
            dry_run=False,
            token_bits=None,
            calibrate=calibrate,
            wait=wait,
            progress=progress,
        )
        self.refresh()
        return report

    def why(
        self,
        id: str,
        query: str,
        *,
        k: int = 5,
        where: Where | None = None,
        mode: Mode = "hybrid",
        min_confidence: float = 0.0,
    ) -> WhyResult:
        """Tell where an article ended for a query, and if it was not found which step lost it.

        Args:
            id: of the article.
            query: of the ``search`` in question.
            k: of that search, as what follows.
            where: metadata filter.
            mode: which signals rank.
            min_confidence: least confidence of what is brought back.

        Raises:
            LookupError: there is no such article.
            ValueError: as ``search``.
        """
        if self._embedder is None:
            raise ValueError("This index was opened with searchable=False.")
        options = Options(k=k, where=where, mode=mode, min_confidence=min_confidence)
        return why(self._on_disk(), self._embedder, id, query, options)

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
        return related(self._answering(), id, k)

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
        return dupes(self._on_disk(), near)

    def export(self, folder: str | Path, *, progress: Progress = no_progress) -> ExportReport:
        """Write articles, passages and vectors as Parquet, for other tools and for ``import_``.

        Args:
            folder: a new one, or an empty one; it is there whole or not at all.
            progress: shows how far the work got.

        Raises:
            ValueError: the folder holds something already, or is named as a file; or pyarrow is not
                installed.
            IndexDamagedError: a file of the index is not what it was when it was built.
            IndexWriteError: no space, no permission, or an I/O error.
        """
        from qasearch.build import export  # as above

        return export(self._on_disk(), Path(folder), progress)

    def ids(self) -> list[str]:
        """The ids of all articles, ascending."""
        return self._on_disk().store.ids()

    def article(self, id: str) -> Article:
        """The stored article with all its passages.

        Raises:
            LookupError: there is no such article.
        """
        return self._answering().store.article(id)

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
        return self._on_disk().store.questions()

    def subjects(self) -> list[tuple[str, int]]:
        """Each subject with the number of its articles: most first, then by name."""
        return self._answering().store.subjects()

    def status(self) -> IndexStatus:
        """What the index holds."""
        return self._answering().status()

    def close(self) -> None:
        """Let go of the index's files, once running queries end. Searching later is an error."""
        with self._opening:
            self._reader = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _answering(self) -> Reader:
        """What to answer from, open as long as the caller holds it."""
        if os.getpid() != self._process and self._reader:
            # No lock may be carried over a fork, nor an open database; the pin is the parent's.
            self._opening = threading.Lock()
            self._reader = self._open_reader()
            self._process = os.getpid()
        reader = self._reader
        if reader is None:
            raise ValueError("This index was closed.")
        return reader

    def _on_disk(self) -> Generation:
        """What to answer from, if it is a generation on disk.

        Raises:
            StoreError: it lies in a store, which does not tell all that this takes.
        """
        reader = self._answering()
        if isinstance(reader, Generation):
            return reader
        address = reader.status().path
        raise StoreError(
            address,
            f"{address} is a store: it answers searches, and shows articles and those near one, "
            "but no more.",
            hint="Ask the index that was copied there.",
        )


def _open_store(address: str, embedder: Embedder | None) -> Reader:
    """What a store has published; its vectors are the embedder's, if one is given."""
    from qasearch.stores import open_store  # as above

    store = open_store(address)
    try:
        reader, origin = store.reader(), store.origin()
        if embedder and origin.fingerprint != embedder.fingerprint:
            raise IndexMismatchError(
                store.url,
                "embedder",
                f"{embedder_name(embedder)} ({embedder.fingerprint:.12})",
                f"{origin.model} ({origin.dim} dims, {origin.fingerprint:.12})",
                hint=f"Pass `--model {origin.model}`, or copy an index of this model there.",
            )
    except BaseException:
        store.close()
        raise
    return reader


def _check_bits(token_bits: int | None) -> None:
    if token_bits not in (None, 2, 4):
        raise ValueError(f"token_bits must be 2 or 4, not {token_bits!r}.")


def _source(
    sources: Sources,
    index: str | Path,
    *,
    include: Sequence[str],
    exclude: Sequence[str],
    include_no_index: bool,
    progress: Progress,
    spread: Spread | None = None,
) -> "ArticleReader":
    """What reads the sources that a caller named."""
    from qasearch.build import ArticleSource, FileSource  # as above

    paths = _paths(sources)
    if paths is None:
        return ArticleSource(cast(Iterable[Article], sources))
    return FileSource(
        paths,
        include=include,
        exclude=exclude,
        without=Path(index),
        include_no_index=include_no_index,
        progress=progress,
        spread=spread,
    )


def _paths(sources: Sources) -> list[Path] | None:
    """The files and folders that ``sources`` names; None when it is articles."""
    if isinstance(sources, str | Path):
        return [Path(sources)]
    if isinstance(sources, Sequence) and all(isinstance(entry, str | Path) for entry in sources):
        return [Path(entry) for entry in sources if isinstance(entry, str | Path)]
    return None
