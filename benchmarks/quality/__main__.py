"""Print how good our answers are beside what others would give with the same model.

    python -m benchmarks.quality [--eval DIR] [--corpus PATH...] [--work DIR]

Each judged set gets two tables: every system by its measures, each nDCG@10 with its difference to
ours and the 95 % bootstrap interval of that; and its nDCG@10 by each group of queries. What took
long, indexes and vectors, stays in the work folder for the next run.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.quality.sets import JudgedSet, find_sets, seeds
from benchmarks.quality.systems import Systems
from qasearch import Embedder, load_embedder
from qasearch.evaluate.compare import compare
from qasearch.evaluate.measures import Scored, default_relevant, judge, judged_levels
from qasearch.evaluate.qrels import read_qrels
from qasearch.evaluate.queries import read_queries
from qasearch.evaluate.report import Evaluation
from qasearch.evaluate.runs import Level

SHOWN = ("RR@10", "P@1", "R@10", "R@100", "Judged@10")


def evaluate(judged: JudgedSet, embedder: Embedder, work: Path, by: Sequence[str]) -> None:
    queries = read_queries(*judged.queries)
    qrels = read_qrels(*judged.qrels)
    systems = Systems(judged, queries, embedder, work)
    ours = list(systems.ours())
    runs = [*systems.baselines(), *ours, *systems.without()]
    qids = [query.qid for query in queries]
    least = default_relevant(qrels)
    print(f"\n## {judged.name}: {len(queries):,} queries, {len(systems.articles):,} articles")
    if systems.refused:
        print(f"\n{systems.refused:,} articles could not be read; what judges them counts as 0.")
    for level in judged_levels(qrels):
        scored = [
            judge(run, qrels, level, qids=qids, relevant=least)
            for run in runs
            if level in run.levels
        ]
        reference = next(one for one in scored if one.run == ours[0].name)
        evaluation = Evaluation(queries, least, scored, by)
        print(f"\n{level}s, {len(reference.values):,} queries with an answer (grade {least})\n")
        print("\n".join(measures_table(scored, reference)))
        print()
        print("\n".join(groups_table(evaluation, level)), flush=True)


def measures_table(scored: Sequence[Scored], reference: Scored) -> Iterator[str]:
    """Every system by its measures, and its nDCG@10 against ours."""
    heads = ["system", "nDCG@10", "against ours", *SHOWN]
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for one in scored:
        means = one.means()
        cells = [one.run, f"{means['nDCG@10']:.4f}", against(reference, one)]
        cells += [f"{means[name]:.3f}" for name in SHOWN]
        yield f"| {' | '.join(cells)} |"


def against(reference: Scored, one: Scored) -> str:
    """The difference of nDCG@10 with its interval; nothing for the reference itself."""
    if one is reference:
        return ""
    found = compare(reference, one, "nDCG@10")
    return f"{found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def groups_table(evaluation: Evaluation, level: Level) -> Iterator[str]:
    """nDCG@10 of every system by the groups of queries that have measures."""
    rows = [(one.run, list(evaluation.groups(one))) for one in evaluation.scored]
    groups = [group for group in rows[0][1] if group.field and group.queries]
    if not groups:
        return
    heads = [f"{group.field} {group.value} ({group.queries})" for group in groups]
    yield f"| nDCG@10 of {level}s | {' | '.join(heads)} |"
    yield f"|{'---|' * (len(heads) + 1)}"
    for name, several in rows:
        cells = [f"{g.means['nDCG@10']:.4f}" for g in several if g.field and g.queries]
        yield f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--eval", type=Path, help="folder of judged sets; seeds/ without it")
    parser.add_argument("--corpus", type=Path, nargs="*", default=[], help="articles to search")
    parser.add_argument("--only", nargs="*", help="names of the sets to take")
    parser.add_argument("--by", nargs="*", default=["style", "kind"], help="fields to group by")
    parser.add_argument("--model", help="name or folder; the bundled one by default")
    parser.add_argument("--work", type=Path, help="folder to keep; a temporary one by default")
    arguments = parser.parse_args()
    sets, skipped = find_sets(arguments.eval, arguments.corpus) if arguments.eval else ([], [])
    for line in skipped:
        print(f"skipped {line}", file=sys.stderr)
    embedder = load_embedder(arguments.model)
    with tempfile.TemporaryDirectory() as temporary:
        for judged in sets if arguments.eval else [seeds()]:
            if not arguments.only or judged.name in arguments.only:
                evaluate(judged, embedder, arguments.work or Path(temporary), arguments.by)


if __name__ == "__main__":
    main()
