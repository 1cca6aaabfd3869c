"""``qasearch diff``: which queries two generations answer differently."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qasearch.cli import difftext
from qasearch.cli.console import Screen, write
from qasearch.cli.errors import ExitCode
from qasearch.cli.formats import json_text
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexOption,
    ModelOption,
    OfflineOption,
    QuietOption,
    VerboseOption,
)
from qasearch.cli.progress import progress_on_terminal
from qasearch.evaluate.queries import read_queries

if TYPE_CHECKING:
    from qasearch.evaluate.changes import Change


def diff(
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
    before: Annotated[
        str | None,
        typer.Option("--from", metavar="GENERATION", help="The one before --to by default."),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option("--to", metavar="GENERATION", help="The one that answers by default."),
    ] = None,
    format: Annotated[
        Literal["text", "json"], typer.Option("--format", help="How to write the result.")
    ] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    index: IndexOption = DEFAULT_INDEX,
    model: ModelOption = None,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Ask two generations of the index, and tell which queries have another first answer.

    Another article, another point of it, the same point with another text, or another verdict.
    `qasearch status` lists the generations. Exits with 1 if an answer changed.

    For example:

        qasearch diff queries.jsonl

        qasearch diff queries.jsonl --from gen-0000000003-1a2b3c4d --json
    """
    asked = read_queries(queries)

    from qasearch import Index
    from qasearch.evaluate.changes import changed_answers, generation_before

    progress = progress_on_terminal(quiet=quiet)
    with Index.open(index, model=model, offline=offline, generation=after) as new:
        status = new.status()
        older = before or generation_before(status)
        with Index.open(index, model=model, offline=offline, generation=older) as old:
            changes = changed_answers(old, new, asked, progress=progress)
    if as_json or format == "json":
        told = _fields(older, status.generation, len(asked), changes)
        write(json_text(told, indent=2))
    else:
        screen = Screen.of(sys.stdout)
        write(difftext.as_text(older, status.generation, len(asked), changes, screen))
    return ExitCode.REPORT if changes else ExitCode.DONE


def _fields(before: str, after: str, asked: int, changes: list["Change"]) -> dict[str, object]:
    return {
        "schema": "qasearch.diff/1",
        "from": before,
        "to": after,
        "queries": asked,
        "changes": [change.to_dict() for change in changes],
    }
