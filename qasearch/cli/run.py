"""``qasearch run``: a file of queries, answered for evaluation."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

from qasearch.cli import formats
from qasearch.cli.console import warn, write
from qasearch.cli.errors import ExitCode
from qasearch.cli.formats import Answer
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexOrStoreOption,
    LimitOption,
    ModelOption,
    ModeOption,
    OfflineOption,
    PointsOption,
    QuietOption,
    StoreOption,
    VerboseOption,
)
from qasearch.cli.progress import progress_on_terminal
from qasearch.evaluate.queries import read_queries


def run(
    queries: Annotated[
        Path,
        typer.Argument(
            metavar="QUERIES",
            exists=True,
            dir_okay=False,
            allow_dash=True,
            help='JSONL of {"qid", "query"}, or TSV of two columns; - is stdin.',
        ),
    ],
    level: Annotated[
        Literal["article", "passage"], typer.Option("--level", help="What to rank.")
    ] = "article",
    limit: LimitOption = 100,
    points: PointsOption = 3,
    mode: ModeOption = "hybrid",
    format: Annotated[
        Literal["trec", "jsonl"],
        typer.Option("--format", help="A TREC run, or the JSON of each search with its qid."),
    ] = "trec",
    index: IndexOrStoreOption = str(DEFAULT_INDEX),
    store: StoreOption = None,
    model: ModelOption = None,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Answer a file of queries, as a TREC run or as JSONL.

    Documents are named by article id, or by ID#SEQ at the level of passages. Articles that ask the
    same are ranked each for itself, where `qasearch search` shows the best of them.

    For example:

        qasearch run queries.jsonl > articles.run

        qasearch run queries.tsv --level passage -k 10 --format jsonl
    """
    asked = read_queries(queries)

    from qasearch import Index
    from qasearch.evaluate.runs import QUERIES_AT_ONCE
    from qasearch.protocols import in_batches

    with Index.open(store or index, model=model, offline=offline) as opened:
        # On one screen, a bar and the results would write over each other.
        progress = progress_on_terminal(quiet=quiet or sys.stdout.isatty())

        def answers() -> Iterator[Answer]:
            batches = in_batches(asked, QUERIES_AT_ONCE)
            for batch in progress(batches, total=len(asked), what="searching"):
                results = opened.search_many(
                    [query.text for query in batch],
                    k=limit,
                    points=points,
                    flat=level == "passage",
                    mode=mode,
                    fold=False,
                )
                for query, result in zip(batch, results, strict=True):
                    warn(
                        [f"{query.qid}: {warning}" for warning in result.warnings],
                        quiet=quiet,
                        verbose=verbose,
                    )
                    yield Answer(query.qid, result)

        writer = formats.as_trec if format == "trec" else formats.as_jsonl_run
        for piece in writer(answers()):
            write(piece)
    return ExitCode.DONE
