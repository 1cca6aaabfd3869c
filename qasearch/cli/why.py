"""``qasearch why``: where an article ended for a query, and which step lost it."""

import sys
from typing import Annotated, Literal

import typer

from qasearch.cli.console import Screen, warn, write
from qasearch.cli.errors import ExitCode, NotFoundError
from qasearch.cli.formats import json_text
from qasearch.cli.options import (
    DEFAULT_INDEX,
    ArticleIdArgument,
    IndexOption,
    JsonOption,
    LimitOption,
    MinConfidenceOption,
    ModelOption,
    ModeOption,
    OfflineOption,
    QuietOption,
    VerboseOption,
    WhereOption,
)
from qasearch.cli.pager import page
from qasearch.cli.where import parse_where
from qasearch.cli.whytext import why_text


def why(
    id: ArticleIdArgument,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="A plain question.")],
    limit: LimitOption = 5,
    mode: ModeOption = "hybrid",
    where: WhereOption = None,
    min_confidence: MinConfidenceOption = 0.0,
    format: Annotated[
        Literal["text", "json"], typer.Option("--format", help="How to write the result.")
    ] = "text",
    as_json: JsonOption = False,
    index: IndexOption = DEFAULT_INDEX,
    model: ModelOption = None,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Tell where an article ended for a query.

    And if it was not found, which step lost it. Give the options of the search in question; what
    --flat and --reranker rank is not told. Exits with 1 if the index has no such article.

    For example:

        qasearch why 124895 "how is peacekeeping funded" --where subject=Law
    """
    conditions = parse_where(where or ())

    from qasearch import Index

    with Index.open(index, model=model, offline=offline) as opened:
        try:
            told = opened.why(
                id, query, k=limit, where=conditions, mode=mode, min_confidence=min_confidence
            )
        except LookupError as error:
            raise NotFoundError(id) from error
    warn(told.warnings, quiet=quiet, verbose=verbose)
    if as_json or format == "json":
        write(json_text(told.to_dict(), indent=2))
    else:
        page(why_text(told, Screen.of(sys.stdout)))
    return ExitCode.DONE
