"""What the library costs the process that uses it: time to start, memory, what forks share.

    python benchmarks/library.py [INDEX]

Linux only: memory is read from /proc. Each line is measured in a process of its own, and times are
the best of several processes, as a busy machine can only make them longer.
"""

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

TRIES = 5
FORKS = 4

MEASURE = """
import os, re, sys, time
from pathlib import Path

def memory(pid="self"):
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    sizes = {n: int(kb) / 1024 for n, kb in re.findall(r"^(\\w+):\\s+(\\d+) kB", text, re.M)}
    return sizes["Rss"], sizes["Pss"], sizes["Private_Clean"] + sizes["Private_Dirty"]

def timed(work):
    begun = time.perf_counter()
    work()
    return 1_000 * (time.perf_counter() - begun)

QUERY = "who pays for blue helmets"
"""

START = """
bare = memory()[0]
spent = [timed(lambda: __import__("qasearch").Index)]
from qasearch import Index, load_embedder
embedder, opened = load_embedder(), []
open_it = lambda: opened.append(Index.open(sys.argv[1], embedder=embedder))
spent.append(timed(open_it))
after_open = memory()[0]
spent.append(timed(lambda: opened[0].search(QUERY)))
after_search = memory()[0]
spent.append(min(timed(lambda: opened[0].search(QUERY)) for _ in range(20)))
open_it()
opened[1].search(QUERY)
print(*spent, bare, after_open, after_search, memory()[0])
"""

ALONE = """
from qasearch import Index
index = Index.open(sys.argv[1])
for _ in range(20):
    index.search(QUERY)
print(memory()[2])
"""

FORKED = """
from qasearch import Index
index = Index.open(sys.argv[1])
index.search(QUERY)
pids = []
ours, theirs = os.pipe()
stay, leave = os.pipe()
for _ in range(int(sys.argv[2])):
    pid = os.fork()
    if not pid:
        os.close(leave)
        for _ in range(20):
            index.search(QUERY)
        os.write(theirs, b"x")
        os.read(stay, 1)
        os._exit(0)
    pids.append(pid)
for _ in pids:
    os.read(ours, 1)
whole = sum(memory(pid)[1] for pid in [os.getpid(), *pids])
print(whole, sum(memory(pid)[2] for pid in pids) / len(pids))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path, nargs="?", default=Path("index"))
    index = parser.parse_args().index
    starts = [measured(START, index) for _ in range(TRIES)]
    imported, opened, first, later = (min(times) for times in list(zip(*starts, strict=True))[:4])
    bare, after_open, after_search, twice = starts[0][4:]
    (alone,) = measured(ALONE, index)
    whole, each = measured(FORKED, index, str(FORKS))
    cores, python = os.cpu_count(), platform.python_version()
    print(f"{platform.machine()}, {cores} cores, Python {python}, best of {TRIES}\n")
    print("| what | how much |\n|---|---|")
    for what, value in {
        "`from qasearch import Index`": f"{imported:,.0f} ms",
        "`Index.open`": f"{opened:,.0f} ms",
        "first search, which loads the model": f"{first:,.0f} ms",
        "a search after that": f"{later:,.1f} ms",
        "memory of Python alone": f"{bare:,.0f} MB",
        "with the index open": f"{after_open:,.0f} MB",
        "after the first search": f"{after_search:,.0f} MB",
        "with the index open twice, one embedder": f"{twice:,.0f} MB",
        "of its own, a process that opened it itself": f"{alone:,.0f} MB",
        f"of its own, each of {FORKS} forks of one that searched": f"{each:,.0f} MB",
        f"that one and its {FORKS} forks together": f"{whole:,.0f} MB",
    }.items():
        print(f"| {what} | {value} |")


def measured(code: str, index: Path, *arguments: str) -> list[float]:
    """Run code in a process of its own, and give the numbers that it prints."""
    command = [sys.executable, "-c", MEASURE + code, str(index), *arguments]
    return [float(number) for number in subprocess.check_output(command, text=True).split()]


if __name__ == "__main__":
    main()
