"""``qasearch related``: the articles near one."""

import sys
from typing import Annotated, Literal

import typer

from qasearch.cli import render
from qasearch.cli.console import Screen, write
from qasearch.cli.errors import ExitCode, NotFoundError
from qasearch.cli.formats import json_text
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexOption,
    LimitOption,
    OfflineOption,
    QuietOption,
    VerboseOption,
)


def related(
    id: Annotated[str, typer.Argument(metavar="ID", help="Id of an article.")],
    limit: LimitOption = 5,
    format: Annotated[
        Literal["text", "json"], typer.Option("--format", help="How to write the result.")
    ] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    index: IndexOption = DEFAULT_INDEX,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Show the articles nearest to one, by the stored vectors of their questions and answers.

    The article itself and those that ask the same are left out; no model is loaded. Exits with 1
    if the index has no such article.

    For example:

        qasearch related 124895 -k 10
    """
    from qasearch import Index

    with Index.open(index, searchable=False) as opened:
        try:
            found = opened.related(id, k=limit)
        except LookupError as error:
            raise NotFoundError(f"The index has no article {id!r}.") from error
    if as_json or format == "json":
        write(json_text(found.to_dict(), indent=2))
    else:
        write(render.related_text(found, Screen.of(sys.stdout)))
    return ExitCode.DONE
