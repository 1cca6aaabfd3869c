"""Measure how good our answers are beside what others give with the same model.

    python -m benchmarks.quality [--eval DIR] [--corpus PATH...] [--work DIR] [--peers PYTHON]

Each judged set gets two tables a level, into its part of docs/measurements.md: every system by its
measures, each nDCG@10 with its difference to ours and the 95 % bootstrap interval of that; and its
nDCG@10 by each group of queries. What took long, indexes and vectors, stays in the work folder for
the next run. With another model the tables are printed only.
"""

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.quality.sets import JudgedSet, find_sets, seeds
from benchmarks.quality.systems import Systems
from benchmarks.record import Table, save, show
from qasearch import Embedder, load_embedder
from qasearch.evaluate.compare import compare
from qasearch.evaluate.measures import Scored, default_relevant, judge, judged_levels
from qasearch.evaluate.qrels import read_qrels
from qasearch.evaluate.queries import read_queries
from qasearch.evaluate.report import Evaluation
from qasearch.evaluate.runs import Level

SHOWN = ("RR@10", "P@1", "R@10", "R@100", "Judged@10")


def evaluate(
    judged: JudgedSet,
    embedder: Embedder,
    work: Path,
    by: Sequence[str] = (),
    peers: Path | None = None,
) -> tuple[list[Table], dict[str, Any]]:
    """The tables of a judged set, and their means by level and system.

    Args:
        judged: the set.
        embedder: the model of all systems.
        work: folder for what took long.
        by: fields of the queries to group by.
        peers: Python of an environment with the peers; they are left out without.
    """
    queries = read_queries(*judged.queries)
    qrels = read_qrels(*judged.qrels)
    systems = Systems(judged, queries, embedder, work)
    ours = list(systems.ours())
    others = list(systems.peers(peers)) if peers else []
    runs = [*systems.baselines(), *others, *ours, *systems.without()]
    qids = [query.qid for query in queries]
    least = default_relevant(qrels)
    tables: list[Table] = []
    means: dict[str, Any] = {}
    for level in judged_levels(qrels):
        scored = [
            judge(run, qrels, level, qids=qids, relevant=least)
            for run in runs
            if level in run.levels
        ]
        reference = next(one for one in scored if one.run == ours[0].name)
        tables += [
            measures_table(f"{level.title()}s of {judged.name}", scored, reference, least),
            *groups_table(Evaluation(queries, least, scored, by), level),
        ]
        means[level] = {one.run: one.means() for one in scored}
    refused = f"{systems.refused:,} articles could not be read; what judges them counts as 0."
    notes = [f"{len(queries):,} queries, {len(systems.articles):,} articles."]
    notes += [refused] if systems.refused else []
    return [dataclasses.replace(tables[0], notes=notes), *tables[1:]], means


def measures_table(title: str, scored: Sequence[Scored], reference: Scored, relevant: int) -> Table:
    """Every system by its measures, and its nDCG@10 against ours."""
    rows: list[list[str]] = []
    for one in scored:
        means = one.means()
        measured = [f"{means[name]:.3f}" for name in SHOWN]
        rows.append([one.run, f"{means['nDCG@10']:.4f}", against(reference, one), *measured])
    title += f": {len(reference.values):,} queries with an answer (grade {relevant})"
    return Table(title, ["system", "nDCG@10", "against ours", *SHOWN], rows)


def against(reference: Scored, one: Scored) -> str:
    """The difference of nDCG@10 with its interval; nothing for the reference itself."""
    if one is reference:
        return ""
    found = compare(reference, one, "nDCG@10")
    return f"{found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def groups_table(evaluation: Evaluation, level: Level) -> Iterator[Table]:
    """nDCG@10 of every system by the groups of queries that have measures, if there are any."""
    systems = [
        (one.run, [group for group in evaluation.groups(one) if group.field and group.queries])
        for one in evaluation.scored
    ]
    if groups := systems[0][1]:
        heads = [f"{group.field} {group.value} ({group.queries})" for group in groups]
        rows = [
            [name, *(f"{group.means['nDCG@10']:.4f}" for group in several)]
            for name, several in systems
        ]
        yield Table(f"nDCG@10 of {level}s by groups", ["system", *heads], rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--eval", type=Path, help="folder of judged sets; seeds/ without it")
    parser.add_argument("--corpus", type=Path, nargs="*", default=[], help="articles to search")
    parser.add_argument("--only", nargs="*", help="names of the sets to take")
    parser.add_argument("--by", nargs="*", default=["style", "kind"], help="fields to group by")
    parser.add_argument("--model", help="name or folder; the bundled one by default")
    parser.add_argument("--peers", type=Path, help="Python of an environment with the peers")
    parser.add_argument("--work", type=Path, help="folder to keep; a temporary one by default")
    arguments = parser.parse_args()
    sets, skipped = find_sets(arguments.eval, arguments.corpus) if arguments.eval else ([], [])
    for line in skipped:
        print(f"skipped {line}", file=sys.stderr)
    if not arguments.peers:
        print("left out the peers: benchmarks/requirements.txt installs them", file=sys.stderr)
    embedder = load_embedder(arguments.model)
    with tempfile.TemporaryDirectory() as temporary:
        for judged in sets if arguments.eval else [seeds()]:
            if not arguments.only or judged.name in arguments.only:
                work = arguments.work or Path(temporary)
                found = evaluate(judged, embedder, work, arguments.by, arguments.peers)
                show(found[0]) if arguments.model else save(f"quality-{judged.name}", *found)


if __name__ == "__main__":
    main()
