"""Read and split folders of articles: how fast, in how much memory, and is every letter covered?

    python benchmarks/parsing.py FOLDER... [--rounds 5]

The crude parse beside it is what anybody would write first: cut the file at its dashes, load the
YAML, cut the answer at its numbers.
"""

import argparse
import re
import resource
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import yaml

from qasearch.ingest import SourceFile, find_files, merge, read_file, split
from qasearch.ingest.parts import Part
from qasearch.protocols import in_batches
from qasearch.records import Article

FILES_AT_ONCE = 200


def crude(files: Sequence[SourceFile]) -> int:
    """Parse without a guard, a rule or a check."""
    points = 0
    for file in files:
        front = file.path.read_text(encoding="utf-8").split("---\n")[1]
        answer = str(yaml.load(front, yaml.CSafeLoader)["answer"])
        points += len(re.split(r"\n+\d+\. ", answer.replace("\\n", "\n")))
    return points


def ours(files: Sequence[SourceFile]) -> int:
    """Read and split as a build does, but for the merge of articles that repeat an id."""
    readings = [read_file(file) for file in files]
    return sum(len(split(a.answer).passages) for reading in readings for a in reading.articles)


def rate(
    parse: Callable[[Sequence[SourceFile]], int], files: Sequence[SourceFile], jobs: int
) -> float:
    """Files a second."""
    batches = list(in_batches(files, FILES_AT_ONCE))
    started = time.perf_counter()
    if jobs == 1:
        for batch in batches:
            parse(batch)
    else:
        with ProcessPoolExecutor(jobs) as pool:
            list(pool.map(parse, batches))
    return len(files) / (time.perf_counter() - started)


def check(files: Sequence[SourceFile]) -> Counter[str]:
    """Read everything once and count what is wrong: rule R12, and articles without a passage."""
    found: Counter[str] = Counter(files=len(files))
    articles: list[Article] = []
    for file in files:
        reading = read_file(file)
        found["refused"] += len(reading.errors)
        found["skipped"] += reading.skipped
        articles += reading.articles
    merged = merge(articles)
    for article in merged:
        outline = split(article.answer)
        found["passages"] += len(outline.passages)
        found["points"] += sum(passage.kind == "point" for passage in outline.passages)
        found["articles without a passage"] += not outline.passages
        found["articles that break rule R12"] += not covers(article.answer, outline.parts)
        found["passages whose source is not at its place"] += sum(
            not article.answer[p.start : p.end].endswith(p.text) for p in outline.passages
        )
    found["articles"] = len(merged)
    return found


def covers(answer: str, parts: Sequence[Part]) -> bool:
    """Whether the parts are disjoint, in order, and leave nothing but white space between them."""
    starts = [*(part.start for part in parts), len(answer)]
    ends = [0, *(part.end for part in parts)]
    return all(e <= s and not answer[e:s].strip() for e, s in zip(ends, starts, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    files = find_files(arguments.folders, on_error=lambda error: print(error))

    print("| what | files a second, median (range) |\n|---|---|")
    for name, parse, jobs in (
        ("crude parse, one process", crude, 1),
        ("ours, one process", ours, 1),
        ("crude parse, two processes", crude, 2),
        ("ours, two processes", ours, 2),
    ):
        rates = [rate(parse, files, jobs) for _ in range(arguments.rounds)]
        median = statistics.median(rates)
        print(f"| {name} | {median:,.0f} ({min(rates):,.0f}-{max(rates):,.0f}) |")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"\nPeak memory of the process so far: {before / 1024:,.0f} MB.\n")

    print("| over the whole folder | count |\n|---|---|")
    for what, count in check(files).items():
        print(f"| {what} | {count:,} |")


if __name__ == "__main__":
    main()
