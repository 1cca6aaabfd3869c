"""``qasearch diff``: which queries two generations answer differently."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qasearch.cli import difftext
from qasearch.cli.completion import generations
from qasearch.cli.errors import ExitCode
from qasearch.cli.listing import ListFormatOption, Listing, entries, write_listing
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexOption,
    JsonOption,
    ModelOption,
    OfflineOption,
    QuietOption,
    VerboseOption,
)
from qasearch.cli.progress import progress_on_terminal
from qasearch.evaluate.queries import read_queries
from qasearch.records import SearchResult

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
        typer.Option(
            "--from",
            metavar="GENERATION",
            autocompletion=generations,
            help="The one before --to by default.",
        ),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="GENERATION",
            autocompletion=generations,
            help="The one that answers by default.",
        ),
    ] = None,
    format: ListFormatOption = "text",
    as_json: JsonOption = False,
    index: IndexOption = DEFAULT_INDEX,
    model: ModelOption = None,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Tell which queries two generations answer differently.

    First answers are compared: another article, another point of it, the same point with another
    text, or another verdict. `qasearch status` lists the generations. Exits with 1 if an answer
    changed.

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
    write_listing(
        _listing(older, status.generation, len(asked), changes),
        format,
        as_json=as_json,
        text=partial(difftext.as_text, older, status.generation, len(asked), changes),
    )
    return ExitCode.REPORT if changes else ExitCode.DONE


def _listing(before: str, after: str, asked: int, changes: Sequence["Change"]) -> Listing:
    whole: dict[str, object] = {
        "schema": "qasearch.diff/1",
        "from": before,
        "to": after,
        "queries": asked,
        "changes": [change.to_dict() for change in changes],
    }
    first = ("id", "question", "point", "verdict")
    columns = (*(f"before_{name}" for name in first), *(f"after_{name}" for name in first))
    return Listing(
        whole, entries(whole, "changes"), ("qid", "query", "kind", *columns), map(_row, changes)
    )


def _row(change: "Change") -> tuple[object, ...]:
    cells = (*_first_cells(change.before), *_first_cells(change.after))
    return (change.query.qid, change.query.text, change.kind, *cells)


def _first_cells(result: SearchResult) -> tuple[object, ...]:
    for hit in result.articles[:1]:
        point = hit.points[0].passage.id if hit.points else None
        return (hit.article.id, hit.question, point, result.verdict)
    return (None, None, None, result.verdict)
