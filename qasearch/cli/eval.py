"""``qasearch eval``: how good an index, or a run, is."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from qasearch.cli import evaltext
from qasearch.cli.console import say, warn
from qasearch.cli.errors import ExitCode
from qasearch.cli.formats import csv_line, json_text
from qasearch.cli.listing import ListFormatOption, write_listing
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexOrStoreOption,
    JsonOption,
    ModelOption,
    OfflineOption,
    QuietOption,
    StoreOption,
    VerboseOption,
)
from qasearch.cli.progress import progress_on_terminal
from qasearch.evaluate.qrels import Qrels, read_qrels
from qasearch.evaluate.queries import Query, read_queries
from qasearch.records import Mode

if TYPE_CHECKING:
    from qasearch import Index
    from qasearch.evaluate.itself import Sample
    from qasearch.evaluate.report import Evaluation
    from qasearch.evaluate.runs import Run
    from qasearch.protocols import Progress

SAMPLE = 500
"""Articles that ``--self`` looks for: their mean RR@10 is known to some three hundredths."""


def _files(*names: str, help: str) -> Any:
    return typer.Option(
        *names, metavar="FILE", exists=True, dir_okay=False, allow_dash=True, help=help
    )


def evaluate(
    queries: Annotated[
        list[Path] | None, _files("--queries", help="Queries, as `qasearch run` reads them.")
    ] = None,
    qrels: Annotated[
        list[Path] | None,
        _files("--qrels", help="Judgments: TREC qrels, a TSV or JSONL; may be repeated."),
    ] = None,
    runs: Annotated[
        list[Path] | None,
        _files("--run", help="Judge this run, not the index; the first is compared with others."),
    ] = None,
    modes: Annotated[
        list[str] | None,
        typer.Option(
            "--mode", metavar="MODE", help="How to search; the first is compared with others."
        ),
    ] = None,
    itself: Annotated[
        bool, typer.Option("--self", help="Without judgments: find articles by what they say.")
    ] = False,
    sample: Annotated[
        int | None,
        typer.Option(
            "--sample",
            metavar="N",
            help=f"How many articles --self looks for; {SAMPLE} by default.",
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="FIELD", help="Group by a field of the queries' lines."),
    ] = None,
    relevant: Annotated[
        int | None,
        typer.Option(
            "--relevant",
            metavar="GRADE",
            help="The lowest grade that is an answer; 2, or 1 if no grade is above 1.",
        ),
    ] = None,
    per_query: Annotated[
        Path | None,
        typer.Option(
            "--per-query",
            metavar="FILE",
            help="Write each query's measures there, as CSV if it is named so, else JSONL.",
        ),
    ] = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-under",
            metavar="MEASURE=VALUE",
            help="Exit with 1 if a measure falls short; passage.nDCG@10=0.6 is of one level.",
        ),
    ] = None,
    format: ListFormatOption = "text",
    as_json: JsonOption = False,
    index: IndexOrStoreOption = str(DEFAULT_INDEX),
    store: StoreOption = None,
    model: ModelOption = None,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Measure how good the answers are.

    nDCG@10, RR@10, recall and others, by judgments or by the index itself.

    Judged: queries without a relevant judgment are left out and counted; what nobody judged counts
    as 0; the gain of a grade is 2^grade - 1. Differences come with a 95 % bootstrap interval.
    Articles that ask the same are ranked each for itself.

    With --self: articles, chosen by the hash of their ids, are asked for by the titles of their
    points and by their description, never by their question. It tells one state of an index from
    another, not how real questions fare.

    Exits with 1 if a measure falls short of --fail-under.

    For example:

        qasearch eval --queries queries.jsonl --qrels qrels.tsv --by style

        qasearch eval --qrels qrels.tsv --run before.run --run after.run

        qasearch eval --self --fail-under RR@10=0.6
    """
    from qasearch import Index
    from qasearch.evaluate.report import failures, parse_gate

    gates = [parse_gate(text) for text in fail_under or ()]
    _check(
        itself=itself,
        queries=queries,
        qrels=qrels,
        runs=runs,
        modes=modes,
        relevant=relevant,
        sample=sample,
    )
    if itself and any(gate.level == "passage" for gate in gates):
        raise ValueError("--self judges articles only: --fail-under can ask nothing of passages.")
    progress = progress_on_terminal(quiet=quiet)
    open_index = partial(Index.open, store or index, model=model, offline=offline)
    wanted: Sample | None = None
    if itself:
        with open_index() as opened:
            wanted, evaluation = _find_again(
                opened, SAMPLE if sample is None else sample, modes, by, progress
            )
    else:
        asked, judgments = _read(queries, qrels, quiet=quiet)
        if runs:
            found = _read_runs(runs)
        else:
            with open_index() as opened:
                found = _search(opened, asked, judgments, modes, progress)
        evaluation = _judge(found, asked, judgments, by, relevant)
    short = failures(evaluation, gates)
    if per_query:
        _write_rows(evaluation, per_query)
    write_listing(
        evaltext.as_listing(evaluation, wanted, short),
        format,
        as_json=as_json,
        text=partial(evaltext.as_text, evaluation, wanted),
    )
    for line in short:
        say(line)
    return ExitCode.REPORT if short else ExitCode.DONE


def _check(
    *,
    itself: bool,
    queries: Sequence[Path] | None,
    qrels: Sequence[Path] | None,
    runs: Sequence[Path] | None,
    modes: Sequence[str] | None,
    relevant: int | None,
    sample: int | None,
) -> None:
    """Refuse options that do not go together.

    Raises:
        ValueError: they do not.
    """
    if itself and (queries or qrels or runs):
        raise ValueError("--self asks without queries, judgments and runs: leave those out.")
    if sample is not None and not itself:
        raise ValueError("--sample is how many articles --self looks for: it goes with that alone.")
    if not itself and not qrels:
        raise ValueError("What judges? --qrels FILE; or --self, which needs no judgments.")
    if not itself and not (queries or runs):
        raise ValueError("What is judged? --queries FILE to ask the index, or --run FILE.")
    if runs and modes:
        raise ValueError("A run was searched already: --mode and --run do not go together.")
    if relevant is not None and relevant < 1:
        raise ValueError(f"The lowest grade that is an answer is 1 or more, not {relevant}.")


def _check_fields(by: Sequence[str], queries: Sequence[Query]) -> None:
    """Refuse to group by a field that no query has."""
    known = sorted({name for query in queries for name in query.fields})
    for field in by:
        if field not in known:
            there = f"fields are {', '.join(known)}" if known else "the queries have none"
            raise ValueError(f"There is no field {field!r} to group by; {there}.")


def _read(
    queries: Sequence[Path] | None, qrels: Sequence[Path] | None, *, quiet: bool
) -> tuple[list[Query], Qrels]:
    """The queries, which without a file of them are those that were judged; and the judgments."""
    judgments = read_qrels(*(qrels or ()))
    judged = dict.fromkeys([*judgments.articles, *judgments.passages])
    if not queries:
        return [Query(qid, "") for qid in judged], judgments
    asked = read_queries(*queries)
    unasked = judged.keys() - {query.qid for query in asked}
    if unasked == judged.keys():
        raise ValueError("No query has a judgment: are the ids of --queries those of --qrels?")
    if unasked:
        warn([f"{len(unasked):,} judged queries are not among those asked"], quiet=quiet)
    return asked, judgments


def _read_runs(paths: Sequence[Path]) -> list["Run"]:
    from qasearch.evaluate.runs import read_run

    return [read_run(path) for path in paths]


def _search(
    index: "Index",
    queries: Sequence[Query],
    qrels: Qrels,
    modes: Sequence[str] | None,
    progress: "Progress",
) -> list["Run"]:
    """One run for each mode; the index's own without any."""
    from qasearch.evaluate.measures import judged_levels
    from qasearch.evaluate.runs import search_run

    return [
        search_run(
            index,
            queries,
            levels=judged_levels(qrels),
            mode=cast(Mode | None, mode),
            name=mode or "index",
            progress=progress,
        )
        for mode in modes or [None]
    ]


def _judge(
    runs: Sequence["Run"],
    queries: Sequence[Query],
    qrels: Qrels,
    by: Sequence[str] | None,
    relevant: int | None,
) -> "Evaluation":
    from qasearch.evaluate.confidence import trust
    from qasearch.evaluate.measures import default_relevant, judge, judged_levels
    from qasearch.evaluate.report import Evaluation

    _check_fields(by or (), queries)
    least = relevant or default_relevant(qrels)
    qids = [query.qid for query in queries]
    levels = judged_levels(qrels)
    for run in runs:
        if not set(levels) & set(run.levels):
            raise ValueError(f"{run.name} ranks {run.levels[0]}s, and --qrels judges none.")
    scored = [
        judge(run, qrels, level, qids=qids, relevant=least)
        for level in levels
        for run in runs
        if level in run.levels
    ]
    trusts = [trust(run, qrels, qids=qids, relevant=least) for run in runs]
    return Evaluation(queries, least, scored, by or (), [found for found in trusts if found])


def _find_again(
    index: "Index",
    size: int,
    modes: Sequence[str] | None,
    by: Sequence[str] | None,
    progress: "Progress",
) -> tuple["Sample", "Evaluation"]:
    from qasearch.evaluate.itself import find_again, sample
    from qasearch.evaluate.report import Evaluation

    wanted = sample(index, size)
    _check_fields(by or (), wanted.queries)
    scored = [
        find_again(
            index, wanted, mode=cast(Mode | None, mode), name=mode or "index", progress=progress
        )
        for mode in modes or [None]
    ]
    return wanted, Evaluation(wanted.queries, 1, scored, by or ("wording", "subject"))


def _write_rows(evaluation: "Evaluation", path: Path) -> None:
    """The measures of each query, a line each."""
    rows = list(evaluation.rows())
    if path.suffix == ".csv":
        lines = [csv_line(list(rows[0]))] if rows else []
        lines += [csv_line(list(row.values())) for row in rows]
    else:
        lines = [json_text(row) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
