"""A build that is tried again and again, with a fault at another system call each time."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from errno import EIO, ENOSPC
from functools import partial
from pathlib import Path

from qasearch.errors import IndexWriteError
from tests.reliability.builds import Builder, prepare, rest
from tests.reliability.contents import (
    Served,
    build,
    generations,
    layout,
    plain,
    problems_of_the_next_build,
    served,
)
from tests.reliability.traced import (
    SPACE_CALLS,
    Call,
    Ending,
    calls,
    run_traced,
    tampered_call,
    write_calls,
)

FAULTS = ("KILL", "EIO", "ENOSPC", "full disk")
"""Killed before the call; the call fails, once; from it on, all calls that take space fail."""


def faults_at(call: Call) -> Sequence[str]:
    """The faults that make sense at a call."""
    return FAULTS if call.name in SPACE_CALLS else FAULTS[:-1]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A build with a fault in it, and what was wrong afterwards.

    Attributes:
        build: the name of the build.
        call: where the fault was.
        fault: one of ``FAULTS``.
        end: ``killed``, ``told`` by an error, or committed, ``warned`` or with ``no word``.
        answers: ``new``, ``old``, ``nothing``, or ``mixed``.
        problems: the laws that were broken, as readable lines.
    """

    build: str
    call: Call
    fault: str
    end: str
    answers: str
    problems: tuple[str, ...]

    def __str__(self) -> str:
        place = f"{self.build}, {self.fault} at {self.call}"
        return f"{place} ({self.end}, answers {self.answers}): {'; '.join(self.problems)}"


class Bench:
    """Tries a build.

    Attributes:
        builder: does the build.
        calls: those of the build that may change the index, when nothing fails.

    Args:
        name: of the build, a key of ``EDITIONS``.
        seed: chooses the articles.
        scratch: a new folder for this bench.
    """

    def __init__(self, name: str, seed: int, scratch: Path) -> None:
        self._start = prepare(name, seed, scratch)
        self.builder: Builder = build
        self._root = scratch / "root"
        self._log = scratch / "log"
        # Outside of strace first: from now on all is loaded, and each run makes the same calls.
        reference = scratch / "reference"
        self._start.build_anew(reference)
        rest()
        expected = served(reference)
        index = self._start.copy(self._root)
        ending = self._run(index)
        if expected is None or served(index) != Served(ending.generation, expected.content):
            raise RuntimeError(f"The {name} build fails even when nothing else does: {ending}")
        self.calls = [
            call for call in write_calls(self._log, self._root) if not _lets_a_lock_go(call)
        ]
        self._all_calls = [call for call, _, _ in calls(self._log, self._root)]
        self._new = expected.content
        self._layout = layout(index)

    def attempt(self, call: Call, fault: str) -> Attempt:
        """Build with a fault at a call, and look at what that leaves."""
        index = self._start.copy(self._root)
        lay_there = _unfinished(index)
        injections = self._injections(call, fault)
        ending = self._run(index, *(f"--inject={injection}" for injection in injections))
        problems: list[str] = []
        if (hit := tampered_call(self._log, self._root)) != call:
            problems.append(f"the fault was at {hit} instead")
        if ending.killed != (fault == "KILL"):
            problems.append("killed" if ending.killed else "not killed")
        now: Served | None = None
        try:
            now = served(index)
        except Exception as error:
            answers = "nothing"
            problems.append(f"unreadable: {plain(repr(error), index)}")
        else:
            answers = self._answer(now)
            problems += self._problems_of_the_answer(now, ending)
        if ending.error:
            problems += self._problems_of_the_error(ending)
            left = _unfinished(index) - lay_there - {now.generation if now else ""}
            problems += [f"not removed: {name}" for name in sorted(left)]
        problems += problems_of_the_next_build(
            self._start.articles, index, content=self._new, allowed=self._layout
        )
        return Attempt(self._start.name, call, fault, _end(ending), answers, tuple(problems))

    def _run(self, index: Path, *options: str) -> Ending:
        builder = partial(self.builder, self._start.articles, index)
        return run_traced(builder, self._log, "--string-limit=0", *options)

    def _injections(self, call: Call, fault: str) -> list[str]:
        """What to tamper with, in the words of strace."""
        if fault == "KILL":
            return [f"{call.name}:signal=KILL:when={call.number}"]
        if fault != "full disk":
            return [f"{call.name}:error={fault}:when={call.number}"]
        # Each name is counted for itself, and calls that are not about the index count too.
        earlier = Counter(each.name for each in self._all_calls[: self._all_calls.index(call)])
        return [f"?{name}:error=ENOSPC:when={earlier[name] + 1}+" for name in SPACE_CALLS]

    def _answer(self, now: Served | None) -> str:
        if now is None:
            return "nothing"
        if now.content == self._new:
            return "new"
        old = self._start.before
        return "old" if old and now.content == old.content else "mixed"

    def _problems_of_the_answer(self, now: Served | None, ending: Ending) -> list[str]:
        """Neither mixed, nor older than what was there, nor than what was said."""
        problems: list[str] = []
        if now is None and self._start.before:
            problems.append("the index is gone")
        if self._answer(now) == "mixed":
            problems.append("mixed: neither the old nor the new")
        if ending.generation and now != Served(ending.generation, self._new):
            problems.append("an acknowledged commit is lost")
        return problems

    def _problems_of_the_error(self, ending: Ending) -> list[str]:
        """It is of our own kind, knows its cause, and names a path."""
        if (
            ending.error == IndexWriteError.__name__
            and ending.errno in (EIO, ENOSPC)
            and str(self._root) in ending.message
        ):
            return []
        return [f"the wrong error: {ending.error}: {plain(ending.message, self._root)}"]


def _lets_a_lock_go(call: Call) -> bool:
    """Whether it is a close that no real system fails in: strace would leave the file locked."""
    return call.name == "close" and re.search(r"\.tantivy-\w+\.lock", str(call)) is not None


def _unfinished(index: Path) -> set[str]:
    """The generations that lie there, and the file that is to become ``CURRENT``."""
    tmp = index / "CURRENT.tmp"
    return generations(index) | ({tmp.name} if tmp.exists() else set())


def _end(ending: Ending) -> str:
    if ending.killed:
        return "killed"
    if ending.error:
        return "told"
    return "warned" if ending.warnings else "no word"
