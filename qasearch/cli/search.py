"""``qasearch search``: a question, or several from stdin, and the points that answer."""

import sys
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Literal

import typer

from qasearch.cli import formats, render
from qasearch.cli.console import Screen, flush, warn, write
from qasearch.cli.errors import ExitCode, Failure, tell
from qasearch.cli.formats import Answer, Writer
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexOrStoreOption,
    JsonOption,
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
from qasearch.cli.pager import page
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
        typer.Option(
            "--facets",
            metavar="FIELD",
            autocompletion=lambda: ["subject"],
            help="Count the articles found by subject.",
        ),
    ] = None,
    reranker: Annotated[
        str | None,
        typer.Option(
            "--reranker",
            metavar="NAME",
            help="Name or folder of a cross-encoder that reorders the best 20 hits.",
        ),
    ] = None,
    flat: Annotated[bool, typer.Option("--flat", help="Rank passages, not articles.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show each signal's score, weight and rank.")
    ] = False,
    format: Annotated[Format, typer.Option("--format", help="How to write the result.")] = "text",
    as_json: JsonOption = False,
    index: IndexOrStoreOption = str(DEFAULT_INDEX),
    store: StoreOption = None,
    model: ModelOption = None,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Find the articles that answer a question, and their points.

    Exits with 1 if a question has no answer. A question of stdin is known by the number of its
    line, in a TREC run too. A line that cannot be read is told by it; the others are answered,
    except with --json, which is all or nothing.

    For example:

        qasearch search "how is peacekeeping funded"

        qasearch search "who pays" --where "date>=2024-12-01" --json

        qasearch search - --format jsonl < questions.txt
    """
    conditions = parse_where(where or ())
    form: Format = "json" if as_json else format
    several = query == "-"
    asked = _Lines(form) if several else [(1, query)]
    unanswered = False
    for option, given in (("--explain", explain), ("--facets", facets)):
        if given and form in ("csv", "md", "trec"):
            raise ValueError(f"{option} is not told by --format {form}: use text, json or jsonl.")

    from qasearch import Index, load_embedder, load_reranker

    embedder = load_embedder(model, offline=offline, few=not several)
    reorder = load_reranker(reranker, offline=offline) if reranker else None
    with Index.open(store or index, embedder=embedder, reranker=reorder, preload=True) as opened:

        def answers() -> Iterator[Answer]:
            nonlocal unanswered
            for number, text in asked:
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

        # Answers to several questions come one by one, as the questions may.
        put = page if form == "text" and not several else write
        for piece in _writer(form, several=several, flat=flat)(answers()):
            put(piece)
            flush()
    if isinstance(asked, _Lines) and asked.refused:
        return ExitCode.USAGE
    return ExitCode.REPORT if unanswered else ExitCode.DONE


class _Lines:
    """The questions on stdin, one a line, each after the number of its line.

    Attributes:
        refused: how many lines could not be read.
    """

    def __init__(self, form: Format) -> None:
        self.refused = 0
        self._form: Format = form

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return stdin_lines(self._refuse)

    def _refuse(self, error: ValueError) -> None:
        # One array of JSON has no place for an error; its lines do.
        if self._form == "json":
            raise error
        self.refused += 1
        tell(Failure.of(error), as_json=self._form == "jsonl")


def _writer(format: Format, *, several: bool, flat: bool) -> Writer:
    match format:
        case "text":
            return partial(render.as_text, screen=Screen.of(sys.stdout), headed=several)
        case "json":
            return formats.as_json if several else formats.as_one_json
        case "jsonl":
            return formats.as_jsonl
        case "csv":
            return partial(formats.as_csv, flat=flat)
        case "md":
            return formats.as_markdown
        case "trec":
            return formats.as_trec
