"""``qasearch status``: what an index holds, whichever model built it."""

import dataclasses
from functools import partial

from qasearch.cli import render
from qasearch.cli.errors import ExitCode
from qasearch.cli.listing import ListFormatOption, Listing, write_listing
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexOrStoreOption,
    JsonOption,
    OfflineOption,
    QuietOption,
    StoreOption,
    VerboseOption,
)


def status(
    format: ListFormatOption = "text",
    as_json: JsonOption = False,
    index: IndexOrStoreOption = str(DEFAULT_INDEX),
    store: StoreOption = None,
    offline: OfflineOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Say what the index holds.

    Generations, model, counts, what is stale or was refused, and sizes on disk. Whichever model
    built it; none is loaded.

    For example:

        qasearch status -i index/

        qasearch status --json
    """
    from qasearch import Index

    with Index.open(store or index, searchable=False) as opened:
        found = opened.status()
    whole = dataclasses.asdict(found)
    facts = render.status_facts(found).items()
    listing = Listing(whole, [whole], ("fact", "value"), facts)
    write_listing(listing, format, as_json=as_json, text=partial(render.status_text, found))
    return ExitCode.DONE
