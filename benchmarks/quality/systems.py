"""Every system over one judged set, as runs: the baselines, and ours in each of its modes."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from benchmarks.quality.baselines import (
    BM25,
    Ranking,
    as_run,
    blind_chunks,
    cut_off,
    dense,
    equal_ranks,
)
from benchmarks.quality.peers import ranked
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


@dataclass(frozen=True)
class Units:
    """What a system ranks.

    Attributes:
        what: their name.
        units: what each is in a run, by row.
        texts: of each.
        vectors: of each text.
        passages: whether they are passages, and not whole articles.
    """

    what: str
    units: Sequence[RankedPassage]
    texts: Sequence[str]
    vectors: Vectors
    passages: bool = True

    def run(self, name: str, ranking: Ranking) -> Run:
        return as_run(name, ranking, self.units, passages=self.passages)


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
            documents = self._documents()
            yield from self._three(documents)
            if cut := self._cut(documents):
                yield self._dense(f"dense, {cut.what}", cut)
        yield from self._three(self._passages())
        chunks = self._chunks()
        yield self._dense(chunks.what, chunks)

    def peers(self, python: Path) -> Iterator[Run]:
        """What users get from others: documents whole, else cut blindly, and by our splitter.

        Args:
            python: of an environment with the peers (`benchmarks/requirements.txt`).
        """
        if self._judged.documents:
            documents = self._documents()
            indexed = [self._cut(documents) or documents]
        else:
            indexed = [self._chunks(), self._passages()]
        queries = {query.qid: query.text for query in self._queries}
        for units in indexed:
            found = ranked(python, units.texts, units.vectors, queries, self._asked)
            for name, rows in found.items():
                ranking = {qid: np.array(best, dtype=np.int64) for qid, best in rows.items()}
                yield units.run(f"{name}, {units.what}", ranking)

    def _documents(self) -> Units:
        texts = [f"{article.question} {article.answer}" for article in self.articles]
        units = [RankedPassage(article.id, article.id) for article in self.articles]
        vectors = self._vectors.passages(texts, "documents")
        return Units("documents", units, texts, vectors, passages=False)

    def _cut(self, documents: Units) -> Units | None:
        """The same texts, embedded as far as the model with published figures reads them."""
        model = load_embedder()
        if self._embedder.fingerprint != model.fingerprint:
            return None
        what = f"documents cut at {model.max_tokens} tokens"
        read = cut_off(documents.texts, bundled.find() / "tokenizer.json", model.max_tokens)
        vectors = self._vectors.passages(read, what)
        return dataclasses.replace(documents, what=what, vectors=vectors)

    def _passages(self) -> Units:
        """Question, sections, title and body of each, embedded when the index was built."""
        pairs = [(article, passage) for article in self.articles for passage in article.passages]
        units = [RankedPassage(passage.id, article.id, passage.text) for article, passage in pairs]
        with Generation.open(self._index) as generation:
            vectors = np.array(generation.vectors)
        return Units("passages", units, [passage_text(*pair) for pair in pairs], vectors)

    def _chunks(self) -> Units:
        units = [chunk for article in self.articles for chunk in blind_chunks(article)]
        texts = [chunk.text or "" for chunk in units]
        return Units("blind chunks", units, texts, self._vectors.passages(texts, "blind chunks"))

    def _three(self, units: Units) -> Iterator[Run]:
        """BM25, cosines, and both by equal ranks, over the same texts."""
        words = BM25(units.texts).rank(self._queries)
        near = dense(self._queries, self._asked, units.vectors)
        yield units.run(f"BM25, {units.what}", words)
        yield units.run(f"dense, {units.what}", near)
        yield units.run(f"equal ranks, {units.what}", equal_ranks(words, near))

    def _dense(self, name: str, units: Units) -> Run:
        return units.run(name, dense(self._queries, self._asked, units.vectors))

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
