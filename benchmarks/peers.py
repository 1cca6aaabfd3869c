"""Search the same vectors in other stores: txtai, LlamaIndex, Chroma, LanceDB, usearch, and ours.

    python -m benchmarks.peers INDEX [--python .bench/peers/bin/python] [--passages 150000]

The vectors are those of an index made of INDEX (`benchmarks/grow.py`). The other Python is that of
an environment with benchmarks/requirements.txt; it runs this file again, importing nothing of
qasearch. Each store holds the vectors of all passages and is asked for the ten nearest to each
question; what is not installed is left out, and said so.
"""

# The stores are of another environment, and few of them have types.
# pyright: basic, reportMissingImports=false

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

K = 10
ADDED_AT_ONCE = 5_000

Search: TypeAlias = Callable[[Any], list[int]]
"""From a vector to the rows of the nearest."""


def chroma(rows: Any, work: Path) -> Search:
    import chromadb

    client: Any = chromadb.PersistentClient(str(work / "chroma"))
    collection = client.create_collection("all", metadata={"hnsw:space": "ip"})
    for start in range(0, len(rows), ADDED_AT_ONCE):
        block = rows[start : start + ADDED_AT_ONCE]
        ids = [str(start + i) for i in range(len(block))]
        collection.add(ids=ids, embeddings=block)
    return lambda query: [
        int(id) for id in collection.query(query_embeddings=[query], n_results=K)["ids"][0]
    ]


def lance(rows: Any, work: Path) -> Search:
    import lancedb

    lancedb_any: Any = lancedb
    database = lancedb_any.connect(str(work / "lance"))
    data = ({"row": i, "vector": row} for i, row in enumerate(rows))
    table = database.create_table("all", list(data))
    return lambda query: [
        hit["row"] for hit in table.search(query).metric("dot").limit(K).to_list()
    ]


def llama_index(rows: Any, work: Path) -> Search:
    import faiss
    from llama_index.core.schema import TextNode
    from llama_index.core.vector_stores import VectorStoreQuery
    from llama_index.vector_stores.faiss import FaissVectorStore

    node: Any = TextNode
    ask: Any = VectorStoreQuery
    store: Any = FaissVectorStore(faiss_index=faiss.IndexFlatIP(rows.shape[1]))
    store.add([node(id_=str(i), text="", embedding=row.tolist()) for i, row in enumerate(rows)])
    return lambda query: [
        int(id) for id in store.query(ask(query_embedding=query.tolist(), similarity_top_k=K)).ids
    ]


def txtai(rows: Any, work: Path) -> Search:
    from txtai.ann import ANNFactory

    factory: Any = ANNFactory
    store = factory.create({"backend": "faiss", "dimensions": rows.shape[1]})
    store.index(rows)
    return lambda query: [row for row, _ in store.search(query[np.newaxis], K)[0]]


def usearch(rows: Any, work: Path) -> Search:
    from usearch.index import Index

    make: Any = Index
    index = make(ndim=rows.shape[1], metric="ip", dtype="i8")
    index.add(np.arange(len(rows)), rows, threads=1)
    return lambda query: [int(key) for key in index.search(query, K, threads=1).keys]


STORES: dict[str, tuple[Callable[[Any, Path], Search], str]] = {
    "usearch, int8": (usearch, "usearch"),
    "Chroma": (chroma, "chromadb"),
    "LanceDB, no index": (lance, "lancedb"),
    "LlamaIndex over FAISS flat": (llama_index, "llama-index-core"),
    "txtai": (txtai, "txtai"),
}


def measure(folder: Path, name: str, rounds: int) -> dict[str, Any]:
    """Ask one store, if it is installed; run by the other Python."""
    rows = np.ascontiguousarray(np.load(folder / "rows.npy"))
    queries, nearest = np.load(folder / "queries.npy"), np.load(folder / "nearest.npy")
    make, package = STORES[name]
    try:
        started = time.process_time()
        search = make(rows, folder)
    except ImportError as error:
        return {"missing": str(error)}
    built = {"built": time.process_time() - started, "version": version(package)}
    return built | asked(search, queries, nearest, rounds)


def asked(search: Search, queries: Any, nearest: Any, rounds: int) -> dict[str, Any]:
    """Times and recall of a store."""
    walls: list[float] = []
    cpus: list[float] = []
    for turn in range(rounds + 1):
        for query in queries:
            wall, cpu = time.perf_counter(), time.process_time()
            search(query)
            if turn:
                walls.append(1_000 * (time.perf_counter() - wall))
                cpus.append(1_000 * (time.process_time() - cpu))
    shares = [np.isin(nearest[i], search(query)).mean() for i, query in enumerate(queries)]
    return {"wall": walls, "cpu": cpus, "recall": float(np.mean(shares))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("--work", type=Path, default=Path(".bench"))
    parser.add_argument("--passages", type=int, default=150_000)
    parser.add_argument("--python", default=".bench/peers/bin/python")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--store", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.store:
        print(json.dumps(measure(arguments.index, arguments.store, arguments.rounds)))
        return
    from benchmarks.grow import grown

    index = grown(arguments.index, arguments.passages, arguments.work)
    compare(index, arguments.python, arguments.questions, arguments.rounds)


def compare(index: Path, python: str, questions: int, rounds: int) -> None:
    """Let ours and the others answer, and save what they took."""
    from benchmarks.record import ONE_THREAD, save
    from qasearch.index import Generation

    threads = {"RAYON_NUM_THREADS": "1", "LANCE_CPU_THREADS": "1", "TOKIO_WORKER_THREADS": "1"}
    with tempfile.TemporaryDirectory() as work, Generation.open(index) as generation:
        folder, rows = Path(work), generation.vectors
        queries = generation.questions[:: max(1, len(generation.questions) // questions)]
        queries = np.ascontiguousarray(queries[:questions])
        nearest = np.stack([np.argsort(-(rows @ query), kind="stable")[:K] for query in queries])
        np.save(folder / "rows.npy", rows)
        np.save(folder / "queries.npy", queries)
        np.save(folder / "nearest.npy", nearest)
        ours: Search = lambda query: generation.passages.search(query[np.newaxis], K)[1][0].tolist()  # noqa: E731
        found = {"qasearch": asked(ours, queries, nearest, rounds)}
        for name in STORES:  # each in a process of its own: their libraries do not all get along
            done = subprocess.run(
                [python, "-P", __file__, work, "--store", name, "--rounds", str(rounds)],
                env={**os.environ, **ONE_THREAD, **threads, "ANONYMIZED_TELEMETRY": "False"},
                stdout=subprocess.PIPE,
                check=True,
            )
            found[name] = json.loads(done.stdout.splitlines()[-1])
        save("peers", [table(found, len(rows))], figures(found))


def table(found: dict[str, Any], rows: int) -> Any:
    from benchmarks.record import Table

    ours = statistics.median(found["qasearch"]["cpu"])
    lines: list[list[str]] = []
    for name, each in found.items():
        if "missing" in each:
            continue
        p50, cpu = statistics.median(each["wall"]), statistics.median(each["cpu"])
        p95 = statistics.quantiles(each["wall"], n=20)[18]
        lines.append([
            f"{name} {each.get('version', '')}".strip(),
            *(f"{p50:.2f}", f"{p95:.2f}", f"{cpu:.2f}", f"{cpu / ours:.1f}"),
            f"{each['recall']:.4f}",
            f"{each['built']:.0f}" if "built" in each else "",
        ])  # fmt: skip
    missing = [f"{name}: {each['missing']}." for name, each in found.items() if "missing" in each]
    return Table(
        f"The ten nearest of {rows:,} vectors, in other stores, one thread as far as they let",
        ["store", "p50 ms", "p95 ms", "p50 of CPU", "of ours", "recall@10", "built, s of CPU"],
        lines,
        [f"Not measured: {' '.join(missing)}"] if missing else [],
    )


def figures(found: dict[str, Any]) -> dict[str, Any]:
    """The same without every single time."""
    return {
        name: {
            key: statistics.median(value) if isinstance(value, list) else value
            for key, value in each.items()
        }
        for name, each in found.items()
    }


if __name__ == "__main__":
    main()
