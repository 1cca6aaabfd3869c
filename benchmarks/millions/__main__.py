"""Build and search up to ten million vectors, and write what each size took.

    python -m benchmarks.millions FOLDER... --work DIR [--sizes N...] [--out FILE]
    python -m benchmarks.millions --draw docs/millions.json [FILE...]

The first embeds some articles of the folders, mixes as many vectors from theirs as the largest size
needs (see ``mixing``), writes them to DIR (1,536 bytes each) and measures each size in a process of
its own, on one thread. What is found is added to FILE. The second adds the sizes of other such
files to the first, fits the cost model to it, prints both, and draws them beside it, as SVG.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

SIZES = [10_000, 100_000, 1_000_000, 3_000_000, 10_000_000]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--articles", type=int, default=500)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--work", type=Path, default=Path(".bench-millions"))
    parser.add_argument("--out", type=Path, default=Path("docs/millions.json"))
    parser.add_argument("--draw", type=Path, nargs="+")
    given = parser.parse_args()
    if given.draw:
        show(*given.draw)
    else:
        run(given.folders, given.articles, sorted(given.sizes), given.work, given.out)


def show(path: Path, *others: Path) -> None:
    from benchmarks.millions.model import draw, fitted, table

    report = json.loads(path.read_text(encoding="utf-8"))
    for other in others:
        for size in json.loads(other.read_text(encoding="utf-8"))["sizes"]:
            add(report, size)
    report["model"] = fitted(report["sizes"])
    save(report, path)
    print(table(report["sizes"]))
    print(json.dumps(report["model"], indent=2))
    draw(report, path.with_suffix(".svg"))


def run(folders: list[Path], articles: int, sizes: list[int], work: Path, out: Path) -> None:
    from benchmarks.millions.mixing import embed_real, write_rows

    work.mkdir(parents=True, exist_ok=True)
    embed_real(folders, articles, work)
    written = write_rows(work, sizes)
    report: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "sizes": [],
    }
    if out.exists():
        report = json.loads(out.read_text(encoding="utf-8"))
    for size in sizes:
        command = [sys.executable, "-m", "benchmarks.millions.measure", str(work), str(size)]
        load = os.getloadavg()[0]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found = {**json.loads(done.stdout), "write": written[size], "load_before": load}
        add(report, found)
        save(report, out)
        print(json.dumps(found), flush=True)


def add(report: dict[str, Any], size: dict[str, Any]) -> None:
    """Put the figures of a size in the place of older ones."""
    others = [old for old in report["sizes"] if old["rows"] != size["rows"]]
    report["sizes"] = sorted([*others, size], key=lambda entry: entry["rows"])


def save(report: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
