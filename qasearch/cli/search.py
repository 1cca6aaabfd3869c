"""``qasearch search``: a question, or several from stdin, and the points that answer."""

import sys
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Literal

import typer

from qasearch.cli import formats, render
from qasearch.cli.console import Screen, flush, warn, write
from qasearch.cli.errors import ExitCode
from qasearch.cli.formats import Answer, Writer
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexOption,
    LimitOption,
    MinConfidenceOption,
    ModelOption,
    ModeOption,
    OfflineOption,
    PointsOption,
    QuietOption,
    StoreOption,
    VerboseOption,
    WhereOption,
)
from qasearch.cli.where import parse_where
from qasearch.evaluate.lines import stdin_lines

Format = Literal["text", "json", "jsonl", "csv", "md", "trec"]


def search(
    query: Annotated[
        str,
        typer.Argument(metavar="QUERY", help="A plain question; - reads one a line from stdin."),
    ],
    limit: LimitOption = 5,
    points: PointsOption = 3,
    mode: ModeOption = "hybrid",
    where: WhereOption = None,
    min_confidence: MinConfidenceOption = 0.0,
    facets: Annotated[
        list[str] | None,
        typer.Option("--facets", metavar="FIELD", help="Count the articles found by subject."),
    ] = None,
    flat: Annotated[bool, typer.Option("--flat", help="Rank passages, not articles.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show each signal's score, weight and rank.")
    ] = False,
    format: Annotated[Format, typer.Option("--format", help="How to write the result.")] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    index: IndexOption = DEFAULT_INDEX,
    store: StoreOption = None,
    model: ModelOption = None,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Find the articles that answer a question, and their points.

    Exits with 1 if a question has no answer.

    For example:

        qasearch search "how is peacekeeping funded"

        qasearch search "who pays" --where subject=Sociology --where "date>=2024-12-01" --json
    """
    conditions = parse_where(where or ())
    several = query == "-"
    unanswered = False

    from qasearch import Index

    with Index.open(store or index, model=model, offline=offline) as opened:

        def answers() -> Iterator[Answer]:
            nonlocal unanswered
            for number, text in enumerate(stdin_lines() if several else [query], start=1):
                result = opened.search(
                    text,
                    k=limit,
                    points=points,
                    where=conditions,
                    facets=facets or (),
                    flat=flat,
                    mode=mode,
                    min_confidence=min_confidence,
                    explain=explain,
                )
                warn(result.warnings, quiet=quiet, verbose=verbose)
                unanswered = unanswered or result.verdict == "no_answer"
                yield Answer(str(number), result)

        for piece in _writer("json" if as_json else format, several=several)(answers()):
            write(piece)
            flush()
    return ExitCode.REPORT if unanswered else ExitCode.DONE


def _writer(format: Format, *, several: bool) -> Writer:
    match format:
        case "text":
            return partial(render.as_text, screen=Screen.of(sys.stdout), headed=several)
        case "json":
            return formats.as_json if several else formats.as_one_json
        case "jsonl":
            return formats.as_jsonl
        case "csv":
            return formats.as_csv
        case "md":
            return formats.as_markdown
        case "trec":
            return formats.as_trec
