"""Reading queries: one a line, as plain text, JSONL or TSV."""

import json
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

LONGEST_LINE = 2 * 1024 * 1024
"""Bytes of one line; more is no query but a mistake."""

ID_KEYS = ("qid", "_id")
TEXT_KEYS = ("query", "text")


@dataclass(frozen=True, slots=True)
class Query:
    """A question with the id by which its judgments know it."""

    qid: str
    text: str


def stdin_lines() -> Iterator[str]:
    """The lines of stdin that are not blank, each as soon as it is there.

    Raises:
        ValueError: a line is not UTF-8 or too long.
    """
    for _, line in _lines(sys.stdin.buffer, "stdin"):
        yield line


def read_queries(path: Path) -> list[Query]:
    """Read a file of queries (``-`` is stdin): JSONL with qid and query, or TSV with two columns.

    A first line that opens an object makes it JSONL; a TSV may begin with a header.

    Raises:
        ValueError: a line is not a query, named by file and line; or there is none.
        OSError: the file cannot be read.
    """
    name = "stdin" if path == Path("-") else path.as_posix()
    queries: dict[str, Query] = {}
    parse = None
    with _open(path) as stream:
        for number, line in _lines(stream, name):
            if parse is None:
                parse = _from_json if line.startswith("{") else _from_tsv
                if parse is _from_tsv and line.split("\t")[0].strip() in ID_KEYS:
                    continue
            try:
                query = parse(line)
                if query.qid in queries:
                    raise ValueError(f"the query id {query.qid!r} stands there twice")
            except ValueError as error:
                raise ValueError(f"{name}:{number}: {error}") from error
            queries[query.qid] = query
    if not queries:
        raise ValueError(f"{name} holds no queries.")
    return list(queries.values())


@contextmanager
def _open(path: Path) -> Generator[BinaryIO]:
    if path == Path("-"):
        yield sys.stdin.buffer
    else:
        with path.open("rb") as stream:
            yield stream


def _lines(stream: BinaryIO, name: str) -> Iterator[tuple[int, str]]:
    """Numbered lines that are not blank."""
    number = 0
    while raw := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            raise ValueError(f"{name}:{number}: the line is longer than 2 MiB")
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{name}:{number}: not UTF-8 at byte {error.start + 1} of the line"
            ) from error
        if line:
            yield number, line


def _from_json(line: str) -> Query:
    try:
        entry: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(entry, dict):
        raise ValueError('not an object such as {"qid": "1", "query": "..."}')
    fields = cast(dict[str, object], entry)
    return _query(_first(fields, ID_KEYS), _first(fields, TEXT_KEYS))


def _from_tsv(line: str) -> Query:
    cells = line.split("\t")
    if len(cells) < 2:
        raise ValueError("no tab between query id and query")
    return _query(cells[0], cells[1])


def _first(fields: dict[str, object], keys: tuple[str, ...]) -> str:
    value = next((fields[key] for key in keys if key in fields), None)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"no text under {' or '.join(repr(key) for key in keys)}")
    return value


def _query(qid: str, text: str) -> Query:
    if not qid.strip():
        raise ValueError("the query id is blank")
    if not text.strip():
        raise ValueError("the query is blank")
    return Query(qid.strip(), text.strip())
