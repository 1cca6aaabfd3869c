"""As many vectors as wanted, mixed from real ones.

Row i < r is real vector i: a passage of the articles given. Each later row is the mean of three
real ones, drawn at random and weighted by a flat Dirichlet distribution, and set to unit length. So
rows lie near others that share one or two of the three, as real ones do near those on their matter,
and not all at the same distance, as random ones would. Queries are the questions of other articles,
as they are.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qasearch import Article, load_embedder, read_articles
from qasearch.index import Files
from qasearch.index.vectors import write_matrix
from qasearch.ingest import passage_text, question_text
from qasearch.protocols import Vectors

ROWS_AT_ONCE = 16_384
QUERIES = 200
NEAREST = 10

_SEED = 7
_PARENTS = 3


def embed_real(folders: list[Path], articles: int, work: Path) -> None:
    """Embed the passages of some articles, and the questions of some others, unless done before."""
    if (work / "queries.npy").exists():
        return
    given: list[Article] = [article for folder in folders for article in read_articles(folder)]
    random.Random(_SEED).shuffle(given)
    asked, stored = given[:QUERIES], given[QUERIES : QUERIES + articles]
    embedder = load_embedder()
    texts = [passage_text(article, passage) for article in stored for passage in article.passages]
    np.save(work / "real.npy", embedder.embed_passages(sorted(set(texts), key=len)))
    questions = [question_text(article) for article in asked]
    np.save(work / "queries.npy", embedder.embed_queries(questions))


def mixed(real: Vectors, rows: int) -> Iterator[Vectors]:
    """The rows, a block at a time; the first ones are the same however many are wanted."""
    for block, first in enumerate(range(0, rows, ROWS_AT_ONCE)):
        rng = np.random.default_rng([_SEED, block])
        parents = rng.integers(0, len(real), size=(ROWS_AT_ONCE, _PARENTS))
        # Shares of independent exponential variates: a flat Dirichlet distribution.
        shares = rng.standard_exponential((ROWS_AT_ONCE, _PARENTS), dtype=np.float32)
        made = np.einsum("np,npd->nd", shares, real[parents])
        made /= np.sqrt(np.einsum("nd,nd->n", made, made))[:, np.newaxis]
        own = np.arange(first, first + ROWS_AT_ONCE)
        made[own < len(real)] = real[own[own < len(real)]]
        yield made[: rows - first]


class Exact:
    """The exact neighbours of the queries among the first rows, of any number of them."""

    def __init__(self, queries: Vectors) -> None:
        self._queries = queries
        self.rows = np.zeros((len(queries), 0), dtype=np.int64)
        self._scores = np.zeros((len(queries), 0), dtype=np.float32)
        self._seen = 0

    def add(self, block: Vectors) -> None:
        """Look at further rows."""
        scores = self._queries @ block.T
        new = np.argpartition(scores, -NEAREST, axis=1)[:, -NEAREST:]
        found = np.concatenate([self._scores, np.take_along_axis(scores, new, axis=1)], axis=1)
        rows = np.concatenate([self.rows, new + self._seen], axis=1)
        best = np.argsort(-found, axis=1, kind="stable")[:, :NEAREST]
        self._scores = np.take_along_axis(found, best, axis=1)
        self.rows = np.take_along_axis(rows, best, axis=1)
        self._seen += len(block)


def write_rows(work: Path, sizes: list[int]) -> dict[int, dict[str, float]]:
    """Write as many rows as the largest size, and the exact neighbours for each size.

    Returns:
        For each size what writing its rows took, mixing and looking for neighbours left out:
        seconds, and seconds of CPU.
    """
    real: Vectors = np.load(work / "real.npy")
    exact = Exact(np.load(work / "queries.npy"))
    spent: dict[int, dict[str, float]] = {}
    aside = np.zeros(2)

    def clock() -> NDArray[np.float64]:
        return np.array([time.perf_counter(), time.process_time()])

    def blocks() -> Iterator[Vectors]:
        nonlocal aside
        written = 0
        began = clock()
        for block in mixed(real, sizes[-1]):
            while len(block):
                part = block[: min(size for size in sizes if size > written) - written]
                exact.add(part)
                written, block = written + len(part), block[len(part) :]
                aside += clock() - began
                yield part
                began = clock()
                if written in sizes:
                    np.save(work / f"exact-{written}.npy", exact.rows)
                    wall, cpu = (began - started - aside).tolist()
                    spent[written] = {"seconds": wall, "cpu": cpu}

    path = work / "vectors.npy"
    path.unlink(missing_ok=True)
    started = clock()
    write_matrix(Files(), path, blocks(), rows=sizes[-1], dim=real.shape[1])
    return spent
