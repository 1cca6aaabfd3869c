"""The section about damaged files: each is found before it answers, and none crashes a reader."""

import logging
import os
import pickle
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from qasearch import Index
from qasearch.errors import IndexDamagedError, IndexNotFoundError
from qasearch.index import Generation, verify
from qasearch.index.manifest import FAISS_FILE, MANIFEST_FILE, MAPPED_FILES, VECTORS_FILE
from qasearch.index.vectors import CODES_ABOVE
from tests.reliability.campaign import Campaign, Section
from tests.reliability.contents import EMBEDDER, build, write_edition

INDEXES = 36
"""Different ones in each round of a whole campaign: 2,000 damaged files and some."""

LARGE_EVERY = 12
"""One of how many indexes has so many passages that FAISS holds codes of them."""

FEWEST = 2_000
"""Damaged files in a whole campaign, at least."""

CURRENT = "CURRENT"

_POINTS = 200
"""Of each article of a large index."""

HEADER_BYTES = 128
"""Of a mapped file; these are read."""

MISSING = "missing"
OF_BEFORE = "that of the generation before"

_NO_SUCH_MANIFEST = f"IndexDamagedError: {MANIFEST_FILE}"

TITLE = "Damaged files"
TEXT = """\
One file of an index is damaged, in each of eight ways: truncated, extended, one bit flipped, a
block zeroed, two blocks swapped, emptied, missing, replaced by that of the generation before; where
it is damaged is chosen at random. The index is then opened and searched, and verified, in a process
of its own, so that a crash is seen and counted. Most indexes have some dozen passages and a flat
`vectors.faiss`, one of twelve has more than 20,000 and RaBitQ codes in it.

Opening must refuse it and name the file. Some are mapped, not read (`vectors.npy`,
`questions.npy`, `tokens.npy`): there opening must notice another size or another header, and
`verify` anything else. `verify` must name the file in any case. `CURRENT` is another case: without
it there is no index; if it is garbage, or names a generation that is not there, the newest whole
one must answer, with a warning, and `verify` must tell; that of the generation before is no damage,
as long as all answers are from that generation.
"""
HEADER = (
    *("file", "damaged", "refused by opening", "opened with a warning", "found by verify alone"),
    *("crashes", "wrong"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader makes of a damaged index.

    Attributes:
        opened: the generation that answers; empty if opening is refused.
        warned: opening logged a warning.
        refused: the class of the error, with the file that it names.
        faults: the files that verify names, or the class of its error.
        crash: how the reader ended instead.
    """

    opened: str = ""
    warned: bool = False
    refused: str = ""
    faults: tuple[str, ...] = ()
    crash: str = ""


@dataclass(frozen=True, slots=True)
class Damaged:
    """A file that was damaged, and what came of it.

    Attributes:
        kind: of damage.
        file: that was damaged.
        seen: by a reader.
        problem: what is not as it must be; empty when all is well.
    """

    kind: str
    file: str
    seen: Seen
    problem: str


def run(campaign: Campaign) -> Section:
    """Damage every file of several indexes in every way."""
    count = max(1, round(campaign.share * INDEXES))
    arguments = [
        (seed * INDEXES + number, campaign.scratch)
        for seed in campaign.seeds
        for number in range(count)
    ]
    found = [
        damaged for some in campaign.map("damaged indexes", spoil, arguments) for damaged in some
    ]
    files = dict.fromkeys(it.file for it in found)
    rows = [(file, *_figures([it for it in found if it.file == file])) for file in files]
    failures = [f"{it.file}, {it.kind}: {it.problem}" for it in found if it.problem]
    if len(found) < campaign.share * FEWEST:
        failures.append(f"Only {len(found)} damaged files: a campaign has {FEWEST} at least.")
    return Section(TITLE, TEXT, HEADER, [*rows, ("all", *_figures(found))], failures)


def spoil(seed: int, scratch: Path) -> list[Damaged]:
    """Build an index of two generations, and damage each file of the newer one in each way.

    Args:
        seed: chooses the articles, and where a file is damaged.
        scratch: a folder to work in.
    """
    folder = scratch / f"damage {seed}"
    articles, index = folder / "articles", folder / "index"
    is_large = seed % LARGE_EVERY == LARGE_EVERY - 1
    write = _write_large_edition if is_large else write_edition
    write(articles, 1, seed)
    before = build(articles, index)
    of_before = {file: _path(index, before, file).read_bytes() for file in files_of(index)}
    write(articles, 2, seed)
    answering = build(articles, index)
    sizes = [_path(index, answering, file).stat().st_size for file in (FAISS_FILE, VECTORS_FILE)]
    if (sizes[0] < sizes[1] / 2) != is_large:
        raise RuntimeError("FAISS was to hold codes of a large index, and of no other.")
    found: list[Damaged] = []
    for file in files_of(index):
        path = _path(index, answering, file)
        path.chmod(0o644)
        whole = path.read_bytes()
        for kind in KINDS:
            random = Random(f"{seed} {file} {kind}")
            try:
                damaged = damage(kind, whole, of_before.get(file), random)
            except ImpossibleError:
                continue
            _replace(path, damaged)
            seen = look(index)
            in_header = damaged is None or damaged[:HEADER_BYTES] != whole[:HEADER_BYTES]
            noticed = in_header or len(damaged or b"") != len(whole)
            problem = problem_of(
                kind, file, seen, before=before, answering=answering, noticed=noticed
            )
            found.append(Damaged(kind, file, seen, problem))
            _replace(path, whole)
    if verify(index):
        raise RuntimeError("The index was not mended in between.")
    shutil.rmtree(folder)
    return found


def files_of(index: Path) -> list[str]:
    """The files that an index is read from: CURRENT, and those of the generation that answers."""
    with Generation.open(index, pinned=False) as generation:
        return [CURRENT, MANIFEST_FILE, *generation.manifest.files]


def _write_large_edition(folder: Path, edition: int, seed: int) -> None:
    """Make a folder hold some long articles, with passages for one row of codes and more."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(CODES_ABOVE // _POINTS + 1):
        random = Random(f"{seed} {edition} {number}")
        points = "\n".join(
            f"{point}. " + " ".join(f"word{random.randrange(900)}" for _ in range(9))
            for point in range(1, _POINTS + 1)
        )
        head = f"---\nid: a{number:03}\nquestion: What in edition {edition} is {number}?\n---\n"
        (folder / f"{number:03}.md").write_text(f"{head}{points}\n")


def problem_of(
    kind: str, file: str, seen: Seen, *, before: str, answering: str, noticed: bool
) -> str:
    """What is not as it must be; empty when all is well.

    Args:
        kind: of damage.
        file: that was damaged.
        seen: what came of it.
        before: the generation before the one that was damaged.
        answering: the one that was damaged.
        noticed: opening reads enough of a mapped file to notice it.
    """
    expected = Seen(refused=f"IndexDamagedError: {file}", faults=(file,))
    if file == CURRENT and kind == MISSING:
        expected = Seen(refused="IndexNotFoundError", faults=("IndexNotFoundError",))
    elif file == CURRENT and kind == OF_BEFORE:
        expected = Seen(opened=before)
    elif file == CURRENT and seen.refused == _NO_SUCH_MANIFEST:
        # It is well-formed, and names a manifest that is not there: that is missed.
        expected = Seen(refused=seen.refused, faults=(MANIFEST_FILE,))
    elif file == CURRENT:
        # Where it is well-formed, and names a generation that is not there, that is missed.
        named = seen.faults if seen.faults[:1] and seen.faults[0].startswith("gen-") else (CURRENT,)
        expected = Seen(opened=answering, warned=True, faults=named)
    elif file in MAPPED_FILES and not noticed:
        expected = Seen(opened=answering, faults=(file,))
    return "" if seen == expected else f"{seen} instead of {expected}"


def look(index: Path) -> Seen:
    """Open, search and verify an index, in a fork of this process, which must have one thread."""
    ours, theirs = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(ours)
            with os.fdopen(theirs, "wb") as channel:
                pickle.dump(_look(index), channel)
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as channel:
        said = channel.read()
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        return Seen(crash=signal.Signals(os.WTERMSIG(status)).name)
    return pickle.loads(said) if said else Seen(crash="it said nothing")


def _look(index: Path) -> Seen:
    opened = refused = ""
    warnings = _Warnings()
    logging.getLogger("qasearch").addHandler(warnings)
    try:
        with Index.open(index, embedder=EMBEDDER) as reader:
            opened = reader.search("where is the harbour", k=3).generation
    except IndexDamagedError as error:
        refused = f"IndexDamagedError: {_plain_file(error)}"
    except IndexNotFoundError as error:
        refused = type(error).__name__
    except BaseException as error:
        return Seen(crash=repr(error))
    try:
        faults = [
            _plain_file(fault) if isinstance(fault, IndexDamagedError) else repr(fault)
            for fault in verify(index)
        ]
    except IndexNotFoundError as error:
        faults = [type(error).__name__]
    except BaseException as error:
        return Seen(crash=repr(error))
    return Seen(opened, warnings.count > 0, refused, tuple(faults))


class _Warnings(logging.Handler):
    """Counts them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1


def _plain_file(error: IndexDamagedError) -> str:
    """The file that an error names, without the folder of its generation; or that folder."""
    folder, _, file = error.file.partition("/")
    return file or folder


Maim = Callable[[bytes, Random], bytes]
"""What becomes of a content; it may happen to be the same."""


def _truncated(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(1, len(data))]


def _extended(data: bytes, random: Random) -> bytes:
    return data + random.randbytes(random.randint(1, 5_000))


def _bit_flipped(data: bytes, random: Random) -> bytes:
    place = random.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]


def _block_zeroed(data: bytes, random: Random) -> bytes:
    size = _block_size(data)
    start = random.randrange(len(data) - size + 1)
    return data[:start] + bytes(size) + data[start + size :]


def _blocks_swapped(data: bytes, random: Random) -> bytes:
    size = _block_size(data)
    one = random.randrange(len(data) - 2 * size + 1)
    two = random.randrange(one + size, len(data) - size + 1)
    end = two + size
    return data[:one] + data[two:end] + data[one + size : two] + data[one : one + size] + data[end:]


def _emptied(data: bytes, random: Random) -> bytes:
    return b""


def _block_size(data: bytes) -> int:
    """A sector, or less of a small file."""
    return min(512, len(data) // 4)


MAIMS: dict[str, Maim] = {
    "truncated": _truncated,
    "extended": _extended,
    "a bit flipped": _bit_flipped,
    "a block zeroed": _block_zeroed,
    "two blocks swapped": _blocks_swapped,
    "emptied": _emptied,
}
KINDS = (*MAIMS, MISSING, OF_BEFORE)


class ImpossibleError(Exception):
    """A file cannot be damaged in this way: it is too small, or was the same before."""


def damage(kind: str, whole: bytes, of_before: bytes | None, random: Random) -> bytes | None:
    """A content that is not the whole one; None for no file at all.

    Raises:
        ImpossibleError: there is no such content.
    """
    if kind == MISSING:
        return None
    for _ in range(1_000):
        damaged = of_before if kind == OF_BEFORE else _maimed(kind, whole, random)
        if damaged not in (None, whole):
            return damaged
    raise ImpossibleError


def _maimed(kind: str, whole: bytes, random: Random) -> bytes:
    try:
        return MAIMS[kind](whole, random)
    except ValueError as error:  # there is no place to choose from
        raise ImpossibleError from error


def _path(index: Path, generation: str, file: str) -> Path:
    return index / CURRENT if file == CURRENT else index / generation / file


def _replace(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


def _figures(found: Sequence[Damaged]) -> tuple[int, ...]:
    count = Counter[str]()
    for it in found:
        count["refused"] += bool(it.seen.refused)
        count["warned"] += bool(it.seen.opened and it.seen.warned)
        count["verify"] += bool(it.seen.opened and it.seen.faults and not it.seen.warned)
        count["crashes"] += bool(it.seen.crash)
        count["wrong"] += bool(it.problem)
    names = ("refused", "warned", "verify", "crashes", "wrong")
    return len(found), *(count[name] for name in names)
