"""Build folders of articles: how fast they are read, what the encoder's share is, and the memory.

    python -m benchmarks.build FOLDER... [--articles 300] [--rounds 5]

Reading, as a build does it with all its processes, is timed beside the crude parse of
benchmarks/parsing.py, over all files and on two processors. With the bundled model so many articles
are built, with one thread. Memory is that of builds of 2,000 to 16,000 articles, embedded by hashed
words in next to no time: what the build itself holds, and with the pages of files that it maps.
"""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.parsing import FILES_AT_ONCE, crude
from benchmarks.record import ONE_THREAD, Table, resident, save, spread
from qasearch import Index, load_embedder
from qasearch.ingest import Shelf, SourceFile, find_changes, find_files, in_processes
from qasearch.protocols import Spread, Vectors, here, in_batches, no_progress
from tests.tiny import TinyEmbedder

PROCESSES = 2
MEMORY_ARTICLES = (2_000, 4_000, 8_000, 16_000)


CRUDE = "crude parse, two processes"


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
    parser.add_argument("--articles", type=int, default=300)
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


def read(files: Sequence[SourceFile], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Files a second, and ms of CPU a file, in turns; of this process and those that it begins."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:PROCESSES])
    ways: dict[str, Callable[[], None]] = {
        CRUDE: partial(parse_crudely, files, PROCESSES),
        "ours, as a build reads": partial(read_as_a_build, files, in_processes),
        "crude parse, one process": partial(parse_crudely, files, 1),
        "ours, one process": partial(read_as_a_build, files, here),
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, parse in ways.items():
            wall, cpu = time.perf_counter(), sum(os.times()[:4])
            parse()
            wall, cpu = time.perf_counter() - wall, sum(os.times()[:4]) - cpu
            found[name].append((len(files) / wall, 1_000 * cpu / len(files)))
    return found


def parse_crudely(files: Sequence[SourceFile], processes: int) -> None:
    batches = list(in_batches(files, FILES_AT_ONCE))
    if processes == 1:
        for batch in batches:
            crude(batch)
    else:
        with ProcessPoolExecutor(processes) as pool:
            list(pool.map(crude, batches))


def read_as_a_build(files: Sequence[SourceFile], run: Spread) -> None:
    """Read, split and merge all files of a first build, and put the articles aside."""
    with Shelf() as shelf:
        find_changes(
            files,
            {},
            {},
            shelf,
            unreachable=(),
            stored=(),
            include_no_index=False,
            anew=True,
            progress=no_progress,
            spread=run,
        )


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
    own = OwnMemory()
    with tempfile.TemporaryDirectory() as work:
        index = Path(work) / "index"
        wall, cpu = time.perf_counter(), sum(os.times()[:4])
        report = Index.build([file.path for file in drawn], index, embedder=embedder)
        wall, cpu = time.perf_counter() - wall, sum(os.times()[:4]) - cpu
        generation = index / str(report.generation)
        return {
            "articles": report.articles,
            "passages": report.passages,
            "texts": report.embedded,
            "seconds": wall,
            "cpu": cpu,
            "encoder_cpu": getattr(embedder, "seconds", 0.0) - opened,
            "own_mb": own.most_mb,
            "resident_mb": resident(),
            "bytes": {file.name: file.stat().st_size for file in sorted(generation.iterdir())},
            "cache_bytes": (index / "cache" / "embeddings.sqlite").stat().st_size,
        }


class OwnMemory:
    """The most memory of this process that is no page of a file, looked at all the time."""

    def __init__(self) -> None:
        self.most_mb = 0.0
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while True:
            status = Path("/proc/self/status").read_text()
            (own,) = re.findall(r"RssAnon:\s+(\d+)", status)
            self.most_mb = max(self.most_mb, int(own) / 1024)
            time.sleep(0.02)


def reading_table(found: dict[str, list[tuple[float, float]]], files: int) -> Table:
    beside = [rate for rate, _ in found[CRUDE]]
    rows: list[list[str]] = []
    for name, figures in found.items():
        rates, cpu = zip(*figures, strict=True)
        times = statistics.median(a / b for a, b in zip(rates, beside, strict=True))
        rows.append([name, spread(rates, 0), f"{times:.2f}", spread(cpu)])
    return Table(
        f"Reading and splitting {files:,} files, two processors",
        ["what", "files a second", "of the crude parse in two processes", "ms of CPU a file"],
        rows,
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
            f"most memory, {each['articles']:,} articles by hashed words",
            f"{each['own_mb']:,.0f} MB, with pages of mapped files {each['resident_mb']:,.0f} MB",
        ]
        for each in memory
    ]
    return Table("A build with the bundled model, one thread", ["figure", "value"], rows)


if __name__ == "__main__":
    main()
