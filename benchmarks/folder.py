"""Build one folder of articles with the bundled model, search it, and print the figures.

    python benchmarks/folder.py FOLDER [QUERY...]

The searches run in a process of their own, so that their memory is that of a search alone.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from qasearch import Index

# VmHWM is of this process alone; ru_maxrss begins with the peak of the parent it was forked from.
SEARCH = """
import re, sys
from pathlib import Path
from qasearch import Index
with Index.open(sys.argv[1]) as index:
    for query in sys.argv[2:]:
        hit = index.search(query).articles[0]
        print(f"| {query} | {hit.article.id} | {hit.points[0].ordinal or '-'} |")
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(f"\\nResident memory of the searches: {peak:,.0f} MB.")
"""

QUERIES = ["how is peacekeeping funded", "who pays for blue helmets", "why do missions fail"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("queries", nargs="*", default=QUERIES)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        index = Path(work) / "index"
        report = Index.build(arguments.folder, index)
        spent = resource.getrusage(resource.RUSAGE_SELF)
        generation = index / str(report.generation)
        size = sum(file.stat().st_size for file in generation.iterdir())
        figures = {
            "articles": f"{report.articles:,}",
            "passages": f"{report.passages:,}",
            "texts embedded": f"{report.embedded:,}",
            "seconds": f"{report.seconds:,.0f}",
            "seconds of CPU": f"{spent.ru_utime + spent.ru_stime:,.0f}",
            "texts a second": f"{report.embedded / report.seconds:,.0f}",
            "texts a second of CPU": f"{report.embedded / (spent.ru_utime + spent.ru_stime):,.0f}",
            "index bytes a passage": f"{size / report.passages:,.0f}",
            "peak memory of the build": f"{spent.ru_maxrss / 1024:,.0f} MB",
        }
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
        print("| figure | value |\n|---|---|")
        for name, value in figures.items():
            print(f"| {name} | {value} |")
        print("\n| query | first article | first point |\n|---|---|---|", flush=True)
        subprocess.run([sys.executable, "-c", SEARCH, index, *arguments.queries], check=True)


if __name__ == "__main__":
    main()
