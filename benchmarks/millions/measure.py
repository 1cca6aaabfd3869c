"""One size measured, in a process of its own: ``python -m benchmarks.millions.measure WORK SIZE``.

Prints one object of JSON.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import faiss
import numpy as np

from benchmarks.millions.mixing import NEAREST
from qasearch import Article, Passage
from qasearch.index import FaissIndex, Files, FlatIndex, cosines
from qasearch.index.matrices import map_array
from qasearch.index.passagefile import write_passages
from qasearch.index.vectors import build_faiss
from qasearch.protocols import Vectors

TEXT_BYTES = 16
PASSAGES_PER_ARTICLE = 8

IVF_FROM = 1_000_000
MOST_LISTS = 1_024
"""Assigning each row to the nearest list is what building costs, and that grows with both."""
PROBES = (16, 64)
CANDIDATES = 300
"""As ``FaissIndex`` takes for ten hits."""
ROWS_AT_ONCE = 16_384
TRAINING_ROWS = 100_000

FLAT_QUERIES = 5


class Clock:
    """Seconds of a block, of the wall and of CPU."""

    def __enter__(self) -> "Clock":
        self._started = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._started[0]
        self.cpu = time.process_time() - self._started[1]

    @property
    def figures(self) -> dict[str, float]:
        """Both, for the report."""
        return {"seconds": self.seconds, "cpu": self.cpu}


class Memory:
    """The most that this process held at a time, looked at five times a second, in bytes.

    Attributes:
        own: of its own (heap, arrays). The rest are pages of mapped files, which the system takes
            back when somebody needs the room.
        all: with mapped files.
    """

    def __init__(self) -> None:
        self.own = self.all = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            self.look()
            time.sleep(0.2)

    def look(self) -> None:
        """Look now, too."""
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        told = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
        self.own = max(self.own, 1024 * int(told["RssAnon"].split()[0]))
        self.all = max(self.all, 1024 * int(told["VmRSS"].split()[0]))


def articles(size: int) -> Iterator[Article]:
    """Articles whose passages have 16 bytes of text each."""
    for first in range(0, size, PASSAGES_PER_ARTICLE):
        id = f"{first:010}"
        passages = tuple(
            Passage(id, seq + 1, "point", f"{first + seq:0{TEXT_BYTES}}", 0, TEXT_BYTES)
            for seq in range(min(PASSAGES_PER_ARTICLE, size - first))
        )
        yield Article(id, f"{first:0{TEXT_BYTES}}", "", passages=passages)


def measure(work: Path, size: int) -> dict[str, Any]:
    """Everything about the first ``size`` rows."""
    faiss.omp_set_num_threads(1)
    memory = Memory()
    queries: Vectors = np.load(work / "queries.npy")
    exact = np.load(work / f"exact-{size}.npy")
    header, dim = 128, queries.shape[1]
    whole = (work / "vectors.npy").stat().st_size - header
    shape = (whole // (4 * dim), dim)
    vectors = map_array(Files(), work / "vectors.npy", shape=shape, kind="<f4")[:size]

    found: dict[str, Any] = {"rows": size, "dim": dim, "vector_bytes": 4 * dim * size}
    path = work / "passages.sqlite"
    path.unlink(missing_ok=True)
    with Clock() as clock:
        digest = write_passages(Files(), path, articles(size))
    found["texts"] = {**clock.figures, "bytes": digest.bytes}
    path.unlink()

    flat = FlatIndex(vectors)
    found["flat"] = searched(lambda q: flat.search(q, NEAREST)[1], queries[:FLAT_QUERIES], exact)
    found["codes"] = codes(vectors, queries, exact)
    if size >= IVF_FROM:
        found["ivf"] = ivf(vectors, queries, exact)
    memory.look()
    found["memory"] = {"own": memory.own, "with_mapped_files": memory.all}
    return found


def codes(vectors: Vectors, queries: Vectors, exact: Any) -> dict[str, Any]:
    """RaBitQ fast scan, re-scored from the rows, as an index has it above 20,000 passages."""
    with Clock() as clock:
        index = build_faiss(vectors, coded=True)
    searcher = FaissIndex(index, vectors)
    return {
        "build": clock.figures,
        "bytes": serialized(index),
        "search": searched(lambda q: searcher.search(q, NEAREST)[1], queries, exact),
    }


def ivf(vectors: Vectors, queries: Vectors, exact: Any) -> dict[str, Any]:
    """The same codes in lists, of which a query reads the nearest few."""
    lists = min(MOST_LISTS, 2 ** round(np.log2(len(vectors)) / 2))
    with Clock() as training:
        index: Any = faiss.index_factory(
            vectors.shape[1], f"IVF{lists},RaBitQfs", faiss.METRIC_INNER_PRODUCT
        )
        step = max(1, len(vectors) // TRAINING_ROWS)
        index.train(np.ascontiguousarray(vectors[::step]))
    with Clock() as adding:
        for first in range(0, len(vectors), ROWS_AT_ONCE):
            index.add(vectors[first : first + ROWS_AT_ONCE])

    def search(query: Vectors) -> Any:
        _, proposed = index.search(query, CANDIDATES)
        rows = np.sort(proposed[0][proposed[0] >= 0])
        best = np.argsort(-cosines(vectors[rows], query)[0], kind="stable")[:NEAREST]
        return rows[best][np.newaxis]

    found: dict[str, Any] = {
        "lists": lists,
        "train": training.figures,
        "build": adding.figures,
        "bytes": serialized(index),
    }
    for probes in PROBES:
        index.nprobe = probes
        found[f"search_{probes}"] = searched(search, queries, exact)
    return found


def searched(search: Callable[[Vectors], Any], queries: Vectors, exact: Any) -> dict[str, float]:
    """Ask each query by itself, all of them twice; the times are those of the second round."""
    first = [clocked(search, queries[i : i + 1])[1] for i in range(len(queries))]
    answers = [clocked(search, queries[i : i + 1]) for i in range(len(queries))]
    shared = [
        len(np.intersect1d(rows, wanted)) / len(wanted)
        for (rows, _), wanted in zip(answers, exact, strict=False)
    ]
    seconds = np.array([clock.seconds for _, clock in answers])
    return {
        "recall": float(np.mean(shared)),
        "p50_ms": 1e3 * float(np.median(seconds)),
        "p95_ms": 1e3 * float(np.quantile(seconds, 0.95)),
        "cpu_ms": 1e3 * float(np.mean([clock.cpu for _, clock in answers])),
        "first_p50_ms": 1e3 * float(np.median([clock.seconds for clock in first])),
    }


def clocked(search: Callable[[Vectors], Any], query: Vectors) -> tuple[Any, Clock]:
    with Clock() as clock:
        rows = search(query)
    return rows, clock


def serialized(index: Any) -> int:
    """Bytes of the file of an index, which is not made: they are only counted."""
    counted = 0

    def count(data: bytes) -> int:
        nonlocal counted
        counted += len(data)
        return len(data)

    faiss.write_index(index, cast(Any, faiss).PyCallbackIOWriter(count))
    return counted


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
