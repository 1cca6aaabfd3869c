"""Build a folder with one thread and on two workers of Ray, in turns: how much faster are two?

    python -m benchmarks.cluster FOLDER [--rounds N] [--articles N]

Each build begins with an empty cache. Both nodes of the cluster are on this machine, a processor
each, so on a machine with other work the ratio is that of their shares of it.
"""

import argparse
import os
import statistics
import tempfile
import time
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

from qasearch import Index, read_articles

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["OMP_NUM_THREADS"] = "1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--articles", type=int, default=200)
    arguments = parser.parse_args()
    from ray import cluster_utils

    head = {"num_cpus": 1, "include_dashboard": False}
    nodes: Any = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
    nodes.add_node(num_cpus=1)
    ray: Any = import_module("ray")
    ray.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
    articles = read_articles(arguments.folder)[: arguments.articles]
    build(articles[:5], "ray")  # workers load the model once, as they would for millions of texts
    seconds: dict[str, list[float]] = {"one thread": [], "two workers": []}
    for _ in range(arguments.rounds):
        seconds["one thread"].append(build(articles, None))
        seconds["two workers"].append(build(articles, "ray"))
    ratios = [one / two for one, two in zip(*seconds.values(), strict=True)]
    for name, each in seconds.items():
        print(f"{name}: {', '.join(f'{second:.1f}' for second in each)} s")
    print(f"speed-up: {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")
    ray.shutdown()
    nodes.shutdown()


def build(articles: list[Any], on: str | None) -> float:
    with tempfile.TemporaryDirectory() as work, redirect_stdout(None):
        started = time.perf_counter()
        Index.build(articles, Path(work) / "index", on=on)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
