"""``qasearch dupes``: articles that repeat each other."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated

import typer

from qasearch.cli import dupestext
from qasearch.cli.console import warn
from qasearch.cli.errors import ExitCode
from qasearch.cli.formats import IDENTITY_COLUMNS, identity_cells
from qasearch.cli.listing import ListFormatOption, Listing, entries, write_listing
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexOption,
    JsonOption,
    OfflineOption,
    QuietOption,
    VerboseOption,
)
from qasearch.records import DupesReport


def dupes(
    near: Annotated[
        float | None,
        typer.Option(
            "--near",
            metavar="COSINE",
            help="From which on two questions nearly say the same, up to 1; 0.95 unless told.",
        ),
    ] = None,
    format: ListFormatOption = "text",
    as_json: JsonOption = False,
    index: IndexOption = DEFAULT_INDEX,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """List the articles that repeat each other.

    Conflicts: the same question with other answers. Duplicates: the same question and answer.
    Aliases: the same answer to other questions. And pairs of questions that nearly say the same.
    Newest first; no model is loaded. Exits with 1 if there are conflicts, duplicates or aliases.

    For example:

        qasearch dupes --near 0.97 --json
    """
    from qasearch import Index

    with Index.open(index, searchable=False) as opened:
        report = opened.dupes() if near is None else opened.dupes(near=near)
    warn(report.warnings, quiet=quiet, verbose=verbose)
    write_listing(
        _listing(report), format, as_json=as_json, text=partial(dupestext.as_text, report)
    )
    return ExitCode.REPORT if report.copies else ExitCode.DONE


def _listing(report: DupesReport) -> Listing:
    """A group or a pair is an entry; in a table, each article of it is a row."""
    whole = report.to_dict()
    near = [{"kind": "near", **pair} for pair in entries(whole, "near")]
    return Listing(
        whole,
        entries=[*entries(whole, "copies"), *near],
        columns=("kind", "group", "answer", "score", *IDENTITY_COLUMNS),
        rows=_rows(report),
    )


def _rows(report: DupesReport) -> Iterator[tuple[object, ...]]:
    for number, group in enumerate(report.copies, start=1):
        for article, answer in zip(group.articles, group.answers, strict=True):
            yield (group.kind, number, answer, None, *identity_cells(article))
    for number, pair in enumerate(report.near, start=len(report.copies) + 1):
        for article in pair.articles:
            yield ("near", number, None, pair.score, *identity_cells(article))
