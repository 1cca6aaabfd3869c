"""Files of one entry a line: queries, judgments and runs are read through here."""

import json
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

LONGEST_LINE = 2 * 1024 * 1024
"""Bytes of one line; more is no query but a mistake."""


def _stop(error: ValueError) -> None:
    raise error


def stdin_lines(on_error: Callable[[ValueError], None] = _stop) -> Iterator[tuple[int, str]]:
    """Yield the lines of stdin that are not blank, each after its number, as soon as it is there.

    Args:
        on_error: takes a line that is not UTF-8 or too long, named by its number; raises it by
            default. Where it returns, reading goes on with the next line.
    """
    yield from _numbered(sys.stdin.buffer, "stdin", LONGEST_LINE, on_error)


def read_lines(path: Path, *, longest: int = LONGEST_LINE) -> Iterator[tuple[str, str]]:
    """Yield the lines of a file (``-`` is stdin) that are not blank, each after its place.

    Args:
        path: the file.
        longest: bytes of a line at most.

    Raises:
        ValueError: a line is not UTF-8 or too long, named by file and line.
        OSError: the file cannot be read.
    """
    with _open(path) as stream:
        name = name_of(path)
        for number, line in _numbered(stream, name, longest):
            yield f"{name}:{number}", line


def name_of(path: Path) -> str:
    """What a file is called in messages."""
    return "stdin" if path == Path("-") else path.as_posix()


@contextmanager
def at(place: str) -> Generator[None]:
    """Name the place in front of what is wrong there."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def parse_object(line: str, example: str) -> dict[str, object]:
    """Read one object of JSON.

    Raises:
        ValueError: it is none; ``example`` shows one.
    """
    try:
        entry: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(entry, dict):
        raise ValueError(f"not an object such as {example}")
    return cast(dict[str, object], entry)


def text_under(fields: Mapping[str, object], keys: Sequence[str]) -> str:
    """The text under the first of the keys that is there; a whole number will do.

    Raises:
        ValueError: there is none, or it is blank.
    """
    named = " or ".join(repr(key) for key in keys)
    text = as_text(next((fields[key] for key in keys if key in fields), None))
    if text is None:
        raise ValueError(f"no text under {named}")
    if not text.strip():
        raise ValueError(f"nothing but blanks under {named}")
    return text.strip()


def as_text(value: object) -> str | None:
    """A text as it is, a whole number in its digits; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def whole_number(text: str) -> int | None:
    """The number that a text writes; None if it writes none."""
    try:
        return int(text)
    except ValueError:
        return None


@contextmanager
def _open(path: Path) -> Generator[BinaryIO]:
    if path == Path("-"):
        yield sys.stdin.buffer
    else:
        with path.open("rb") as stream:
            yield stream


def _numbered(
    stream: BinaryIO,
    name: str,
    longest: int,
    on_error: Callable[[ValueError], None] = _stop,
) -> Iterator[tuple[int, str]]:
    number = 0
    while raw := stream.readline(longest + 1):
        number += 1
        try:
            with at(f"{name}:{number}"):
                line = _decoded(raw, longest, "utf-8-sig" if number == 1 else "utf-8")
        except ValueError as error:
            on_error(error)
            while raw and not raw.endswith(b"\n"):  # what is left of a line that is too long
                raw = stream.readline(longest)
            continue
        if line.strip():
            yield number, line.strip()


def _decoded(raw: bytes, longest: int, encoding: str) -> str:
    if len(raw) > longest:
        raise ValueError(f"the line is longer than {longest // (1024 * 1024)} MiB")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start + 1} of the line") from error
