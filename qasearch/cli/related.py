"""``qasearch related``: the articles near one."""

from functools import partial

from qasearch.cli import render
from qasearch.cli.errors import ExitCode, NotFoundError
from qasearch.cli.formats import HIT_COLUMNS, hit_cells
from qasearch.cli.listing import ListFormatOption, Listing, entries, write_listing
from qasearch.cli.options import (
    DEFAULT_INDEX,
    ArticleIdArgument,
    IndexOrStoreOption,
    JsonOption,
    LimitOption,
    OfflineOption,
    QuietOption,
    StoreOption,
    VerboseOption,
)
from qasearch.records import RelatedResult


def related(
    id: ArticleIdArgument,
    limit: LimitOption = 5,
    format: ListFormatOption = "text",
    as_json: JsonOption = False,
    index: IndexOrStoreOption = str(DEFAULT_INDEX),
    store: StoreOption = None,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Show the articles nearest to one.

    By the stored vectors of their questions and answers. The article itself and those that ask the
    same are left out; no model is loaded. Exits with 1 if the index has no such article.

    For example:

        qasearch related 124895 -k 10
    """
    from qasearch import Index

    with Index.open(store or index, searchable=False) as opened:
        try:
            found = opened.related(id, k=limit)
        except LookupError as error:
            raise NotFoundError(id) from error
    write_listing(
        _listing(found), format, as_json=as_json, text=partial(render.related_text, found)
    )
    return ExitCode.DONE


def _listing(found: RelatedResult) -> Listing:
    whole = found.to_dict()
    rows = map(hit_cells, found.articles)
    return Listing(whole, entries(whole, "articles"), HIT_COLUMNS, rows)
