"""What commands list, for programs and documents: JSON, JSONL, CSV, Markdown; else for people."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias, cast

import typer

from qasearch.cli.console import Screen, visible, write
from qasearch.cli.formats import csv_line, json_text
from qasearch.cli.pager import page

ListFormat: TypeAlias = Literal["text", "json", "jsonl", "csv", "md"]
ListFormatOption: TypeAlias = Annotated[
    ListFormat, typer.Option("--format", help="How to write the result.")
]


@dataclass(frozen=True, slots=True)
class Listing:
    """What a command found, in JSON types and as a table.

    Attributes:
        whole: all of it, as JSON.
        entries: what is listed, one a line as JSONL.
        columns: names of the cells of a row.
        rows: the table, of any values; None is an empty cell.
    """

    whole: object
    entries: Iterable[object]
    columns: Sequence[str]
    rows: Iterable[Sequence[object]]


def entries(whole: Mapping[str, object], key: str) -> list[dict[str, object]]:
    """The objects that a result in JSON types lists under ``key``."""
    return cast(list[dict[str, object]], whole[key])


def write_listing(
    listing: Listing, format: ListFormat, *, as_json: bool, text: Callable[[Screen], str]
) -> None:
    """Write what was found in the form that was asked for; ``as_json`` is ``--json``."""
    if format == "text" and not as_json:
        page(text(Screen.of(sys.stdout)))
        return
    for piece in _pieces(listing, "json" if as_json else format):
        write(piece)


def _pieces(listing: Listing, format: ListFormat) -> Iterator[str]:
    match format:
        case "jsonl":
            yield from map(json_text, listing.entries)
        case "csv":
            yield from map(csv_line, (listing.columns, *listing.rows))
        case "md":
            yield _markdown_row(listing.columns)
            yield _markdown_row(["---"] * len(listing.columns))
            yield from map(_markdown_row, listing.rows)
        case _:
            yield json_text(listing.whole, indent=2)


def _markdown_row(cells: Sequence[object]) -> str:
    texts = ["" if cell is None else " ".join(visible(str(cell)).split()) for cell in cells]
    escaped = [text.replace("|", "\\|") for text in texts]
    return f"| {' | '.join(escaped)} |"
