"""``qasearch verify``: whether every file of an index is still as it was built."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from qasearch.cli.console import Screen, visible
from qasearch.cli.errors import ExitCode, Failure
from qasearch.cli.listing import ListFormatOption, Listing, write_listing
from qasearch.cli.options import (
    DEFAULT_INDEX,
    IndexOption,
    JsonOption,
    QuietOption,
    VerboseOption,
)
from qasearch.errors import IndexStoreError


def verify(
    format: ListFormatOption = "text",
    as_json: JsonOption = False,
    index: IndexOption = DEFAULT_INDEX,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> int:
    """Hash every file of the index, and list each fault.

    Each with what mends it.

    Exits with 3 if the index is missing or has a fault.

    For example:

        qasearch verify -i index/

        qasearch verify --format csv
    """
    from qasearch import Index

    faults = Index.verify(index)
    rows = [(failure.code, failure.message, failure.hint) for failure in map(Failure.of, faults)]
    columns = ("code", "message", "hint")
    told = [dict(zip(columns, row, strict=True)) for row in rows]
    listing = Listing({"index": str(index), "faults": told}, told, columns, rows)
    write_listing(listing, format, as_json=as_json, text=partial(_text, index, faults))
    return ExitCode.INDEX if faults else ExitCode.DONE


def _text(index: Path, faults: Sequence[IndexStoreError], screen: Screen) -> str:
    if not faults:
        return visible(f"{index} is whole: every file is as it was built.")
    fault = screen.paint("fault:", "red", "bold") + " " if screen.rich else ""
    return "\n".join(fault + visible(f"{each} {each.hint}") for each in faults)
