"""Reading queries: one a line, as JSONL or TSV."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from qasearch.evaluate.lines import as_text, at, name_of, parse_object, read_lines, text_under

ID_KEYS = ("qid", "_id")
TEXT_KEYS = ("query", "text")


@dataclass(frozen=True, slots=True)
class Query:
    """A question with the id by which its judgments know it.

    Attributes:
        qid: unique in its file.
        text: what is asked.
        fields: whatever else its line says, the values of each field by name; to group by.
    """

    qid: str
    text: str
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


def read_queries(*paths: Path) -> list[Query]:
    """Read files of queries (``-`` is stdin): JSONL with qid and query, or TSV with two columns.

    A first line that opens an object makes a file JSONL; a TSV may begin with a header, which
    names the fields of further columns.

    Raises:
        ValueError: a line is not a query, named by file and line; or there is none.
        OSError: a file cannot be read.
    """
    queries: dict[str, Query] = {}
    for path in paths:
        _read(path, queries)
    if not queries:
        raise ValueError(f"{', '.join(map(name_of, paths))}: there are no queries in it.")
    return list(queries.values())


def _read(path: Path, queries: dict[str, Query]) -> None:
    as_json: bool | None = None
    header: Sequence[str] = ()
    for place, line in read_lines(path):
        if as_json is None:
            as_json = line.startswith("{")
            cells = line.split("\t")
            if not as_json and cells[0].strip() in ID_KEYS:
                header = cells[2:]
                continue
        with at(place):
            query = _from_json(line) if as_json else _from_tsv(line, header)
            if query.qid in queries:
                raise ValueError(f"the query id {query.qid!r} stands there twice")
        queries[query.qid] = query


def _from_json(line: str) -> Query:
    entry = parse_object(line, '{"qid": "1", "query": "..."}')
    others = entry.keys() - {*ID_KEYS, *TEXT_KEYS}
    fields = {name: _values(entry[name]) for name in sorted(others)}
    return _query(text_under(entry, ID_KEYS), text_under(entry, TEXT_KEYS), fields)


def _from_tsv(line: str, header: Sequence[str]) -> Query:
    cells = line.split("\t")
    if len(cells) < 2:
        raise ValueError(
            "no tab between query id and query; a line is the two with a tab between them, "
            'or {"qid": "1", "query": "..."}'
        )
    named: dict[str, str] = {"qid": cells[0], "query": cells[1]}
    fields = {name: _values(cell) for name, cell in zip(header, cells[2:], strict=False)}
    return _query(text_under(named, ["qid"]), text_under(named, ["query"]), fields)


def _query(qid: str, text: str, fields: Mapping[str, tuple[str, ...]]) -> Query:
    return Query(qid, text, {name: values for name, values in fields.items() if values})


def _values(value: object) -> tuple[str, ...]:
    """The texts of a field: one, or several in a list; numbers as they are written."""
    several = cast(list[object], value) if isinstance(value, list) else [value]
    texts = [str(one) if isinstance(one, bool | float) else as_text(one) for one in several]
    return tuple(text.strip() for text in texts if text and text.strip())
