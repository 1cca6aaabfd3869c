"""Ask an open index: how long a search takes at several sizes, beside its parts and its rivals.

    python -m benchmarks.warm INDEX [--work .bench] [--passages 20000,150000] [--rounds 5]

Larger indexes are made of INDEX (`benchmarks/grow.py`) and kept in the work folder. Each size is
measured in a process of its own with one thread: its questions are asked in rounds, and in each
round every way in turn answers all of them. A time is that of one question, CPU that of the asking
thread: FAISS, onnxruntime and tantivy compute in it. Recall is the share of the ten nearest
passages, found by numpy, that a way finds. Tables of sizes that are not measured again are kept.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np

from benchmarks.grow import grown
from benchmarks.record import ONE_THREAD, Table, resident, save, saved
from qasearch import Index, load_embedder
from qasearch.index import Generation
from qasearch.protocols import Rows, Vectors

K = 10
HNSW_MOST = 200_000
"""Rows above which building a graph takes too long for a benchmark."""
IVF_FROM = 500_000
"""Rows from which lists are worth a look."""
MANY = 64
MOST_SCANNED = 20_000_000
"""Rows that the questions of one round may scan together: of a larger index fewer are asked."""

Way: TypeAlias = Callable[[int], Rows | None]
"""Answers the question of that number; the rows that it found, where they are to be judged."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("--work", type=Path, default=Path(".bench"))
    parser.add_argument("--passages", default="20000,150000")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.index, arguments.questions, arguments.rounds)))
        return
    before = saved("warm")
    found = [{"machine": before["machine"], **each} for each in before.get("figures", [])]
    for passages in map(int, arguments.passages.split(",")):
        index = grown(arguments.index, passages, arguments.work)
        options = ["--questions", str(arguments.questions), "--rounds", str(arguments.rounds)]
        command = [sys.executable, "-m", "benchmarks.warm", str(index), "--measure", *options]
        done = subprocess.run(
            command, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, check=True
        )
        found = beside(found, json.loads(done.stdout))
        save("warm", [*map(table, found), growth(found)], found)


def beside(before: Sequence[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """New figures with those of other sizes: made of another index, a size differs a little."""
    size = new["passages"]
    kept = [each for each in before if abs(each["passages"] - size) > size / 100]
    return sorted([*kept, new], key=lambda each: each["passages"])


def measure(path: Path, questions: int, rounds: int) -> dict[str, Any]:
    """Everything of one size."""
    embedder = load_embedder()
    with Index.open(path, embedder=embedder) as index, Generation.open(path) as generation:
        every = [question for _, question in index.questions()]
        questions = max(10, min(questions, MOST_SCANNED // len(generation.vectors)))
        asked = every[:: max(1, len(every) // questions)][:questions]
        vectors = embedder.embed_queries(asked)
        after_opening = resident()
        ways: dict[str, Way] = {
            "embedding the question, alone": lambda i: _none(embedder.embed_queries([asked[i]])),
            "search, hybrid": lambda i: _none(index.search(asked[i])),
            "search, dense": lambda i: _none(index.search(asked[i], mode="dense")),
            "search, lexical": lambda i: _none(index.search(asked[i], mode="lexical")),
            "vectors: ours": lambda i: generation.passages.search(vectors[i : i + 1], K)[1][0],
        }
        # First, since the others read all vectors: these pages count for whoever mapped them.
        for i in range(len(asked)):
            index.search(asked[i])
        after_searches = resident()
        ways |= {"vectors: numpy, exact": partial(_exact, generation.vectors, vectors)}
        built = dict[str, float]()
        for name, make in rivals(len(generation.vectors)).items():
            started = time.process_time()
            ways[name] = partial(make(generation.vectors), vectors)
            built[name] = time.process_time() - started
        times = timed(ways, len(asked), rounds)
        nearest = [_exact(generation.vectors, vectors, i) for i in range(len(asked))]
        return {
            "passages": len(generation.vectors),
            "articles": len(generation.questions),
            "questions": len(asked),
            "wall_ms": {name: _quantiles(wall) for name, (wall, _) in times.items()},
            "cpu_ms": {name: _quantiles(cpu) for name, (_, cpu) in times.items()},
            "recall": {
                name: recall(way, nearest) for name, way in ways.items() if name in _judged(ways)
            },
            "built_cpu_seconds": built,
            "resident_mb": {"opened": after_opening, "searches": after_searches},
            "together": together(index, asked, rounds),
        }


def _none(_: object) -> None:
    return None


def _judged(ways: dict[str, Way]) -> list[str]:
    return [name for name in ways if name.startswith("vectors:")]


def rivals(rows: int) -> dict[str, Callable[[Vectors], Callable[[Vectors, int], Rows]]]:
    """Indexes over the same vectors, by name, each made when it is called."""
    found: dict[str, Callable[[Vectors], Callable[[Vectors, int], Rows]]] = {
        "vectors: FAISS flat": partial(_faiss, "Flat")
    }
    if rows <= HNSW_MOST:
        found["vectors: FAISS HNSW, 32 links, efSearch 64"] = partial(_faiss, "HNSW32")
    if rows >= IVF_FROM:
        name = "vectors: IVF of 1,024 lists over RaBitQ, 32 read, 300 re-scored"
        found[name] = partial(_faiss, "IVF1024,RaBitQfs")
    return found


def _faiss(factory: str, rows: Vectors) -> Callable[[Vectors, int], Rows]:
    """An index of FAISS over the rows."""
    import faiss

    index = cast(Any, faiss.index_factory(rows.shape[1], factory, faiss.METRIC_INNER_PRODUCT))
    index.train(np.ascontiguousarray(rows[:: max(1, len(rows) // 100_000)]))
    index.add(rows)
    if "HNSW" in factory:
        index.hnsw.efSearch = 64
    if "IVF" not in factory:
        return lambda queries, i: index.search(queries[i : i + 1], K)[1][0]
    index.nprobe = 32

    def rescored(queries: Vectors, i: int) -> Rows:
        proposed = np.sort(index.search(queries[i : i + 1], 300)[1][0])
        return proposed[np.argsort(-(rows[proposed] @ queries[i]), kind="stable")[:K]]

    return rescored


def _exact(rows: Vectors, queries: Vectors, i: int) -> Rows:
    scores = rows @ queries[i]
    best = np.argpartition(-scores, K)[:K]
    return best[np.argsort(-scores[best], kind="stable")]


def timed(
    ways: dict[str, Way], questions: int, rounds: int
) -> dict[str, tuple[list[float], list[float]]]:
    """Milliseconds of each question, and of CPU, by way."""
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            for i in range(questions):
                wall, cpu = time.perf_counter(), time.thread_time()
                way(i)
                if turn:  # the first is for warming up
                    found[name][0].append(1_000 * (time.perf_counter() - wall))
                    found[name][1].append(1_000 * (time.thread_time() - cpu))
    return found


def recall(way: Way, nearest: Sequence[Rows]) -> float:
    """Share of the nearest rows that a way finds."""
    shares: list[float] = []
    for i, best in enumerate(nearest):
        found = way(i)
        shares.append(0.0 if found is None else float(np.isin(best, found).mean()))
    return statistics.mean(shares)


def together(index: Index, asked: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Questions a second, each round: one by one, in two threads, and many in one call."""
    found: dict[str, list[float]] = {"one by one": [], "two threads": [], "many in one call": []}
    for _ in range(rounds):
        for name, ask in {
            "one by one": lambda: [index.search(question) for question in asked],
            "two threads": lambda: _in_threads(index, asked),
            "many in one call": lambda: [
                index.search_many(asked[start : start + MANY])
                for start in range(0, len(asked), MANY)
            ],
        }.items():
            started = time.perf_counter()
            ask()
            found[name].append(len(asked) / (time.perf_counter() - started))
    return found


def _in_threads(index: Index, asked: Sequence[str]) -> None:
    with ThreadPoolExecutor(2) as threads:
        for _ in threads.map(index.search, asked):
            pass


def _quantiles(times: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=20, method="inclusive")
    return {"p50": cuts[9], "p95": cuts[18]}


def table(found: dict[str, Any]) -> Table:
    """One size."""
    encode = found["cpu_ms"]["embedding the question, alone"]["p50"]
    flat = found["cpu_ms"]["vectors: FAISS flat"]["p50"]
    rows: list[list[str]] = []
    for name, wall in found["wall_ms"].items():
        cpu, judged = found["cpu_ms"][name], found["recall"].get(name)
        ratio = f"{cpu['p50'] / encode:.2f} of the embedding"
        if judged is not None:
            ratio = f"1/{flat / cpu['p50']:.1f} of flat"
        rows.append([
            name,
            f"{wall['p50']:.2f}",
            f"{wall['p95']:.2f}",
            f"{cpu['p50']:.2f}",
            f"{cpu['p95']:.2f}",
            ratio,
            "" if judged is None else f"{judged:.4f}",
            f"{found['built_cpu_seconds'][name]:.1f}" if name in found["built_cpu_seconds"] else "",
        ])  # fmt: skip
    rates = {name: statistics.median(each) for name, each in found["together"].items()}
    one = rates["one by one"]
    return Table(
        f"A question to an open index of {found['passages']:,} passages, one thread",
        ["what", "p50 ms", "p95 ms", "p50 of CPU", "p95 of CPU", "by CPU", "recall@10", "built, s"],
        rows,
        [
            f"Questions a second: one by one {one:.0f}, in two threads {rates['two threads']:.0f} "
            f"({rates['two threads'] / one:.2f} times), {MANY} in one call "
            f"{rates['many in one call']:.0f} ({rates['many in one call'] / one:.2f} times). "
            f"Resident, {found['resident_mb']['opened']:,.0f} MB when opened and "
            f"{found['resident_mb']['searches']:,.0f} MB after {found['questions']} searches, "
            "pages of mapped files included.",
            *([f"Measured before: {found['machine']}"] if "machine" in found else []),
        ],
    )


def growth(found: Sequence[dict[str, Any]]) -> Table:
    """How times grow with the size."""
    names = list(dict.fromkeys(name for each in found for name in each["cpu_ms"]))
    return Table(
        "How that grows: p50 in ms of CPU",
        ["what", *(f"{each['passages']:,} passages" for each in found)],
        [[name, *(_cell(each["cpu_ms"].get(name)) for each in found)] for name in names],
    )


def _cell(quantiles: dict[str, float] | None) -> str:
    return f"{quantiles['p50']:.2f}" if quantiles else ""


if __name__ == "__main__":
    main()
