"""Ask one question in a new process: `qasearch search` beside a script of fifteen lines.

    python -m benchmarks.cold INDEX [--work .bench] [--passages 150000] [--rounds 5]

The index is made of INDEX (`benchmarks/grow.py`) and kept in the work folder. The script is
benchmarks/plain.py: sentence-transformers, a flat FAISS index read from its file, and the texts as
JSON, all of them those of that index. The two alternate, and with them `qasearch --help`,
so that what else the machine does is shared between them. The parts of a search are timed in
processes of their own, one after the other, in seconds of CPU.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.grow import grown
from benchmarks.record import ONE_THREAD, Spent, Table, run, save, spread
from qasearch.embed import bundled
from qasearch.index import Generation

QUERY = "how is peacekeeping funded"

PARTS = """
import time
ticks = [("Python itself", 0.0), ("", time.process_time())]
def tick(what):
    ticks.append((what, time.process_time()))
import qasearch.cli.app; tick("the command line: typer and all commands")
import numpy; tick("numpy")
import onnxruntime, tokenizers; tick("onnxruntime and tokenizers")
import faiss, tantivy; tick("faiss and tantivy")
import sys
from qasearch import Index, load_embedder
import qasearch.api; tick("qasearch itself")
embedder = load_embedder(); embedder.fingerprint; tick("checking the model's small files")
index = Index.open(sys.argv[1], embedder=embedder)
tick("opening the index: hashes of its files, texts, words, codes")
embedder.embed_queries(["?"]); tick("opening the model: hash of its weights, graph, tokenizer")
embedder.embed_queries([sys.argv[2]]); tick("embedding the question")
index.search(sys.argv[2]); tick("the first search")
index.search(sys.argv[2]); tick("another search, for comparison")
for (_, start), (what, end) in zip(ticks, ticks[1:]):
    print(f"{1_000 * (end - start):.1f} {what or ticks[0][0]}")
"""


def prepare(index: Path, folder: Path) -> None:
    """Write what the script reads, and print how many passages and articles that are."""
    import faiss

    with Generation.open(index) as generation:
        flat = faiss.IndexFlatIP(generation.vectors.shape[1])
        flat.add(generation.vectors)
        faiss.write_index(flat, str(folder / "vectors.faiss"))
        stored = generation.store.full_articles(0, generation.store.article_count)
        texts = [passage.text for article in stored for passage in article.passages]
        (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        print(len(texts), len(stored))


def parts(index: Path, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of CPU of each part of a search, of some runs."""
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for line in _python("-c", PARTS, str(index), QUERY).stdout.splitlines():
            milliseconds, what = line.split(" ", 1)
            found[what].append(float(milliseconds))
    return found


def imports(index: Path, rounds: int) -> Counter[str]:
    """Milliseconds that the modules of each library take to import, those they import aside."""
    runs: list[Counter[str]] = []
    for _ in range(rounds):
        command = ("-X", "importtime", "-m", "qasearch", "search", "-i", str(index), QUERY)
        found: Counter[str] = Counter()
        for own, name in re.findall(
            r"import time:\s+(\d+) \|\s+\d+ \|\s+([\w.]+)", _python(*command).stderr
        ):
            top = name.split(".")[0]
            found["Python's own" if top in sys.stdlib_module_names else top] += int(own)
        runs.append(found)
    return Counter({name: min(each[name] for each in runs) for name in runs[0]})


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **ONE_THREAD},
        capture_output=True,
        text=True,
        check=True,
    )


def compare(index: Path, folder: Path, rounds: int) -> dict[str, list[Spent]]:
    """Let the three take turns."""
    qasearch = [sys.executable, "-m", "qasearch"]
    commands = {
        "the script": [
            *(sys.executable, "-m", "benchmarks.plain"),
            *(str(bundled.find()), str(folder), QUERY),
        ],
        "`qasearch search`": [*qasearch, "search", "-i", str(index), QUERY],
        "`qasearch --help`": [*qasearch, "--help"],
    }
    for command in commands.values():  # once for the page cache, and for the export of the model
        run(command)
    spent: dict[str, list[Spent]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            spent[name].append(run(command))
    return spent


def tables(
    size: tuple[int, int],
    spent: dict[str, list[Spent]],
    of_parts: dict[str, list[float]],
    of_imports: Counter[str],
) -> list[Table]:
    rows: list[Sequence[str]] = []
    script = spent["the script"]
    for name, runs in spent.items():
        walls = [theirs.wall / ours.wall for theirs, ours in zip(script, runs, strict=True)]
        cpus = [theirs.cpu / ours.cpu for theirs, ours in zip(script, runs, strict=True)]
        rows.append([
            name,
            spread([each.wall for each in runs]),
            spread([each.cpu for each in runs]),
            f"1/{statistics.median(walls):.1f}",
            f"1/{statistics.median(cpus):.1f}",
            f"{statistics.median(each.resident for each in runs):,.0f}",
        ])  # fmt: skip
    passages, articles = size
    largest = [[name, f"{ms / 1_000:.0f}"] for name, ms in of_imports.most_common(9)]
    return [
        Table(
            f"A question in a new process, over {passages:,} passages of {articles:,} articles",
            ["what", "seconds", "of CPU", "of the script", "by CPU", "most resident, MB"],
            rows,
            ["Resident pages of mapped files are counted too, though the system may take them."],
        ),
        Table(
            "Where a cold search spends its CPU",
            ["part", "ms of CPU"],
            [[what, spread(each, 0)] for what, each in of_parts.items()],
            [
                "A search opens the model and hashes the texts in threads beside the rest: on two "
                "processors it takes less time than the sum."
            ],
        ),
        Table(
            "What a cold search imports (`python -X importtime`, the least of the runs)",
            ["library", "ms"],
            largest,
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("--work", type=Path, default=Path(".bench"))
    parser.add_argument("--passages", type=int, default=150_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.prepare:
        prepare(arguments.index, arguments.prepare)
        return
    rounds, index = arguments.rounds, grown(arguments.index, arguments.passages, arguments.work)
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a child's peak of memory begins with that of its parent.
        command = ("-m", "benchmarks.cold", str(index), "--prepare", folder)
        passages, articles = map(int, _python(*command).stdout.split())
        size = (passages, articles)
        spent = compare(index, Path(folder), rounds)
    of_parts, of_imports = parts(index, rounds), imports(index, rounds)
    figures: dict[str, Any] = {
        "passages": size[0],
        "seconds": {name: [each.wall for each in runs] for name, runs in spent.items()},
        "cpu": {name: [each.cpu for each in runs] for name, runs in spent.items()},
        "parts": of_parts,
    }
    save("cold", tables(size, spent, of_parts, of_imports), figures)


if __name__ == "__main__":
    main()
