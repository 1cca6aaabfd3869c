"""The section about readers that go on while one generation after the other takes its turn."""

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from qasearch import Index
from tests.reliability import editions
from tests.reliability.campaign import Campaign, Section, one_thread
from tests.reliability.contents import EMBEDDER, build, generations

READERS = 8
SWAPS = 200

MOST_SECONDS = 60
"""A reader that gives no reply for so long hangs."""

MOST_GROWTH = 4 << 20
"""Bytes that a reader's memory may vary by; every generation that was kept would add to it."""

TITLE = "Readers while generations change"
TEXT = f"""\
{READERS} processes search while {SWAPS} generations are built, one after the other, each of other
texts: every text carries the number of its edition. *Refreshing* readers keep one index open and
call `Index.refresh()` before each round of questions; *reopening* ones open the index anew each
time. Some of both see the folder through a mount that is read-only, so that they can pin nothing.
The next generation is built as soon as each reader has replied once more.

All texts of a reply must be of the one edition that its generation was built from; no reply may be
older than the one before it; nothing may fail. From the second quarter of the swaps to the last,
neither the number of open files nor, by more than {MOST_GROWTH >> 20} MiB, the memory of a reader
may grow. When the readers have ended, the next build leaves two generations and no pin.
"""
HEADER = (
    *("readers", "processes", "replies", "generations seen by each", "errors"),
    *("not of one generation", "most growth in KiB", "in open files"),
)

REFRESHING, REOPENING = "refreshing", "reopening"
READ_ONLY = ", read-only"
KINDS = (REFRESHING, REOPENING, f"{REFRESHING}{READ_ONLY}", f"{REOPENING}{READ_ONLY}")

_CLONE_NEWNS = 0x00020000


@dataclass(slots=True)
class Read:
    """What a reader saw.

    Attributes:
        kind: of reader, one of ``KINDS``.
        replies: how many it got.
        seen: the editions in the replies of each generation, in order.
        problems: what was wrong, as readable lines; the first few.
        mixed: replies that were not of one edition, or older than one before.
        errors: what was raised, counted.
        sizes: resident bytes, and open files, after each generation that it saw.
    """

    kind: str
    replies: int = 0
    seen: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    problems: list[str] = field(default_factory=list[str])
    mixed: int = 0
    errors: int = 0
    sizes: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def growth(self) -> tuple[int, int]:
        """By how much memory and open files grew, from the second quarter on to the last."""
        quarter = len(self.sizes) // 4
        early, late = self.sizes[quarter : 2 * quarter], self.sizes[-quarter:]
        if not quarter:
            return 0, 0
        memory, files = (max(each) for each in zip(*late, strict=True))
        memory_before, files_before = (max(each) for each in zip(*early, strict=True))
        return memory - memory_before, files - files_before


def run(campaign: Campaign) -> Section:
    """Let readers read while generations change."""
    swaps = max(8, round(campaign.share * SWAPS))
    readers = READERS if campaign.share == 1 else len(KINDS)
    folder = campaign.scratch / "swaps"
    why_writable = why_not_read_only(folder)
    kinds = [kind for kind in KINDS if not (why_writable and kind.endswith(READ_ONLY))]
    chosen = [kinds[number % len(kinds)] for number in range(readers)]
    found, built, problems = watch(folder, chosen, swaps, campaign)
    rows = [_row(kind, [each for each in found if each.kind == kind]) for kind in kinds]
    for each in found:
        problems += [f"{each.kind} reader: {problem}" for problem in judge(each, built)]
    text = TEXT + (f"\nNo mount is read-only here: {why_writable}.\n" if why_writable else "")
    return Section(TITLE, text, HEADER, [*rows, _row("all", found)], problems)


def watch(
    folder: Path, kinds: Sequence[str], swaps: int, campaign: Campaign
) -> tuple[list[Read], dict[str, int], list[str]]:
    """Build generations while readers of these kinds read.

    Returns:
        What each reader saw, the edition of each generation, and what was wrong with the builds.
    """
    articles, index = folder / "articles", folder / "index"
    editions.write(articles, 1)
    built = {build(articles, index): 1}
    context = get_context("spawn")
    counts, stop, told = context.Array("q", len(kinds)), context.Event(), context.Queue()
    processes = [
        context.Process(target=_read, args=(index, kind, number, counts, stop, told))
        for number, kind in enumerate(kinds)
    ]
    with one_thread():
        for process in processes:
            process.start()
    problems: list[str] = []
    try:
        for swap in range(1, swaps + 1):
            _await_replies(counts, processes)
            editions.write(articles, swap + 1)
            built[build(articles, index)] = swap + 1
            if swap % 20 == 0:
                campaign.tell(f"swaps under readers: {swap} of {swaps}")
        _await_replies(counts, processes)
    except TimeoutError as error:
        problems.append(str(error))
    stop.set()
    found = [] if problems else [told.get(timeout=MOST_SECONDS) for _ in processes]
    for process in processes:
        process.join(MOST_SECONDS)
        process.kill()
    editions.write(articles, swaps + 2)
    build(articles, index)
    if len(generations(index)) != 2 or (index / "readers").exists():
        problems.append(f"{len(generations(index))} generations, or a pin, are left")
    return found, built, problems


def judge(read: Read, built: dict[str, int]) -> list[str]:
    """What a reader saw that must not be."""
    problems = list(read.problems)
    for generation, seen in read.seen.items():
        if seen != {built.get(generation, -1)}:
            problems.append(f"{generation} was of editions {sorted(seen)}")
    order = [built.get(generation, -1) for generation in read.seen]
    if order != sorted(order):
        problems.append("generations came in another order than they were built")
    if len(read.seen) < len(built) / 2:
        problems.append(f"it saw only {len(read.seen)} of {len(built)} generations")
    memory, files = read.growth()
    if memory > MOST_GROWTH or files > 0:
        problems.append(f"it grew by {memory:,} bytes and {files} open files")
    return problems


def _read(index: Path, kind: str, number: int, counts: Any, stop: Any, told: Any) -> None:
    """A reader's whole life, in a process of its own."""
    read = Read(kind)
    if kind.endswith(READ_ONLY):
        _see_read_only(index)
    opened = Index.open(index, embedder=EMBEDDER) if kind.startswith(REFRESHING) else None
    while not stop.is_set():
        try:
            if opened:
                opened.refresh()
                _ask(opened, read)
            else:
                with Index.open(index, embedder=EMBEDDER) as once:
                    _ask(once, read)
        except Exception as error:
            read.errors += 1
            read.problems = [*read.problems, repr(error)][:5]
        counts[number] += 1
    if opened:
        opened.close()
    told.put(read)


def _ask(index: Index, read: Read) -> None:
    """Ask some questions, and look at all that comes back."""
    newest = max((max(seen) for seen in read.seen.values()), default=0)
    generation = index.status().generation
    for query in editions.QUERIES:
        result = index.search(query)
        found = editions.of_result(result)
        if len(found) != 1 or min(found) < newest or result.generation != generation:
            read.mixed += 1
            line = f"{result.generation} after {generation} replies of {sorted(found)}"
            read.problems = [*read.problems, line][:5]
        read.replies += 1
        if generation not in read.seen:
            read.seen[generation] = set()
            read.sizes.append(_size())
        read.seen[generation] |= found


def _size() -> tuple[int, int]:
    """Resident bytes of this process, and its open files; (0, 0) where the system does not say."""
    if sys.platform != "linux":
        return 0, 0
    resident = int(Path("/proc/self/statm").read_text().split()[1])
    return resident * os.sysconf("SC_PAGE_SIZE"), len(list(Path("/proc/self/fd").iterdir()))


def _await_replies(counts: Any, processes: Sequence[BaseProcess]) -> None:
    """Wait until each reader has replied once more."""
    before, until = list(counts), time.monotonic() + MOST_SECONDS
    while any(now <= then for now, then in zip(counts, before, strict=True)):
        if time.monotonic() > until or not all(process.is_alive() for process in processes):
            raise TimeoutError("A reader died, or gave no reply any more.")
        time.sleep(0.002)


def why_not_read_only(folder: Path) -> str:
    """Why a process cannot see a folder through a mount that is read-only; empty if it can."""
    folder.mkdir(parents=True, exist_ok=True)
    code = (
        "import sys; from pathlib import Path; from tests.reliability import swaps; "
        "swaps._see_read_only(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def _see_read_only(folder: Path) -> None:
    """For this process alone, lay a mount over a folder through which nothing can be written."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare: " + os.strerror(ctypes.get_errno()))
    for command in (
        ["mount", "--make-rprivate", "/"],
        ["mount", "--bind", folder, folder],
        ["mount", "-o", "remount,bind,ro", folder],
    ):
        subprocess.run(command, check=True, capture_output=True)
    try:
        (folder / "written").touch()
    except OSError:
        return
    raise OSError(f"{folder} can be written all the same")


def _row(kind: str, readers: Sequence[Read]) -> tuple[str | int, ...]:
    growths = [each.growth() for each in readers] or [(0, 0)]
    seen = [len(each.seen) for each in readers] or [0]
    return (
        *(kind, len(readers), sum(each.replies for each in readers)),
        f"{min(seen)} to {max(seen)}",
        *(sum(each.errors for each in readers), sum(each.mixed for each in readers)),
        *(max(memory for memory, _ in growths) >> 10, max(files for _, files in growths)),
    )
