"""What benchmarks measured, kept as JSON and shown as tables in docs/measurements.md.

    python -m benchmarks.record

Each benchmark saves its tables to benchmarks/results/NAME.json; this writes all that lie there into
the parts of the document that are theirs, each between two marks, and touches nothing else of it:
those of `make bench` into one, those of `make bench-quality` into one for each judged set.
"""

import json
import os
import platform
import re
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
DOCUMENT = ROOT / "docs" / "measurements.md"
BEGIN, END = "<!-- {}: begin -->", "<!-- {}: end -->"
"""Marks of a part, by its name: `make bench`, or that of the one result that it shows."""
PART = re.compile(f"{BEGIN.format('([^:]+)')}.*?{END.format('[^:]+')}", re.DOTALL)
ORDER = ["cold", "warm", "peers", "build", "precision"]

LIBRARIES = ("numpy", "faiss-cpu", "onnxruntime", "tantivy", "torch", "sentence-transformers")

ONE_THREAD = dict.fromkeys(
    ("QASEARCH_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
) | {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    # Set, it has Python compile again and again what pip compiled when it installed it.
    "PYTHONDONTWRITEBYTECODE": "",
}
"""Environment of a process that is to compute with one thread, and is installed as usual."""


@dataclass(frozen=True, slots=True)
class Table:
    """What is shown of some figures.

    Attributes:
        title: of the table.
        columns: their names.
        rows: as many cells each.
        notes: paragraphs below it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process took: seconds, seconds of CPU, and the most memory resident, in MB."""

    wall: float
    cpu: float
    resident: float


def run(command: Sequence[str], environment: Mapping[str, str] = ONE_THREAD) -> Spent:
    """Run a process to its end, from the root of the project.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Spent(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median, and range."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f}-{high:,.{digits}f})"


def save(name: str, tables: Sequence[Table], figures: Any) -> None:
    """Keep what was measured, print it, and write it into the document.

    Args:
        name: of the benchmark.
        tables: for people.
        figures: for programs, as JSON can hold it.
    """
    shown = [asdict(table) for table in tables]
    found = {"machine": machine(), "tables": shown, "figures": figures}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(f"{json.dumps(found, indent=1)}\n", encoding="utf-8")
    show(tables)
    write_document()


def saved(name: str) -> dict[str, Any]:
    """The machine, tables and figures that a benchmark saved last; nothing if it never did."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def show(tables: Sequence[Table]) -> None:
    """Print them."""
    print("\n\n".join(_markdown(asdict(table)) for table in tables), flush=True)


def machine() -> str:
    """Where it was measured, by what, and how busy that was meanwhile."""
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, "
        f"{versions}. Load of the machine at the end (1, 5, 15 minutes): {load}."
    )


def resident() -> float:
    """The most memory that this process had, in MB, its parent's not counted; by Linux alone."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def write_document() -> None:
    """Show all results in the document, each between the marks of its part."""
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(PART.sub(lambda part: _part(part[1]), text), encoding="utf-8")


def _part(name: str) -> str:
    blocks = [BEGIN.format(name)]
    for result in ORDER if name == "make bench" else [name]:
        if found := saved(result):
            heading = "###" if name == "make bench" else "####"
            blocks += [_markdown(table, heading) for table in found["tables"]]
            blocks.append(found["machine"])
    return "\n\n".join([*blocks, END.format(name)])


def _markdown(table: Mapping[str, Any], heading: str = "###") -> str:
    lines = [f"{heading} {table['title']}", ""]
    lines += [f"| {' | '.join(table['columns'])} |", "|" + "---|" * len(table["columns"])]
    lines += [f"| {' | '.join(row)} |" for row in table["rows"]]
    return "\n".join([*lines, *(f"\n{note}" for note in table["notes"])])


if __name__ == "__main__":
    write_document()
