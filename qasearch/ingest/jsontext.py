"""JSON files and lines: objects of named values, from files that nobody vouches for."""

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final, NamedTuple, cast

from qasearch.errors import ArticleError
from qasearch.ingest.fields import JSON_KEYS, KNOWN_KEYS, Record, Scalar, Value

MAX_SIGNS: Final = 1_000_000
"""``[``, ``{`` and commas in one text: they bound what decoding it takes, some 60 bytes each."""

MAX_VALUES: Final = 20_000
"""Values in one object, at all depths: room for a vector or two."""

_SPACE: Final = re.compile(r"[ \t\n]*")


def line_record(text: str, path: str, line: int) -> Record:
    """Read one line of a JSONL file.

    Args:
        text: the line.
        path: name of the file, for errors and, with the number of the line, for an id.
        line: its number in the file.

    Raises:
        ArticleError: it is not one JSON object with each key once.
    """
    scanner = _Scanner(text, path, line)
    value = scanner.value()
    scanner.expect_end()
    return _record(value, path, line, number=line)


def json_records(text: str, path: str) -> Iterator[Record | ArticleError]:
    """Read a JSON file: one object, or a list of them.

    Args:
        text: of the whole file; only LF ends a line.
        path: name of the file, for errors and, with the place in the list, for an id.

    Yields:
        The objects, and in place of an element that is none an error.

    Raises:
        ArticleError: the file is not JSON, or stops being it.
    """
    scanner = _Scanner(text, path, 1)
    if not scanner.take("["):
        yield _record_or_error(scanner, path, None)
    elif not scanner.take("]"):
        number = 1
        yield _record_or_error(scanner, path, number)
        while not scanner.take("]"):
            scanner.expect(",")
            number += 1
            yield _record_or_error(scanner, path, number)
    scanner.expect_end()


class _Number(str):
    """A number as written: Python refuses to read an integer of 5,000 digits."""

    __slots__ = ()

    @property
    def type(self) -> str:
        """``int`` or ``float``."""
        return "int" if self.removeprefix("-").isdigit() else "float"


class _Fault(NamedTuple):
    """In place of a value that JSON does not have, or that could be one of two."""

    reason: str
    kind: str


class _Scanner:
    """Steps through a text, value by value.

    Attributes:
        line: of the file, where the next value or sign stands.
    """

    def __init__(self, text: str, path: str, first_line: int) -> None:
        self._text = text
        self._path = path
        self.line = first_line
        self._at = 0
        if sum(map(text.count, "[{,")) > MAX_SIGNS:
            raise ArticleError(
                path,
                first_line,
                f"more than {MAX_SIGNS:,} brackets, braces and commas",
                kind="too-large",
                hint="Split it into several files, or write one object a line (.jsonl).",
            )
        self._move_to(0)

    def value(self) -> Any:
        """Take the next value, whatever it is."""
        try:
            found, end = _DECODER.raw_decode(self._text, self._at)
        except json.JSONDecodeError as error:
            self._move_to(error.pos)
            raise self._not_json(error.msg) from error
        except RecursionError as error:
            raise _nested_too_deeply(self._path, self.line) from error
        self._move_to(end)
        return found

    def take(self, sign: str) -> bool:
        """Step over ``sign``, if it comes next."""
        comes_next = self._text.startswith(sign, self._at)
        if comes_next:
            self._move_to(self._at + 1)
        return comes_next

    def expect(self, sign: str) -> None:
        """Step over ``sign``, which must come next."""
        if not self.take(sign):
            raise self._not_json(f"expecting {sign!r}")

    def expect_end(self) -> None:
        """Refuse text that is left over."""
        if self._at < len(self._text):
            raise self._not_json("text behind its end")

    def _move_to(self, at: int) -> None:
        """Step to the first character from ``at`` on that is no white space."""
        space = _SPACE.match(self._text, at)
        end = space.end() if space else at
        self.line += self._text.count("\n", self._at, end)
        self._at = end

    def _not_json(self, problem: str) -> ArticleError:
        return ArticleError(self._path, self.line, f"not JSON: {problem}", kind="json")


def _record_or_error(scanner: _Scanner, path: str, number: int | None) -> Record | ArticleError:
    line = scanner.line
    found = scanner.value()
    try:
        return _record(found, path, line, number)
    except ArticleError as error:
        return error


def _record(found: Any, path: str, line: int, number: int | None) -> Record:
    if not isinstance(found, dict):
        fault = found if isinstance(found, _Fault) else _Fault("not a JSON object", "not-an-object")
        raise ArticleError(path, line, fault.reason, kind=fault.kind)
    values = cast(dict[str, Any], found)
    if fault := _first_fault(values):
        raise ArticleError(path, line, fault.reason, kind=fault.kind)
    stem = str(PurePosixPath(path).with_suffix(""))
    return Record(
        {key: _value(values[key], line) for key in KNOWN_KEYS & values.keys()},
        JSON_KEYS,
        path,
        line,
        fallback_id=stem if number is None else f"{stem}:{number}",
    )


def _first_fault(found: dict[str, Any]) -> _Fault | None:
    """Look for a fault at any depth, also below keys that do not matter."""
    pending: list[Any] = [found]
    seen = 0
    while pending:
        part = pending.pop()
        seen += 1
        if seen + len(pending) > MAX_VALUES:
            return _Fault(f"more than {MAX_VALUES:,} values", "too-large")
        if isinstance(part, _Fault):
            return part
        if isinstance(part, dict):
            pending.extend(cast(dict[str, Any], part).values())
        elif isinstance(part, list):
            pending.extend(cast(list[Any], part))
    return None


def _value(found: Any, line: int) -> Value:
    if isinstance(found, list):
        return [_single(part, line) for part in cast(list[Any], found)]
    return _single(found, line)


def _single(found: Any, line: int) -> Value:
    match found:
        case _Number():
            return Scalar(str(found), line, found.type)
        case str():
            return Scalar(found, line)
        case bool():
            return Scalar(str(found).lower(), line, "bool")
        case None:
            return Scalar("", line, "null")
        case _:
            return {}  # no use for what it holds


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Fault:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    seen: set[str] = set()
    twice = next(key for key, _ in pairs if key in seen or seen.add(key))
    return _Fault(f"the key {twice[:40]!r} for the second time", "key-twice")


def _nested_too_deeply(path: str, line: int) -> ArticleError:
    return ArticleError(path, line, "JSON nested too deeply", kind="json")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_Number,
    parse_float=_Number,
    parse_constant=lambda name: _Fault(f"not JSON: {name}", "json"),
)
