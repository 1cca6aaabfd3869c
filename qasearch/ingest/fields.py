"""From the named values of a file to an article: which keys count, and what they must hold."""

import datetime
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from qasearch.errors import ArticleError
from qasearch.ingest.files import to_lf
from qasearch.ingest.linebreaks import decode
from qasearch.records import Article

MAX_ID: Final = 1_000
"""Characters in an id."""

_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:(?:[Tt]|\s+)[0-9]{1,2}:.*)?")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TRUE: Final = frozenset({"true", "yes", "on"})


class Scalar(NamedTuple):
    """One value, as it is written.

    Attributes:
        text: the characters, untouched: ``0123`` stays ``0123``.
        line: 1-based line of the file where it starts.
        type: what its notation would make of it: ``str``, ``null``, ``bool``, ``int``, ``float``,
            ``timestamp``, ...
    """

    text: str
    line: int
    type: str = "str"


Value: TypeAlias = Scalar | list["Value"] | dict[str, "Value"]


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that may hold the question and the answer; the first that is not null counts."""

    question: tuple[str, ...]
    answer: tuple[str, ...]


FRONT_MATTER_KEYS: Final = Keys(("question",), ("answer",))
JSON_KEYS: Final = Keys(("question", "title", "q"), ("answer", "text", "body", "content"))

_ID: Final = ("id", "_id")
_SUBJECT: Final = ("subject", "subjects", "category")
_URL: Final = ("url",)
_DATE_KEYS: Final = ("date",)
_NO_INDEX: Final = ("no_index",)

KNOWN_KEYS: Final = frozenset(
    (*_ID, *_SUBJECT, *_URL, *_DATE_KEYS, *_NO_INDEX)
    + (FRONT_MATTER_KEYS.question + FRONT_MATTER_KEYS.answer)
    + (JSON_KEYS.question + JSON_KEYS.answer)
)
"""All others are ignored."""


@dataclass(frozen=True, slots=True)
class Record:
    """The named values that make one article, not yet checked.

    Attributes:
        values: by key; unknown keys do not matter.
        keys: where its question and answer are.
        path: name of the file, as errors and ``Article.paths`` give it.
        line: 1-based, where the record starts.
        fallback_id: its id if it has none of its own.
    """

    values: Mapping[str, Value]
    keys: Keys
    path: str
    line: int
    fallback_id: str

    def is_no_index(self) -> bool:
        """Whether it asks to be left out of indexes."""
        value = self._first(_NO_INDEX)
        return isinstance(value, Scalar) and value.text.strip().lower() in _TRUE

    def to_article(self, warn: Callable[[int, str], None]) -> Article:
        """Check the values and make the article, not yet split.

        Args:
            warn: told (line, what) of what is wrong but can be done without.

        Raises:
            ArticleError: the question, answer or id cannot be used.
        """
        answer = to_lf(self._text("answer", self.keys.answer, must_be_string=True))
        question = to_lf(self._text("question", self.keys.question, must_be_string=False))
        return Article(
            id=self._id(warn),
            question=" ".join(line.strip() for line in question.split("\n")).strip(),
            answer=decode(answer),
            subjects=self._labels(_SUBJECT, warn),
            date=self._date(warn),
            urls=self._labels(_URL, warn),
            paths=(self.path,),
        )

    def _text(self, what: str, keys: tuple[str, ...], *, must_be_string: bool) -> str:
        value = self._first(keys)
        if value is None:
            raise self._error(f"it has no {what}", f"missing-{what}")
        if not isinstance(value, Scalar):
            raise self._error(f"the {what} must be text, not {_kind(value)}", f"{what}-not-text")
        if must_be_string and value.type != "str":
            raise self._error(
                f"the {what} must be text, not {_kind(value)}",
                f"{what}-not-text",
                value,
                hint="Put it in quotes if it is meant as text.",
            )
        if is_blank(value.text):
            raise self._error(f"the {what} is empty", f"missing-{what}", value)
        self._check_characters(what, value)
        return value.text

    def _id(self, warn: Callable[[int, str], None]) -> str:
        value = self._first(_ID)
        if value is None or (isinstance(value, Scalar) and not value.text.strip()):
            value = Scalar(self.fallback_id, self.line)
            warn(self.line, f"no id; it is called {self.fallback_id}")
        if not isinstance(value, Scalar):
            raise self._error(f"the id must be text, not {_kind(value)}", "id", value)
        self._check_characters("id", value)
        text = unicodedata.normalize("NFC", value.text.strip())
        if len(text) > MAX_ID:
            raise self._error(f"the id is longer than {MAX_ID:,} characters", "id", value)
        if _CONTROL.search(text):
            raise self._error("the id holds a line break or control character", "id", value)
        return text

    def _date(self, warn: Callable[[int, str], None]) -> datetime.date | None:
        value = self._first(_DATE_KEYS)
        if value is None:
            return None
        text = value.text.strip() if isinstance(value, Scalar) else None
        date = _to_date(text or "")
        if date is None and text != "":
            line = _line(value, self.line)
            warn(line, f"the date is not YYYY-MM-DD and is left out: {_show(value)}")
        return date

    def _labels(self, keys: tuple[str, ...], warn: Callable[[int, str], None]) -> tuple[str, ...]:
        """One text or a list of them, without blanks and repeats."""
        value = self._first(keys)
        labels: dict[str, None] = {}
        for part in value if isinstance(value, list) else () if value is None else (value,):
            if not isinstance(part, Scalar):
                warn(self.line, f"the {keys[0]} must be text or a list of texts; left out")
            elif part.type != "null":
                self._check_characters(keys[0], part)
                labels[" ".join(part.text.split())] = None
        labels.pop("", None)
        return tuple(labels)

    def _first(self, keys: tuple[str, ...]) -> Value | None:
        for key in keys:
            value = self.values.get(key)
            if value is not None and not (isinstance(value, Scalar) and value.type == "null"):
                return value
        return None

    def _check_characters(self, what: str, value: Scalar) -> None:
        """Refuse what escapes can smuggle in, and no UTF-8 file, database or terminal can take."""
        try:
            value.text.encode()
        except UnicodeEncodeError as error:
            raise self._error(f"the {what} holds a lone surrogate", "character", value) from error
        if "\0" in value.text:
            raise self._error(f"the {what} holds a NUL", "character", value)

    def _error(
        self, reason: str, kind: str, value: Value | None = None, *, hint: str = ""
    ) -> ArticleError:
        return ArticleError(self.path, _line(value, self.line), reason, kind=kind, hint=hint)


def is_blank(text: str) -> bool:
    """Whether nothing is there but white space, and the ``&nbsp;`` that exports leave."""
    return not text.replace("&nbsp;", "").strip()


def _to_date(text: str) -> datetime.date | None:
    found = _DATE.fullmatch(text)
    try:
        return datetime.date(*map(int, found.groups())) if found else None
    except ValueError:  # 2024-13-45
        return None


def _line(value: Value | None, otherwise: int) -> int:
    return value.line if isinstance(value, Scalar) else otherwise


def _kind(value: Value) -> str:
    if isinstance(value, Scalar):
        return f"{value.type} {value.text[:40]!r}"
    return "a list" if isinstance(value, list) else "a mapping"


def _show(value: Value) -> str:
    return repr(value.text[:40]) if isinstance(value, Scalar) else _kind(value)
