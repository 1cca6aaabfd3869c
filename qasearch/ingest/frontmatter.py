"""Read front matter, a YAML mapping, from files that nobody vouches for.

PyYAML's loaders do not load anything here: on a few hundred bytes they crash, never end, or drop a
value in silence. They are only asked for the events of the text, one by one, and reading stops at
the first that front matter has no need of; what is left cannot grow beyond the text itself.

Loading yaml takes 0.06 s: import this module where a file is read.
"""

import re
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final, TypeAlias

import yaml
from yaml.events import (
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from qasearch.errors import ArticleError
from qasearch.ingest.fields import Scalar, Value
from qasearch.ingest.simpleyaml import simple_mapping, type_of

MAX_DEPTH: Final = 20
"""Collections inside each other."""

MAX_NODES: Final = 5_000
"""Keys, values and collections."""

_Loader: TypeAlias = type[yaml.CSafeLoader] | type[yaml.SafeLoader]

_UNPRINTABLE: Final = re.compile(  # by the definition of YAML
    "[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_BREAKS: Final = "\x85\u2028\u2029"
_PRIVATE: Final = (range(0xE000, 0xF900), range(0x10000, 0x110000))


def parse(text: str, *, path: str, first_line: int) -> dict[str, Value]:
    """Read one YAML mapping, every scalar as the text that is written.

    Args:
        text: what stands between the two ``---`` lines; only LF ends a line.
        path: name of the file, for errors.
        first_line: line of the file that ``text`` starts on.

    Raises:
        ArticleError: not YAML, not a mapping, or more than front matter needs: control characters,
            a directive, tag, anchor or alias, a key twice, a second document, more than
            ``MAX_DEPTH`` levels or ``MAX_NODES`` nodes. Its line is one of the file.
    """
    _check_signs(text, path, first_line)
    if not _has_breaks(text) and (simple := simple_mapping(text, first_line)) is not None:
        return simple
    # Without libyaml the events are the same, and come more slowly.
    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    return _parse_with(loader, text, path, first_line)


def parse_with(loader: _Loader, text: str, *, path: str, first_line: int) -> dict[str, Value]:
    """Do what ``parse`` does, always with the parser that ``loader`` has."""
    _check_signs(text, path, first_line)
    return _parse_with(loader, text, path, first_line)


def _check_signs(text: str, path: str, first_line: int) -> None:
    if found := _UNPRINTABLE.search(text):
        line = first_line + text.count("\n", 0, found.start())
        raise ArticleError(path, line, f"a control character, {found[0]!r}", kind="yaml")
    if text.startswith("%") or "\n%" in text:
        # libyaml compares each directive with all before it, and stops for no number of them.
        line = first_line + text.count("\n", 0, f"\n{text}".index("\n%"))
        raise ArticleError(path, line, "a YAML directive", kind="yaml")


def _parse_with(loader: _Loader, text: str, path: str, first_line: int) -> dict[str, Value]:
    stand_ins = _stand_ins(text) if _has_breaks(text) else {}
    value = _Guard(
        loader, text.translate(stand_ins) if stand_ins else text, path, first_line, stand_ins
    ).document()
    if not isinstance(value, dict):
        raise ArticleError(
            path,
            first_line,
            "the front matter must be a mapping: lines of `key: value`",
            kind="not-a-mapping",
        )
    return value


def _has_breaks(text: str) -> bool:
    return not text.isascii() and any(sign in text for sign in _BREAKS)


def _stand_ins(text: str) -> dict[int, int]:
    """Find for NEL, LS and PS characters that ``text`` does not use.

    To YAML 1.1, which PyYAML reads, they end a line; to YAML 1.2 and to editors they do not.
    A text of ``read.MAX_BYTES`` has no room for all the characters that are tried here.
    """
    used = set(text)
    unused = (code for code in chain(*_PRIVATE) if chr(code) not in used)
    return dict(zip(map(ord, _BREAKS), islice(unused, 3), strict=True))


class _Guard:
    """Builds values from events, and refuses what it will not have."""

    def __init__(
        self, loader: _Loader, text: str, path: str, first_line: int, stand_ins: dict[int, int]
    ) -> None:
        self._events: Iterator[Event] = yaml.parse(  # pyright: ignore[reportUnknownMemberType]
            text, Loader=loader
        )
        self._path = path
        self._first_line = first_line
        self._originals = {stand_in: original for original, stand_in in stand_ins.items()}
        self._nodes = 0

    def document(self) -> Value:
        """Read the only document there may be; an empty one is null."""
        try:
            next(self._events)  # the start of the stream
            if isinstance(next(self._events), StreamEndEvent):
                return Scalar("", self._first_line, "null")
            value = self._value(next(self._events), depth=1)
            next(self._events)  # the end of the document
            after = next(self._events)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = self._first_line + (mark.line if mark else 0)
            problem = " ".join(filter(None, (error.context, error.problem)))
            raise ArticleError(self._path, line, f"not YAML: {problem}", kind="yaml") from error
        # Without libyaml also "\UFFFFFFFF", which is no character.
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            raise ArticleError(
                self._path, self._first_line, f"not YAML: {error}", kind="yaml"
            ) from error
        if isinstance(after, DocumentStartEvent):
            raise self._refused("a second YAML document", after)
        return value

    def _value(self, event: Event, depth: int) -> Value:
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        if not isinstance(event, CollectionStartEvent):
            raise self._refused("a YAML alias", event)
        self._check_node(event)
        if depth > MAX_DEPTH:
            raise self._refused(f"YAML nested deeper than {MAX_DEPTH} levels", event)
        return (
            self._mapping(depth) if isinstance(event, MappingStartEvent) else self._sequence(depth)
        )

    def _mapping(self, depth: int) -> dict[str, Value]:
        values: dict[str, Value] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise self._refused("a YAML key must be one text", event)
            key = self._scalar(event).text
            if key in values:
                raise self._refused(f"the key {key[:40]!r} for the second time", event, "key-twice")
            values[key] = self._value(next(self._events), depth + 1)
        return values

    def _sequence(self, depth: int) -> list[Value]:
        values: list[Value] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            values.append(self._value(event, depth + 1))
        return values

    def _scalar(self, event: ScalarEvent) -> Scalar:
        self._check_node(event)
        text: str = event.value
        if self._originals:
            text = text.translate(self._originals)
        # Only what has no quotes and no block sign may YAML take for something else than text.
        return Scalar(text, self._line(event), "str" if event.style else type_of(text))

    def _check_node(self, event: ScalarEvent | CollectionStartEvent) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._refused(f"more than {MAX_NODES:,} YAML nodes", event)
        if event.anchor is not None:
            raise self._refused("a YAML anchor", event)
        if event.tag is not None:
            raise self._refused("a YAML tag", event)

    def _line(self, event: Event) -> int:
        return self._first_line + event.start_mark.line

    def _refused(self, what: str, event: Event, kind: str = "yaml") -> ArticleError:
        return ArticleError(self._path, self._line(event), what, kind=kind)
