"""Every system over one judged set, as runs: the baselines, and ours in each of its modes."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from benchmarks.quality.baselines import (
    BM25,
    as_run,
    blind_chunks,
    cut_off,
    dense,
    equal_ranks,
)
from benchmarks.quality.sets import JudgedSet
from benchmarks.quality.vectors import StoredVectors
from qasearch import Embedder, Index, load_embedder
from qasearch.cli.progress import progress_on_terminal
from qasearch.embed import bundled
from qasearch.evaluate.queries import Query
from qasearch.evaluate.runs import RankedPassage, Run, search_run
from qasearch.index import Generation
from qasearch.ingest import passage_text
from qasearch.protocols import Vectors
from qasearch.query.rank import WEIGHTS
from qasearch.records import Mode


class Systems:
    """One judged set, indexed and embedded in a folder that the next run takes up again.

    Args:
        judged: the set.
        queries: its queries.
        embedder: the model of all systems.
        work: the folder.

    Attributes:
        articles: in the order of their ids.
        refused: how many could not be read, and are not among them.
    """

    def __init__(
        self, judged: JudgedSet, queries: Sequence[Query], embedder: Embedder, work: Path
    ) -> None:
        self._judged = judged
        self._queries = queries
        self._embedder = embedder
        # Another model's vectors are of no use; another corpus is read anew.
        work /= f"{judged.name}-{embedder.fingerprint[:8]}"
        self._index = work / "index"
        progress = progress_on_terminal(quiet=False)
        self._vectors = StoredVectors(embedder, work / "vectors", progress)
        self._asked = self._vectors.queries([query.text for query in queries])
        report = Index.build(
            judged.sources, self._index, embedder=embedder, allow_shrink=True, progress=progress
        )
        self.refused = len(report.refused)
        with Index.open(self._index, searchable=False) as index:
            self.articles = [index.article(id) for id in index.ids()]

    def baselines(self) -> Iterator[Run]:
        """What others would give, with the same model."""
        if self._judged.documents:
            units = [RankedPassage(article.id, article.id) for article in self.articles]
            texts = [f"{article.question} {article.answer}" for article in self.articles]
            vectors = self._vectors.passages(texts, "documents")
            yield from self._three("documents", units, texts, vectors)
            yield from self._published(units, texts)
        pairs = [(article, passage) for article in self.articles for passage in article.passages]
        units = [RankedPassage(passage.id, article.id, passage.text) for article, passage in pairs]
        texts = [passage_text(*pair) for pair in pairs]
        with Generation.open(self._index) as generation:
            # Question, sections, title and body of each, embedded when the index was built.
            yield from self._three("passages", units, texts, generation.vectors)
        chunks = [chunk for article in self.articles for chunk in blind_chunks(article)]
        vectors = self._vectors.passages([chunk.text or "" for chunk in chunks], "blind chunks")
        yield as_run("blind chunks", dense(self._queries, self._asked, vectors), chunks)

    def _published(self, units: Sequence[RankedPassage], texts: Sequence[str]) -> Iterator[Run]:
        """Cosines of documents that are cut off, if the model is the one with published figures."""
        model = load_embedder()
        if self._embedder.fingerprint == model.fingerprint:
            what = f"documents cut at {model.max_tokens} tokens"
            read = cut_off(texts, bundled.find() / "tokenizer.json", model.max_tokens)
            near = dense(self._queries, self._asked, self._vectors.passages(read, what))
            yield as_run(f"dense, {what}", near, units, passages=False)

    def _three(
        self, what: str, units: Sequence[RankedPassage], texts: Sequence[str], vectors: Vectors
    ) -> Iterator[Run]:
        """BM25, cosines, and both by equal ranks, over the same texts."""
        passages = what == "passages"
        words = BM25(texts).rank(self._queries)
        near = dense(self._queries, self._asked, vectors)
        for name, ranking in (
            (f"BM25, {what}", words),
            (f"dense, {what}", near),
            (f"equal ranks, {what}", equal_ranks(words, near)),
        ):
            yield as_run(name, ranking, units, passages=passages)

    def without(self) -> Iterator[Run]:
        """Ours without one of its signals: what each is worth."""
        weights = WEIGHTS["hybrid"]
        with Index.open(self._index, embedder=self._embedder) as index:
            for signal in dataclasses.fields(weights):
                WEIGHTS["hybrid"] = dataclasses.replace(weights, **{signal.name: 0.0})
                name = f"ours, without {signal.name}"
                yield search_run(
                    index, self._queries, levels=["article", "passage"], mode="hybrid", name=name
                )
        WEIGHTS["hybrid"] = weights

    def ours(self) -> Iterator[Run]:
        """Ours in each mode, the default first."""
        with Index.open(self._index, embedder=self._embedder) as index:
            default = index.search("which mode").mode
            for mode in sorted(get_args(Mode), key=lambda mode: mode != default):
                yield search_run(
                    index,
                    self._queries,
                    levels=["article", "passage"],
                    mode=mode,
                    name=f"ours, {mode}",
                )
