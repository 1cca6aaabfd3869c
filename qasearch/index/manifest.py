"""The manifest of a generation: what it was built by, and every file of it with its hash.

What is read back is not trusted to be what was written: size, depth, names and numbers are checked.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from types import TracebackType
from typing import Self, cast

from qasearch.index.files import FileDigest

MANIFEST_FILE = "manifest.json"
PASSAGES_FILE = "passages.sqlite"
VECTORS_FILE = "vectors.npy"
QUESTIONS_FILE = "questions.npy"
FAISS_FILE = "vectors.faiss"
SOURCES_FILE = "sources.jsonl"
TOKENS_FILE = "tokens.npy"
OFFSETS_FILE = "tokens.offsets.npy"
CODEC_FILE = "tokens.codec"
LEXICAL_FILE = "lexical.tar"
CONFIDENCE_FILE = "confidence.json"

DATA_FILES = (
    PASSAGES_FILE, VECTORS_FILE, QUESTIONS_FILE, FAISS_FILE, SOURCES_FILE,
    TOKENS_FILE, OFFSETS_FILE, CODEC_FILE, LEXICAL_FILE, CONFIDENCE_FILE,
)  # fmt: skip
"""The files of a generation beside its manifest; a manifest names all of them and no other."""

MAPPED_FILES = (VECTORS_FILE, QUESTIONS_FILE, TOKENS_FILE)
"""Those that opening does not hash: they are mapped, and large."""

MAJOR, MINOR = 4, 0
"""Version of the format of an index. Another major cannot be read; a newer minor can."""

GENERATION_NAME = re.compile(r"gen-([0-9]{10})-[0-9a-f]{8}")

MOST_MANIFEST_BYTES = 16 << 20

_MOST = 1 << 53
_VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")  # JSON can spell it, UTF-8 cannot
_SHA256 = re.compile(r"[0-9a-f]{64}")


@cache
def version_of(package: str) -> str:
    """The version of a package, looked up once a process: that lists all folders of modules."""
    from importlib.metadata import version  # slow to import; only builds need it

    return version(package)


class UnreadableFormatError(Exception):
    """The manifest has another major version; ``str(error)`` is the version."""


@dataclass(frozen=True, slots=True)
class EmbedderIdentity:
    """Who made the vectors.

    Attributes:
        name: for people.
        fingerprint: decides whether two embedders are the same.
        dim: length of a vector.
    """

    name: str
    fingerprint: str
    dim: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows each part has; there is one question for each article.

    Tokens are those of all texts; none if the embedder does not tell them apart.
    """

    articles: int
    passages: int
    questions: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation is made of.

    Attributes:
        generation: its name.
        created: ISO time of its commit, UTC.
        tool: version of qasearch that wrote it.
        embedder: who made the vectors.
        splitter: version of the rules that cut answers into passages.
        counts: rows of each part.
        corpus: sha256 that stands for the articles: that of the texts and metadata.
        parent: name of the generation it replaced; None for the first.
        files: size and sha256 by name, for each of ``DATA_FILES``.
        format: version of the format, "major.minor".
    """

    generation: str
    created: str
    tool: str
    embedder: EmbedderIdentity
    splitter: str
    counts: Counts
    corpus: str
    parent: str | None
    files: dict[str, FileDigest]
    format: str = f"{MAJOR}.{MINOR}"

    def to_bytes(self) -> bytes:
        """JSON in UTF-8; equal manifests give equal bytes."""
        return f"{json.dumps(asdict(self), ensure_ascii=False, indent=2)}\n".encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """Read a manifest.

        Raises:
            UnreadableFormatError: it has another major version.
            ValueError: it is not a manifest; the message says why.
        """
        fields = _Fields("the manifest", _load(data))
        version = fields.text("format", _VERSION)
        major, minor = map(int, version.split("."))
        if major != MAJOR:
            raise UnreadableFormatError(version)
        fields.may_say_more = minor > MINOR
        with fields:
            return cls(
                format=version,
                generation=fields.text("generation", GENERATION_NAME),
                created=fields.text("created"),
                tool=fields.text("tool"),
                embedder=_embedder(fields.group("embedder")),
                splitter=fields.text("splitter"),
                counts=_counts(fields.group("counts")),
                corpus=fields.text("corpus", _SHA256),
                parent=fields.text_or_none("parent", GENERATION_NAME),
                files=_files(fields.group("files")),
            )


class _Fields:
    """The fields of a JSON object; each is taken once, and must be what is asked for.

    As a context manager it refuses, at the end, what nobody took: what a newer minor version of
    the format may say, this one must not.
    """

    def __init__(self, name: str, value: object, *, may_say_more: bool = False) -> None:
        if not isinstance(value, dict):
            raise ValueError(f"{name} is not an object")
        self.may_say_more = may_say_more
        self._name = name
        self._left = dict(cast(dict[str, object], value))

    def text(self, field: str, pattern: re.Pattern[str] | None = None) -> str:
        return self._text(field, self._take(field), pattern)

    def text_or_none(self, field: str, pattern: re.Pattern[str]) -> str | None:
        value = self._take(field)
        return None if value is None else self._text(field, value, pattern)

    def count(self, field: str) -> int:
        value = self._take(field)
        # By type, since a bool is an int to Python.
        if type(value) is not int or not 0 <= value <= _MOST:
            raise self._wrong(field)
        return value

    def group(self, field: str) -> "_Fields":
        name = f"{field} of {self._name}"
        return _Fields(name, self._take(field), may_say_more=self.may_say_more)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None and self._left and not self.may_say_more:
            raise ValueError(f"{self._name} has an unknown field {min(self._left)!r:.50}")

    def _text(self, field: str, value: object, pattern: re.Pattern[str] | None) -> str:
        if (
            not isinstance(value, str)
            or (pattern and not pattern.fullmatch(value))
            or _SURROGATE.search(value)
        ):
            raise self._wrong(field)
        return value

    def _take(self, field: str) -> object:
        try:
            return self._left.pop(field)
        except KeyError:
            raise ValueError(f"{self._name} has no {field}") from None

    def _wrong(self, field: str) -> ValueError:
        return ValueError(f"{field} of {self._name} is not what it should be")


def _embedder(fields: _Fields) -> EmbedderIdentity:
    with fields:
        return EmbedderIdentity(
            fields.text("name"), fields.text("fingerprint"), fields.count("dim")
        )


def _counts(fields: _Fields) -> Counts:
    with fields:
        return Counts(*map(fields.count, ("articles", "passages", "questions", "tokens")))


def _files(fields: _Fields) -> dict[str, FileDigest]:
    with fields:
        return {name: _file(fields.group(name)) for name in DATA_FILES}


def _file(fields: _Fields) -> FileDigest:
    with fields:
        return FileDigest(fields.count("bytes"), fields.text("sha256", _SHA256))


def _load(data: bytes) -> object:
    """Parse JSON that may be hostile.

    Raises:
        ValueError: it is not JSON in UTF-8, too large, too deep, or says something twice.
    """
    if len(data) > MOST_MANIFEST_BYTES:
        raise ValueError(f"more than {MOST_MANIFEST_BYTES:,} bytes")
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise ValueError("too many objects within objects") from None


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("the same field twice")
    return fields


def _refuse_constant(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
