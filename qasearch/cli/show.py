"""``qasearch show``: one article, or one passage of it."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qasearch.cli import render
from qasearch.cli.completion import passage_ids
from qasearch.cli.console import Screen, visible, write
from qasearch.cli.errors import ExitCode, NotFoundError
from qasearch.cli.formats import json_text
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexOrStoreOption,
    JsonOption,
    OfflineOption,
    QuietOption,
    StoreOption,
    VerboseOption,
)
from qasearch.cli.pager import page
from qasearch.records import Article, Passage

if TYPE_CHECKING:
    from qasearch import Index

Format = Literal["text", "json", "md"]


def show(
    id: Annotated[
        str,
        typer.Argument(
            metavar="ID[#SEQ]",
            autocompletion=passage_ids,
            help="Id of an article, or of a passage of it.",
        ),
    ],
    format: Annotated[Format, typer.Option("--format", help="How to write it.")] = "text",
    as_json: JsonOption = False,
    index: IndexOrStoreOption = str(DEFAULT_INDEX),
    store: StoreOption = None,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Show an article, or a passage of it, as it stands.

    Exits with 1 if the index has no such article or passage.

    For example:

        qasearch show 124895

        qasearch show "124895#5" --format md
    """
    from qasearch import Index

    with Index.open(store or index, searchable=False) as opened:
        article, passage = _find(opened, id)
    form: Format = "json" if as_json else format
    put = page if form == "text" else write
    put(_text(article, passage, form))
    return ExitCode.DONE


def _find(index: "Index", id: str) -> tuple[Article, Passage | None]:
    """The article that ``id`` names, with the passage that it names in it, if any.

    Raises:
        NotFoundError: the index has neither.
    """
    try:
        return index.article(id), None
    except LookupError:
        article_id = id.rpartition("#")[0]
    try:
        return index.article(article_id), index.passage(id)
    except LookupError as error:
        raise NotFoundError(id, passages=True) from error


def _text(article: Article, passage: Passage | None, format: Format) -> str:
    source = article.answer if passage is None else article.answer[passage.start : passage.end]
    match format:
        case "text":
            return render.source_text(article, passage, source, Screen.of(sys.stdout))
        case "json":
            if passage is None:
                return json_text(article.to_dict(), indent=2)
            whole = {"question": article.question, **passage.to_dict(), "source": source}
            return json_text(whole, indent=2)
        case "md":
            return visible(f"# {article.question}\n\n{source.strip()}")
