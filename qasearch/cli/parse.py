"""``qasearch parse``: how files are read, without an index."""

from pathlib import Path
from typing import Annotated

import typer

from qasearch.cli.console import say, warn, write
from qasearch.cli.errors import ExitCode
from qasearch.cli.formats import json_text
from qasearch.cli.options import (
    ExcludeOption,
    IncludeOption,
    NoIndexOption,
    QuietOption,
    VerboseOption,
)
from qasearch.errors import ArticleError
from qasearch.records import Article


def parse(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Files and folders of articles."),
    ],
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    include_no_index: NoIndexOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Show how files are read and split.

    One JSON object a line for each file and article; no index is needed.

    Exits with 1 if files were refused; stderr says which and why.

    For example:

        qasearch parse seeds/ > parses.jsonl
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
    for article in articles:
        # An article published at several places is several files, and each was parsed.
        for path in article.paths or (None,):
            write(json_text(_fields(article, path)))
    warn(warnings, quiet=quiet, verbose=verbose)
    return ExitCode.REPORT if refused else ExitCode.DONE


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
