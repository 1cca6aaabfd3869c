"""Articles put aside while a build goes on: what it holds in memory does not grow with their texts.

They lie in a file that has no name, in the folder for temporary files (``TMPDIR``): whatever ends
the process, nothing is left of it.
"""

import datetime
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import IO, Final, NamedTuple, Self, TypeAlias

from qasearch.errors import ArticleError, IndexWriteError
from qasearch.ingest.duplicates import merge
from qasearch.records import Article, Passage, PassageKind

IN_MEMORY: Final = 4 * 1024 * 1024
"""Bytes up to which no file is made."""

Place: TypeAlias = int
"""Where bytes lie."""

_LENGTH: Final = Struct("<Q")


class Packed(NamedTuple):
    """An article, split, as it is sent from process to process and put aside.

    Attributes:
        id: of the article.
        passages: how many it has.
        data: of ``pack``.
    """

    id: str
    passages: int
    data: bytes


class Spool:
    """Bytes put aside, to be read back from the place where they were put.

    Raises:
        IndexWriteError: there is no room for them.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 (by close)
        self._end = 0

    def put(self, data: bytes) -> Place:
        """Put aside some bytes."""
        try:
            self._file.seek(self._end)
            self._file.write(_LENGTH.pack(len(data)) + data)
        except OSError as error:
            hint = "Free some space there, or name another folder in TMPDIR."
            raise IndexWriteError(Path(tempfile.tempdir or "TMPDIR"), error, hint=hint) from error
        place = self._end
        self._end += _LENGTH.size + len(data)
        return place

    def at(self, place: Place) -> bytes:
        """The bytes that were put there."""
        self._file.seek(place)
        (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
        return self._file.read(length)

    def close(self) -> None:
        """Let go of the file, and so of all that was put aside."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Shelf(Spool, Mapping[str, Article]):
    """Articles put aside, split, by id and in order of id; each is made anew when it is asked for.

    What is read may repeat an id: ``add`` takes it all, and ``settle`` makes one article of each.
    """

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, Place] = {}
        self._passages: dict[str, int] = {}
        self._repeated: dict[str, list[Place]] = {}

    def add(self, packed: Packed) -> None:
        """Put an article aside, beside those that have its id."""
        place = self.put(packed.data)
        if packed.id in self._places:
            self._repeated.setdefault(packed.id, [self._places[packed.id]]).append(place)
        self._places[packed.id] = place
        self._passages[packed.id] = packed.passages

    def settle(
        self,
        *,
        on_warning: Callable[[str], None] | None = None,
        on_error: Callable[[ArticleError], None] | None = None,
    ) -> None:
        """Make one article of those that repeat an id; arguments as ``merge`` takes them."""
        for id in sorted(self._repeated):
            versions = [unpack(self.at(place)) for place in self._repeated[id]]
            (kept,) = merge(versions, on_warning=on_warning, on_error=on_error)
            self.replace(kept)
        self._repeated = {}

    def replace(self, article: Article) -> None:
        """Put an article aside, in place of the one with its id if there is one."""
        packed = pack(article)
        self._places[packed.id] = self.put(packed.data)
        self._passages[packed.id] = packed.passages

    def passages(self, id: str) -> int:
        """How many passages an article has."""
        return self._passages[id]

    def __getitem__(self, id: str) -> Article:
        return unpack(self.at(self._places[id]))

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._places))

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, id: object) -> bool:
        return id in self._places


def pack(article: Article) -> Packed:
    """Make an article small: passages whose text ends where they end leave it to the answer."""
    answer, date = article.answer, article.date
    fields = (
        *(article.id, article.question, answer, article.subjects),
        *(date.isoformat() if date else None, article.urls, article.paths),
        *(article.intro, article.summary, article.flags),
    )
    passages = [
        (
            *(p.article_id, p.seq, p.kind),
            len(p.text) if answer[p.end - len(p.text) : p.end] == p.text else p.text,
            *(p.start, p.end, p.ordinal, p.title, p.section_path, p.run, p.lead_in),
        )
        for p in article.passages
    ]
    return Packed(article.id, len(passages), json.dumps((fields, passages)).encode())


def unpack(data: bytes) -> Article:
    """Make the article again that ``pack`` made small."""
    fields, passages = json.loads(data)
    id, question, answer, subjects, date, urls, paths, intro, summary, flags = fields
    return Article(
        id=id,
        question=question,
        answer=answer,
        subjects=tuple(subjects),
        date=datetime.date.fromisoformat(date) if date else None,
        urls=tuple(urls),
        paths=tuple(paths),
        intro=intro,
        summary=summary,
        passages=tuple(_passage(answer, *values) for values in passages),
        flags=tuple(flags),
    )


def _passage(
    answer: str,
    article_id: str,
    seq: int,
    kind: PassageKind,
    text: str | int,
    start: int,
    end: int,
    ordinal: str | None,
    title: str | None,
    section_path: list[str],
    run: int | None,
    lead_in: str | None,
) -> Passage:
    return Passage(
        article_id=article_id,
        seq=seq,
        kind=kind,
        text=answer[end - text : end] if isinstance(text, int) else text,
        start=start,
        end=end,
        ordinal=ordinal,
        title=title,
        section_path=tuple(section_path),
        run=run,
        lead_in=lead_in,
    )
