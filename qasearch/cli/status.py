"""``qasearch status``: what an index holds, whichever model built it."""

import dataclasses
import sys
from typing import Annotated, Literal

import typer

from qasearch.cli import render
from qasearch.cli.console import Screen, write
from qasearch.cli.errors import ExitCode
from qasearch.cli.formats import json_text
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexOption,
    OfflineOption,
    QuietOption,
    StoreOption,
    VerboseOption,
)


def status(
    format: Annotated[
        Literal["text", "json"], typer.Option("--format", help="How to write it.")
    ] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    index: IndexOption = DEFAULT_INDEX,
    store: StoreOption = None,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Say what the index holds: generations, model, counts, what is stale or refused, sizes.

    Whichever model built it; none is loaded.

    For example:

        qasearch status -i index/
    """
    from qasearch import Index

    with Index.open(store or index, searchable=False) as opened:
        found = opened.status()
    if as_json or format == "json":
        write(json_text(dataclasses.asdict(found), indent=2))
    else:
        write(render.status_text(found, Screen.of(sys.stdout)))
    return ExitCode.DONE
