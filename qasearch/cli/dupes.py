"""``qasearch dupes``: articles that repeat each other."""

import sys
from typing import Annotated, Literal

import typer

from qasearch.cli import dupestext
from qasearch.cli.console import Screen, warn, write
from qasearch.cli.errors import ExitCode
from qasearch.cli.formats import json_text
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexOption,
    OfflineOption,
    QuietOption,
    VerboseOption,
)


def dupes(
    near: Annotated[
        float | None,
        typer.Option(
            "--near",
            metavar="COSINE",
            help="From which on two questions nearly say the same, up to 1; 0.95 unless told.",
        ),
    ] = None,
    format: Annotated[
        Literal["text", "json"], typer.Option("--format", help="How to write the result.")
    ] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
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
    if as_json or format == "json":
        write(json_text(report.to_dict(), indent=2))
    else:
        write(dupestext.as_text(report, Screen.of(sys.stdout)))
    return ExitCode.REPORT if report.copies else ExitCode.DONE
