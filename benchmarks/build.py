"""Build folders of articles: how fast they are read, what the encoder's share is, and the memory.

    python -m benchmarks.build FOLDER... [--articles 200] [--rounds 5]

Reading and splitting are timed beside the crude parse of benchmarks/parsing.py, over all files.
With the bundled model so many articles are built, with one thread. Memory is that of builds of
2,000, 4,000 and 8,000 articles, embedded by hashed words in next to no time.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.parsing import crude, ours, rate
from benchmarks.record import ONE_THREAD, Table, resident, save, spread
from qasearch import Index, load_embedder
from qasearch.ingest import SourceFile, find_files
from qasearch.protocols import Vectors
from tests.tiny import TinyEmbedder

PROCESSES = 2
MEMORY_ARTICLES = (2_000, 4_000, 8_000)


class TimedEmbedder:
    """The bundled model, and the CPU that it takes. It computes in the thread that asks it."""

    def __init__(self) -> None:
        self._embedder = load_embedder()
        self.name, self.dim = self._embedder.name, self._embedder.dim
        self.fingerprint = self._embedder.fingerprint
        self.seconds = 0.0

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._timed(lambda: self._embedder.embed_passages(texts))

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._timed(lambda: self._embedder.embed_queries(texts))

    def embed_passage_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        return self._timed(lambda: self._embedder.embed_passage_tokens(texts))

    def embed_query_tokens(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        return self._timed(lambda: self._embedder.embed_query_tokens(texts))

    def query_words(self, texts: Sequence[str]) -> list[list[str]]:
        return self._embedder.query_words(texts)

    def _timed(self, embed: Callable[[], Any]) -> Any:
        started = time.process_time()
        try:
            return embed()
        finally:
            self.seconds += time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--articles", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", choices=["model", "tiny"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    files = find_files(arguments.folders, on_error=print)
    if arguments.measure:
        print(json.dumps(build(files, arguments.articles, tiny=arguments.measure == "tiny")))
        return
    reading = read(files, arguments.rounds)
    whole = measured(arguments.folders, "model", arguments.articles)
    memory = [
        measured(arguments.folders, "tiny", size)
        for size in MEMORY_ARTICLES
        if size <= max(len(files), min(MEMORY_ARTICLES))
    ]
    figures = {"reading": reading, "build": whole, "memory": memory}
    save("build", [reading_table(reading, len(files)), build_table(whole, memory)], figures)


def read(files: Sequence[SourceFile], rounds: int) -> dict[str, list[float]]:
    """Files a second, in turns."""
    ways = {
        "crude parse, two processes": (crude, PROCESSES),
        "ours, two processes": (ours, PROCESSES),
        "crude parse, one process": (crude, 1),
        "ours, one process, as a build reads": (ours, 1),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (parse, processes) in ways.items():
            found[name].append(rate(parse, files, processes))
    return found


def measured(folders: Sequence[Path], embedder: str, articles: int) -> dict[str, Any]:
    """What a build takes, in a process of its own with one thread."""
    options = ["--measure", embedder, "--articles", str(articles)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.build", *map(str, folders), *options],
        env={**os.environ, **ONE_THREAD},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def build(files: Sequence[SourceFile], articles: int, *, tiny: bool) -> dict[str, Any]:
    """Build so many files, drawn from all, and tell what it took."""
    drawn = random.Random(0).sample(list(files), min(articles, len(files)))
    embedder = TinyEmbedder(dim=384) if tiny else TimedEmbedder()
    embedder.embed_queries(["opens the model"])
    opened = getattr(embedder, "seconds", 0.0)
    with tempfile.TemporaryDirectory() as work:
        index = Path(work) / "index"
        wall, cpu = time.perf_counter(), time.process_time()
        report = Index.build([file.path for file in drawn], index, embedder=embedder)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        generation = index / str(report.generation)
        return {
            "articles": report.articles,
            "passages": report.passages,
            "texts": report.embedded,
            "seconds": wall,
            "cpu": cpu,
            "encoder_cpu": getattr(embedder, "seconds", 0.0) - opened,
            "resident_mb": resident(),
            "bytes": {file.name: file.stat().st_size for file in sorted(generation.iterdir())},
            "cache_bytes": (index / "cache" / "embeddings.sqlite").stat().st_size,
        }


def reading_table(found: dict[str, list[float]], files: int) -> Table:
    beside = found["crude parse, two processes"]
    return Table(
        f"Reading and splitting {files:,} files",
        ["what", "files a second", "of the crude parse in two processes"],
        [
            [
                name,
                spread(rates, 0),
                f"{statistics.median(a / b for a, b in zip(rates, beside, strict=True)):.2f}",
            ]
            for name, rates in found.items()
        ],
    )


def build_table(whole: dict[str, Any], memory: Sequence[dict[str, Any]]) -> Table:
    passages = whole["passages"]
    rest = whole["cpu"] - whole["encoder_cpu"]
    by_size = sorted(whole["bytes"].items(), key=lambda pair: -pair[1])
    rows = [
        [
            "articles / passages / texts",
            f"{whole['articles']:,} / {passages:,} / {whole['texts']:,}",
        ],
        ["seconds, and of CPU", f"{whole['seconds']:.1f}, {whole['cpu']:.1f}"],
        ["share of the encoder, by CPU", f"{whole['encoder_cpu'] / whole['cpu']:.1%}"],
        ["all the rest, ms of CPU an article", f"{1_000 * rest / whole['articles']:.1f}"],
        ["bytes a passage, of the generation", f"{sum(whole['bytes'].values()) / passages:,.0f}"],
        ["of these", ", ".join(f"{name} {size / passages:,.0f}" for name, size in by_size[:6])],
        ["bytes a passage, of the cache", f"{whole['cache_bytes'] / passages:,.0f}"],
    ]
    rows += [
        [
            f"most resident, {each['articles']:,} articles by hashed words",
            f"{each['resident_mb']:,.0f} MB",
        ]
        for each in memory
    ]
    return Table("A build with the bundled model, one thread", ["figure", "value"], rows)


if __name__ == "__main__":
    main()
