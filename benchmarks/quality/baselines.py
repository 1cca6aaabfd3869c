"""What others would give: BM25, plain dense search, their fusion, and chunks cut blindly."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray
from tokenizers import Tokenizer

from qasearch import Article
from qasearch.evaluate.queries import Query
from qasearch.evaluate.runs import DEPTH, RankedPassage, Run
from qasearch.protocols import Rows, Vectors

CANDIDATES = 1_000
"""Rows that a system ranks for a query, before articles are made of them."""

RANK_CONSTANT = 60
"""Source: Cormack, Clarke and Buettcher, Reciprocal rank fusion, SIGIR 2009."""

CHUNK, OVERLAP = 1_000, 200
"""Characters of a chunk, and of them shared with the next: the usual settings of text splitters."""

Ranking = dict[str, Rows]
"""For each query id the rows of units, best first."""


def dense(queries: Sequence[Query], asked: Vectors, vectors: Vectors) -> Ranking:
    """Exact cosines; ties by ascending row."""
    return {
        query.qid: _best(vectors @ vector) for query, vector in zip(queries, asked, strict=True)
    }


def _best(scores: NDArray[np.float32]) -> Rows:
    if len(scores) > CANDIDATES:
        rows = np.sort(np.argpartition(-scores, CANDIDATES)[:CANDIDATES])
    else:
        rows = np.arange(len(scores))
    return rows[np.argsort(-scores[rows], kind="stable")]


class BM25:
    """tantivy with its English stemmer and stop words, over one text a unit.

    Args:
        texts: of the units, by row.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        for step in (
            tantivy.Filter.lowercase(),
            tantivy.Filter.remove_long(40),
            tantivy.Filter.stopword("english"),
            tantivy.Filter.stemmer("english"),
        ):
            builder = builder.filter(step)
        self._analyzer = builder.build()
        schema = tantivy.SchemaBuilder()
        schema.add_text_field("text", tokenizer_name="english", index_option="freq")
        schema.add_unsigned_field("row", stored=True)
        self._schema = schema.build()
        self._index = tantivy.Index(self._schema)
        self._index.register_tokenizer("english", self._analyzer)
        writer = self._index.writer(num_threads=1)
        for row, text in enumerate(texts):
            writer.add_document(tantivy.Document(text=[text], row=row))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()

    def rank(self, queries: Sequence[Query]) -> Ranking:
        """Rank the units that share a word with each query."""
        return {query.qid: self._rows(query.text) for query in queries}

    def _rows(self, text: str) -> Rows:
        terms = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "text", term, "freq"))
            for term in self._analyzer.analyze(text)
        ]
        hits = self._searcher.search(tantivy.Query.boolean_query(terms), limit=CANDIDATES).hits
        rows = [(-score, self._searcher.doc(place)["row"][0]) for score, place in hits]
        return np.array([row for _, row in sorted(rows)], dtype=np.int64)


def equal_ranks(first: Ranking, second: Ranking) -> Ranking:
    """Reciprocal rank fusion, both with the same weight: what most peers call hybrid."""
    fused: Ranking = {}
    for qid in first:
        scores: dict[int, float] = defaultdict(float)
        for ranking in (first, second):
            for rank, row in enumerate(ranking[qid].tolist(), start=1):
                scores[row] += 1 / (RANK_CONSTANT + rank)
        fused[qid] = np.array(sorted(scores, key=lambda row: (-scores[row], row)), dtype=np.int64)
    return fused


def blind_chunks(article: Article) -> Iterator[RankedPassage]:
    """The answer in pieces of a fixed size that overlap, cut at white space where there is any."""
    answer, start = article.answer, 0
    for number in count(1):
        end = start + CHUNK
        if end < len(answer):
            end = _after_blank(answer, start + OVERLAP, end)
        yield RankedPassage(f"{article.id}#chunk-{number}", article.id, answer[start:end].strip())
        if end >= len(answer):
            return
        shared = answer[end - OVERLAP : end]
        # The next one begins with a whole word, if a blank shows where.
        start = end - len(shared.partition(" ")[2] or shared)


def _after_blank(text: str, first: int, last: int) -> int:
    """The place after the last blank or line feed between two places; else the last of them."""
    found = max(text.rfind(" ", first, last), text.rfind("\n", first, last))
    return last if found < 0 else found + 1


def cut_off(texts: Sequence[str], tokenizer: Path, most: int) -> list[str]:
    """What a model reads that leaves out the rest of a text, as published figures have it.

    Args:
        texts: whole.
        tokenizer: the model's tokenizer.json.
        most: tokens that it reads, special ones included.
    """
    cutter = Tokenizer.from_file(str(tokenizer))
    cutter.no_padding()
    cutter.enable_truncation(most)  # pyright: ignore[reportUnknownMemberType]
    read = cutter.encode_batch(texts)
    return [
        text[: max(end for _, end in encoding.offsets)]
        for text, encoding in zip(texts, read, strict=True)
    ]


def as_run(
    name: str, ranking: Ranking, units: Sequence[RankedPassage], *, passages: bool = True
) -> Run:
    """The run of a ranking: passages as they are ranked, articles by their best one.

    Args:
        name: of the system.
        ranking: rows of the units.
        units: what was ranked, by row.
        passages: whether the units are passages, and not whole articles.
    """
    ranked: Mapping[str, list[RankedPassage]] = {
        qid: [units[row] for row in rows.tolist()] for qid, rows in ranking.items()
    }
    articles = {
        qid: list(dict.fromkeys(unit.article_id for unit in best))[:DEPTH]
        for qid, best in ranked.items()
    }
    return Run(name, articles, {q: b[:DEPTH] for q, b in ranked.items()} if passages else None)
