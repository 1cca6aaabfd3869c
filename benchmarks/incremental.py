"""Build a folder, edit it and build again: what each build costs beside the first one.

    python -m benchmarks.incremental FOLDER... [--tiny]

The first build is killed when half is embedded and taken up again, so that what a kill costs is
measured too. ``--tiny`` embeds by hashed words of as many dimensions, in next to no time: what is
left is the work of a build itself, over a collection too large to embed for a figure.
"""

import argparse
import os
import platform
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from qasearch import BuildReport, Index, load_embedder
from qasearch.protocols import Batch, Embedder, Progress, no_progress
from tests.tiny import TinyTokenEmbedder

ROUNDS = 5

REST_SECONDS = 3
"""After changes; files that changed just now would be opened by every build."""


class KilledError(Exception):
    """Stands for a kill."""


def killed_at_half(batches: Iterable[Batch], *, total: int, what: str) -> Iterable[Batch]:
    """A progress that kills the build when half of the texts are embedded."""
    done = 0
    for batch in batches:
        if what == "embedding passages" and done >= total / 2:
            raise KilledError
        done += len(batch)
        yield batch


class Clock:
    """Measures a block: seconds, and seconds of CPU, which others on the machine lengthen less."""

    def __enter__(self) -> Self:
        self._started = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        started, cpu_started = self._started
        self.seconds = time.perf_counter() - started
        self.cpu_seconds = time.process_time() - cpu_started


class Bench:
    """A copy of the folders, its index, and the rows of the table."""

    def __init__(self, folders: list[Path], work: Path, embedder: Embedder) -> None:
        self.articles = work / "articles"
        self.index = work / "index"
        self.embedder = embedder
        self.full = Clock()
        for folder in folders:
            shutil.copytree(folder, self.articles / folder.name)

    def first(self) -> None:
        with Clock() as both:
            with Clock() as killed, suppress(KilledError):
                self.build(killed_at_half)
            with Clock() as rest:
                report = self.build()
        self.full = both
        self.row("first build, killed at half", [killed])
        self.row("taken up again", [rest], report)
        self.row("both: a full build", [both])

    def again(self, name: str) -> None:
        """Median of some builds that find nothing to do, or what ``name`` says the first time."""
        clocks = [Clock() for _ in range(ROUNDS)]
        reports: list[BuildReport] = []
        for clock in clocks:
            with clock:
                reports.append(self.build())
        self.row(f"{name}, median of {ROUNDS}", clocks, reports[0])

    def edit_one(self) -> None:
        """Edit one article and build, some times, from one end of the collection to the other."""
        files = sorted(self.articles.rglob("*.md"))
        clocks = [Clock() for _ in range(ROUNDS)]
        reports: list[BuildReport] = []
        for number, clock in enumerate(clocks):
            edit(files[(2 * number + 1) * len(files) // (2 * ROUNDS) :])
            with clock:
                reports.append(self.build())
        slowest = max(clock.seconds for clock in clocks)
        name = f"one article edited, median of {ROUNDS} (slowest {slowest:,.2f})"
        self.row(name, clocks, reports[0])

    def reorder(self) -> BuildReport:
        """Rename every file, so that they come in the reverse order."""
        files = sorted(self.articles.rglob("*.md"), reverse=True)
        for number, file in enumerate(files):
            file.rename(file.with_name(f"{number:06}-{file.name}"))
        time.sleep(REST_SECONDS)
        with Clock() as clock:
            report = self.build()
        self.row(f"all files renamed ({report.renamed:,} articles)", [clock], report)
        return report

    def build(self, progress: Progress = no_progress) -> BuildReport:
        return Index.build(self.articles, self.index, embedder=self.embedder, progress=progress)

    def row(self, name: str, clocks: Sequence[Clock], report: BuildReport | None = None) -> None:
        seconds = statistics.median(clock.seconds for clock in clocks)
        cpu = statistics.median(clock.cpu_seconds for clock in clocks)
        share = f"1/{self.full.seconds / seconds:,.0f}" if self.full.seconds > seconds else ""
        embedded = f"{report.embedded:,}" if report else ""
        print(f"| {name} | {seconds:,.2f} | {cpu:,.2f} | {share} | {embedded} |", flush=True)

    def disk(self, report: BuildReport) -> None:
        generation = self.index / str(report.generation)
        names = ("vectors.npy", "questions.npy", "vectors.faiss")
        stored = sum((generation / name).stat().st_size for name in names)
        cache = (self.index / "cache" / "embeddings.sqlite").stat().st_size
        vectors = report.articles + report.passages
        print(
            f"\nBytes a stored vector, texts aside: {stored / vectors:,.0f}; "
            f"with the cache {(stored + cache) / vectors:,.0f}."
        )


def edit(files: Iterable[Path]) -> None:
    """Edit the points of the first file that has any."""
    for file in files:
        text = file.read_text(encoding="utf-8")
        edited = re.sub(r"(?m)^(    [^\n]*?\*\*: )", r"\1Edited. ", text)
        if edited != text:
            file.write_text(edited, encoding="utf-8")
            return


def touch_all(folder: Path) -> None:
    """Give every file another time."""
    for number, file in enumerate(folder.rglob("*.md")):
        os.utime(file, (1_000_000_000 + number, 1_000_000_000 + number))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args()
    embedder = TinyTokenEmbedder(384) if arguments.tiny else load_embedder()
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(arguments.folders, Path(work), embedder)
        time.sleep(REST_SECONDS)
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
        print("| build | seconds | of CPU | of the full build | texts embedded |")
        print("|---|---|---|---|---|")
        bench.first()
        bench.again("nothing changed")
        bench.edit_one()
        touch_all(bench.articles)
        time.sleep(REST_SECONDS)
        bench.again("all times changed")
        report = bench.reorder()
        bench.disk(report)
    print(f"\n{report.articles:,} articles, {report.passages:,} passages.")


if __name__ == "__main__":
    main()
