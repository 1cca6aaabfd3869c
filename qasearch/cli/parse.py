"""``qasearch parse``: how files are read, without an index."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from qasearch.cli.console import say, warn, write
from qasearch.cli.errors import ExitCode
from qasearch.cli.formats import csv_line, json_text
from qasearch.cli.options import (
    ExcludeOption,
    IncludeOption,
    JsonOption,
    NoIndexOption,
    QuietOption,
    VerboseOption,
)
from qasearch.errors import ArticleError
from qasearch.records import Article

Format = Literal["jsonl", "json", "csv"]
Parsed: TypeAlias = tuple[Article, str | None]
"""An article, and the path of one of its files."""


def parse(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Files and folders of articles."),
    ],
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    include_no_index: NoIndexOption = False,
    format: Annotated[Format, typer.Option("--format", help="How to write it.")] = "jsonl",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Show how files are read and split.

    One JSON object a line for each file and article, or a table with one row a passage; no index
    is needed.

    Exits with 1 if files were refused; stderr says which and why.

    For example:

        qasearch parse seeds/ > parses.jsonl

        qasearch parse seeds/ --format csv > passages.csv
    """
    from qasearch import read_articles

    refused = 0
    warnings: list[str] = []

    def refuse(error: ArticleError) -> None:
        nonlocal refused
        refused += 1
        say(str(error))

    articles = read_articles(
        paths,
        on_error=refuse,
        on_warning=warnings.append,
        include=include or (),
        exclude=exclude or (),
        include_no_index=include_no_index,
    )
    # An article published at several places is several files, and each was parsed.
    parsed = ((article, path) for article in articles for path in article.paths or (None,))
    for piece in _pieces(parsed, "json" if as_json else format):
        write(piece)
    warn(warnings, quiet=quiet, verbose=verbose)
    return ExitCode.REPORT if refused else ExitCode.DONE


def _pieces(parsed: Iterable[Parsed], format: Format) -> Iterator[str]:
    match format:
        case "jsonl":
            for article, path in parsed:
                yield json_text(_fields(article, path))
        case "json":
            yield json_text([_fields(article, path) for article, path in parsed], indent=2)
        case "csv":
            cells = ("kind", "ordinal", "section", "title", "text", "start", "end")
            yield csv_line(("path", "article", "question", "id", *cells))
            for article, path in parsed:
                for passage in article.passages:
                    row = (getattr(passage, cell) for cell in cells)
                    yield csv_line((path, article.id, article.question, passage.id, *row))


def _fields(article: Article, path: str | None) -> dict[str, object]:
    return {
        "path": path,
        "id": article.id,
        "intro": article.intro,
        "summary": article.summary,
        "points": [
            {
                "ordinal": passage.ordinal,
                "title": passage.title,
                "text": passage.text,
                # The nearest heading; the passages below have the whole path.
                "section": passage.section_path[-1] if passage.section_path else None,
            }
            for passage in article.passages
            if passage.kind == "point"
        ],
        "passages": [passage.to_dict() for passage in article.passages],
    }
