"""Ask a served index over HTTP with wrk, beside the library called directly.

    python -m benchmarks.http INDEX [--seconds 5] [--connections 1,8,64]

Server and wrk share the machine, so that a figure of many connections is one of a busy machine.
The index must be built by the bundled model; its own questions are asked, in turn.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from urllib.parse import quote

from qasearch import Index

QUESTIONS = 500

SCRIPT = """
local paths = {}
for line in io.lines(os.getenv("BENCH_PATHS")) do paths[#paths + 1] = line end
local at = 0
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end
done = function(summary, latency, requests)
  io.stderr:write(string.format(
    '{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "refused": %d, "failed": %d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", default="1,8,64,512")
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: apt-get install wrk")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    print("| what | connections | requests a second | p50 ms | p99 ms | 503 | failed |")
    print("|---|---|---|---|---|---|---|")
    with Index.open(arguments.index) as index:
        questions = [question for _, question in index.questions()]
        step = max(1, len(questions) // QUESTIONS)
        questions = questions[::step][:QUESTIONS]
        index.search(questions[0])
        direct("the library, one thread", questions, index.search, arguments.seconds)
    with served(arguments.index) as (url, process):
        for what, path in {
            "`/api/search`": "/api/search?q=",
            "the search page": "/?q=",
            "`/api/complete`": "/api/complete?q=",
        }.items():
            paths = [path + quote(question) for question in questions]
            for connections in map(int, arguments.connections.split(",")):
                over_http(url, what, paths, connections, arguments.seconds)
        urllib.request.urlopen(f"{url}health")
        print(f"\nThe server still answers; it has {resident(process):,.0f} MB in memory.")


def direct(what: str, questions: Sequence[str], ask: Callable[[str], object], seconds: int) -> None:
    """Ask the library for some seconds, and print the row."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    for question in cycle(questions):
        started = time.perf_counter()
        ask(question)
        times.append(time.perf_counter() - started)
        if time.perf_counter() > end:
            break
    p99 = statistics.quantiles(times, n=100)[98]
    row(what, "", len(times) / sum(times), statistics.median(times), p99, 0, 0)


def over_http(url: str, what: str, paths: Sequence[str], connections: int, seconds: int) -> None:
    """Let wrk ask for some seconds, and print the row."""
    answered(url + paths[0].removeprefix("/"))
    with tempfile.TemporaryDirectory() as work:
        script, listed = Path(work) / "ask.lua", Path(work) / "paths"
        script.write_text(SCRIPT, encoding="utf-8")
        listed.write_text("\n".join(paths), encoding="utf-8")
        done = subprocess.run(
            [
                *("wrk", "--threads", "1", "--connections", str(connections), "--timeout", "20"),
                *("--duration", f"{seconds}s", "--script", str(script), url),
            ],
            env={**os.environ, "BENCH_PATHS": str(listed)},
            capture_output=True,
            text=True,
            check=True,
        )
    found = json.loads(done.stderr)
    rate = found["requests"] / (found["microseconds"] / 1e6)
    refused, failed = found["refused"], found["failed"]
    row(what, str(connections), rate, found["p50"] / 1e6, found["p99"] / 1e6, refused, failed)


def row(
    what: str, connections: str, rate: float, p50: float, p99: float, refused: int, failed: int
) -> None:
    print(
        f"| {what} | {connections} | {rate:,.0f} | {1e3 * p50:,.1f} | {1e3 * p99:,.1f} "
        f"| {refused:,} | {failed:,} |",
        flush=True,
    )


@contextmanager
def served(index: Path) -> Generator[tuple[str, int]]:
    """Run ``qasearch serve``; give its address, once it is warm, and its process."""
    command = [sys.executable, "-m", "qasearch", "serve", "--port", "0", "--index", str(index)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = process.stderr.readline() if process.stderr else ""
            found = re.search(r"http://\S+/", said)
            if found is None:
                sys.exit(said)
            answered(f"{found[0]}ready")
            yield found[0], process.pid
        finally:
            process.terminate()


def answered(url: str) -> None:
    """Wait until the server has time: it may still have to do with those who have gone."""
    while True:
        try:
            urllib.request.urlopen(url)
            return
        except OSError:
            time.sleep(0.1)


def resident(process: int) -> float:
    """Megabytes that a process has in memory."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
