"""What `make bench` measured, kept as JSON and shown as tables in docs/measurements.md.

    python -m benchmarks.record

Each benchmark saves its tables to benchmarks/results/NAME.json; this writes all that lie there into
the part of the document between the two marks, and touches nothing else of it.
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
BEGIN, END = "<!-- make bench: begin -->", "<!-- make bench: end -->"
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
    print("\n\n".join(map(_markdown, shown)))
    write_document()


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
    """Show all results in the document, between its two marks."""
    parts = [BEGIN]
    for name in ORDER:
        path = RESULTS / f"{name}.json"
        if path.exists():
            found = json.loads(path.read_text(encoding="utf-8"))
            parts += [_markdown(table) for table in found["tables"]]
            parts.append(found["machine"])
    text = DOCUMENT.read_text(encoding="utf-8")
    new = "\n\n".join([*parts, END])
    marked = re.compile(re.escape(BEGIN) + ".*" + re.escape(END), re.DOTALL)
    DOCUMENT.write_text(marked.sub(lambda _: new, text), encoding="utf-8")


def _markdown(table: Mapping[str, Any]) -> str:
    lines = [f"### {table['title']}", ""]
    lines += [f"| {' | '.join(table['columns'])} |", "|" + "---|" * len(table["columns"])]
    lines += [f"| {' | '.join(row)} |" for row in table["rows"]]
    return "\n".join([*lines, *(f"\n{note}" for note in table["notes"])])


if __name__ == "__main__":
    write_document()
